"""The opinion while it is being written: one draft per case and author, saved as typed."""

import unicodedata
from collections.abc import Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydicom.sr.coding import Code
from sqlalchemy import Connection, Row, delete, insert, select, update

from dicom_node.errors import NotFound as NotHeld
from dicom_node.records import ReadScope
from plugins.contributions import ReportTemplate
from plugins.nouns import Case, OpinionKind, Question, Section, Text
from plugins.reader import use_language
from workstation import access
from workstation.access import Action
from workstation.consult.content import draft_of
from workstation.consult.course import remember_reader
from workstation.consult.moves import known
from workstation.consult.result_rows import ResultRecord, confirmed_records, confirmed_results
from workstation.consult.rows import CaseRecord, measurements, noun
from workstation.consult.studies import load_study
from workstation.context import Context
from workstation.database import drafts, opinions
from workstation.errors import Conflict, InvalidRequest
from workstation.roles import Principal

__all__ = [
    "CONCORDANCES",
    "PLAIN",
    "TRANSFERS",
    "Draft",
    "discard",
    "get_draft",
    "kept_draft",
    "save_draft",
    "template_of",
]

CONCORDANCES = ("concordant", "minor", "major", "not_applicable")
TRANSFERS = ("none", "recommended", "urgent")
LONGEST_TEXT = 50_000
MOST_ITEMS = 500
MOST_MARKS = 5_000
# beyond any slide
FARTHEST_PX = 1e7
# Reading the draft again counts as having the case open; written down this often.
SEEN_EVERY = timedelta(minutes=1)

# For studies that no guest's template wants. Headings of PS3.16 CID 7001.
PLAIN = ReportTemplate(
    "plain",
    Text("Ý kiến chung", "General opinion"),
    wants=lambda study: True,
    sections=(
        Section("findings", Text("Mô tả", "Findings"), Code("121070", "DCM", "Findings"), True),
        Section(
            "conclusion", Text("Kết luận", "Conclusion"), Code("121076", "DCM", "Conclusions"), True
        ),
        Section(
            "recommendation",
            Text("Đề nghị", "Recommendation"),
            Code("121074", "DCM", "Recommendations"),
        ),
    ),
    draft=lambda case: {},
)


@dataclass(frozen=True)
class Draft:
    """A draft and what is needed to write on. ``revision`` is 0 as long as nothing is saved.

    ``results`` are those confirmed now, and would be signed with the opinion; ``suggestions``
    are the template's texts by section that they lead to.
    """

    content: Mapping[str, Any]
    revision: int
    updated_at: datetime | None
    template: ReportTemplate
    questions: tuple[Question, ...]
    results: tuple[ResultRecord, ...]
    suggestions: Mapping[str, str]


def get_draft(
    context: Context, principal: Principal, case_id: str, kind: OpinionKind | str | None = None
) -> Draft:
    """The principal's draft; a fresh one begins with the template's text.

    A fresh draft of an amended opinion (``kind``) begins with what was signed before.
    """
    now = context.clock()
    with context.database.read() as connection:
        case = known(connection, now, case_id)
        access.require(principal, Action.WRITE, case)
        row = kept_draft(connection, principal, case_id)
        measured = measurements(connection, [case_id])[case_id]
        results = tuple(confirmed_records(context, connection, case_id))
        confirmed = confirmed_results(context, connection, case_id)
        before = _signed(connection, case_id) if kind == OpinionKind.AMENDED else None
    remember_reader(context, principal, case, SEEN_EVERY)
    template = template_of(context, case, row.content.get("template_id", "") if row else "")
    language = row.content["language"] if row is not None else principal.language
    first: Mapping[str, str] = {}
    if row is None or confirmed:
        first = _first_text(context, template, noun(case, measured, confirmed), language)
    suggestions = {key: text for key, text in first.items() if text} if confirmed else {}
    more = (template, case.questions, results, suggestions)
    if row is not None:
        return Draft(row.content, row.revision, row.updated_at, *more)
    content = before if before is not None else {"sections": dict(first)}
    return Draft({**_empty(template, principal.language), **content}, 0, None, *more)


def save_draft(
    context: Context,
    principal: Principal,
    case_id: str,
    content: Mapping[str, Any],
    revision: int,
) -> int:
    """Save the whole draft over `revision`; return the new one.

    Raises
    ------
    Conflict
        Code ``stale_draft``: it was saved elsewhere meanwhile (another window of the same author).
    """
    checked = _checked(content)
    now = context.clock()
    with context.database.begin() as connection:
        case = known(connection, now, case_id)
        access.require(principal, Action.WRITE, case)
        row = kept_draft(connection, principal, case_id)
        current = row.revision if row else 0
        if revision != current:
            raise _stale(current)
        values = {"content": checked, "revision": current + 1, "updated_at": now}
        if row is None:
            connection.execute(
                insert(drafts).values(case_id=case_id, author=principal.username, **values)
            )
        else:
            connection.execute(update(drafts).where(_mine(principal, case_id)).values(**values))
    return current + 1


def discard(
    context: Context, connection: Connection, principal: Principal, case_id: str, revision: int
) -> dict[str, Any]:
    """Take the draft out, to sign it; return its content.

    Raises
    ------
    Conflict
        The draft on the server is not the one the author saw when signing.
    """
    row = kept_draft(connection, principal, case_id)
    if row is None or row.revision != revision:
        raise _stale(row.revision if row else 0)
    connection.execute(delete(drafts).where(_mine(principal, case_id)))
    return dict(row.content)


