"""The tenancy rule as a truth table, against a naive twin; in Python and in SQL alike."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from sqlalchemy import event

from dicom_node.records import ReadScope
from plugins.nouns import State
from tests.workstation.cases import brought_to
from workstation import access
from workstation.access import Action
from workstation.accounts import SYSTEM, Principal, Role
from workstation.consult import case as cases
from workstation.consult.transitions import Event, Party
from workstation.context import Context
from workstation.errors import Conflict, NotAllowed, NotFound

People = dict[str, Principal]


@dataclass(frozen=True)
class Facts:
    state: State
    area: str
    granted: bool
    requester_username: str = "asking.doctor"
    requesting_site: str = "LOWER"
    consulted_site: str = "UPPER"


STATES = tuple(State)
SITES = ("LOWER", "UPPER", "OTHER")


def sees_everything(role: Role, site: str, case: Facts, is_requester: bool) -> bool:
    """Workflow §5.2 (a) and (b), word by word."""
    if role in (Role.REQUESTER, Role.TECHNICIAN):
        return site == "LOWER"
    reads = {Role.RADIOLOGIST: "radiology", Role.PATHOLOGIST: "pathology"}.get(role)
    return (
        reads == case.area
        and site == "UPPER"
        and case.granted
        and case.state != State.DRAFT
        and not is_requester
    )


def sees_header(role: Role, site: str, case: Facts, is_requester: bool) -> bool:
    """Workflow §5.2 (c): the coordinator of the consulted site, once it was sent there."""
    if sees_everything(role, site, case, is_requester):
        return True
    return (
        role is Role.COORDINATOR and site == "UPPER" and case.granted and case.state != State.DRAFT
    )


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("site", SITES)
def test_who_sees_what(role: Role, site: str) -> None:
    for state, area, granted, is_requester in product(
        STATES, ("radiology", "pathology"), (True, False), (True, False)
    ):
        username = "asking.doctor" if is_requester else "someone.else"
        principal = Principal(username, "x", site, frozenset({role}))
        case = Facts(state, area, granted)
        line = (role, site, state, area, granted, is_requester)
        everything = sees_everything(role, site, case, is_requester)
        header = sees_header(role, site, case, is_requester)
        assert access.may(principal, Action.SEE, case) == everything, line
        assert access.may(principal, Action.SEE_HEADER, case) == header, line
        if not header:
            assert access.permissions(principal, case) == [], line
            for action in (*Action, *Event):
                with pytest.raises(NotFound):
                    access.require(principal, action, case)


def test_rights_of_several_roles_add_up_and_no_more() -> None:
    for first, second, site, state in product(Role, Role, SITES, STATES):
        case = Facts(state, "radiology", True)
        both = Principal("x", "x", site, frozenset({first, second}))
        alone = [Principal("x", "x", site, frozenset({role})) for role in (first, second)]
        expected = set(access.permissions(alone[0], case)) | set(access.permissions(alone[1], case))
        assert set(access.permissions(both, case)) == expected


def test_an_impostor_called_system_has_no_rights() -> None:
    impostor = Principal("system", "Hệ thống", "", frozenset())
    assert impostor == SYSTEM
    assert access.parties(impostor, Facts(State.QUEUED, "radiology", True)) == frozenset()
    assert access.parties(SYSTEM, Facts(State.QUEUED, "radiology", True)) == {Party.SYSTEM}


def test_refusals_say_no_more_than_one_may_know() -> None:
    case = Facts(State.FINAL, "radiology", True)
    requester = Principal("r", "x", "LOWER", frozenset({Role.REQUESTER}))
    with pytest.raises(NotAllowed):
        access.require(requester, Action.WRITE, case)
    with pytest.raises(Conflict):
        access.require(requester, Event.CANCEL, case)
    access.require(requester, Event.ACKNOWLEDGE, case)


@pytest.mark.parametrize(
    "state",
    [
        State.DRAFT,
        State.SUBMITTED,
        State.INCOMPLETE,
        State.QUEUED,
        State.ASSIGNED,
        State.READING,
        State.CANCELLED,
        State.DECLINED,
        State.REDIRECTED,
    ],
)
def test_sql_and_python_agree(context: Context, people: People, state: State) -> None:
    case = cases.get(context, SYSTEM, brought_to(context, people, state).id)
    assert case.state is state
    uid = case.study_instance_uids[0] if case.studies else None
    for username, principal in people.items():
        listed = {row.record.id for row in cases.list_cases(context, principal).rows}
        visible = bool(access.parties(principal, case))
        assert (case.id in listed) == visible, username
        if visible:
            cases.get(context, principal, case.id)
        else:
            with pytest.raises(NotFound):
                cases.get(context, principal, case.id)
        if uid is not None:
            whole = access.read_scope(context, principal)
            narrow = access.read_scope(context, principal, uid)
            sees = access.may(principal, Action.SEE, case)
            assert whole.covers(uid, "DEMO_A") == sees, username
            assert narrow.covers(uid, "DEMO_A") == sees, username
            assert narrow.studies <= {uid}
            assert access.read_scope(context, principal, "1.2.3").studies == frozenset()


def test_the_system_reads_everything_and_administrators_nothing(
    context: Context, people: People
) -> None:
    brought_to(context, people, State.READING)
    assert access.read_scope(context, SYSTEM) == ReadScope(everything=True)
    assert access.read_scope(context, people["admin"]) == ReadScope()
    assert access.read_scope(context, people["coordinator"]) == ReadScope()
    assert access.read_scope(context, people["technician.a"]).sites == {"DEMO_A"}


def test_the_rule_for_one_study_looks_at_the_cases_of_that_study_alone(
    context: Context, people: People
) -> None:
    """Asked for every image, it must not grow with the archive."""
    seen: list[tuple[str, tuple[object, ...]]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        seen.append((statement, parameters))

    case = brought_to(context, people, State.READING)
    event.listen(context.database.engine, "before_cursor_execute", note)
    access.read_scope(context, people["radiologist"], case.study_instance_uids[0])
    event.remove(context.database.engine, "before_cursor_execute", note)
    if context.database.engine.dialect.name != "sqlite":
        return
    with context.database.read() as connection:
        for statement, parameters in seen:
            if not statement.startswith("SELECT"):
                continue
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = " / ".join(row.detail for row in plan)
            assert "SCAN" not in steps, steps
            assert "ix_cases_consulted_site_state" not in steps, steps
