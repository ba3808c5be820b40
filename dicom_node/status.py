"""DIMSE statuses (PS3.7 C, PS3.4 B.2.3, C.4) and how errors become one."""

from dicom_node.errors import DicomNodeError

__all__ = ["Status", "dimse_status"]


class Status:
    """The statuses we answer."""

    SUCCESS = 0x0000
    PROCESSING_FAILURE = 0x0110
    NO_SUCH_INSTANCE = 0x0112
    INVALID_ARGUMENT = 0x0115
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    CLASS_INSTANCE_CONFLICT = 0x0119
    UNRECOGNIZED_OPERATION = 0x0211
    OUT_OF_RESOURCES = 0xA700
    UNABLE_TO_PERFORM = 0xA702
    MOVE_DESTINATION_UNKNOWN = 0xA801
    IDENTIFIER_DOES_NOT_MATCH = 0xA900
    SOME_FAILED = 0xB000
    CANNOT_UNDERSTAND = 0xC000
    CANCELLED = 0xFE00
    PENDING = 0xFF00
    PENDING_KEYS_IGNORED = 0xFF01


def dimse_status(error: Exception) -> int:
    """Return the status that tells a peer of an error; anything unforeseen is a 0x0110."""
    if isinstance(error, DicomNodeError):
        return error.dimse_status
    return Status.PROCESSING_FAILURE
