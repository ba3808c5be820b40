"""What came in and could not be shown to anybody: administrators decide about it."""

from dicom_node.errors import NotFound as NotHeld
from dicom_node.records import ConflictRecord, QuarantineRecord, StoreResult
from workstation import access, audit
from workstation.audit import AuditEvent
from workstation.context import Context
from workstation.roles import Principal, Role
from workstation.sites import get_site

__all__ = ["discard", "list_conflicts", "list_quarantined", "release"]


def list_quarantined(
    context: Context, principal: Principal, limit: int = 100, offset: int = 0
) -> tuple[list[QuarantineRecord], int]:
    """What is in quarantine, latest first, and how much there is in all."""
    _require_administrator(principal)
    return context.archive.quarantined(limit, offset), context.archive.count_quarantined()


def list_conflicts(
    context: Context, principal: Principal, limit: int = 100, offset: int = 0
) -> list[ConflictRecord]:
    """Instances that came again with other content; the first was kept."""
    _require_administrator(principal)
    return context.archive.conflicts(limit, offset)


def release(context: Context, principal: Principal, quarantine_id: int, site: str) -> StoreResult:
    """Give an instance to `site`, as if that hospital had sent it."""
    _require_administrator(principal)
    get_site(context, site)
    try:
        result = context.archive.release(quarantine_id, site)
    except NotHeld:
        raise access.not_found() from None
    _record(context, principal, quarantine_id, "released", site=site, outcome=str(result.outcome))
    return result


def discard(context: Context, principal: Principal, quarantine_id: int) -> None:
    """Delete an instance from quarantine for good."""
    _require_administrator(principal)
    try:
        context.archive.discard(quarantine_id)
    except NotHeld:
        raise access.not_found() from None
    _record(context, principal, quarantine_id, "discarded")


def _record(
    context: Context, principal: Principal, quarantine_id: int, what: str, **more: str
) -> None:
    result = more.pop("outcome", "")
    with context.database.begin() as connection:
        audit.record(
            connection,
            AuditEvent.QUARANTINE,
            principal,
            at=context.clock(),
            quarantine_id=quarantine_id,
            what=what,
            result=result,
            to_site=more.get("site", ""),
        )


def _require_administrator(principal: Principal) -> None:
    if not (principal.is_system or principal.has(Role.ADMINISTRATOR)):
        raise access.not_found()
