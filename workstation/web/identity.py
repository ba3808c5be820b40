"""Who is at the door: cookies and tokens to principals, remembered for a moment.

Every frame of a study passes the gate, so what the database said is kept for `MEMORY_SECONDS`.
Signing out through this process forgets at once; a session or user ended by another process
(the command line) is noticed when the memory ends.
"""

import hashlib
import time
from collections.abc import Callable
from typing import Protocol

import anyio.to_thread

from workstation import accounts
from workstation.context import Context
from workstation.roles import Principal

__all__ = ["Identities", "Identity"]

MEMORY_SECONDS = 2.0
MEMORY_ENTRIES = 10_000


class Identities(Protocol):
    """What the gate asks about callers."""

    async def of_cookie(self, cookie: str, host: str, *, prolong: bool) -> Principal | None: ...
    async def of_token(self, token: str, host: str) -> Principal | None: ...
    async def of_reference(self, reference: str) -> Principal | None: ...


class Identity:
    """`Identities` over the accounts of a context."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._known: dict[bytes, tuple[float, Principal | None]] = {}
        self._forgotten = 0

    async def of_cookie(self, cookie: str, host: str, *, prolong: bool) -> Principal | None:
        """The principal of a session cookie; `prolong` counts it as use of the session."""

        def ask() -> Principal | None:
            reference = accounts.session_reference(self.context, cookie)
            return accounts.principal_for_reference(self.context, reference, host, prolong=prolong)

        return await self._remembered(b"c" + _digest(cookie), ask)

    async def of_token(self, token: str, host: str) -> Principal | None:
        """The principal of a bearer token."""
        return await self._remembered(
            b"t" + _digest(token), lambda: accounts.principal_for_token(self.context, token, host)
        )

    async def of_reference(self, reference: str) -> Principal | None:
        """Who holds a session, if it still stands; asking does not prolong it."""

        def ask() -> Principal | None:
            return accounts.principal_for_reference(self.context, reference, prolong=False)

        return await anyio.to_thread.run_sync(ask)

    def forget(self, cookie: str) -> None:
        """Ask the database again about this cookie: it was just signed in or out."""
        self._known.pop(b"c" + _digest(cookie), None)
        self._forgotten += 1

    async def _remembered(
        self, key: bytes, ask: Callable[[], Principal | None]
    ) -> Principal | None:
        now = time.monotonic()
        known = self._known.get(key)
        if known is not None and now - known[0] < MEMORY_SECONDS:
            return known[1]
        forgotten = self._forgotten
        # In a thread: the answer may have to wait for a writer of the database.
        principal = await anyio.to_thread.run_sync(ask)
        if forgotten != self._forgotten:  # signed out while we asked: do not remember
            return principal
        if known is not None and known[1] == principal:
            principal = known[1]  # the same object: what is kept by principal is found sooner
        if len(self._known) >= MEMORY_ENTRIES:
            self._known.clear()
        self._known[key] = (now, principal)
        return principal


def _digest(secret: str) -> bytes:
    """The memory holds no secrets, only their hashes."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
