"""Search: studies, series and instances (PS3.18 10.6)."""

import json
from collections.abc import Callable
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response

from dicom_node.archive import INSTANCE_KEYS, SERIES_KEYS, STUDY_KEYS, Query
from dicom_node.records import ReadScope, StudyRecord
from dicom_node.slides.roles import LABEL_TAGS
from dicom_node.web.media import accepted
from dicom_node.web.query import Search, parse_search
from dicom_node.web.responses import dicom_json, json_type
from dicom_node.web.rows import Row, instance_row, series_row, study_row
from dicom_node.web.service import Service, base_url, instance_url, service_of, target_of

__all__ = ["search_instances", "search_series", "search_studies"]

_MOST_STUDIES = 1000
_MOST = 10_000
# Attributes that are the same in all instances of a study or series, beside those of group 0010.
_STUDY_LEVEL = frozenset(
    {
        "00080080",  # Institution Name
        "00080081",  # Institution Address
        "00080201",  # Timezone Offset From UTC
        "00081032",  # Procedure Code Sequence
        "00081040",  # Institutional Department Name
        "00081060",  # Name of Physicians Reading Study
        "00081080",  # Admitting Diagnoses Description
        "00081110",  # Referenced Study Sequence
        "00321060",  # Requested Procedure Description
    }
)
_SERIES_LEVEL = _STUDY_LEVEL | frozenset(
    {
        "00080020",  # Study Date
        "00080030",  # Study Time
        "00080050",  # Accession Number
        "00080090",  # Referring Physician's Name
        "00081030",  # Study Description
        "00200010",  # Study ID
        "00080070",  # Manufacturer
        "00081010",  # Station Name
        "00081050",  # Performing Physician's Name
        "00081070",  # Operators' Name
        "00081090",  # Manufacturer's Model Name
        "0008103F",  # Series Description Code Sequence
        "00081111",  # Referenced Performed Procedure Step Sequence
        "00181020",  # Software Versions
        "00181030",  # Protocol Name
        "00185100",  # Patient Position
        "00200052",  # Frame of Reference UID
        "00200060",  # Laterality
        "00201040",  # Position Reference Indicator
        "00400244",  # Performed Procedure Step Start Date
        "00400245",  # Performed Procedure Step Start Time
        "00400254",  # Performed Procedure Step Description
        "00400275",  # Request Attributes Sequence
    }
)
_Rows = Callable[[Service, Search, ReadScope, str], list[str]]


async def search_studies(request: Request) -> Response:
    """``GET /studies``"""
    return await _search(request, STUDY_KEYS, _MOST_STUDIES, _study_rows)


async def search_series(request: Request) -> Response:
    """``GET /series`` and ``GET /studies/{study}/series``"""
    return await _search(request, SERIES_KEYS, _MOST, _series_rows)


async def search_instances(request: Request) -> Response:
    """``GET …/instances`` of everything, a study or a series."""
    return await _search(request, INSTANCE_KEYS, _MOST, _instance_rows)


async def _search(request: Request, keys: frozenset[str], most: int, find: _Rows) -> Response:
    service, target = service_of(request), target_of(request)
    media_type, base = json_type(accepted(request)), base_url(request)
    fixed = {"StudyInstanceUID": target.study, "SeriesInstanceUID": target.series}
    fixed = {keyword: uid for keyword, uid in fixed.items() if uid}
    search = parse_search(request.query_params, keys, fixed, most)

    def work() -> Response:
        scope = service.read_scope(request)
        if target.study:
            service.archive.study(target.study, scope=scope)  # 404, not an empty list
        found = find(service, search, scope, base)
        rows, headers = found[: search.limit], {}
        service.accessed(request, "query", target.study, len(rows))
        if len(found) > len(rows):
            headers["Warning"] = (
                f'299 {request.url.netloc} "There are additional results that can be requested"'
            )
        if not rows:
            return Response(status_code=204, headers={"Cache-Control": "private, no-cache"})
        body = f"[{','.join(rows)}]".encode()
        return dicom_json(request, body, media_type, headers)

    return await service.workers.read(work)


def _study_rows(service: Service, search: Search, scope: ReadScope, base: str) -> list[str]:
    studies = service.archive.studies(search.query, scope=scope)
    if not _wants(search, _STUDY_LEVEL):
        return [_study_text(study, base) for study in studies]
    rows = []
    for study in studies:
        within = {"StudyInstanceUID": [study.study_instance_uid]}
        row = study_row(study, base)
        rows.append(_text(_with_fields(service, row, search, scope, within, _STUDY_LEVEL)))
    return rows


@lru_cache(maxsize=4096)
def _study_text(study: StudyRecord, base: str) -> str:
    """A study's row as JSON. Worklists ask for the same hundred again and again."""
    return _text(study_row(study, base))


def _series_rows(service: Service, search: Search, scope: ReadScope, base: str) -> list[str]:
    found = service.archive.series(search.query, scope=scope)
    if not _wants(search, _SERIES_LEVEL):
        return [_text(series_row(series, base)) for series in found]
    rows = []
    for series in found:
        within = {
            "StudyInstanceUID": [series.study_instance_uid],
            "SeriesInstanceUID": [series.series_instance_uid],
        }
        row = series_row(series, base)
        rows.append(_text(_with_fields(service, row, search, scope, within, _SERIES_LEVEL)))
    return rows


def _instance_rows(service: Service, search: Search, scope: ReadScope, base: str) -> list[str]:
    if search.fields is not None and not search.fields:
        records = service.archive.instances(search.query, scope=scope)
        return [_text(instance_row(record, instance_url(base, record))) for record in records]
    return [
        _text(_merged(instance_row(record, instance_url(base, record)), header, search.fields))
        for record, header in service.archive.records_with_headers(search.query, scope=scope)
    ]


def _text(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def _wants(search: Search, level: frozenset[str]) -> bool:
    """Whether a field is asked for that only a header has."""
    return search.fields is None or any(_is_of(tag, level) for tag in search.fields)


def _with_fields(
    service: Service,
    row: Row,
    search: Search,
    scope: ReadScope,
    within: dict[str, list[str]],
    level: frozenset[str],
) -> Row:
    """The row with the fields asked for, from the first instance: they are the same in all."""
    if search.fields is not None and search.fields <= row.keys():
        return row
    found = service.archive.records_with_headers(Query(within, limit=1), scope=scope)
    for _, header in found:
        header = {tag: element for tag, element in header.items() if _is_of(tag, level)}
        row = _merged(row, header, search.fields)
    return row


def _is_of(tag: str, level: frozenset[str]) -> bool:
    return tag.startswith("0010") or tag in level


def _merged(row: Row, header: Row, fields: frozenset[str] | None) -> Row:
    """The row with those fields of the header; what the row knows already wins."""
    chosen = set(header) if fields is None else fields & header.keys()
    # What is on a slide's glass is not everybody's; metadata have it for those who may see it.
    chosen -= LABEL_TAGS
    added = {tag: header[tag] for tag in chosen if "BulkDataURI" not in header[tag]}
    return dict(sorted((added | row).items()))
