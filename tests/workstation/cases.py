"""Cases for tests: a study that came in, a request about it, and how far it has got."""

from typing import Any

from dicom_node.records import StudyRecord
from plugins.nouns import Opinion, State
from tests.factories import EVERYTHING, ct_series, file_bytes, from_site
from tests.workstation.conftest import PASSWORD
from workstation.accounts import Principal
from workstation.consult import case as cases
from workstation.consult import draft as drafts
from workstation.consult import opinion as opinions
from workstation.consult.rows import CaseRecord
from workstation.context import Context

__all__ = ["REQUEST", "arrive", "asked", "brought_to", "request", "signed", "written"]

REQUEST: dict[str, Any] = {
    "area": "radiology",
    "priority": "P1",
    "consulted_site": "DEMO_HUB",
    "reason": "Đột quỵ giờ thứ hai",
    "questions": ["Có chảy máu không?", "Có chỉ định tiêu sợi huyết không?"],
    "clinical": {"history": "Tăng huyết áp", "nihss": 12},
    "consent_basis": "written",
    "share_scope": "expert",
    "requesting_department": "Cấp cứu",
}


def arrive(
    context: Context, site: str = "DEMO_A", slices: int = 2, **attributes: Any
) -> StudyRecord:
    """Let a CT study of `site` come in; intake has not seen it yet."""
    series = ct_series(slices, **attributes)
    for image in series:
        context.archive.store_bytes(file_bytes(image), from_site(site))
    return context.archive.study(series[0].StudyInstanceUID, scope=EVERYTHING)


def request(study: StudyRecord | None = None, **changes: Any) -> dict[str, Any]:
    """The form, about `study`."""
    studies = [study.study_instance_uid] if study else []
    return {**REQUEST, "study_instance_uids": studies, **changes}


def asked(
    context: Context, people: dict[str, Principal], study: StudyRecord | None = None, **changes: Any
) -> CaseRecord:
    """A case sent by the requester of hospital A, waiting in the queue."""
    study = study or arrive(context)
    form = request(study, **changes)
    return cases.create(context, people["requester.a"], form, submit=True)


def brought_to(context: Context, people: dict[str, Principal], state: State) -> CaseRecord:
    """A case of hospital A in any state up to reading, or beside the straight way."""
    requester, radiologist = people["requester.a"], people["radiologist"]
    coordinator = people["coordinator"]
    if state is State.DRAFT:
        return cases.create(context, requester, request(arrive(context)))
    if state is State.SUBMITTED:
        ahead = request(priority="P0", images_to_follow=True, patient_name="TRẦN^VĂN^ĐẠT")
        return cases.create(context, requester, ahead, submit=True)
    case = asked(context, people)
    if state is State.INCOMPLETE:
        return cases.report_incomplete(context, coordinator, case.id, ["Thiếu phim cũ"])
    if state is State.CANCELLED:
        return cases.cancel(context, requester, case.id, "gửi nhầm")
    if state is State.DECLINED:
        return cases.decline(context, coordinator, case.id, "quá tải")
    if state is State.REDIRECTED:
        return cases.redirect(context, coordinator, case.id, "OTHER_HUB", "ngoài chuyên khoa")
    if state is State.QUEUED:
        return case
    if state is State.ASSIGNED:
        return cases.assign(context, coordinator, case.id, "radiologist")
    assert state is State.READING
    return cases.start_reading(context, radiologist, case.id)


def written(
    context: Context, author: Principal, case: CaseRecord, **changes: Any
) -> tuple[dict[str, Any], int]:
    """A draft with nothing left open; its content and revision."""
    kept = drafts.get_draft(context, author, case.id)
    content = {
        **kept.content,
        "sections": {section.key: f"Nội dung {section.key}" for section in kept.template.sections},
        "answers": {question.id: "Có." for question in case.questions},
        "concordance": "minor",
        "transfer": "recommended",
        **changes,
    }
    return content, drafts.save_draft(context, author, case.id, content, kept.revision)


def signed(
    context: Context, people: dict[str, Principal], case: CaseRecord, **changes: Any
) -> Opinion:
    """The radiologist's final opinion."""
    author = people["radiologist"]
    _, revision = written(context, author, case, **changes)
    return opinions.sign(
        context, author, case.id, kind="final", password=PASSWORD, draft_revision=revision
    )
