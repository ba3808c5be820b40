"""Studies as pages and API list them: what the archive holds, as far as the caller may see."""

from dataclasses import dataclass

from sqlalchemy import and_, select

from dicom_node.archive import StudyQuery
from dicom_node.errors import NotFound as NotHeld
from dicom_node.records import SeriesRecord, StudyRecord
from plugins import display_sets
from plugins.nouns import DisplaySet
from workstation import access, audit
from workstation.audit import AuditEvent
from workstation.consult.studies import load_study
from workstation.context import Context
from workstation.database import case_studies, cases
from workstation.roles import Principal

__all__ = ["CaseOfStudy", "Studies", "StudyView", "get_study", "list_studies", "split_study"]


@dataclass(frozen=True, slots=True)
class CaseOfStudy:
    """A case that has the study and that the caller may see."""

    id: str
    number: str
    state: str


@dataclass(frozen=True)
class StudyView:
    """A study with its cases; ``series`` is empty in lists."""

    study: StudyRecord
    cases: tuple[CaseOfStudy, ...]
    series: tuple[SeriesRecord, ...] = ()


@dataclass(frozen=True)
class Studies:
    """A page of studies, and how many there are in all."""

    items: tuple[StudyView, ...]
    total: int


def list_studies(
    context: Context,
    principal: Principal,
    *,
    search: str = "",
    patient_id: str = "",
    study_date: str = "",
    modality: str = "",
    limit: int = 100,
    offset: int = 0,
) -> Studies:
    """The studies the caller may see, latest first.

    Parameters
    ----------
    search : str
        Words that begin words of the patient's name; case and diacritics do not count.
    study_date : str
        A date or range as in QIDO-RS: ``20260115``, ``20260101-20260131``.
    """
    given = {
        "PatientName": search.strip(),
        "PatientID": patient_id,
        "StudyDate": study_date,
        "ModalitiesInStudy": modality,
    }
    query = StudyQuery(
        {key: value for key, value in given.items() if value}, limit, offset, fuzzy=True
    )
    scope = access.read_scope(context, principal)
    if search.strip() or patient_id:
        with context.database.begin() as connection:
            audit.record(
                connection, AuditEvent.QUERY, principal, at=context.clock(), door="studies"
            )
    found = context.archive.studies(query, scope=scope)
    known = _cases_of(context, principal, [study.study_instance_uid for study in found])
    items = tuple(StudyView(study, known.get(study.study_instance_uid, ())) for study in found)
    return Studies(items, context.archive.count_studies(query, scope=scope))


def get_study(context: Context, principal: Principal, study_instance_uid: str) -> StudyView:
    """One study with its series; `NotFound` outside the caller's scope."""
    scope = access.read_scope(context, principal, study_instance_uid)
    try:
        study = context.archive.study(study_instance_uid, scope=scope)
        series = context.archive.study_series(study_instance_uid, scope=scope)
    except NotHeld:
        raise access.not_found() from None
    known = _cases_of(context, principal, [study_instance_uid])
    return StudyView(study, known.get(study_instance_uid, ()), tuple(series))


def split_study(
    context: Context, principal: Principal, study_instance_uid: str
) -> list[DisplaySet]:
    """What viewports can show of a study, made by the guests' handlers; series by number."""
    scope = access.read_scope(context, principal, study_instance_uid)
    try:
        study = load_study(context.archive, study_instance_uid, scope=scope)
    except NotHeld:
        raise access.not_found() from None
    return [one for series in study.series for one in display_sets(context.plugins, series)]


def _cases_of(
    context: Context, principal: Principal, study_instance_uids: list[str]
) -> dict[str, tuple[CaseOfStudy, ...]]:
    found: dict[str, tuple[CaseOfStudy, ...]] = {}
    wanted = (
        select(case_studies.c.study_instance_uid, cases.c.id, cases.c.number, cases.c.state)
        .join(cases, cases.c.id == case_studies.c.case_id)
        .where(
            and_(
                case_studies.c.study_instance_uid.in_(study_instance_uids),
                access.identified(principal, context.clock()),
            )
        )
        .order_by(cases.c.created_at)
    )
    with context.database.read() as connection:
        for row in connection.execute(wanted):
            case = CaseOfStudy(row.id, row.number or "", row.state)
            before = found.get(row.study_instance_uid, ())
            found[row.study_instance_uid] = (*before, case)
    return found
