"""Results over HTTP: what a viewer gets, and what it may send."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI

from plugins.nouns import State, Text
from plugins.results import Control, ControlKind, Grade, Handle, HandleKind
from tests.factories import EVERYTHING
from tests.workstation.api.conftest import Caller
from tests.workstation.cases import brought_to, written
from tests.workstation.conftest import PASSWORD
from tests.workstation.results import bright_registry, computed, made_of, shared_result
from workstation.accounts import Principal
from workstation.api import api_app
from workstation.consult.rows import CaseRecord
from workstation.context import Context

Call = Callable[[str], Caller]


@pytest.fixture
def context(context: Context) -> Context:
    """Behind a prefix (the layers' addresses have it), with one analysis."""
    settings = replace(context.settings, base_path="/hoichan")
    return replace(context, settings=settings, plugins=bright_registry())


@pytest.fixture
def app(context: Context) -> FastAPI:
    return api_app(context)


@pytest.fixture
def case(context: Context, people: dict[str, Principal]) -> CaseRecord:
    return brought_to(context, people, State.READING)


@pytest.fixture
def rid(context: Context, case: CaseRecord) -> str:
    """A computed result with all that it can have."""
    made = shared_result(context, case.study_instance_uids[0])
    series = context.archive.study_series(case.study_instance_uids[0], scope=EVERYTHING)[0]
    handle = Handle(
        "top", HandleKind.POINT, Text("Đỉnh", "Top"), ((0.0, 1.0, 2.0),), series.series_instance_uid
    )
    control = Control("level", Text("Ngưỡng", "Level"), ControlKind.NUMBER, 30.0, unit="[hnsf'U]")
    computed(context, made, handles=(handle,), controls=(control,), detail={"runs": 1})
    return made


def test_a_client_gets_all_but_the_arrays(call: Call, case: CaseRecord, rid: str) -> None:
    answer = call("radiologist").get(f"/cases/{case.id}/results")
    assert answer.status_code == 200
    (item,) = answer.json()["items"]
    assert item["id"] == rid
    assert item["title"] == {"vi": "Tổn thương", "en": "Lesion"}
    assert (item["state"], item["revision"], item["content_revision"]) == ("computed", 1, 1)
    assert item["permissions"] == ["edit", "confirm"]
    assert item["message"] == {"vi": "", "en": ""}
    content = item["content"]
    assert content["grade"] == "green"
    (value,) = content["values"]
    assert (value["key"], value["value"]) == ("volume", 12.5)
    assert value["unit"] == {"value": "mL", "scheme_designator": "UCUM", "meaning": "milliliter"}
    (layer,) = content["layers"]
    assert "array" not in layer
    assert (layer["kind"], layer["dtype"], layer["shape"]) == ("mask", "|u1", [2, 8, 8])
    assert layer["url"] == f"/hoichan/api/v1/results/{rid}/layers/lesion?revision=1"
    assert content["handles"][0]["points_mm"] == [[0.0, 1.0, 2.0]]
    assert content["controls"][0]["label"] == {"vi": "Ngưỡng", "en": "Level"}
    one = call("requester.a").get(f"/results/{rid}").json()
    assert one == {**item, "permissions": []}


def test_a_list_that_did_not_change_is_not_sent_again(
    call: Call, case: CaseRecord, rid: str
) -> None:
    reader, path = call("radiologist"), f"/cases/{case.id}/results"
    tag = reader.get(path).headers["etag"]
    assert reader.get(path, headers={"If-None-Match": tag}).status_code == 304
    reader.post(f"{path}/{rid}/confirm", {"revision": 1})
    assert reader.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_layer_is_the_array_and_nothing_else(
    context: Context, call: Call, case: CaseRecord, rid: str
) -> None:
    reader = call("radiologist")
    item = reader.get(f"/results/{rid}").json()
    (layer,) = item["content"]["layers"]
    path = layer["url"].removeprefix("/hoichan/api/v1")
    answer = reader.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "immutable" in answer.headers["cache-control"]
    array = np.frombuffer(answer.content, layer["dtype"]).reshape(layer["shape"])
    expected = made_of(context, item["study_instance_uid"]).layers[0].array
    np.testing.assert_array_equal(array, expected)
    tag = answer.headers["etag"]
    assert reader.get(path, headers={"If-None-Match": tag}).status_code == 304
    # without its revision it may be another one tomorrow
    assert "immutable" not in reader.get(path.partition("?")[0]).headers["cache-control"]
    assert reader.get(path.replace("revision=1", "revision=2")).status_code == 404
    assert reader.get(f"/results/{rid}/layers/other").status_code == 404


def test_the_way_from_a_correction_to_the_signature(
    context: Context,
    people: dict[str, Principal],
    call: Call,
    case: CaseRecord,
    rid: str,
) -> None:
    reader = call("radiologist")
    path = f"/cases/{case.id}/results/{rid}"
    edits = {"parameters": {"level": 40}, "handles": {"top": [[1, 2, 3]]}}
    answer = reader.put(f"{path}/edits", {"edits": edits, "revision": 1})
    assert answer.status_code == 200
    own = answer.json()
    assert (own["case_id"], own["state"], own["revision"]) == (case.id, "due", 2)
    assert own["edits"] == edits
    path = f"/cases/{case.id}/results/{own['id']}"
    assert reader.post(f"{path}/confirm", {"revision": 2}).json()["error"]["code"] == "not_computed"
    stale = reader.put(f"{path}/edits", {"edits": edits, "revision": 1})
    assert stale.status_code == 409
    assert stale.json()["error"]["details"] == {"id": own["id"], "revision": 2}
    assert reader.post(f"{path}/cancel").json()["state"] == "cancelled"
    study = case.study_instance_uids[0]
    body = {"analysis": "bright", "study_instance_uid": study}
    assert reader.post(f"/cases/{case.id}/results", body).json()["state"] == "due"
    computed(context, own["id"], grade=Grade.RED)
    red = reader.post(f"{path}/confirm", {"revision": 2})
    assert (red.status_code, red.json()["error"]["code"]) == (422, "red_quality")
    confirmed = reader.post(f"{path}/confirm", {"revision": 2, "acknowledge_red": True}).json()
    assert confirmed["state"] == "confirmed"
    assert confirmed["confirmed_by"]["username"] == "radiologist"
    reopened = reader.post(f"{path}/reopen", {"revision": 2}).json()
    assert (reopened["state"], reopened["confirmed_by"]) == ("edited", None)
    reader.post(f"{path}/confirm", {"revision": 2, "acknowledge_red": True})

    draft = reader.get(f"/cases/{case.id}/draft").json()
    (offered,) = draft["results"]
    assert offered["id"] == own["id"]
    _, revision = written(context, people["radiologist"], case)
    opinion = {"kind": "final", "password": PASSWORD, "draft_revision": revision}
    silent = reader.post(f"/cases/{case.id}/opinions", opinion)
    assert (silent.status_code, silent.json()["error"]["code"]) == (409, "results_changed")
    opinion["results"] = {offered["id"]: offered["content_hash"]}
    signed = reader.post(f"/cases/{case.id}/opinions", opinion)
    assert signed.status_code == 201, signed.text
    (frozen,) = signed.json()["results"]
    assert (frozen["id"], frozen["grade"], frozen["edits"]) == (own["id"], "red", edits)
    assert list(frozen["layer_hashes"]) == ["lesion"]
    assert call("requester.a").get(f"/cases/{case.id}/opinions").status_code == 200


@pytest.mark.parametrize(
    "edits",
    [
        {"surprise": 1},
        {"series": "1.2; drop"},
        {"parameters": {"level": [1]}},
        {"parameters": {"level": 10**400}},
        {"handles": {"top": [[1, 2]]}},
        {"handles": {"top": [[1, 2, 1e9]]}},
        {"handles": [[1, 2, 3]]},
        {"strokes": [{"layer": "lesion"}]},
        {"rejected": "abc"},
        {"form": {"text": "x" * 70_000}},
        {"reads": ["x"]},
    ],
)
def test_what_is_no_correction_is_refused(
    call: Call, case: CaseRecord, rid: str, edits: dict[str, Any]
) -> None:
    answer = call("radiologist").put(
        f"/cases/{case.id}/results/{rid}/edits", {"edits": edits, "revision": 1}
    )
    assert answer.status_code == 422, answer.text
    assert call("radiologist").get(f"/results/{rid}").json()["revision"] == 1


def test_every_kind_of_correction_is_kept_as_it_was_sent(
    context: Context, call: Call, case: CaseRecord, rid: str
) -> None:
    series = context.archive.study_series(case.study_instance_uids[0], scope=EVERYTHING)[0]
    stroke = {
        "layer": "lesion",
        "slice": 1,
        "erase": True,
        "radius_mm": 2.5,
        "points_mm": [[0.5, 1.0, -2.0], [1.5, 1.0, -2.0]],
    }
    edits = {
        "series": series.series_instance_uid,
        "parameters": {"level": 42.5, "method": "oSVD", "denoise": False},
        "handles": {"top": [[1.0, 2.0, 3.0]]},
        "strokes": [stroke],
        "rejected": ["lesion 2"],
        "reads": {"independent": {"by": "radiologist", "regions": {"M1": "normal"}}},
        "form": {"note": "mờ"},
    }
    path = f"/cases/{case.id}/results/{rid}/edits"
    kept = call("radiologist").put(path, {"edits": edits, "revision": 1}).json()
    (read,) = kept["edits"]["reads"].values()
    assert read.pop("seen") == {"bright": {"revision": 1, "withheld": []}}
    assert kept["edits"] == edits
    path = f"/cases/{case.id}/results/{kept['id']}/edits"
    emptied = {"parameters": {}, "strokes": [], "reads": edits["reads"]}
    kept = call("radiologist").put(path, {"edits": emptied, "revision": 2}).json()
    assert (set(kept["edits"]), kept["revision"]) == ({"reads"}, 3)
