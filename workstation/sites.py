"""Hospitals and their AE titles: who may send to us, and where opinions go."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from dicom_node import scu
from dicom_node.errors import (
    AssociationAborted,
    AssociationRejected,
    PeerError,
    PeerUnreachable,
)
from dicom_node.peers import Peer
from dicom_node.records import ReadScope
from plugins.nouns import Text
from workstation import audit
from workstation.audit import AuditEvent
from workstation.consult.deliveries import readdress
from workstation.context import Context
from workstation.database import ae_titles, sites
from workstation.errors import Conflict, InvalidRequest, NotFound
from workstation.roles import Principal, Role

__all__ = [
    "AeTitle",
    "Echo",
    "Site",
    "SitePeers",
    "add_ae_title",
    "change_ae_title",
    "change_site",
    "create_site",
    "echo",
    "get_site",
    "list_ae_titles",
    "list_sites",
    "remove_ae_title",
]

CODE = re.compile(r"[A-Z0-9][A-Z0-9_]{0,31}")
TIERS = ("lower", "upper")


@dataclass(frozen=True, slots=True)
class Site:
    """A hospital. ``tier`` is "lower" (asks) or "upper" (is asked, and may ask)."""

    code: str
    name: str
    tier: str
    phone: str
    active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AeTitle:
    """An application entity of a site. With host and port it can be called."""

    ae_title: str
    site: str
    host: str
    port: int
    sends: bool
    receives: bool
    allowed_hosts: tuple[str, ...]
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


def create_site(
    context: Context, principal: Principal, *, code: str, name: str, tier: str, phone: str = ""
) -> Site:
    """Add a hospital; `code` is its stable name in URLs and requests, such as DEMO_A."""
    _require_administrator(principal)
    if not CODE.fullmatch(code):
        raise InvalidRequest(
            "invalid_site_code",
            "Mã cơ sở gồm 1–32 chữ hoa không dấu, chữ số hoặc _.",
            "A site code has 1 to 32 upper-case letters, digits or _.",
        )
    values = _checked_site({"name": name, "tier": tier, "phone": phone})
    now = context.clock()
    with context.database.begin() as connection:
        if _find_site(connection, code) is not None:
            raise Conflict(
                "site_exists", f"Đã có cơ sở mã {code}.", f"There is already a site {code}."
            )
        connection.execute(insert(sites).values(code=code, created_at=now, **values))
        _audit(connection, principal, now, site_code=code, changed=sorted(values))
    return get_site(context, code)


def change_site(context: Context, principal: Principal, code: str, **changes: Any) -> Site:
    """Change some of name, tier, phone, active. An inactive site's users cannot sign in."""
    _require_administrator(principal)
    values = _checked_site(changes)
    now = context.clock()
    with context.database.begin() as connection:
        _site_row(connection, code)
        if values:
            connection.execute(update(sites).where(sites.c.code == code).values(**values))
        _audit(connection, principal, now, site_code=code, changed=sorted(values))
    return get_site(context, code)


def get_site(context: Context, code: str) -> Site:
    with context.database.read() as connection:
        return _site(_site_row(connection, code))


def list_sites(context: Context) -> list[Site]:
    """All sites, by code; their names are no secret to anyone signed in."""
    with context.database.read() as connection:
        return [_site(row) for row in connection.execute(select(sites).order_by(sites.c.code))]


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
) -> AeTitle:
    """Make an AE known. An AE title belongs to one site in the whole installation."""
    _require_administrator(principal)
    values = _checked_ae(
        {
            "host": host,
            "port": port,
            "sends": sends,
            "receives": receives,
            "allowed_hosts": list(allowed_hosts),
        }
    )
    ae_title = _ae_title(ae_title)
    _require_address(values)
    now = context.clock()
    with context.database.begin() as connection:
        _site_row(connection, site)
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
        _audit(connection, principal, now, site_code=site, ae_title=ae_title, **values)
    return _get_ae(context, site, ae_title)


def change_ae_title(
    context: Context, principal: Principal, site: str, ae_title: str, **changes: Any
) -> AeTitle:
    """Change some of host, port, sends, receives, allowed_hosts."""
    _require_administrator(principal)
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
        _audit(connection, principal, now, site_code=site, ae_title=ae_title, **values)
    return _get_ae(context, site, ae_title)


def remove_ae_title(context: Context, principal: Principal, site: str, ae_title: str) -> None:
    """Forget an AE; what it sends from now on is quarantined."""
    _require_administrator(principal)
    now = context.clock()
    with context.database.begin() as connection:
        _ae_row(connection, site, ae_title)
        connection.execute(delete(ae_titles).where(ae_titles.c.ae_title == ae_title))
        _audit(connection, principal, now, site_code=site, ae_title=ae_title, removed=True)


def list_ae_titles(context: Context, principal: Principal, site: str) -> list[AeTitle]:
    """The AE titles of a site, for administrators and the site's own technicians."""
    _require_technical(principal, site)
    wanted = select(ae_titles).where(ae_titles.c.site == site).order_by(ae_titles.c.ae_title)
    with context.database.read() as connection:
        _site_row(connection, site)
        return [_ae(row) for row in connection.execute(wanted)]


def echo(context: Context, principal: Principal, site: str, ae_title: str) -> Echo:
    """Call an AE with C-ECHO and remember what came of it."""
    _require_technical(principal, site)
    with context.database.read() as connection:
        row = _ae_row(connection, site, ae_title)
    if not (row.host and row.port):
        raise InvalidRequest(
            "ae_title_without_address",
            f"{ae_title} chưa có địa chỉ và cổng.",
            f"{ae_title} has no host and port yet.",
        )
    seconds, message = None, Text("OK", "OK")
    peer = Peer(ae_title, row.host, row.port)
    try:
        seconds = scu.echo(peer, context.settings.ae_title)
    except PeerError as error:
        message = _explained(error, peer)
    now = context.clock()
    with context.database.begin() as connection:
        connection.execute(
            update(ae_titles)
            .where(ae_titles.c.ae_title == ae_title)
            .values(last_echo_at=now, last_echo_result=message.en)
        )
    return Echo(ae_title, seconds is not None, seconds, message, now)


