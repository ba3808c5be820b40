"""Where a request truly comes from, and where it may be sent next."""

import ipaddress
from collections.abc import MutableMapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Proxies", "header", "safe_next"]

Scope = MutableMapping[str, Any]


def header(scope: Scope, name: bytes) -> str:
    """The last value of a request header, "" when absent. `name` is lower case."""
    for key, value in reversed(scope["headers"]):
        if key == name:
            return str(value.decode("latin-1"))
    return ""


class Proxies:
    """The reverse proxies whose word we take for the client's address and scheme."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self.networks = [ipaddress.ip_network(each, strict=False) for each in trusted]
        # The same few neighbours ask again and again.
        self.trusts = lru_cache(maxsize=1_000)(self._trusts)

    def _trusts(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self.networks)

    def client(self, scope: Scope) -> tuple[str, bool]:
        """The client's address, and whether it speaks https (RFC 7239 explains the headers).

        Addresses are read from the right: whatever stands left of the first one that is no proxy
        of ours was written by the client and proves nothing.
        """
        host = scope["client"][0] if scope.get("client") else ""
        https = scope.get("scheme") in ("https", "wss")
        if not self.trusts(host):
            return host, https
        forwarded = [part.strip() for part in header(scope, b"x-forwarded-for").split(",")]
        for address in reversed([part for part in forwarded if part]):
            host = address
            if not self.trusts(address):
                break
        scheme = header(scope, b"x-forwarded-proto").split(",")[-1].strip().lower()
        return host, https or scheme == "https"


def safe_next(target: str, base_path: str) -> str:
    """A path of ours to go to after sign-in; the first page when `target` is not one.

    Refuses other hosts in all their disguises: ``//host``, ``/\\host``, control characters that
    browsers drop, schemes.
    """
    home = base_path + "/"
    if not target.startswith(home) or target.startswith("//") or "\\" in target:
        return home
    if any(ord(character) <= 0x20 or ord(character) == 0x7F for character in target):
        return home
    try:
        parts = urlsplit(target)
    except ValueError:
        return home
    if parts.scheme or parts.netloc:
        return home
    # Signing in to be signed out again, or to land on a machine's answer, helps nobody.
    path = parts.path[len(base_path) :]
    if path.startswith(("/login", "/logout", "/session/status", "/_stcore/")):
        return home
    return target
