"""AE titles of hospitals: who may send to us, and where opinions go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from ipaddress import ip_network
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from dicom_node import scu
from dicom_node.errors import PeerError
from dicom_node.tls import ClientTls, TlsUnusable
from plugins.nouns import Text
from workstation.consult.deliveries import readdress
from workstation.context import Context
from workstation.database import ae_titles
from workstation.errors import Conflict, InvalidRequest
from workstation.peers import explain, peer_of
from workstation.roles import Principal, Role
from workstation.sites.hospitals import (
    not_found,
    record_change,
    require_administrator,
    site_row,
)

__all__ = [
    "AeTitle",
    "Echo",
    "add_ae_title",
    "change_ae_title",
    "echo",
    "list_ae_titles",
    "remove_ae_title",
]

_CHANGEABLE = {"host", "port", "sends", "receives", "allowed_hosts", "tls", "tls_pinned"}
_LONGEST_CERTIFICATE = 64_000


@dataclass(frozen=True, slots=True)
class AeTitle:
    """An application entity of a site. With host and port it can be called.

    ``tls``: inside TLS only. ``tls_pinned``: PEM, the AE's own certificate or its CA, instead of
    the installation's CAs and the host name.
    """

    ae_title: str
    site: str
    host: str
    port: int
    sends: bool
    receives: bool
    allowed_hosts: tuple[str, ...]
    tls: bool
    tls_pinned: str
    capabilities: dict[str, bool]
    last_echo_at: datetime | None
    last_echo_result: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Echo:
    """What became of a C-ECHO to an AE of a site."""

    ae_title: str
    answered: bool
    seconds: float | None
    message: Text
    at: datetime


def add_ae_title(
    context: Context,
    principal: Principal,
    site: str,
    *,
    ae_title: str,
    host: str = "",
    port: int = 0,
    sends: bool = True,
    receives: bool = False,
    allowed_hosts: Sequence[str] = (),
    tls: bool = False,
    tls_pinned: str = "",
) -> AeTitle:
    """Make an AE known. An AE title belongs to one site in the whole installation."""
    require_administrator(principal)
    values = _checked_ae(
        {
            "host": host,
            "port": port,
            "sends": sends,
            "receives": receives,
            "allowed_hosts": list(allowed_hosts),
            "tls": tls,
            "tls_pinned": tls_pinned,
        }
    )
    ae_title = _ae_title(ae_title)
    _require_address(values)
    now = context.clock()
    with context.database.begin() as connection:
        site_row(connection, site)
        if _find_ae(connection, ae_title) is not None:
            raise Conflict(
                "ae_title_exists",
                f"AE title {ae_title} đã được khai báo.",
                f"The AE title {ae_title} is taken.",
            )
        connection.execute(
            insert(ae_titles).values(ae_title=ae_title, site=site, created_at=now, **values)
        )
        readdress(connection, site, now)
        record_change(
            connection, principal, now, site_code=site, ae_title=ae_title, **_told(values)
        )
    return _get_ae(context, site, ae_title)


def change_ae_title(
    context: Context, principal: Principal, site: str, ae_title: str, **changes: Any
) -> AeTitle:
    """Change some of host, port, sends, receives, allowed_hosts, tls, tls_pinned."""
    require_administrator(principal)
    values = _checked_ae(changes)
    now = context.clock()
    with context.database.begin() as connection:
        before = _ae_row(connection, site, ae_title)
        _require_address({**before._mapping, **values})
        if {"host", "port"} & values.keys():
            values["capabilities"] = {}  # another machine may accept other SOP Classes
        if values:
            mine = ae_titles.c.ae_title == ae_title
            connection.execute(update(ae_titles).where(mine).values(**values))
        readdress(connection, site, now)
        record_change(
            connection, principal, now, site_code=site, ae_title=ae_title, **_told(values)
        )
    return _get_ae(context, site, ae_title)


def remove_ae_title(context: Context, principal: Principal, site: str, ae_title: str) -> None:
    """Forget an AE; what it sends from now on is quarantined."""
    require_administrator(principal)
    now = context.clock()
    with context.database.begin() as connection:
        _ae_row(connection, site, ae_title)
        connection.execute(delete(ae_titles).where(ae_titles.c.ae_title == ae_title))
        record_change(connection, principal, now, site_code=site, ae_title=ae_title, removed=True)


def list_ae_titles(context: Context, principal: Principal, site: str) -> list[AeTitle]:
    """The AE titles of a site, for administrators and the site's own technicians."""
    _require_technical(principal, site)
    wanted = select(ae_titles).where(ae_titles.c.site == site).order_by(ae_titles.c.ae_title)
    with context.database.read() as connection:
        site_row(connection, site)
        return [_ae(row) for row in connection.execute(wanted)]


