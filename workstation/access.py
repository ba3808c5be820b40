"""THE rule: who may see and do what. Every door asks here, and only here.

What lies outside a principal's scope does not exist for it (404, not 403: that a patient exists is
already about the patient). Sites keep their patients to themselves; another site's experts see
them through a case with an active share grant (law 15/2023/QH15 Art 69), each in their own area;
its coordinators see what the queue needs and no identity; administrators see no patients.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy import ColumnElement, and_, false, or_, select, true

from dicom_node.records import ReadScope
from plugins.nouns import State
from workstation.consult.transitions import BEFORE_FINAL, SIGNED, TRANSITIONS, Event, Party
from workstation.context import Context
from workstation.database import case_studies, cases, share_grants
from workstation.errors import Conflict, NotAllowed, NotFound
from workstation.roles import Principal, Role

__all__ = [
    "Action",
    "CaseFacts",
    "granted",
    "identified",
    "may",
    "not_found",
    "parties",
    "permissions",
    "read_scope",
    "require",
    "visible",
]


class Action(StrEnum):
    """What someone does to a case besides the events of its life."""

    SEE = "see"  # everything, images and identity
    SEE_HEADER = "see header"  # what the queue needs
    EDIT = "edit"
    CHANGE_PRIORITY = "change priority"
    ANNOTATE = "annotate"
    WRITE = "write"  # a draft opinion
    RETRY_DELIVERY = "retry delivery"


class CaseFacts(Protocol):
    """What the rule looks at. ``granted``: the consulted site holds an active share grant."""

    @property
    def state(self) -> State: ...
    @property
    def area(self) -> str: ...
    @property
    def requesting_site(self) -> str: ...
    @property
    def consulted_site(self) -> str: ...
    @property
    def requester_username(self) -> str: ...
    @property
    def granted(self) -> bool: ...


_OWN = frozenset({Party.REQUESTER, Party.TECHNICIAN})
_ALL_STATES = frozenset(State)
_LIVING = _ALL_STATES - {State.CANCELLED, State.CLOSED}

_RULES: dict[Action, tuple[frozenset[Party], frozenset[State]]] = {
    Action.SEE: (_OWN | {Party.EXPERT, Party.SYSTEM}, _ALL_STATES),
    Action.SEE_HEADER: (frozenset(Party), _ALL_STATES),
    Action.EDIT: (frozenset({Party.REQUESTER}), BEFORE_FINAL),
    Action.CHANGE_PRIORITY: (
        frozenset({Party.REQUESTER, Party.COORDINATOR}),
        BEFORE_FINAL,
    ),
    Action.ANNOTATE: (frozenset({Party.REQUESTER, Party.EXPERT}), _LIVING),
    Action.WRITE: (
        frozenset({Party.EXPERT}),
        SIGNED | {State.QUEUED, State.ASSIGNED, State.READING, State.PRELIMINARY},
    ),
    Action.RETRY_DELIVERY: (
        _OWN | {Party.EXPERT, Party.COORDINATOR, Party.SYSTEM},
        SIGNED,
    ),
}


def parties(principal: Principal, case: CaseFacts) -> frozenset[Party]:
    """What `principal` is to `case`; nothing when the case does not exist for it."""
    if principal.is_system:
        return frozenset({Party.SYSTEM})
    found = set()
    if principal.site == case.requesting_site:
        if principal.has(Role.REQUESTER):
            found.add(Party.REQUESTER)
        if principal.has(Role.TECHNICIAN):
            found.add(Party.TECHNICIAN)
    if principal.site == case.consulted_site and case.granted and case.state != State.DRAFT:
        # nobody gives an expert opinion on his own request
        if case.area in principal.areas and principal.username != case.requester_username:
            found.add(Party.EXPERT)
        if principal.has(Role.COORDINATOR):
            found.add(Party.COORDINATOR)
    return frozenset(found)


def may(principal: Principal, action: Action | Event, case: CaseFacts) -> bool:
    """Whether `principal` may do `action` to `case` as it stands now."""
    if isinstance(action, Event):
        transition = TRANSITIONS.get((case.state, action))
        allowed = transition.parties if transition else frozenset()
    else:
        allowed, states = _RULES[action]
        allowed = allowed if case.state in states else frozenset()
    return not allowed.isdisjoint(parties(principal, case))


def require(principal: Principal, action: Action | Event, case: CaseFacts) -> None:
    """Pass when `may`; else say no more than the principal may know.

    Raises
    ------
    NotFound
        The case does not exist for the principal.
    NotAllowed
        It does, and this is for others to do.
    Conflict
        It would be allowed in another state of the case.
    """
    if may(principal, action, case):
        return
    mine = parties(principal, case)
    if not mine:
        raise not_found()
    if isinstance(action, Event):
        lines = [line for (_, event), line in TRANSITIONS.items() if event == action]
        ever = frozenset[Party]().union(*(line.parties for line in lines))
    else:
        ever = _RULES[action][0]
    if mine.isdisjoint(ever):
        raise NotAllowed(
            "not_allowed",
            "Bạn không có quyền làm việc này với ca hội chẩn.",
            "You may not do this to the case.",
            action=str(action),
        )
    raise Conflict(
        "wrong_state",
        "Trạng thái hiện tại của ca không cho phép việc này.",
        "The case is not in a state that allows this.",
        action=str(action),
        state=str(case.state),
    )


def permissions(principal: Principal, case: CaseFacts) -> list[str]:
    """Everything `principal` may do to `case` now, for buttons to appear or not."""
    everything: list[Action | Event] = [*Action, *Event]
    return [str(action) for action in everything if may(principal, action, case)]


def not_found() -> NotFound:
    """The one answer for what is not there and for what is another's."""
    return NotFound("not_found", "Không tìm thấy.", "Not found.")


