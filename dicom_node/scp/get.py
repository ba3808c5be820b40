"""C-GET as SCP: for peers nobody can open a connection to (PS3.4 C.4.3)."""

import logging
import os

from pydicom import dcmread
from pydicom.uid import UID

from dicom_node.contexts import NATIVE_SYNTAXES, Service
from dicom_node.records import InstanceRecord
from dicom_node.scp.association import Association, Message
from dicom_node.scp.command import Command, Field
from dicom_node.scp.identifier import encode_dataset
from dicom_node.scp.negotiation import Context
from dicom_node.scp.retrieve import Progress, find_instances
from dicom_node.scp.wire import Closed
from dicom_node.status import Status

__all__ = ["serve_get"]

logger = logging.getLogger(__name__)

_PIECE = 1 << 20
# Converting holds a whole instance in memory, more than once.
_LARGEST_CONVERTED = 1 << 29


def serve_get(association: Association, message: Message) -> None:
    """Send what the identifier names on the peer's own association."""
    try:
        instances = find_instances(association, message)
    except ValueError as error:
        association.refuse(message, Status.IDENTIFIER_DOES_NOT_MATCH, str(error))
        return
    progress = Progress(instances)
    cancelled = False
    for number, instance in enumerate(instances, start=1):
        progress.note(instance.sop_instance_uid, _send(association, instance, number % 65535 + 1))
        cancelled = association.is_cancelled(message)
        if cancelled:
            break
        if progress.remaining:
            progress.pending(association, message)
    progress.final(association, message, association.calling_ae, cancelled)


def _send(association: Association, instance: InstanceRecord, message_id: int) -> int | None:
    """Send one instance and return the status the peer gave it; None when it cannot be sent."""
    context = _context(association, instance)
    if context is None:
        return None
    command: Command = {
        "AffectedSOPClassUID": instance.sop_class_uid,
        "CommandField": Field.STORE,
        "MessageID": message_id,
        "Priority": 0,
        "AffectedSOPInstanceUID": instance.sop_instance_uid,
    }
    if context.transfer_syntax == instance.transfer_syntax_uid:
        try:
            file = instance.path.open("rb")
        except OSError:
            logger.error("the file of %s cannot be read", instance.sop_instance_uid)
            return None
        with file:
            file.seek(association.archive.dataset_offset(instance))
            _stream(association, context, command, file.fileno(), instance.size)
    else:
        converted = _converted(instance, context.transfer_syntax)
        if converted is None:
            return None
        association.send(context, command, converted)
    answer = association.next_message()
    if answer.command["CommandField"] != Field.STORE | Field.RESPONSE:
        raise Closed("something other than the answer to our C-STORE")
    status: int = answer.command.get("Status", Status.PROCESSING_FAILURE)
    return status


def _context(association: Association, instance: InstanceRecord) -> Context | None:
    """Return the context to send on: the stored syntax if we may, else a native one."""
    contexts = [
        context
        for context in association.request.contexts.values()
        if context.service is Service.STORE
        and context.as_scu
        and context.abstract_syntax == instance.sop_class_uid
    ]
    for context in contexts:
        if context.transfer_syntax == instance.transfer_syntax_uid:
            return context
    natives = (one for one in contexts if one.transfer_syntax in NATIVE_SYNTAXES)
    return next(natives, None)


def _stream(
    association: Association, context: Context, command: Command, descriptor: int, size: int
) -> None:
    """Send a command and the rest of an open file, without holding the file."""
    association.send_command(context, command, has_dataset=True)
    left = size - os.lseek(descriptor, 0, os.SEEK_CUR)
    while left > 0:
        piece = os.read(descriptor, min(_PIECE, left))
        if not piece:
            raise Closed("a file of ours is shorter than it was")
        left -= len(piece)
        association.send_data(context, memoryview(piece), last=left == 0)


def _converted(instance: InstanceRecord, transfer_syntax: str) -> bytes | None:
    """Return the data set in a native syntax; None when it cannot be converted."""
    if instance.size > _LARGEST_CONVERTED:
        return None
    try:
        dataset = dcmread(instance.path)
        if UID(instance.transfer_syntax_uid).is_compressed:
            dataset.decompress(generate_instance_uid=False)
        return encode_dataset(dataset, transfer_syntax)
    except Exception as error:  # codecs raise all sorts
        uid, kind = instance.sop_instance_uid, type(error).__name__
        logger.warning("%s cannot be converted to %s: %s", uid, transfer_syntax, kind)
        return None
