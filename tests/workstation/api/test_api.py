"""One consult all the way through HTTP, and the forms errors and lists take."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI

from plugins.nouns import State
from tests.factories import ct_image, file_bytes, from_site
from tests.workstation.api.conftest import Caller
from tests.workstation.cases import REQUEST, arrive, brought_to
from tests.workstation.conftest import PASSWORD, Clock
from tests.workstation.consult.test_annotations import mark
from workstation import sites
from workstation.accounts import SYSTEM, Principal
from workstation.consult import case as cases
from workstation.context import Context

People = dict[str, Principal]
Call = Callable[[str], Caller]


def test_one_consult_all_the_way(context: Context, call: Call) -> None:
    sites.add_ae_title(
        context, SYSTEM, "DEMO_A", ae_title="PACS_A", host="127.0.0.1", port=9, receives=True
    )
    requester, radiologist = call("requester.a"), call("radiologist")
    study = arrive(context)
    listed = requester.get("/studies?search=nguyen+van").json()
    assert [one["study_instance_uid"] for one in listed["items"]] == [study.study_instance_uid]

    answer = requester.post(
        "/cases", {**REQUEST, "study_instance_uids": [study.study_instance_uid], "submit": True}
    )
    assert answer.status_code == 201
    case = answer.json()
    assert case["state"] == "queued"
    assert case["number"] == "HC-2026-000001"
    path = f"/cases/{case['id']}"

    rows = radiologist.get("/cases").json()
    row = rows["items"][0]
    assert rows["total"] == 1
    assert row["time_left_seconds"] == 15 * 60
    assert row["columns"]["images"] == "CT · 2"
    assert "start" not in row["permissions"]  # not assigned yet; writing begins it
    assert "write" in row["permissions"]
    assert radiologist.post(f"{path}/start").json()["state"] == "reading"

    content = mark(context, cases.get(context, SYSTEM, case["id"]))
    client_id = str(uuid.uuid4())
    for _ in range(2):
        drawn = radiologist.post(f"{path}/annotations", {**content, "id": client_id})
        assert drawn.status_code == 201
    assert drawn.json()["author"]["username"] == "radiologist"
    assert drawn.json()["measurements"] == [{"name": "length", "value": 5.0, "unit": "mm"}]
    news = requester.get(f"{path}/annotations?since=0").json()
    assert (len(news["items"]), news["revision"]) == (1, 1)

    draft = radiologist.get(f"{path}/draft").json()
    assert draft["revision"] == 0
    assert [one["text"] for one in draft["questions"]] == REQUEST["questions"]
    sections = [one["key"] for one in draft["template"]["sections"]]
    body = {
        "template_id": draft["template"]["id"],
        "language": "vi",
        "sections": dict.fromkeys(sections, "Không thấy chảy máu."),
        "answers": {one["id"]: "Không." for one in draft["questions"]},
        "key_images": [
            {
                "study_instance_uid": content["study_instance_uid"],
                "sop_instance_uid": content["sop_instance_uid"],
                "caption": "lát qua hạch nền",
            }
        ],
        "annotation_ids": [client_id],
        "concordance": "minor",
        "transfer": "recommended",
    }
    saved = radiologist.put(f"{path}/draft", {"content": body, "revision": 0})
    assert saved.json() == {"revision": 1}
    stale = radiologist.put(f"{path}/draft", {"content": body, "revision": 0})
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "stale_draft")

    wrong = {"kind": "final", "password": "sai mật khẩu", "draft_revision": 1, "reason": ""}
    assert radiologist.post(f"{path}/opinions", wrong).status_code == 403
    answer = radiologist.post(f"{path}/opinions", {**wrong, "password": PASSWORD, "reason": None})
    assert answer.status_code == 201
    signed = answer.json()
    assert signed["answers"][0] == {"question_id": "q1", "text": "Không."}
    assert signed["section_titles"]["findings"]["vi"]
    assert len(signed["content_hash"]) == 64
    again = radiologist.post(f"{path}/opinions", {**wrong, "password": PASSWORD})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_signed")

    assert requester.get(f"{path}/opinions").json()["items"] == [signed]
    home = requester.get(f"{path}/deliveries").json()["items"]
    assert {one["destination"] for one in home} == {"PACS_A"}
    assert {one["state"] for one in home} == {"due"}
    assert home[0]["exporter_title"]["vi"]
    retried = requester.post(f"{path}/deliveries/{home[0]['id']}/retry")
    assert retried.json()["state"] == "due"

    assert requester.post(f"{path}/acknowledge").json()["state"] == "acknowledged"
    assert (
        requester.post(f"{path}/decide", {"decision": "adopted"}).json()["state"] == "outcome due"
    )
    closed = requester.post(f"{path}/close", {"diagnosis": "Nhồi máu não", "transferred": True})
    assert closed.json()["state"] == "closed"
    assert closed.json()["outcome"]["transferred"] is True
    kinds = [one["kind"] for one in requester.get(f"{path}/events").json()["items"]]
    assert kinds == [
        "created",
        "submit",
        "queue",
        "assign",
        "start",
        "sign final",
        "acknowledge",
        "decide",
        "close",
    ]


def test_every_error_is_an_envelope_in_both_languages(
    context: Context, people: People, call: Call
) -> None:
    case = brought_to(context, people, State.QUEUED)
    radiologist, requester = call("radiologist"), call("requester.a")
    answers = {
        404: radiologist.get("/cases/nowhere"),
        403: requester.get(f"/cases/{case.id}/draft"),
        409: requester.post(f"/cases/{case.id}/acknowledge"),
        422: requester.post("/cases", {"priority": "P9"}),
        401: call("").get("/session"),
        405: radiologist.delete("/cases"),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        error = answer.json()["error"]
        assert error.keys() == {"code", "message", "details"}
        assert error["message"]["vi"] != error["message"]["en"]
    assert radiologist.request("GET", "/nowhere").json()["error"]["code"] == "not_found"


def test_a_malformed_request_is_told_where_without_repeating_it(call: Call) -> None:
    answer = call("requester.a").post("/cases", {"reason": ["NGUYỄN VĂN A"], "color": "red"})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "malformed"
    fields = {one["field"] for one in answer.json()["error"]["details"]["problems"]}
    assert fields == {"body.reason", "body.color"}
    assert "NGUY" not in answer.text


def test_a_body_is_not_longer_than_anything_we_take(call: Call) -> None:
    answer = call("requester.a").post("/cases", json={"reason": "x" * 9_000_000})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"


@pytest.mark.parametrize(
    "clinical",
    [
        '{"nihss": NaN}',
        '{"nihss": -1e999}',
        '{"history": "\\ud800"}',
        '{"\\udfff": "x"}',
        '{"history": "a\\u0000b"}',
        '{"nihss": 9223372036854775808}',
        "[" * 100_000,
    ],
)
def test_what_could_not_be_shown_again_is_not_kept(call: Call, clinical: str) -> None:
    requester = call("requester.a")
    made = requester.post("/cases", json=REQUEST).json()
    body = f'{{"clinical": {clinical}}}'
    headers = {"content-type": "application/json"}
    path = f"/v1/cases/{made['id']}"
    answer = requester.request("PATCH", path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "malformed")
    assert requester.get("/cases").json()["items"][0]["clinical"] == REQUEST["clinical"]


def test_numbers_beyond_counting_are_malformed(call: Call) -> None:
    assert call("coordinator").get("/cases?offset=1" + "0" * 30).status_code == 422


@pytest.mark.parametrize("door", ["/statistics?since=", "/statistics?until=", "/cases?since="])
@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("0001-01-01T00:00:00%2B14:00", 422),
        ("0001-01-01T00:00:00Z", 422),
        ("0001-01-01T00:00:00", 422),
        ("9999-12-31T23:59:59-14:00", 422),
        ("9999-12-31T23:59:59Z", 422),
        ("9998-12-31T23:59:59Z", 200),
        ("0002-01-02T00:00:00%2B14:00", 200),
        ("2026-02-30T00:00:00Z", 422),
        ("1e300", 422),
        ("2026-01-15T03:15:00%2B07:00", 200),
    ],
)
def test_a_date_no_calendar_holds_everywhere_is_refused(
    call: Call, door: str, moment: str, status: int
) -> None:
    answer = call("radiologist").get(f"{door}{moment}")
    assert answer.status_code == status
    if status == 422:
        error = answer.json()["error"]
        name = door.split("?")[1].rstrip("=")
        assert error["message"]["vi"] == f"Dữ liệu gửi lên không đúng: query.{name}."
        assert error["message"]["en"] == f"The request is malformed: query.{name}."


@pytest.mark.parametrize("date", ["00000000", "99999999", "20261399-", "-", "ngày mai", "1" * 400])
def test_a_study_date_that_is_none_finds_nothing_or_is_told_so(call: Call, date: str) -> None:
    assert call("requester.a").get(f"/studies?study_date={date}").status_code in (200, 400, 422)


def test_an_unforeseen_failure_is_an_envelope_without_its_secrets(
    app: FastAPI, call: Call, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("NGUYEN VAN A")

    monkeypatch.setattr(cases, "list_cases", fail)
    answer = call("radiologist").get("/cases?search=NGUYEN")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "failure"
    assert "NGUYEN" not in answer.text
    assert "search" not in caplog.records[-1].getMessage()


def test_too_many_attempts_say_when_to_come_back(
    context: Context, people: People, call: Call
) -> None:
    case = brought_to(context, people, State.READING)
    body = {"kind": "final", "password": "sai mật khẩu", "draft_revision": 0}
    for _ in range(5):
        call("radiologist").post(f"/cases/{case.id}/opinions", body)
    answer = call("radiologist").post(f"/cases/{case.id}/opinions", body)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "30"
    assert "30 giây" in answer.json()["error"]["message"]["vi"]


def test_a_request_that_lacks_something_names_each_field(context: Context, call: Call) -> None:
    answer = call("requester.a").post("/cases", {"submit": True})
    assert answer.status_code == 422
    fields = answer.json()["error"]["details"]["fields"]
    assert {"reason", "questions", "consent_basis", "share_scope"} <= set(fields)
    assert fields["reason"].keys() == {"vi", "en"}


def test_images_may_follow_in_an_emergency(call: Call) -> None:
    body = {
        **REQUEST,
        "priority": "P0",
        "images_to_follow": True,
        "patient": {"name": "TRẦN^VĂN^ĐẠT", "sex": "M"},
        "submit": True,
    }
    answer = call("requester.a").post("/cases", body)
    assert answer.status_code == 201
    assert answer.json()["state"] == "submitted"
    assert answer.json()["patient_name"] == "TRẦN^VĂN^ĐẠT"
    found = call("radiologist").get("/cases?search=dat").json()
    assert found["total"] == 1


def test_worklist_filters(context: Context, people: People, call: Call, clock: Clock) -> None:
    brought_to(context, people, State.READING)
    brought_to(context, people, State.QUEUED)
    radiologist = call("radiologist")
    assert radiologist.get("/cases?state=reading,preliminary").json()["total"] == 1
    assert radiologist.get("/cases?state=reading&state=queued").json()["total"] == 2
    assert radiologist.get("/cases?state=&mine=true").json()["total"] == 1
    assert radiologist.get("/cases?priority=P3").json()["total"] == 0
    assert radiologist.get("/cases?state=lost").status_code == 422
    clock.move(minutes=1)
    at = radiologist.get("/cases").json()["at"]
    assert radiologist.get(f"/cases?since={at}").json()["total"] == 0


def test_session_tells_who_and_what(call: Call) -> None:
    session = call("requester.a").get("/session").json()
    assert session["site_name"] == "Bệnh viện A"
    assert session["roles"] == ["requester"]
    assert "create case" in session["permissions"]
    assert "administer" not in session["permissions"]


def test_administration(context: Context, call: Call) -> None:
    admin = call("admin")
    made = admin.post("/sites", {"code": "DEMO_C", "name": "Bệnh viện C", "tier": "lower"})
    assert made.status_code == 201
    assert admin.patch("/sites/DEMO_C", {"phone": "0123"}).json()["phone"] == "0123"
    ae = {"ae_title": "C_PACS", "host": "127.0.0.1", "port": 1, "receives": True}
    assert admin.post("/sites/DEMO_C/ae-titles", ae).status_code == 201
    assert admin.post("/sites/DEMO_B/ae-titles", ae).status_code == 409
    changed = admin.patch("/sites/DEMO_C/ae-titles/C_PACS", {"allowed_hosts": ["10.0.0.0/8"]})
    assert changed.json()["allowed_hosts"] == ["10.0.0.0/8"]
    echo = admin.post("/sites/DEMO_C/ae-titles/C_PACS/echo").json()
    assert echo["answered"] is False
    assert echo["message"].keys() == {"vi", "en"}
    assert admin.get("/sites/DEMO_C/ae-titles").json()["items"][0]["last_echo_result"]
    assert admin.delete("/sites/DEMO_C/ae-titles/C_PACS").status_code == 204
    user = {
        "username": "requester.c",
        "name": "Bác sĩ C",
        "site": "DEMO_C",
        "roles": ["requester"],
        "password": "mười con hổ chạy",
    }
    assert admin.post("/users", user).status_code == 201
    assert "password" not in admin.get("/users").text
    assert admin.patch("/users/requester.c", {"active": False}).json()["active"] is False
    token = admin.post("/users/technician.a/tokens", {"label": "máy chụp", "days": 1})
    assert token.json()["token"].startswith("hch_")
    assert admin.delete("/users/technician.a/tokens").status_code == 204
    log = admin.get("/audit?event=security configuration").json()["items"]
    assert log[0]["actor"] == "admin"
    assert log[0]["codes"] == ["110113", "110129"]
    assert admin.get("/audit/verification").json() == {"broken": None}


def test_quarantine(context: Context, call: Call) -> None:
    for _ in range(2):
        context.archive.store_bytes(file_bytes(ct_image()), from_site(None, "STRANGER"))
    admin = call("admin")
    listed = admin.get("/quarantine").json()
    assert listed["total"] == 2
    assert "NGUYEN" not in str(listed)
    first, second = (one["id"] for one in listed["items"])
    released = admin.post(f"/quarantine/{first}/release", {"site": "DEMO_A"})
    assert released.json()["outcome"] == "stored"
    assert call("requester.a").get("/studies").json()["total"] == 1
    assert admin.post(f"/quarantine/{second}/release", {"site": "NOWHERE"}).status_code == 404
    assert admin.post(f"/quarantine/{second}/discard").status_code == 204
    assert admin.post(f"/quarantine/{second}/discard").status_code == 404
    assert admin.get("/quarantine/conflicts").json()["items"] == []


def test_plugins_tell_what_is_installed(call: Call) -> None:
    listed = call("requester.a").get("/plugins").json()
    kinds = {one["kind"] for guest in listed["items"] for one in guest["contributions"]}
    assert {"Exporter", "ReportTemplate", "WorklistColumn", "DisplaySetHandler"} <= kinds
    assert listed["failures"] == []


def test_openapi_speaks_both_languages_and_loads_nothing_from_elsewhere(
    app: FastAPI, call: Call
) -> None:
    document = call("").request("GET", "/openapi.json")
    assert document.status_code == 200
    for path, methods in document.json()["paths"].items():
        for method, operation in methods.items():
            assert " / " in operation["summary"], (method, path)
            assert operation["tags"], (method, path)
    assert call("").request("GET", "/docs").status_code == 404  # the front has the page