def granted(at: datetime) -> ColumnElement[bool]:
    """SQL: the consulted site of the row of `cases` holds an active share grant."""
    return (
        select(share_grants.c.id)
        .where(
            share_grants.c.case_id == cases.c.id,
            share_grants.c.granted_to == cases.c.consulted_site,
            share_grants.c.revoked_at.is_(None),
            or_(share_grants.c.expires_at.is_(None), share_grants.c.expires_at > at),
        )
        .exists()
    )


def visible(principal: Principal, at: datetime) -> ColumnElement[bool]:
    """SQL: the row of `cases` exists for `principal` (`Action.SEE_HEADER`)."""
    if principal.is_system:
        return true()
    if principal.has(Role.COORDINATOR):
        return or_(identified(principal, at), _consulted(principal, at))
    return identified(principal, at)


def identified(principal: Principal, at: datetime) -> ColumnElement[bool]:
    """SQL: `principal` may see whose case the row of `cases` is (`Action.SEE`)."""
    return true() if principal.is_system else or_(_own(principal), _expert(principal, at))


def read_scope(
    context: Context, principal: Principal, study_instance_uid: str | None = None
) -> ReadScope:
    """The studies whose images `principal` may see.

    Parameters
    ----------
    study_instance_uid : str, optional
        When only this study matters: the answer is then found without listing all others, and
        names no other study.
    """
    if principal.is_system:
        return ReadScope(everything=True)
    sites = frozenset({principal.site} if principal.has(Role.REQUESTER, Role.TECHNICIAN) else ())
    if not principal.areas:
        return ReadScope(sites=sites)
    now = context.clock()
    study = case_studies.c.study_instance_uid
    with context.database.read() as connection:
        if study_instance_uid is None:
            wanted = select(study).join(cases, cases.c.id == case_studies.c.case_id)
            found = connection.scalars(wanted.where(_expert(principal, now)))
            return ReadScope(sites=sites, studies=frozenset(found))
        # in two steps: SQLite would rather go through all cases of the site
        having = select(case_studies.c.case_id).where(study == study_instance_uid)
        case_ids = list(connection.scalars(having))
        readable = select(cases.c.id).where(cases.c.id.in_(case_ids), _expert(principal, now))
        sees = bool(case_ids) and connection.execute(readable.limit(1)).first() is not None
    return ReadScope(sites=sites, studies=frozenset({study_instance_uid} if sees else ()))


def _own(principal: Principal) -> ColumnElement[bool]:
    if not principal.has(Role.REQUESTER, Role.TECHNICIAN):
        return false()
    return cases.c.requesting_site == principal.site


def _consulted(principal: Principal, at: datetime) -> ColumnElement[bool]:
    return and_(cases.c.consulted_site == principal.site, cases.c.state != State.DRAFT, granted(at))


def _expert(principal: Principal, at: datetime) -> ColumnElement[bool]:
    not_own_request = or_(cases.c.requester.is_(None), cases.c.requester != principal.username)
    return and_(
        cases.c.area.in_(sorted(principal.areas)), not_own_request, _consulted(principal, at)
    )