def kept_draft(connection: Connection, principal: Principal, case_id: str) -> Row[Any] | None:
    """The row of the principal's draft, if any."""
    return connection.execute(select(drafts).where(_mine(principal, case_id))).first()


def template_of(context: Context, case: CaseRecord, template_id: str = "") -> ReportTemplate:
    """The template of that id, or the first by precedence that wants one of the case's studies."""
    registry = context.plugins
    chosen = registry.get(ReportTemplate, template_id) if template_id else None
    if chosen is not None:
        return chosen
    if template_id == PLAIN.id:
        return PLAIN
    templates = sorted(registry.of(ReportTemplate), key=lambda one: -one.precedence)
    for study_instance_uid in case.study_instance_uids if templates else ():
        scope = ReadScope(studies=frozenset({study_instance_uid}))
        try:
            study = load_study(context.archive, study_instance_uid, scope=scope)
        except NotHeld:
            continue  # images still to follow
        for template in templates:
            if registry.call(template, template.wants, study, default=False):
                return template
    return PLAIN


def _first_text(
    context: Context, template: ReportTemplate, case: Case, language: str
) -> Mapping[str, str]:
    """The template's text, in the language of the opinion whatever page it is asked from."""

    def written() -> Mapping[str, str]:
        use_language(language)
        return context.plugins.call(template, template.draft, case, default={})

    return copy_context().run(written)


def _signed(connection: Connection, case_id: str) -> dict[str, Any] | None:
    """What the newest whole opinion says, as the content of a draft; an addendum is no whole."""
    whole = (str(OpinionKind.FINAL), str(OpinionKind.AMENDED))
    text = connection.scalar(
        select(opinions.c.content)
        .where(opinions.c.case_id == case_id, opinions.c.kind.in_(whole))
        .order_by(opinions.c.version.desc())
        .limit(1)
    )
    return None if text is None else draft_of(text)


def _mine(principal: Principal, case_id: str) -> Any:
    return (drafts.c.case_id == case_id) & (drafts.c.author == principal.username)


def _stale(revision: int) -> Conflict:
    return Conflict(
        "stale_draft",
        "Bản nháp đã được lưu ở nơi khác; hãy xem lại trước khi tiếp tục.",
        "The draft was saved elsewhere meanwhile; look at it before going on.",
        revision=revision,
    )


def _empty(template: ReportTemplate, language: str) -> dict[str, Any]:
    return {
        "template_id": template.id,
        "language": language,
        "sections": {section.key: "" for section in template.sections},
        "answers": {},
        "key_images": [],
        "annotation_ids": [],
        "concordance": "",
        "transfer": "",
    }


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """A draft may be unfinished, but not of another shape."""
    language = given.get("language") or "vi"
    for field, value, allowed in (
        ("language", language, ("vi", "en")),
        ("concordance", given.get("concordance") or "", ("", *CONCORDANCES)),
        ("transfer", given.get("transfer") or "", ("", *TRANSFERS)),
    ):
        if value not in allowed:
            known_values = ", ".join(one for one in allowed if one)
            raise InvalidRequest(
                "invalid_choice",
                f"Mục {field} phải là một trong: {known_values}.",
                f"The field {field} is one of {known_values}.",
                field=field,
            )
    return {
        "template_id": str(given.get("template_id") or "")[:64],
        "language": language,
        "sections": _texts(given.get("sections") or {}),
        "answers": _texts(given.get("answers") or {}),
        "key_images": [_key_image(one) for one in _few(given.get("key_images") or ())],
        "annotation_ids": [str(one) for one in _few(given.get("annotation_ids") or (), MOST_MARKS)],
        "concordance": given.get("concordance") or "",
        "transfer": given.get("transfer") or "",
    }


def _texts(given: Mapping[str, Any]) -> dict[str, str]:
    texts = {str(key)[:64]: unicodedata.normalize("NFC", str(one)) for key, one in given.items()}
    if len(texts) > MOST_ITEMS or any(len(text) > LONGEST_TEXT for text in texts.values()):
        raise InvalidRequest(
            "text_too_long",
            f"Mỗi mục tối đa {LONGEST_TEXT} ký tự.",
            f"A section has at most {LONGEST_TEXT} characters.",
        )
    return texts


def _few(given: Sequence[Any], most: int = MOST_ITEMS) -> Sequence[Any]:
    if len(given) > most:
        raise InvalidRequest("too_many_items", f"Tối đa {most} mục.", f"At most {most} items.")
    return given


def _key_image(given: Mapping[str, Any]) -> dict[str, Any]:
    def number(key: str) -> float | None:
        return None if given.get(key) is None else float(given[key])

    return {
        "study_instance_uid": str(given["study_instance_uid"]),
        "series_instance_uid": str(given.get("series_instance_uid") or ""),
        "sop_instance_uid": str(given["sop_instance_uid"]),
        "sop_class_uid": str(given.get("sop_class_uid") or ""),
        "frame_number": int(given.get("frame_number") or 1),
        "window_center": number("window_center"),
        "window_width": number("window_width"),
        "caption": unicodedata.normalize("NFC", str(given.get("caption") or ""))[:1000],
        "region": _region(given.get("region")),
    }


def _region(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not given:
        return None
    box = {key: float(given[key]) for key in ("x", "y", "width", "height")}
    whole = all(abs(number) < FARTHEST_PX for number in box.values())
    if not whole or box["width"] <= 0 or box["height"] <= 0:
        raise InvalidRequest(
            "invalid_region",
            "Phần tiêu bản của ảnh then chốt không hợp lệ.",
            "The part of the slide in a key image is not valid.",
            field="key_images",
        )
    return {"slide": str(given.get("slide") or "")[:32], **box}
