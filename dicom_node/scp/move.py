"""C-MOVE as SCP: to AEs we know, and to no others (PS3.4 C.4.2)."""

import logging
from threading import Event

from dicom_node.errors import PeerError
from dicom_node.scp.association import Association, Message
from dicom_node.scp.retrieve import Progress, find_instances
from dicom_node.scu import SendResult, store
from dicom_node.status import Status

__all__ = ["serve_move"]

logger = logging.getLogger(__name__)


def serve_move(association: Association, message: Message) -> None:
    """Send what the identifier names to the destination, on an association of our own."""
    wanted = message.command.get("MoveDestination", "")
    destination = association.peers.destination(wanted, association.calling_ae)
    if destination is None:
        association.answer(message, Status.MOVE_DESTINATION_UNKNOWN)
        return
    try:
        instances = find_instances(association, message)
    except ValueError as error:
        association.refuse(message, Status.IDENTIFIER_DOES_NOT_MATCH, str(error))
        return
    progress = Progress(instances)
    cancelled = Event()

    def note(result: SendResult) -> None:
        progress.note(result.sop_instance_uid, result.status)
        if progress.remaining:
            progress.pending(association, message)
        if association.is_cancelled(message):
            cancelled.set()

    try:
        store(
            destination,
            association.settings.ae_title,
            [instance.path for instance in instances],
            progress=note,
            cancelled=cancelled,
            originator=(association.calling_ae, message.command["MessageID"]),
        )
    except PeerError as error:
        logger.warning("cannot move to %s: %s", destination, error)
        progress.fail_rest()
    progress.final(association, message, destination.ae_title, cancelled.is_set())
