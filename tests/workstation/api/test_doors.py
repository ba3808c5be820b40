"""The tenancy rule through every door of the API.

The routes are taken from the application itself: a new one is tried here too, or this fails until
someone says what a caller would send to it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from plugins.nouns import State
from tests.factories import ct_image, file_bytes, from_site
from tests.workstation.api.conftest import Caller
from tests.workstation.cases import REQUEST, arrive, asked, brought_to, signed
from tests.workstation.conftest import PASSWORD
from tests.workstation.consult.test_annotations import mark
from tests.workstation.results import computed, shared_result
from workstation import sites
from workstation.accounts import SYSTEM, Principal
from workstation.consult import annotations, deliveries
from workstation.consult.rows import CaseRecord
from workstation.context import Context

People = dict[str, Principal]
Call = Callable[[str], Caller]

# What a caller sends to each route that takes something: enough to get past the form of it.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/v1/session/password"): {"current": "x", "new": "y"},
    ("POST", "/v1/sites"): {"code": "NEW", "name": "x", "tier": "lower"},
    ("PATCH", "/v1/sites/{code}"): {"name": "x"},
    ("POST", "/v1/sites/{code}/ae-titles"): {"ae_title": "NEW"},
    ("PATCH", "/v1/sites/{code}/ae-titles/{ae_title}"): {"sends": False},
    ("POST", "/v1/users"): {
        "username": "new",
        "name": "x",
        "site": "DEMO_A",
        "roles": ["requester"],
        "password": PASSWORD,
    },
    ("PATCH", "/v1/users/{username}"): {"name": "x"},
    ("POST", "/v1/users/{username}/tokens"): {},
    ("POST", "/v1/cases"): REQUEST,
    ("PATCH", "/v1/cases/{id}"): {"clinical": {"note": "x"}},
    ("POST", "/v1/cases/{id}/incomplete"): {"missing": ["x"]},
    ("POST", "/v1/cases/{id}/assign"): {},
    ("POST", "/v1/cases/{id}/start"): {},
    ("POST", "/v1/cases/{id}/decline"): {"reason": "x"},
    ("POST", "/v1/cases/{id}/redirect"): {"consulted_site": "OTHER_HUB", "reason": "x"},
    ("POST", "/v1/cases/{id}/cancel"): {"reason": "x"},
    ("POST", "/v1/cases/{id}/decide"): {"decision": "adopted"},
    ("POST", "/v1/cases/{id}/close"): {"diagnosis": "x"},
    ("POST", "/v1/cases/{id}/annotations"): {
        "kind": "point",
        "study_instance_uid": "1.2",
        "points_mm": [[0, 0, 0]],
    },
    ("POST", "/v1/cases/{id}/annotations/batch"): {"items": []},
    ("PATCH", "/v1/cases/{id}/annotations/{aid}"): {"text": "x"},
    ("PUT", "/v1/cases/{id}/draft"): {"content": {}, "revision": 0},
    ("POST", "/v1/cases/{id}/opinions"): {
        "kind": "final",
        "password": PASSWORD,
        "draft_revision": 1,
    },
    ("POST", "/v1/cases/{id}/results"): {"analysis": "x", "study_instance_uid": "1.2"},
    ("PUT", "/v1/cases/{id}/results/{rid}/edits"): {"edits": {}, "revision": 1},
    ("POST", "/v1/cases/{id}/results/{rid}/confirm"): {"revision": 1},
    ("POST", "/v1/cases/{id}/results/{rid}/reopen"): {},
    ("PUT", "/v1/cases/{id}/coverage"): {
        "series_instance_uid": "1.2.3",
        "cell_um": 250.0,
        "columns": 8,
        "rows": 1,
        "seen": "AA==",
    },
    ("POST", "/v1/quarantine/{id}/release"): {"site": "DEMO_A"},
}

# Doors without anyone's patient behind them; each is looked at by a test of its own.
OPEN_TO_ALL = {
    ("GET", "/v1/session"),
    ("GET", "/v1/sites"),
    ("GET", "/v1/plugins"),
    ("POST", "/v1/session/password"),
}
# Lists: they answer, with nothing of others in them.
LISTS = {("GET", "/v1/cases"), ("GET", "/v1/studies"), ("GET", "/v1/statistics")}

ADMINISTRATORS = {
    ("POST", "/v1/sites"),
    ("PATCH", "/v1/sites/{code}"),
    ("POST", "/v1/sites/{code}/ae-titles"),
    ("PATCH", "/v1/sites/{code}/ae-titles/{ae_title}"),
    ("DELETE", "/v1/sites/{code}/ae-titles/{ae_title}"),
    ("POST", "/v1/users"),
    ("PATCH", "/v1/users/{username}"),
    ("POST", "/v1/users/{username}/tokens"),
    ("DELETE", "/v1/users/{username}/tokens"),
    ("GET", "/v1/quarantine"),
    ("GET", "/v1/quarantine/conflicts"),
    ("POST", "/v1/quarantine/{id}/release"),
    ("POST", "/v1/quarantine/{id}/discard"),
    ("GET", "/v1/audit"),
    ("GET", "/v1/audit/verification"),
}
TECHNICAL = {
    ("GET", "/v1/sites/{code}/ae-titles"),
    ("POST", "/v1/sites/{code}/ae-titles/{ae_title}/echo"),
}
PEOPLES = {("GET", "/v1/users")}
CREATION = {("POST", "/v1/cases")}

STRANGERS = (
    "requester.b",
    "technician.b",
    "pathologist",  # another area
    "admin",
    "radiologist.other",
    "coordinator.other",
)


def doors(app: FastAPI) -> list[tuple[str, str]]:
    paths = app.openapi()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def routes_of(router: Any) -> Iterator[APIRoute]:
    """Every route, also those that the OpenAPI page would not show."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from routes_of(route.original_router)
        else:
            assert getattr(route, "path", "") == "/openapi.json", route


