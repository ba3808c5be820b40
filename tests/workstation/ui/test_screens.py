"""Every page for the roles that have it, in both languages, with the real domain behind it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from streamlit.testing.v1 import AppTest

from plugins import testing
from plugins.nouns import State
from tests.workstation.cases import arrive, asked, brought_to, signed
from tests.workstation.conftest import PASSWORD
from tests.workstation.slides import slide_case
from tests.workstation.ui.conftest import Show
from workstation import accounts, sites
from workstation.consult import case as cases
from workstation.consult.result_content import encode
from workstation.context import Context
from workstation.database import results
from workstation.i18n import catalogue
from workstation.roles import Principal, Role
from workstation.ui.frame import PLACES
from workstation.ui.screens import account, case, hospitals, reading, request, worklist

USERS = {
    Role.REQUESTER: "requester.a",
    Role.TECHNICIAN: "technician.a",
    Role.RADIOLOGIST: "radiologist",
    Role.PATHOLOGIST: "pathologist",
    Role.COORDINATOR: "coordinator",
    Role.ADMINISTRATOR: "admin",
}
People = dict[str, Principal]


def walk(node: Any) -> Iterator[Any]:
    for child in getattr(node, "children", {}).values():
        yield child
        yield from walk(child)


def said(page: AppTest) -> str:
    """Everything the page says, with the data handed to components."""
    protos = (getattr(node, "proto", None) for node in walk(page.main))
    return "\n".join(proto.json if hasattr(proto, "json") else str(proto) for proto in protos)


def component(page: AppTest, name: str) -> dict[str, Any]:
    """The data handed to the component of that name."""
    for node in walk(page.main):
        proto = getattr(node, "proto", None)
        if getattr(proto, "component_name", "") == f"hoichan_{name}":
            data: dict[str, Any] = json.loads(proto.json)
            return data
    raise AssertionError(f"no component {name} on the page")


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.address)
def test_every_page_opens_for_its_roles_in_both_languages(
    place: Any, language: str, show: Show, context: Context, people: People
) -> None:
    the_case = brought_to(context, people, State.READING)
    about_a_case = place.address in ("reading", "case")
    for role in sorted(place.roles):
        if about_a_case and role is Role.PATHOLOGIST:
            continue  # a CT is not theirs to read
        principal = replace(people[USERS[role]], language=language)
        page = show(place.render, principal, **({"case": the_case.id} if about_a_case else {}))
        if place.address == "reading" and role is Role.COORDINATOR:
            assert page.exception  # NotFound or NotAllowed: the frame says so in words
            continue
        assert not page.exception, (role, page.exception)
        other = catalogue("en" if language == "vi" else "vi").values()
        sentences = [text for text in other if len(text.split()) > 3 and "{" not in text]
        assert [text for text in sentences if text in said(page)] == []


def test_the_worklist_asks_the_api_itself_and_opens_nothing_by_itself(
    show: Show, people: People
) -> None:
    data = component(show(worklist.render, people["radiologist"]), "worklist")
    assert data["asking"] is False
    assert data["filters"][0] == "active"
    assert data["labels"]["priorities"]["P0"] == "Tối khẩn"
    assert set(data["labels"]["states"]) == set(State)
    assert component(show(worklist.render, people["requester.a"]), "worklist")["asking"] is True


def test_a_request_is_written_and_sent(show: Show, context: Context, people: People) -> None:
    study = arrive(context)
    page = show(request.render, people["requester.a"], study=study.study_instance_uid)
    rows = component(page, "table")["rows"]
    assert [row["id"] for row in rows] == [study.study_instance_uid]
    press(page, "Gửi yêu cầu hội chẩn")
    assert "Còn thiếu" in said(page)

    page.text_input(key="request--reason").set_value("Liệt nửa người")
    page.text_input(key="request--question_0").set_value("Có chảy máu không?")
    page.radio(key="request--consent_basis").set_value("written")
    page.text_area(key="request--history").set_value("Tăng huyết áp").run()
    press(page, "+ Thêm câu hỏi")
    page.text_input(key="request--question_1").set_value("Có chuyển tuyến không?").run()
    press(page, "Gửi yêu cầu hội chẩn")
    found = cases.list_cases(context, people["requester.a"]).rows
    assert [row.record.state for row in found] == [State.QUEUED]
    record = found[0].record
    assert [question.text for question in record.questions] == [
        "Có chảy máu không?",
        "Có chuyển tuyến không?",
    ]
    assert record.clinical["history"] == "Tăng huyết áp"
    assert record.study_instance_uids == (study.study_instance_uid,)


def test_a_stroke_asks_for_its_times(show: Show, people: People) -> None:
    page = show(request.render, people["requester.a"])
    assert "Mốc thời gian đột quỵ" not in said(page)
    page.radio(key="request--priority").set_value("P0").run()
    assert "Mốc thời gian đột quỵ" in said(page)
    assert page.checkbox(key="request--images_to_follow").label == "Ảnh sẽ gửi sau"


def test_an_expert_who_opens_a_waiting_case_reads_it(
    show: Show, context: Context, people: People
) -> None:
    the_case = asked(context, people)
    page = show(reading.render, people["radiologist"], case=the_case.id)
    now = cases.get(context, people["radiologist"], the_case.id)
    assert now.state is State.READING
    assert now.assignee is not None
    assert now.assignee.username == "radiologist"
    viewer, report = component(page, "radiology"), component(page, "report")
    assert viewer["study_instance_uids"] == list(the_case.study_instance_uids)
    assert report["writing"] is True
    assert [one["text"] for one in report["questions"]] == [q.text for q in the_case.questions]


def test_the_viewer_comes_before_everything_that_may_be_slow(
    show: Show, context: Context, people: People
) -> None:
    page = show(reading.render, people["radiologist"], case=asked(context, people).id)
    names = [
        getattr(getattr(node, "proto", None), "component_name", "") for node in walk(page.main)
    ]
    shown = [name for name in names if name]
    assert shown[0] == "hoichan_radiology"


def test_a_case_of_slides_opens_on_its_slides(
    show: Show, context: Context, people: People, test_data: Path
) -> None:
    the_case = slide_case(context, people, test_data)
    page = show(reading.render, people["pathologist"], case=the_case.id)
    assert not page.exception
    viewer = component(page, "slide")
    assert viewer["study_instance_uids"] == list(the_case.study_instance_uids)
    assert "annotate" in viewer["permissions"]


def test_a_second_radiologist_does_not_take_the_case_away(
    show: Show, context: Context, people: People
) -> None:
    the_case = brought_to(context, people, State.READING)
    page = show(reading.render, people["radiologist.2"], case=the_case.id)
    assert not page.exception
    now = cases.get(context, people["radiologist"], the_case.id)
    assert now.assignee is not None
    assert now.assignee.username == "radiologist"
    assert "Nhận thay" in [button.label for button in page.button]


def test_the_requester_acknowledges_decides_and_closes(
    show: Show, context: Context, people: People
) -> None:
    the_case = brought_to(context, people, State.READING)
    signed(context, people, the_case)
    requester = people["requester.a"]

    def state() -> State:
        return cases.get(context, requester, the_case.id).state

    press(show(case.render, requester, case=the_case.id), "Tôi đã đọc ý kiến hội chẩn")
    assert state() is State.ACKNOWLEDGED
    page = show(case.render, requester, case=the_case.id)
    page.radio[0].set_value("partly")
    press(page, "Ghi quyết định")
    assert [error.value for error in page.error] == ["Cần ghi lý do khi không theo hoàn toàn."]
    reason = next(one for one in page.text_input if one.label.startswith("Lý do (cần"))
    reason.set_value("Người bệnh từ chối chuyển viện")
    press(page, "Ghi quyết định")
    assert state() is State.OUTCOME_DUE
    page = show(case.render, requester, case=the_case.id)
    next(one for one in page.text_input if one.label == "Chẩn đoán cuối cùng").set_value("I61.0")
    press(page, "Báo kết quả và đóng ca")
    assert state() is State.CLOSED


def test_a_coordinator_assigns_without_seeing_the_patient(
    show: Show, context: Context, people: People
) -> None:
    the_case = asked(context, people)
    page = show(case.render, people["coordinator"], case=the_case.id)
    assert the_case.patient_name
    assert the_case.patient_name.split("^")[0] not in said(page)
    press(page, "Phân công")
    assert cases.get(context, people["coordinator"], the_case.id).state is State.ASSIGNED


def test_an_echo_test_says_that_nobody_answers(
    show: Show, context: Context, people: People, deaf_port: int
) -> None:
    sites.add_ae_title(
        context, people["admin"], "DEMO_A", ae_title="PACS_A", host="127.0.0.1", port=deaf_port
    )
    page = show(hospitals.render, people["admin"])
    page.session_state["entity"] = "PACS_A"
    press(page.run(), "Thử kết nối (C-ECHO)")
    assert page.error[0].value.startswith("PACS_A không trả lời")


def test_users_change_language_and_password_by_themselves(
    show: Show, context: Context, people: People
) -> None:
    page = show(account.render, people["radiologist"])
    page.radio[0].set_value("en").run()
    assert accounts.principal_of(context, "radiologist").language == "en"
    page = show(account.render, people["radiologist.2"])

    def change(again: str) -> None:
        fields = {field.label: field for field in page.text_input}
        fields["Mật khẩu hiện tại"].set_value(PASSWORD)
        fields["Mật khẩu mới"].set_value("mười con vịt bơi qua sông")
        fields["Nhập lại mật khẩu mới"].set_value(again)
        press(page, "Đổi mật khẩu")

    change("mười con vịt bơi")
    assert [error.value for error in page.error] == ["Hai mật khẩu mới không giống nhau."]
    change("mười con vịt bơi qua sông")
    accounts.sign_in(context, "radiologist.2", "mười con vịt bơi qua sông")


def test_senders_are_told_of_slides_to_scan_again(
    show: Show, context: Context, people: People, test_data: Path
) -> None:
    """On their case page, in their language; the reader is not told to scan."""
    record = slide_case(context, people, test_data)
    message = {"vi": "Tiêu bản A1: mờ 40 %.", "en": "Slide A1: 40 % out of focus."}
    with context.database.begin() as connection:
        content = encode(testing.result(layers=(), detail={"message": message}), {})
        connection.execute(
            insert(results).values(
                id="r1",
                study_instance_uid=record.study_instance_uids[0],
                analysis="slide_adequacy",
                state="computed",
                revision=1,
                content_revision=1,
                content=content,
                content_hash="x",
                content_key="",
                wanted_at=context.clock(),
            )
        )
    page = show(case.render, people["technician.a"], case=record.id)
    assert [one.value for one in page.warning] == [message["vi"]]
    page = show(case.render, people["pathologist"], case=record.id)
    assert not page.warning


@pytest.mark.parametrize(
    ("language", "words", "tab"),
    [
        ("vi", "◇ Kết quả cần xem: 1", "Gợi ý máy"),
        ("en", "◇ Results to check: 1", "Findings by programs"),
    ],
)
def test_the_word_of_what_waits_leads_there(
    language: str, words: str, tab: str, show: Show, context: Context, people: People
) -> None:
    record = brought_to(context, people, State.READING)
    with context.database.begin() as connection:
        connection.execute(
            insert(results).values(
                id="r1",
                study_instance_uid=record.study_instance_uids[0],
                analysis="stroke_ncct",
                state="computed",
                revision=1,
                content_revision=1,
                content=encode(testing.result(layers=()), {}),
                content_hash="x",
                content_key="",
                wanted_at=context.clock(),
            )
        )
    reader = replace(people["radiologist"], language=language)
    page = press(show(reading.render, reader, case=record.id), words)
    assert page.session_state["room_tabs"] == tab
