"""Other AEs as our tables know them: how they are called, and what went wrong when they were."""

from typing import Any, Protocol

from sqlalchemy import Row

from dicom_node.errors import (
    AssociationAborted,
    AssociationRejected,
    PeerError,
    PeerUnreachable,
    TlsFailed,
)
from dicom_node.peers import Peer
from dicom_node.tls import ClientTls, ServerTls, TlsProblem
from plugins.nouns import Text
from workstation.settings import Settings

__all__ = ["client_tls", "explain", "peer_of", "server_tls"]

_TLS_PROBLEMS = {
    TlsProblem.NOT_TLS: "bên kia không dùng TLS ở cổng này",
    TlsProblem.OLD_VERSION: "bên kia chỉ có TLS cũ hơn 1.2",
    TlsProblem.NO_SHARED_SUITE: "hai bên không có bộ mã hóa chung",
    TlsProblem.CERTIFICATE_WANTED: "bên kia đòi chứng chỉ của chúng ta và chưa nhận được",
    TlsProblem.EXPIRED: "chứng chỉ đã hết hạn hoặc chưa có hiệu lực",
    TlsProblem.UNKNOWN_CA: "chứng chỉ không do CA được tin cậy ở đây ký",
    TlsProblem.OUR_CA_UNKNOWN: "bên kia không tin chứng chỉ của chúng ta",
    TlsProblem.WRONG_HOST: "chứng chỉ cấp cho tên máy khác",
    TlsProblem.SILENT: "bên kia im lặng khi bắt tay TLS",
    TlsProblem.CLOSED: "bên kia ngắt kết nối khi bắt tay TLS",
}


def server_tls(settings: Settings) -> ServerTls | None:
    """How our listener is called over TLS; None without a certificate."""
    if settings.dicom_tls_certificate is None:
        return None
    return ServerTls(
        settings.dicom_tls_port,
        settings.dicom_tls_certificate,
        settings.dicom_tls_key,
        settings.dicom_tls_client_ca,
    )


def client_tls(settings: Settings, pinned: str = "") -> ClientTls:
    """How we call over TLS."""
    return ClientTls(
        settings.dicom_tls_ca, pinned, settings.dicom_tls_certificate, settings.dicom_tls_key
    )


class Entity(Protocol):
    """A row of ``ae_titles``, or what was made of one."""

    @property
    def ae_title(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def tls(self) -> bool: ...
    @property
    def tls_pinned(self) -> str: ...


def peer_of(settings: Settings, row: Entity | Row[Any]) -> Peer | None:
    """How an AE is called; None without host and port."""
    if not (row.host and row.port):
        return None
    tls = client_tls(settings, row.tls_pinned) if row.tls else None
    return Peer(row.ae_title, row.host, row.port, tls)


def explain(error: PeerError, peer: Peer) -> Text:
    """At which step a peer failed us, for people."""
    match error:
        case TlsFailed():
            problem = _TLS_PROBLEMS.get(
                TlsProblem(error.problem), "không bắt tay được; xem nhật ký máy chủ"
            )
            why = f"không nối được bằng TLS: {problem}"
        case PeerUnreachable():
            why = "không kết nối được; PACS tắt, sai địa chỉ, cổng hoặc bị tường lửa chặn"
        case AssociationRejected():
            why = "từ chối kết nối; kiểm tra AE title hai bên"
        case AssociationAborted():
            why = "ngắt kết nối giữa chừng"
        case _:
            why = "trả lời lỗi"
    return Text(f"{peer} {why}.", str(error))
