"""Reads a person makes of a case before and after seeing the arithmetic; what waits for them.

``edits["reads"]`` of a result holds ``independent``, ``aided``, ``final`` (and ``earlier`` final
ones), or ``declined`` in place of the independent one. A read that was stored is never rewritten.
Each carries ``seen``: what of the study's results its reader could have seen when it was stored,
written by the server.

A value, layer or control that is withheld until an analysis is read leaves the server, for a
case, once that case's result of the analysis has an independent read or a declined one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from plugins.nouns import Text
from workstation.consult.result_rows import ResultRecord
from workstation.errors import Conflict, InvalidRequest

__all__ = ["Withheld", "kept_reads", "seen_of", "withheld_from", "without"]

_FIRST = ("independent", "declined")
_LOCKED = (*_FIRST, "aided")
_READS = (*_LOCKED, "final")
_PARTS = ("values", "layers", "controls")


@dataclass(frozen=True, slots=True)
class Withheld:
    """What of a result a case's readers do not get before they have read in analysis ``until``.

    ``layers`` are its layers' titles; how many values there are would tell too much.
    """

    until: str
    title: Text
    layers: tuple[Text, ...]


def withheld_from(
    content: Mapping[str, Any] | None, study_results: Iterable[ResultRecord]
) -> tuple[Withheld, ...]:
    """What of `content` is not for the readers of a case.

    Parameters
    ----------
    study_results : iterable of ResultRecord
        The case's results of the same study. An analysis that is not among them cannot be read
        in this case, and nothing waits for it.
    """
    if content is None:
        return ()
    unread = {one.analysis: one.title for one in study_results if not _is_read(one.edits)}
    return tuple(
        Withheld(until, unread[until], _layer_titles(content, until))
        for until in _awaited(content)
        if until in unread
    )


def without(
    content: Mapping[str, Any] | None, withheld: Iterable[Withheld]
) -> Mapping[str, Any] | None:
    """The content as readers get it."""
    closed = {one.until for one in withheld}
    if content is None or not closed:
        return content
    kept = {
        part: [one for one in content.get(part, ()) if one.get("withheld_until", "") not in closed]
        for part in _PARTS
    }
    return {**content, **kept}


def seen_of(study_instance_uid: str, of_case: Iterable[ResultRecord]) -> dict[str, Any]:
    """By analysis: the revision that was there to be seen, and the keys that were withheld."""
    records = [one for one in of_case if one.study_instance_uid == study_instance_uid]
    return {
        one.analysis: {
            "revision": one.content_revision,
            "withheld": sorted(_withheld_keys(one, records)),
        }
        for one in records
        if one.content is not None
    }


def kept_reads(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    username: str,
    at: datetime,
    seen: Mapping[str, Any],
) -> tuple[dict[str, Any], list[str]]:
    """The corrections with their reads as they are stored, and the names of the new reads.

    Raises
    ------
    Conflict
        Code ``read_is_locked``: a stored read would be changed, or the reader can no longer
        read independently.
    InvalidRequest
        A new read is somebody else's, or comes before the independent one.
    """
    old, new = before.get("reads") or {}, after.get("reads") or {}
    _require_locked(old, new)
    fresh = [name for name in _READS if name in new and not _is_same(new[name], old.get(name))]
    if "independent" in fresh and "declined" in old:
        raise _locked()
    named = all(isinstance(new[name], Mapping) for name in fresh)
    if not named or any(new[name].get("by") != username for name in fresh):
        raise _refused()
    if fresh and sum(name in new for name in _FIRST) != 1:
        raise _refused()
    if not new:
        return dict(after), []
    reads = {name: old.get(name, one) for name, one in new.items()}
    for name in fresh:
        reads[name] = {**new[name], "seen": seen}
    if "declined" in fresh:
        reads["declined"] = {"by": username, "at": at.isoformat(), "seen": seen}
    if new.get("earlier"):
        stored = [old.get("final"), *(old.get("earlier") or ())]
        reads["earlier"] = [
            next((one for one in stored if _is_same(said, one)), said) for said in new["earlier"]
        ]
    return {**after, "reads": reads}, fresh


def _require_locked(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    earlier = new.get("earlier") or []
    final = old.get("final")
    gone = [one for one in old.get("earlier") or [] if not _is_among(one, earlier)]
    is_final_kept = final is None or _is_same(new.get("final"), final) or _is_among(final, earlier)
    changed = [name for name in _LOCKED if name in old and not _is_same(new.get(name), old[name])]
    if gone or changed or not is_final_kept:
        raise _locked()


def _is_read(edits: Mapping[str, Any]) -> bool:
    reads = edits.get("reads") or {}
    return any(reads.get(name) for name in _FIRST)


def _awaited(content: Mapping[str, Any]) -> list[str]:
    found = (one.get("withheld_until") for part in _PARTS for one in content.get(part, ()))
    return list(dict.fromkeys(until for until in found if until))


def _layer_titles(content: Mapping[str, Any], until: str) -> tuple[Text, ...]:
    layers = (one for one in content["layers"] if one.get("withheld_until") == until)
    return tuple(Text(**one["title"]) for one in layers)


def _withheld_keys(record: ResultRecord, records: Iterable[ResultRecord]) -> set[str]:
    whole, shown = record.content, without(record.content, withheld_from(record.content, records))
    if whole is None or shown is None:
        return set()
    return {one["key"] for part in _PARTS for one in whole[part] if one not in shown[part]}


def _is_same(said: object, stored: object) -> bool:
    """Whether a read is the stored one; what the server wrote into it need not come back."""
    return _bare(said) == _bare(stored)


def _bare(read: object) -> object:
    if not isinstance(read, Mapping):
        return read
    return {name: one for name, one in read.items() if name != "seen"}


def _is_among(read: object, reads: Iterable[object]) -> bool:
    return any(_is_same(read, one) for one in reads)


def _locked() -> Conflict:
    return Conflict(
        "read_is_locked",
        "Lượt đọc đã khóa không sửa được.",
        "A read that was locked cannot be changed.",
    )


def _refused() -> InvalidRequest:
    return InvalidRequest(
        "invalid_edits",
        "Phần sửa «reads» không đúng dạng hoặc sai thứ tự.",
        "The correction 'reads' is malformed or out of order.",
        field="reads",
    )
