"""C-STORE as SCP (PS3.4 B): the answer comes when the instance is durable, and not before.

What cannot be shown (an unknown sender, another site's study, missing UIDs) is durable too, in
quarantine, and what differs from an instance we hold is kept beside it; both are successes to the
sender, who can do nothing about either.
"""

import logging

from dicom_node.errors import DicomNodeError
from dicom_node.records import StoreOutcome
from dicom_node.scp.association import Association, Message
from dicom_node.status import Status, dimse_status

__all__ = ["serve_store"]

logger = logging.getLogger(__name__)


def serve_store(association: Association, message: Message) -> None:
    """Finish the reception that came with the message and answer with its status."""
    reception = message.reception
    if reception is None:
        association.refuse(message, Status.CANNOT_UNDERSTAND, "no data set")
        return
    try:
        result = reception.finish()
    except DicomNodeError as error:
        uid = message.command.get("AffectedSOPInstanceUID", "")
        # %r: nobody has checked the UID yet, and a line break in it would be a line of the log.
        logger.warning("refused %r from %s: %s", uid, association.calling_ae, error)
        association.refuse(message, dimse_status(error), str(error))
        return
    if result.outcome is StoreOutcome.CONFLICT:
        logger.warning("%s from %s differs from ours", result.sop_instance_uid, association.host)
    association.answer(message, Status.SUCCESS)