def echo(context: Context, principal: Principal, site: str, ae_title: str) -> Echo:
    """Call an AE with C-ECHO and remember what came of it."""
    _require_technical(principal, site)
    with context.database.read() as connection:
        row = _ae_row(connection, site, ae_title)
    peer = peer_of(context.settings, row)
    if peer is None:
        raise InvalidRequest(
            "ae_title_without_address",
            f"{ae_title} chưa có địa chỉ và cổng.",
            f"{ae_title} has no host and port yet.",
        )
    seconds, message = None, Text("OK", "OK")
    try:
        seconds = scu.echo(peer, context.settings.ae_title)
    except PeerError as error:
        message = explain(error, peer)
    now = context.clock()
    with context.database.begin() as connection:
        connection.execute(
            update(ae_titles)
            .where(ae_titles.c.ae_title == ae_title)
            .values(last_echo_at=now, last_echo_result=message.en)
        )
    return Echo(ae_title, seconds is not None, seconds, message, now)


def _checked_ae(values: dict[str, Any]) -> dict[str, Any]:
    unknown = values.keys() - _CHANGEABLE
    if unknown:
        raise TypeError(f"an AE title has no {', '.join(sorted(unknown))}")
    values = {key: value for key, value in values.items() if value is not None}
    if not 0 <= values.get("port", 0) <= 65535:
        raise InvalidRequest("invalid_port", "Cổng phải từ 1 đến 65535.", "A port is 1 to 65535.")
    if "allowed_hosts" in values:
        values["allowed_hosts"] = list(values["allowed_hosts"])
        for one in values["allowed_hosts"]:
            try:
                ip_network(one, strict=False)
            except ValueError:
                raise InvalidRequest(
                    "invalid_address",
                    f"{one} không phải địa chỉ IP hay mạng (vd. 10.0.0.5, 10.0.0.0/24).",
                    f"{one} is no IP address or network (such as 10.0.0.5, 10.0.0.0/24).",
                ) from None
    if "tls_pinned" in values:
        values["tls_pinned"] = _certificate(values["tls_pinned"])
    return values


def _certificate(text: str) -> str:
    """PEM certificates to pin, or nothing."""
    text = text.strip()
    if "PRIVATE KEY" in text:
        raise InvalidRequest(
            "private_key_given",
            "Đây là khóa riêng; chỉ dán chứng chỉ, và coi khóa này như đã lộ.",
            "This is a private key; give the certificate alone, and hold that key for disclosed.",
        )
    try:
        if len(text) > _LONGEST_CERTIFICATE:
            raise ValueError
        if text:
            ClientTls(pinned=text).context()
    except (TlsUnusable, ValueError):
        raise InvalidRequest(
            "invalid_certificate",
            "Chứng chỉ ghim không phải chứng chỉ PEM (-----BEGIN CERTIFICATE-----).",
            "The pinned certificate is no PEM certificate (-----BEGIN CERTIFICATE-----).",
        ) from None
    return text


def _told(values: dict[str, Any]) -> dict[str, Any]:
    """What the audit log is told of a change: of a certificate its hash."""
    pinned = values.get("tls_pinned")
    return {**values, "tls_pinned": sha256(pinned.encode()).hexdigest()} if pinned else values


def _require_address(values: Any) -> None:
    if values["receives"] and not (values["host"] and values["port"]):
        raise InvalidRequest(
            "destination_without_address",
            "Nơi nhận kết quả cần địa chỉ và cổng.",
            "A destination for opinions needs a host and a port.",
        )


def _ae_title(text: str) -> str:
    """An AE title as PS3.5 6.2 has it: 1 to 16 printable characters, no backslash."""
    title = text.strip()
    if not (
        1 <= len(title) <= 16 and title.isascii() and title.isprintable() and "\\" not in title
    ):
        raise InvalidRequest(
            "invalid_ae_title",
            "AE title gồm 1–16 ký tự ASCII, không có dấu \\.",
            "An AE title has 1 to 16 ASCII characters and no backslash.",
        )
    return title


def _require_technical(principal: Principal, site: str) -> None:
    own = principal.site == site and principal.has(Role.TECHNICIAN)
    if not (own or principal.is_system or principal.has(Role.ADMINISTRATOR)):
        raise not_found()


def _find_ae(connection: Connection, ae_title: str) -> Row[Any] | None:
    return connection.execute(select(ae_titles).where(ae_titles.c.ae_title == ae_title)).first()


def _ae_row(connection: Connection, site: str, ae_title: str) -> Row[Any]:
    row = _find_ae(connection, ae_title)
    if row is None or row.site != site:
        raise not_found()
    return row


def _get_ae(context: Context, site: str, ae_title: str) -> AeTitle:
    with context.database.read() as connection:
        return _ae(_ae_row(connection, site, ae_title))


def _ae(row: Row[Any]) -> AeTitle:
    values = {**row._mapping, "allowed_hosts": tuple(row.allowed_hosts)}
    return AeTitle(**values)