class SitePeers:
    """The AE titles table as the DICOM node asks for it (`dicom_node.peers.Peers`)."""

    def __init__(self, context: Context) -> None:
        self._database = context.database

    def site_of(self, calling_ae: str, host: str) -> str | None:
        """The site of an AE that may send from `host`; None sends to quarantine."""
        row = self._find(calling_ae)
        if row is None or not row.sends or not _is_allowed(host, row.allowed_hosts):
            return None
        return str(row.site)

    def destination(self, ae_title: str, calling_ae: str = "") -> Peer | None:
        """Where an AE listens, when it is known.

        A caller has its studies moved within its own site only: another site sees a patient
        through a share grant, not because somebody sends it there.
        """
        row = self._find(ae_title)
        if row is not None and calling_ae:
            caller = self._find(calling_ae)
            if caller is None or caller.site != row.site:
                return None
        return Peer(row.ae_title, row.host, row.port) if row and row.host and row.port else None

    def read_scope(self, calling_ae: str, host: str) -> ReadScope:
        """An AE finds and retrieves the studies of its own site, nothing else."""
        row = self._find(calling_ae)
        if row is None or not _is_allowed(host, row.allowed_hosts):
            return ReadScope()
        return ReadScope(sites=frozenset({row.site}))

    def _find(self, ae_title: str) -> Row[Any] | None:
        with self._database.read() as connection:
            return connection.execute(
                select(ae_titles)
                .join(sites, sites.c.code == ae_titles.c.site)
                .where(ae_titles.c.ae_title == ae_title.strip(), sites.c.active)
            ).first()


def _explained(error: PeerError, peer: Peer) -> Text:
    """At which step the peer failed, for people."""
    if isinstance(error, PeerUnreachable):
        why = "không kết nối được; kiểm tra địa chỉ, cổng và tường lửa"
    elif isinstance(error, AssociationRejected):
        why = "từ chối kết nối; kiểm tra AE title hai bên"
    elif isinstance(error, AssociationAborted):
        why = "ngắt kết nối giữa chừng"
    else:
        why = "trả lời lỗi"
    return Text(f"{peer} {why}.", str(error))


def _is_allowed(host: str, allowed: Sequence[str]) -> bool:
    """Whether `host` is one of the addresses or networks; an empty list allows any."""
    if not allowed:
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return host in allowed
    if (mapped := getattr(address, "ipv4_mapped", None)) is not None:
        address = mapped  # a listener on [::] sees IPv4 callers so
    return any(address in ip_network(one, strict=False) for one in allowed)


def _checked_site(values: dict[str, Any]) -> dict[str, Any]:
    unknown = values.keys() - {"name", "tier", "phone", "active"}
    if unknown:
        raise TypeError(f"a site has no {', '.join(sorted(unknown))}")
    values = {key: value for key, value in values.items() if value is not None}
    if "name" in values and not values["name"].strip():
        raise InvalidRequest("name_missing", "Thiếu tên cơ sở.", "The site has no name.")
    if "tier" in values and values["tier"] not in TIERS:
        raise InvalidRequest(
            "unknown_tier",
            "Tuyến phải là lower (tuyến dưới) hoặc upper (tuyến trên).",
            "The tier is lower or upper.",
        )
    return values


def _checked_ae(values: dict[str, Any]) -> dict[str, Any]:
    unknown = values.keys() - {"host", "port", "sends", "receives", "allowed_hosts"}
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
    return values


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


def _require_administrator(principal: Principal) -> None:
    if not (principal.is_system or principal.has(Role.ADMINISTRATOR)):
        raise _not_found()


def _require_technical(principal: Principal, site: str) -> None:
    own = principal.site == site and principal.has(Role.TECHNICIAN)
    if not (own or principal.is_system or principal.has(Role.ADMINISTRATOR)):
        raise _not_found()


def _not_found() -> NotFound:
    return NotFound("not_found", "Không tìm thấy.", "Not found.")


def _find_site(connection: Connection, code: str) -> Row[Any] | None:
    return connection.execute(select(sites).where(sites.c.code == code)).first()


def _site_row(connection: Connection, code: str) -> Row[Any]:
    row = _find_site(connection, code)
    if row is None:
        raise NotFound("site_not_found", f"Không có cơ sở {code}.", f"There is no site {code}.")
    return row


def _find_ae(connection: Connection, ae_title: str) -> Row[Any] | None:
    return connection.execute(select(ae_titles).where(ae_titles.c.ae_title == ae_title)).first()


def _ae_row(connection: Connection, site: str, ae_title: str) -> Row[Any]:
    row = _find_ae(connection, ae_title)
    if row is None or row.site != site:
        raise _not_found()
    return row


def _get_ae(context: Context, site: str, ae_title: str) -> AeTitle:
    with context.database.read() as connection:
        return _ae(_ae_row(connection, site, ae_title))


def _site(row: Row[Any]) -> Site:
    return Site(row.code, row.name, row.tier, row.phone, row.active, row.created_at)


def _ae(row: Row[Any]) -> AeTitle:
    values = {**row._mapping, "allowed_hosts": tuple(row.allowed_hosts)}
    return AeTitle(**values)


def _audit(connection: Connection, principal: Principal, at: datetime, **subject: Any) -> None:
    audit.record(connection, AuditEvent.CONFIGURATION_CHANGED, principal, at=at, **subject)
