"""Marks of slides over the API: files in and out, points as bytes."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.workstation.api.conftest import Caller
from tests.workstation.slides import drawn, read_slide, slide_case
from workstation.accounts import Principal
from workstation.api.limits import LARGEST_FILE_BYTES
from workstation.consult.rows import CaseRecord
from workstation.context import Context

POINT = {
    "type": "Feature",
    "geometry": {"type": "Point", "coordinates": [5, 5]},
    "properties": {"name": "a"},
}


@pytest.fixture
def case(context: Context, people: dict[str, Principal], test_data: Path) -> CaseRecord:
    return slide_case(context, people, test_data)


def test_files_go_in_and_out(call: Callable[[str], Caller], case: CaseRecord) -> None:
    pathologist = call("pathologist")
    path = f"/v1/cases/{case.id}/annotations"
    body = json.dumps(POINT).encode()
    for sent in ({"content": body}, {"files": {"file": ("a.geojson", body)}}):
        answer = pathologist.request("POST", f"{path}/import", **sent)
        assert answer.status_code == 201, answer.text
        found = answer.json()
        assert found["marks"] + found["already"] == 1
    # NaN is no JSON; the reader of the file says so, not the door
    refused = pathologist.request("POST", f"{path}/import", content=b'[{"a": NaN}]')
    assert refused.json()["error"]["code"] == "unreadable_drawings"
    out = pathologist.request("GET", f"{path}/export?format=geojson")
    assert out.headers["content-type"] == "application/geo+json"
    assert len(out.json()["features"]) == 1
    ann = pathologist.request("GET", f"{path}/export?format=ann")
    assert ann.headers["content-type"] == "application/dicom"
    assert ann.content[128:132] == b"DICM"
    assert "attachment" in ann.headers["content-disposition"]
    assert call("requester.b").request("GET", f"{path}/export").status_code == 404


def test_a_batch_is_saved(
    context: Context, call: Callable[[str], Caller], case: CaseRecord
) -> None:
    slide = read_slide(context, case)
    items = [drawn(slide, "point", [(x, x)]) for x in range(3)]
    path = f"/cases/{case.id}/annotations"
    answer = call("pathologist").post(f"{path}/batch", {"items": items})
    assert answer.status_code == 201, answer.text
    assert answer.json()["revision"] == 3
    bad = call("pathologist").post(
        f"{path}/batch", {"items": [items[0], {**items[1], "kind": "x"}]}
    )
    assert bad.status_code == 422
    assert bad.json()["error"]["details"]["item"] == 1
    assert call("pathologist").get(path).json()["total"] == 3


def test_points_travel_as_bytes(call: Callable[[str], Caller], case: CaseRecord) -> None:
    pathologist = call("pathologist")
    points = (np.random.default_rng(1).random((1_000_000, 2)) * 2000).astype("<f4")
    path = f"/v1/cases/{case.id}/point-sets"
    made = pathologist.request(
        "POST", f"{path}?class_name=Ki-67&colour=%23a8541c", content=points.tobytes()
    )
    assert made.status_code == 201, made.text
    assert made.json()["count"] == 1_000_000
    got = call("requester.a").request("GET", f"{path}/{made.json()['id']}/points")
    assert got.content == points.tobytes()
    assert len(got.content) == 8_000_000
    tag = got.headers["etag"]
    again = pathologist.request(
        "GET", f"{path}/{made.json()['id']}/points", headers={"if-none-match": tag}
    )
    assert again.status_code == 304
    assert pathologist.get(f"/cases/{case.id}/point-sets").json()["total"] == 1
    assert pathologist.request("GET", f"{path}/{made.json()['id']}/starts").content == b""
    odd = pathologist.request("POST", path, content=b"1234567")
    assert odd.json()["error"]["code"] == "invalid_points"
    gone = pathologist.delete(f"/cases/{case.id}/point-sets/{made.json()['id']}")
    assert gone.status_code == 200


def test_a_file_too_large_is_refused(call: Callable[[str], Caller], case: CaseRecord) -> None:
    path = f"/v1/cases/{case.id}/annotations/import"
    answer = call("pathologist").request("POST", path, content=b" " * (LARGEST_FILE_BYTES + 1))
    assert answer.status_code == 413