def send(caller: Caller, method: str, path: str, names: dict[str, str]) -> Any:
    return caller.request(method, path.format(**names), json=BODIES.get((method, path)))


@pytest.fixture
def case(context: Context, people: People) -> CaseRecord:
    sites.add_ae_title(
        context, SYSTEM, "DEMO_A", ae_title="PACS_A", host="127.0.0.1", port=9, receives=True
    )
    return brought_to(context, people, State.READING)


@pytest.fixture
def names(context: Context, people: People, case: CaseRecord) -> dict[str, str]:
    """Ids of hospital A's, for the placeholders of the paths."""
    drawn = annotations.add(context, people["radiologist"], case.id, mark(context, case))
    signed(context, people, case)
    delivery = deliveries.list_deliveries(context, people["requester.a"], case.id)[0]
    result = computed(context, shared_result(context, case.study_instance_uids[0]))
    context.archive.store_bytes(file_bytes(ct_image()), from_site(None, "STRANGER"))
    quarantined = context.archive.quarantined()[0]
    return {
        "id": case.id,
        "aid": drawn.id,
        "did": delivery.id,
        "rid": result.id,
        "key": "lesion",
        "pid": "00000000-0000-4000-8000-000000000004",
        "uid": case.study_instance_uids[0],
        "code": "DEMO_A",
        "ae_title": "PACS_A",
        "username": "requester.a",
        "_quarantine": str(quarantined.id),
    }


def test_the_application_has_doors(app: FastAPI) -> None:
    found = set(doors(app))
    assert len(found) > 40
    every = list(routes_of(app))
    assert all(route.include_in_schema for route in every)
    assert sum(len(route.methods) for route in every) == len(found)
    assert set(BODIES) <= found
    assert found >= OPEN_TO_ALL | LISTS | ADMINISTRATORS | TECHNICAL | PEOPLES | CREATION


def test_nobody_without_signing_in(app: FastAPI, call: Call, names: dict[str, str]) -> None:
    for method, path in doors(app):
        answer = send(call(""), method, path, names)
        assert answer.status_code == 401, (method, path)
        assert answer.json()["error"]["code"] == "not_signed_in"


@pytest.mark.parametrize("stranger", STRANGERS)
def test_what_is_another_hospitals_does_not_exist(
    app: FastAPI, call: Call, names: dict[str, str], stranger: str
) -> None:
    caller = call(stranger)
    free = OPEN_TO_ALL | LISTS | PEOPLES | CREATION
    if stranger == "admin":
        free |= ADMINISTRATORS | TECHNICAL
    for method, path in doors(app):
        if (method, path) in free:
            continue
        given = names
        if "/quarantine/" in path:
            given = {**names, "id": names["_quarantine"]}
        answer = send(caller, method, path, given)
        assert answer.status_code == 404, (stranger, method, path, answer.text)
        for known in (names["id"], names["uid"], "NGUYEN"):
            assert known not in answer.text, (stranger, method, path)


