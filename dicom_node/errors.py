"""What can go wrong in the node, as one tree.

::

    DicomNodeError
    ├─ StoreError
    │  ├─ OutOfResources      0xA700 · 507
    │  ├─ DatasetMismatch     0xA900 · 409
    │  └─ CannotUnderstand    0xC000 · 400
    ├─ NotFound               0x0112 · 404
    ├─ NotAcceptable          ─      · 406
    │  └─ CannotDecode        ─      · 406
    └─ PeerError
       ├─ PeerUnreachable
       ├─ TlsFailed
       ├─ AssociationRejected
       ├─ AssociationAborted
       └─ PeerRefused

Every error prints one sentence: what, where, what next. No patient name ever enters one.
"""

__all__ = [
    "AssociationAborted",
    "AssociationRejected",
    "CannotDecode",
    "CannotUnderstand",
    "DatasetMismatch",
    "DicomNodeError",
    "NotAcceptable",
    "NotFound",
    "OutOfResources",
    "PeerError",
    "PeerRefused",
    "PeerUnreachable",
    "StoreError",
    "TlsFailed",
]


class DicomNodeError(Exception):
    """Root of the node's errors."""

    dimse_status = 0x0110
    http_status = 500


class StoreError(DicomNodeError):
    """An instance could not be kept."""


class OutOfResources(StoreError):
    """No room to keep the instance (PS3.4 B.2.3)."""

    dimse_status = 0xA700
    http_status = 507


class DatasetMismatch(StoreError):
    """The data set names another SOP Class or Instance than its command (PS3.4 B.2.3)."""

    dimse_status = 0xA900
    http_status = 409


class CannotUnderstand(StoreError):
    """The bytes are not a data set we can index (PS3.4 B.2.3)."""

    dimse_status = 0xC000
    http_status = 400


class NotFound(DicomNodeError):
    """No such object in the caller's scope; says nothing about other scopes."""

    dimse_status = 0x0112
    http_status = 404


class NotAcceptable(DicomNodeError):
    """We hold the object but cannot give it in any form the caller accepts."""

    http_status = 406


class CannotDecode(NotAcceptable):
    """The pixels do not decode; only the stored bytes can be given."""


class PeerError(DicomNodeError):
    """The other side of an association failed us; worth another try later."""


class PeerUnreachable(PeerError):
    """No TCP connection, or none in time."""


class TlsFailed(PeerError):
    """TCP came about and TLS did not; ``problem`` is a `dicom_node.tls.TlsProblem`."""

    def __init__(self, message: str, problem: str) -> None:
        super().__init__(message)
        self.problem = problem


class AssociationRejected(PeerError):
    """The peer answered, and refused the association (PS3.8 9.3.4)."""


class AssociationAborted(PeerError):
    """The association ended before the answer came."""


class PeerRefused(PeerError):
    """The peer refuses this SOP Class or object; another try will not help.

    Parameters
    ----------
    message : str
    status : int or None
        The DIMSE status, or None when no presentation context was accepted.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
