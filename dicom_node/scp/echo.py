"""C-ECHO as SCP (PS3.4 A)."""

from dicom_node.scp.association import Association, Message
from dicom_node.status import Status

__all__ = ["serve_echo"]


def serve_echo(association: Association, message: Message) -> None:
    """Answer that we are here."""
    association.answer(message, Status.SUCCESS)