def test_an_unknown_id_and_anothers_are_answered_alike(
    app: FastAPI, call: Call, names: dict[str, str]
) -> None:
    unknown = {
        "id": "00000000-0000-4000-8000-000000000000",
        "aid": "00000000-0000-4000-8000-000000000001",
        "did": "00000000-0000-4000-8000-000000000002",
        "rid": "00000000-0000-4000-8000-000000000003",
        "uid": "1.2.3",
    }
    caller = call("requester.b")
    for method, path in doors(app):
        if path.startswith(("/v1/cases/{id}", "/v1/studies/{uid}", "/v1/results/{rid}")):
            theirs = send(caller, method, path, names)
            nobodys = send(caller, method, path, {**names, **unknown})
            assert (theirs.status_code, theirs.text) == (nobodys.status_code, nobodys.text)


@pytest.mark.parametrize("stranger", STRANGERS)
def test_lists_hold_nothing_of_others(call: Call, names: dict[str, str], stranger: str) -> None:
    caller = call(stranger)
    for path in ("/cases", "/cases?search=nguyen", "/studies", "/studies?search=nguyen"):
        answer = caller.get(path)
        assert answer.status_code == 200
        assert answer.json()["items"] == []
        assert answer.json()["total"] == 0
    assert caller.get(f"/cases?study={names['uid']}").json()["total"] == 0


def test_those_who_may_get_in(call: Call, names: dict[str, str]) -> None:
    for username in ("requester.a", "second.a", "technician.a", "radiologist", "radiologist.2"):
        inside = ("", "/events", "/annotations", "/results", "/opinions", "/deliveries", "/readers")
        for path in inside:
            answer = call(username).get(f"/cases/{names['id']}{path}")
            assert answer.status_code == 200, (username, path)
        assert call(username).get(f"/studies/{names['uid']}").status_code == 200
        for path in ("", "/layers/lesion"):
            answer = call(username).get(f"/results/{names['rid']}{path}")
            assert answer.status_code == 200, (username, path)
        sets = call(username).get(f"/studies/{names['uid']}/display-sets")
        assert sets.json()["total"] >= 1


def test_a_coordinator_gets_the_header_and_nothing_else(
    context: Context, people: People, call: Call, names: dict[str, str]
) -> None:
    coordinator = call("coordinator")
    path = f"/cases/{names['id']}"
    for inside in ("", "/events", "/deliveries", "/readers"):
        answer = coordinator.get(path + inside)
        assert answer.status_code == 200
        for secret in ("NGUYEN", "19600101", names["uid"], "Tăng huyết áp"):
            assert secret not in answer.text, inside
    for inside in ("/annotations", "/results", "/opinions", "/draft"):
        assert coordinator.get(path + inside).status_code == 403
    assert coordinator.get(f"/studies/{names['uid']}").status_code == 404
    assert coordinator.get(f"/results/{names['rid']}").status_code == 404
    assert coordinator.get(f"/results/{names['rid']}/layers/lesion").status_code == 404
    assert coordinator.get(f"/studies/{names['uid']}/display-sets").status_code == 404
    rows = coordinator.get("/cases").json()["items"]
    assert [row["id"] for row in rows] == [names["id"]]
    assert "NGUYEN" not in str(rows)
    other = asked(context, people, arrive(context))
    assert (
        coordinator.post(f"/cases/{other.id}/assign", {"username": "radiologist"}).json()[
            "assignee"
        ]["username"]
        == "radiologist"
    )


@pytest.mark.parametrize("username", ["requester.a", "technician.a", "radiologist", "coordinator"])
def test_administration_does_not_exist_for_others(
    call: Call, names: dict[str, str], username: str
) -> None:
    for method, path in sorted(ADMINISTRATORS):
        if path.startswith("/v1/users/{username}/tokens") and username == "requester.a":
            continue  # their own
        given = {**names, "id": names["_quarantine"]} if "/quarantine/" in path else names
        answer = send(call(username), method, path, given)
        assert answer.status_code == 404, (method, path)
    expected = 200 if username == "technician.a" else 404
    for method, path in sorted(TECHNICAL):
        assert send(call(username), method, path, names).status_code == expected, path
