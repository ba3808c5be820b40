"""Search: studies, series and instances (PS3.18 10.6)."""

import json
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from dicom_node.archive import INSTANCE_KEYS, SERIES_KEYS, STUDY_KEYS, Query
from dicom_node.records import ReadScope
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
_SERIES_LEVEL = frozenset(
    {
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
_Rows = Callable[[Service, Search, ReadScope, str], list[Row]]


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
        rows = find(service, search, scope, base)
        service.accessed(request, "query", target.study, len(rows))
        headers = {}
        if len(rows) > search.limit:
            rows = rows[: search.limit]
            headers["Warning"] = (
                f'299 {request.url.netloc} "There are additional results that can be requested"'
            )
        if not rows:
            return Response(status_code=204, headers={"Cache-Control": "private, no-cache"})
        body = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
        return dicom_json(request, body, media_type, headers)

    return await service.workers.read(work)


def _study_rows(service: Service, search: Search, scope: ReadScope, base: str) -> list[Row]:
    rows = [study_row(study, base) for study in service.archive.studies(search.query, scope=scope)]
    for row in rows:
        uid = row["0020000D"]["Value"][0]
        _include(service, row, search, scope, {"StudyInstanceUID": [uid]}, _STUDY_LEVEL)
    return rows


def _series_rows(service: Service, search: Search, scope: ReadScope, base: str) -> list[Row]:
    found = service.archive.series(search.query, scope=scope)
    rows = [series_row(series, base) for series in found]
    for row in rows:
        within = {
            "StudyInstanceUID": [row["0020000D"]["Value"][0]],
            "SeriesInstanceUID": [row["0020000E"]["Value"][0]],
        }
        _include(service, row, search, scope, within, _STUDY_LEVEL | _SERIES_LEVEL)
    return rows


def _instance_rows(service: Service, search: Search, scope: ReadScope, base: str) -> list[Row]:
    if search.fields is not None and not search.fields:
        records = service.archive.instances(search.query, scope=scope)
        return [instance_row(record, instance_url(base, record)) for record in records]
    rows = []
    for record, header in service.archive.records_with_headers(search.query, scope=scope):
        row = instance_row(record, instance_url(base, record))
        rows.append(_merged(row, header, search.fields))
    return rows


def _include(
    service: Service,
    row: Row,
    search: Search,
    scope: ReadScope,
    within: dict[str, list[str]],
    level: frozenset[str],
) -> None:
    """Add the fields asked for, from the first instance: they are the same in all."""
    missing = None if search.fields is None else search.fields - row.keys()
    if missing is not None and not any(_is_of(tag, level) for tag in missing):
        return
    found = service.archive.records_with_headers(Query(within, limit=1), scope=scope)
    for _, header in found:
        header = {tag: element for tag, element in header.items() if _is_of(tag, level)}
        row |= _merged(row, header, search.fields)


def _is_of(tag: str, level: frozenset[str]) -> bool:
    return tag.startswith("0010") or tag in level


def _merged(row: Row, header: Row, fields: frozenset[str] | None) -> Row:
    """The row with those fields of the header; what the row knows already wins."""
    chosen = header.keys() if fields is None else fields & header.keys()
    added = {tag: header[tag] for tag in chosen if "BulkDataURI" not in header[tag]}
    return dict(sorted((added | row).items()))
