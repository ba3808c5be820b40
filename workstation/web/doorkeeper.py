"""What DICOMweb asks about its callers, answered by the one access rule."""

import logging
import threading
import time
from collections import Counter
from collections.abc import MutableMapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from dicom_node.records import Channel, Origin, ReadScope
from workstation import access, audit
from workstation.audit import AuditEvent
from workstation.context import Context
from workstation.roles import Principal, Role

__all__ = ["AccessLog", "Doorkeeper"]

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]

# Frames come by the hundred; the rule is asked again after this long, or after any change made
# through this process. So rights taken away by another process hold for one second more.
MEMORY_SECONDS = 1.0
MEMORY_ENTRIES = 1_000
WRITE_SECONDS = 1.0
COUNT_SECONDS = 60.0
# What is no reading of instances, by the words of `dicom_node.web.Doorkeeper.accessed`.
EVENTS = {"query": AuditEvent.QUERY, "stored": AuditEvent.INSTANCES_RECEIVED}
Access = tuple[Principal, str, str]
STORERS = (Role.REQUESTER, Role.TECHNICIAN)
LABEL_READERS = (Role.REQUESTER, Role.TECHNICIAN, Role.PATHOLOGIST)
_SCOPE_KEY = "hoichan_read_scope"


class Doorkeeper:
    """Implements `dicom_node.web.Doorkeeper` over the principal the gate found."""

    def __init__(self, context: Context, log: "AccessLog") -> None:
        self.context = context
        self.log = log
        self._known: dict[Principal, tuple[float, ReadScope]] = {}

    def read_scope(self, scope: Scope) -> ReadScope:
        """What the caller may read; the same during one request."""
        state = scope["state"]
        if _SCOPE_KEY not in state:
            state[_SCOPE_KEY] = self._scope_of(state["principal"])
        found: ReadScope = state[_SCOPE_KEY]
        return found

    def known_scope(self, scope: Scope) -> ReadScope | None:
        """What `read_scope` would say without asking the rule."""
        known = self._known.get(scope["state"]["principal"])
        return known[1] if known and time.monotonic() - known[0] < MEMORY_SECONDS else None

    def may_see_labels(self, scope: Scope) -> bool:
        """Those who make slides, and those who read them, must match glass and picture."""
        principal: Principal = scope["state"]["principal"]
        return principal.has(*LABEL_READERS)

    def caller(self, scope: Scope) -> str:
        """The account: two windows of one reader are one reader."""
        principal: Principal = scope["state"]["principal"]
        return principal.username

    def store_origin(self, scope: Scope) -> Origin | None:
        """Requesters and technicians bring in studies of their own site."""
        principal: Principal = scope["state"]["principal"]
        if not principal.has(*STORERS):
            return None
        return Origin(principal.site, host=principal.host, channel=Channel.STOW)

    def accessed(self, scope: Scope, event: str, study_instance_uid: str, count: int) -> None:
        """Count an access for the audit log."""
        self.log.count(scope["state"]["principal"], event, study_instance_uid, count)

    def forget(self) -> None:
        """Something was changed through this process: ask the rule again."""
        self._known.clear()

    def _scope_of(self, principal: Principal) -> ReadScope:
        now = time.monotonic()
        known = self._known.get(principal)
        if known is not None and now - known[0] < MEMORY_SECONDS:
            return known[1]
        found = access.read_scope(self.context, principal)
        if len(self._known) >= MEMORY_ENTRIES:
            self._known.clear()
        self._known[principal] = (now, found)
        return found


class AccessLog:
    """Writes who read which study, counted together, from a thread of its own.

    The first access of a session to a study is written within `WRITE_SECONDS`, what follows once
    in `COUNT_SECONDS`: a study of 300 frames is two rows, not 300. `close` writes the rest.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._counts: Counter[Access] = Counter()
        self._written: dict[Access, float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="access log", daemon=True)
        self._thread.start()

    def count(self, principal: Principal, event: str, study_instance_uid: str, count: int) -> None:
        with self._lock:
            self._counts[principal, event, study_instance_uid] += count

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.wait(WRITE_SECONDS):
            self._write(time.monotonic() - COUNT_SECONDS)
        self._write(time.monotonic())

    def _write(self, before: float) -> None:
        """Write what was counted, save what was written since `before`."""
        with self._lock:
            self._written = {key: at for key, at in self._written.items() if at > before}
            due = {key: n for key, n in self._counts.items() if key not in self._written}
            for key in due:
                del self._counts[key]
        if not due:
            return
        try:
            with self.context.database.begin() as connection:
                for (principal, event, study_instance_uid), count in due.items():
                    audit.record(
                        connection,
                        EVENTS.get(event, AuditEvent.INSTANCES_ACCESSED),
                        principal,
                        at=self.context.clock(),
                        what=event,
                        study_instance_uid=study_instance_uid,
                        count=count,
                    )
        except SQLAlchemyError:
            # A full disk must not stop reading; what is not written yet is tried again.
            logger.exception("cannot write %d accesses to the audit log", len(due))
            with self._lock:
                self._counts.update(due)
        else:
            now = time.monotonic()
            self._written.update(dict.fromkeys(due, now))
