"""The ledger of what a reader looked at: cells of a slide seen at 10× or more.

Kept by case, reader and slide; read against where there is tissue, which an analysis tells in
``detail["tissue"]``. It says what was not looked at, and is no measure of anybody's work.
"""

import base64
import binascii
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.sr.coding import Code
from sqlalchemy import Connection, insert, select, update

from dicom_node.errors import DicomNodeError
from dicom_node.records import ReadScope
from dicom_node.slides import Shelf
from plugins.nouns import Person, Text
from plugins.results import Grade, Result, ResultState, Value
from workstation import access
from workstation.access import Action
from workstation.consult.moves import known
from workstation.consult.result_content import encode, hash_of
from workstation.consult.result_rows import ResultRecord, find_results
from workstation.consult.rows import CaseRecord
from workstation.consult.slides import chosen_slide
from workstation.context import Context
from workstation.database import coverage as table
from workstation.database import results
from workstation.errors import InvalidRequest
from workstation.roles import Principal

__all__ = ["Coverage", "Ledger", "get_coverage", "keep", "signed_coverage"]

ANALYSIS = "coverage"
TITLE = Text("Phần mô đã xem", "Tissue looked at")
LEAST_MAGNIFICATION = 10
MOST_CELLS = 4_000_000
EVERYTHING = ReadScope(everything=True)
PERCENT = Code("%", "UCUM", "%")
UNSEEN = Code("UNSEENTISSUE", "99HOICHAN", "Share of tissue not seen at 10x or more")


@dataclass(frozen=True)
class Ledger:
    """Cells of one slide, row by row from the corner of level 0.

    ``seen`` is the base64 of one bit a cell, the first one in the lowest bit of the first byte.
    """

    series_instance_uid: str
    cell_um: float
    columns: int
    rows: int
    seen: str


@dataclass(frozen=True)
class Coverage:
    """A reader's ledgers of a case; ``unseen`` is the share of tissue not seen, 0 to 1, None where
    nobody knows where the tissue is. ``sentence`` is what is signed, of slides on their way too."""

    items: tuple[Ledger, ...]
    unseen: float | None
    sentence: Text | None


def keep(context: Context, principal: Principal, case_id: str, given: Ledger) -> Ledger:
    """Add what was seen to what the reader saw before; return all of it.

    Raises
    ------
    NotFound, NotAllowed, InvalidRequest
    """
    with context.database.read() as connection:
        case = known(connection, context.clock(), case_id)
    access.require(principal, Action.WRITE, case)
    bits = _bits(given.seen, given.columns * given.rows)
    slide = chosen_slide(context, case, given.series_instance_uid)
    edge = given.cell_um * 2 / sum(slide.mpp) if slide.mpp and given.cell_um > 0 else 0
    fits = edge > 0 and all(
        abs(cells - length / edge) <= 1.01
        for cells, length in ((given.columns, slide.width), (given.rows, slide.height))
    )
    if bits is None or not fits:
        raise InvalidRequest(
            "invalid_coverage",
            "Bảng vùng đã xem không khớp với tiêu bản.",
            "The cells that were seen do not fit the slide.",
            field="seen",
        )
    mine = (
        (table.c.case_id == case_id)
        & (table.c.reader == principal.username)
        & (table.c.series_instance_uid == given.series_instance_uid)
    )
    with context.database.begin() as connection:
        row = connection.execute(select(table).where(mine)).first()
        if row is not None and (row.columns, row.rows, row.cell_um) == (
            given.columns,
            given.rows,
            given.cell_um,
        ):
            bits = bits | np.frombuffer(row.seen, np.uint8)
        values = {
            "cell_um": given.cell_um,
            "columns": given.columns,
            "rows": given.rows,
            "seen": bits.tobytes(),
            "updated_at": context.clock(),
        }
        if row is not None:
            connection.execute(update(table).where(mine).values(**values))
        else:
            place = {
                "case_id": case_id,
                "reader": principal.username,
                "series_instance_uid": given.series_instance_uid,
            }
            connection.execute(insert(table).values(**place, **values))
    seen = base64.b64encode(bits.tobytes()).decode()
    return Ledger(given.series_instance_uid, given.cell_um, given.columns, given.rows, seen)


def get_coverage(context: Context, principal: Principal, case_id: str) -> Coverage:
    """The caller's own ledgers of a case, and what they leave out."""
    with context.database.read() as connection:
        case = known(connection, context.clock(), case_id)
        access.require(principal, Action.SEE, case)
        ledgers = _ledgers(connection, case_id, principal.username)
        tissue = _tissue(context, connection, case)
    unseen = _unseen(ledgers, tissue)
    return Coverage(ledgers, unseen, _sentence(unseen, *_lacking(context, case)))


