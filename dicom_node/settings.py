"""What an installation may choose of the node and its archive."""

from dataclasses import dataclass
from pathlib import Path

from dicom_node.tls import ServerTls

__all__ = ["ArchiveSettings", "NodeSettings"]


@dataclass(frozen=True)
class ArchiveSettings:
    """Where instances are kept, and how much room they must leave.

    Parameters
    ----------
    folder : Path
        Holds ``objects/`` (the instances), ``tmp/`` (those being received) and the SQLite index.
    index_url : str
        SQLAlchemy URL of the index; "" means ``index.sqlite`` in `folder`.
    minimum_free_bytes : int
        An instance that would leave less free disk is refused (0xA700) instead of filling it.
    quarantine_bytes : int
        Instances of unknown senders are refused (0xA700) once quarantine holds this much.
    """

    folder: Path
    index_url: str = ""
    minimum_free_bytes: int = 500_000_000
    quarantine_bytes: int = 20_000_000_000


@dataclass(frozen=True)
class NodeSettings:
    """How the DICOM listener behaves. Times are seconds, sizes bytes.

    Parameters
    ----------
    ae_title : str
        Our AE title; associations that call another one are still served.
    host, port : str, int
        Address to listen on; port 0 takes a free one.
    tls : ServerTls or None
        A second port, for associations inside TLS; None: there is none.
    maximum_pdu : int
        Longest P-DATA-TF we ask peers to send; a longer one aborts the association.
    maximum_associations, maximum_associations_per_host : int
        Connections above either are closed (per host) or rejected (in all) at once.
    request_deadline : float
        From the TCP connection to the complete A-ASSOCIATE-RQ; a TLS handshake has as much before.
    pdu_deadline : float
        From the first to the last byte of one PDU.
    idle_deadline : float
        Without any PDU, an association is aborted after this long.
    maximum_object_bytes : int
        A longer data set is refused (0xA700).
    """

    ae_title: str = "HOICHAN"
    host: str = "0.0.0.0"
    port: int = 11112
    tls: ServerTls | None = None
    maximum_pdu: int = 131_072
    maximum_associations: int = 400
    maximum_associations_per_host: int = 64
    request_deadline: float = 10.0
    pdu_deadline: float = 60.0
    idle_deadline: float = 60.0
    maximum_object_bytes: int = 16_000_000_000
