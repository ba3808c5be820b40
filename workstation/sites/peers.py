"""The AE titles table as the DICOM node asks for it."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from socket import getaddrinfo
from typing import Any

from sqlalchemy import Row, select

from dicom_node.peers import Peer
from dicom_node.records import ReadScope
from workstation.context import Context
from workstation.database import ae_titles, sites
from workstation.peers import peer_of

__all__ = ["SitePeers"]


class SitePeers:
    """The AE titles table as the DICOM node asks for it (`dicom_node.peers.Peers`)."""

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._settings = context.settings

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
        return peer_of(self._settings, row) if row is not None else None

    def read_scope(self, calling_ae: str, host: str) -> ReadScope:
        """An AE finds and retrieves the studies of its own site, from an address of its own.

        An AE title is no secret and DICOM asks for nothing else: sending under a known name brings
        images in, but what goes out goes only where an administrator said that AE is.
        """
        row = self._find(calling_ae)
        if row is None:
            return ReadScope()
        known = row.allowed_hosts or _addresses(row.host)
        if not known or not _is_allowed(host, known):
            return ReadScope()
        return ReadScope(sites=frozenset({row.site}))

    def _find(self, ae_title: str) -> Row[Any] | None:
        with self._database.read() as connection:
            return connection.execute(
                select(ae_titles)
                .join(sites, sites.c.code == ae_titles.c.site)
                .where(ae_titles.c.ae_title == ae_title.strip(), sites.c.active)
            ).first()


def _addresses(host: str) -> list[str]:
    """The addresses of a host name or address; none when it is empty or unknown."""
    if not host:
        return []
    try:
        return [str(found[4][0]) for found in getaddrinfo(host, None)]
    except OSError:
        return []


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
