"""The other AEs we know: who may send to us, and where we send to."""

from dataclasses import dataclass
from typing import Protocol

from dicom_node.records import ReadScope
from dicom_node.tls import ClientTls

__all__ = ["Peer", "Peers"]


@dataclass(frozen=True, slots=True)
class Peer:
    """An AE we can open an association to; inside TLS when ``tls`` says how."""

    ae_title: str
    host: str
    port: int
    tls: ClientTls | None = None

    def __str__(self) -> str:
        return f"{self.ae_title} at {self.host}:{self.port}{' (TLS)' if self.tls else ''}"


class Peers(Protocol):
    """What the node asks of whoever keeps the list of AE titles."""

    def site_of(self, calling_ae: str, host: str) -> str | None:
        """The site a calling AE belongs to; None sends what it stores to quarantine."""
        ...

    def destination(self, ae_title: str, calling_ae: str = "") -> Peer | None:
        """Where an AE listens: for storage commitment reports, and for C-MOVE.

        With `calling_ae`, who asks for a C-MOVE: None where it may not send its studies to.
        """
        ...

    def read_scope(self, calling_ae: str, host: str) -> ReadScope:
        """What the AE may find and retrieve."""
        ...