def signed_coverage(
    context: Context, connection: Connection, case: CaseRecord, author: Person, at: datetime
) -> ResultRecord | None:
    """What the author left out, and what had not come, as a result that is signed with the opinion;
    None where nothing is known of the first and nothing is to be said of the second."""
    tissue = _tissue(context, connection, case)
    unseen = _unseen(_ledgers(connection, case.id, author.username), tissue)
    incomplete, resampled = _lacking(context, case)
    sentence = _sentence(unseen, incomplete, resampled)
    if sentence is None:
        return None
    study = next(iter(case.study_instance_uids))
    value = unseen is not None and Value(
        "unseen",
        Text(
            f"Mô chưa xem ở ≥ {LEAST_MAGNIFICATION}×",
            f"Tissue not seen at ≥ {LEAST_MAGNIFICATION}×",
        ),
        100 * unseen,
        PERCENT,
        UNSEEN,
        group=ANALYSIS,
        group_label=TITLE,
        digits=0,
        is_main=True,
    )
    result = Result(
        analysis=ANALYSIS,
        title=TITLE,
        version="1",
        study_instance_uid=study,
        series_instance_uids=tuple(sorted(tissue)),
        grade=Grade.AMBER if incomplete else Grade.GREEN,
        summary=sentence,
        values=(value,) if value else (),
    )
    content = encode(result, {})
    return ResultRecord(
        id=str(uuid.uuid4()),
        analysis=ANALYSIS,
        title=TITLE,
        study_instance_uid=study,
        case_id=case.id,
        state=ResultState.CONFIRMED,
        revision=1,
        content_revision=1,
        content_key="",
        edits={},
        content=content,
        content_hash=hash_of(content, {}),
        progress=1.0,
        message=Text("", ""),
        error=None,
        wanted_at=at,
        confirmed_by=author,
        confirmed_at=at,
    )


def _ledgers(connection: Connection, case_id: str, reader: str) -> tuple[Ledger, ...]:
    mine = (table.c.case_id == case_id) & (table.c.reader == reader)
    return tuple(
        Ledger(
            row.series_instance_uid,
            row.cell_um,
            row.columns,
            row.rows,
            base64.b64encode(row.seen).decode(),
        )
        for row in connection.execute(
            select(table).where(mine).order_by(table.c.series_instance_uid)
        )
    )


def _tissue(
    context: Context, connection: Connection, case: CaseRecord
) -> Mapping[str, Mapping[str, Any]]:
    """Series to its cells with tissue, as the newest result of the case tells."""
    where = results.c.study_instance_uid.in_(case.study_instance_uids) & (
        results.c.case_id.is_(None) | (results.c.case_id == case.id)
    )
    found = find_results(connection, context.plugins, where)
    told: dict[str, Mapping[str, Any]] = {}
    # the case's own copy has the last word
    for record in sorted(found, key=lambda one: one.case_id is not None):
        if record.content is not None:
            told.update(record.content["detail"].get("tissue") or {})
    return told


def _unseen(ledgers: tuple[Ledger, ...], tissue: Mapping[str, Mapping[str, Any]]) -> float | None:
    """Share of all the tissue cells of a case that are in no ledger."""
    by_series = {one.series_instance_uid: one for one in ledgers}
    total = seen = 0
    for series, cells in tissue.items():
        count = cells["columns"] * cells["rows"]
        here = _bits(cells["tissue"], count)
        if here is None:
            continue
        total += int(np.bitwise_count(here).sum())
        ledger = by_series.get(series)
        if ledger is None or (ledger.columns, ledger.rows) != (cells["columns"], cells["rows"]):
            continue
        looked = _bits(ledger.seen, count)
        if looked is not None:
            seen += int(np.bitwise_count(here & looked).sum())
    return 1 - seen / total if total else None


def _bits(text: str, count: int) -> NDArray[np.uint8] | None:
    """So many bits as whole bytes; None when these are not as many."""
    if not 0 < count <= MOST_CELLS:
        return None
    try:
        bits = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    except (binascii.Error, ValueError):
        return None
    if len(bits) != -(-count // 8):
        return None
    whole = bits.copy()
    whole[-1] &= 0xFF >> (-count % 8)  # what is beyond the last cell says nothing
    return whole


def _lacking(context: Context, case: CaseRecord) -> tuple[list[str], list[str]]:
    """What slides are called that have not come whole, and those without their original level."""
    incomplete, resampled = [], []
    shelf = Shelf(context.archive)
    for study in case.study_instance_uids:
        try:
            indexes = shelf.of_study(study, EVERYTHING)
        except (DicomNodeError, OSError, ValueError):  # what cannot be opened was not read either
            continue
        for index in indexes:
            facts = index.facts
            name = str(facts.get("container_id") or facts.get("series_description"))
            if facts["received"]["frames"] < facts["received"]["expected"]:
                incomplete.append(name)
            elif facts["resampled"]:
                resampled.append(name)
    return incomplete, resampled


def _sentence(unseen: float | None, incomplete: list[str], resampled: list[str]) -> Text | None:
    vi, en = [], []
    if incomplete:
        names = ", ".join(incomplete)
        vi.append(f"Tiêu bản {names} chưa nhận đủ: chưa có độ phóng đại cao nhất.")
        en.append(f"Slide {names} has not been received whole: the highest power is missing.")
    if resampled:
        names = ", ".join(resampled)
        vi.append(f"Tiêu bản {names}: mức nét nhất hiện có là bản lấy mẫu lại.")
        en.append(f"Slide {names}: the sharpest level there is is a resampled one.")
    if unseen is not None:
        percent = f"{100 * unseen:.0f} %"
        vi.append(f"{percent} diện tích mô chưa được xem ở ≥ {LEAST_MAGNIFICATION}×.")
        en.append(f"{percent} of tissue not seen at ≥ {LEAST_MAGNIFICATION}×.")
    return Text(" ".join(vi), " ".join(en)) if vi else None
