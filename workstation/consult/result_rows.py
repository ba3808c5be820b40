"""A result as its row has it, with the name of whoever confirmed it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Row, select

from plugins.contributions import Analysis
from plugins.nouns import Person, Text
from plugins.registry import Registry
from plugins.results import ConfirmedResult, ResultState
from workstation.consult import result_content, result_files
from workstation.context import Context
from workstation.database import results, users

__all__ = [
    "ResultRecord",
    "confirmed_records",
    "confirmed_results",
    "content_key",
    "find_results",
    "frozen_json",
    "layer_hashes",
    "thawed",
    "title_of",
]


@dataclass(frozen=True)
class ResultRecord:
    """The row of a result.

    ``case_id`` is None as long as it is shared by all cases of its study. ``content`` is the
    JSON of `result_content.encode`, made from the corrections of ``content_revision``; it is
    what ``edits`` lead to only when that is ``revision``.
    """

    id: str
    analysis: str
    title: Text
    study_instance_uid: str
    case_id: str | None
    state: ResultState
    revision: int
    content_revision: int
    content_key: str
    edits: Mapping[str, Any]
    content: Mapping[str, Any] | None
    content_hash: str
    progress: float
    message: Text
    error: Text | None
    wanted_at: datetime
    confirmed_by: Person | None
    confirmed_at: datetime | None

    @property
    def is_current(self) -> bool:
        """Whether the content is what the corrections, as they are now, lead to."""
        return self.content is not None and self.content_revision == self.revision


def find_results(
    connection: Connection, registry: Registry, where: ColumnElement[bool]
) -> list[ResultRecord]:
    """The results for which `where` holds, in the order they were first wanted."""
    names = (users.c.name, users.c.site, users.c.roles, users.c.licence_number)
    wanted = (
        select(results, *(column.label(f"person_{column.name}") for column in names))
        .outerjoin(users, users.c.username == results.c.confirmed_by)
        .where(where)
        .order_by(results.c.study_instance_uid, results.c.analysis, results.c.id)
    )
    return [_record(registry, row) for row in connection.execute(wanted)]


def content_key(counts: Mapping[str, int]) -> str:
    """What a result is made of: a hash of its series and how many instances each has."""
    text = json.dumps(counts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def layer_hashes(content: Mapping[str, Any] | None) -> dict[str, str]:
    """Layer key to the hash of its file."""
    return {one["key"]: one["sha256"] for one in content["layers"]} if content else {}


def confirmed_results(
    context: Context, connection: Connection, case_id: str
) -> tuple[ConfirmedResult, ...]:
    """What readers confirmed for a case, in the order they did."""
    return tuple(
        thawed(
            frozen_json(one),
            partial(result_files.layer_path, context.settings.data, one.id, one.content_revision),
        )
        for one in confirmed_records(context, connection, case_id)
    )


def confirmed_records(context: Context, connection: Connection, case_id: str) -> list[ResultRecord]:
    """Their rows, in the same order."""
    where = (results.c.case_id == case_id) & (results.c.state == ResultState.CONFIRMED)
    found = find_results(connection, context.plugins, where)
    return sorted(found, key=lambda one: (one.confirmed_at is None, one.confirmed_at, one.id))


def frozen_json(record: ResultRecord) -> dict[str, Any]:
    """A confirmed result as an opinion holds it."""
    person, at = record.confirmed_by, record.confirmed_at
    if person is None or at is None or record.content is None:
        raise ValueError(f"result {record.id} is not confirmed")
    return {
        "id": record.id,
        "content": record.content,
        "edits": record.edits,
        "content_hash": record.content_hash,
        "confirmed_by": {
            "username": person.username,
            "name": person.name,
            "site": person.site,
            "roles": sorted(person.roles),
            "licence_number": person.licence_number,
        },
        "confirmed_at": at.isoformat(),
    }


def thawed(said: Mapping[str, Any], path_of: Callable[[str], Path]) -> ConfirmedResult:
    """A confirmed result from the JSON of `frozen_json`; ``path_of(sha256)`` finds a layer."""

    def load(layer: Mapping[str, Any]) -> NDArray[Any]:
        return result_files.read_layer(path_of(layer["sha256"]), layer)

    person = said["confirmed_by"]
    return ConfirmedResult(
        id=said["id"],
        result=result_content.decode(said["content"], load),
        edits=said["edits"],
        confirmed_by=Person(**{**person, "roles": tuple(person["roles"])}),
        confirmed_at=datetime.fromisoformat(said["confirmed_at"]),
        layer_hashes=layer_hashes(said["content"]),
    )


def title_of(registry: Registry, analysis_id: str, content: Mapping[str, Any] | None) -> Text:
    """What a result is called: by its own content, or else by its analysis."""
    if content is not None:
        return Text(**content["title"])
    analysis = registry.get(Analysis, analysis_id)
    title = analysis.title if analysis is not None else analysis_id
    return title if isinstance(title, Text) else Text(title, title)


def _record(registry: Registry, row: Row[Any]) -> ResultRecord:
    message: Mapping[str, str] = row.message or {"vi": "", "en": ""}
    return ResultRecord(
        id=row.id,
        analysis=row.analysis,
        title=title_of(registry, row.analysis, row.content),
        study_instance_uid=row.study_instance_uid,
        case_id=row.case_id,
        state=ResultState(row.state),
        revision=row.revision,
        content_revision=row.content_revision,
        content_key=row.content_key,
        edits=row.edits,
        content=row.content,
        content_hash=row.content_hash,
        progress=row.progress,
        message=Text(**message),
        error=Text(**row.error) if row.error else None,
        wanted_at=row.wanted_at,
        confirmed_by=_person(row),
        confirmed_at=row.confirmed_at,
    )


def _person(row: Row[Any]) -> Person | None:
    if row.confirmed_by is None:
        return None
    return Person(
        row.confirmed_by,
        row.person_name,
        row.person_site,
        tuple(row.person_roles),
        row.person_licence_number,
    )
