"""The query string of a search (PS3.18 8.3.4)."""

from dataclasses import dataclass, field

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from starlette.datastructures import QueryParams

from dicom_node.archive import Query
from dicom_node.web.errors import BadRequest

__all__ = ["Search", "parse_search"]

_OWN = frozenset({"accept", "charset", "fuzzymatching", "includefield", "limit", "offset"})
_BIGGEST = (1 << 31) - 1
# Asked of studies by clients that mean any series of theirs.
_STUDY_SYNONYMS = {"Modality": "ModalitiesInStudy"}


@dataclass(frozen=True)
class Search:
    """What to look for and what to tell of it.

    ``query`` asks for one row more than ``limit``, so that one knows whether there are more.
    ``fields`` are the tags to include beside the usual ones; None is all of them.
    """

    query: Query
    limit: int
    fields: frozenset[str] | None = field(default_factory=frozenset)


def parse_search(
    params: QueryParams, keys: frozenset[str], fixed: dict[str, str], most: int
) -> Search:
    """Read a query string.

    Parameters
    ----------
    params : QueryParams
    keys : frozenset of keywords that can be matched on at this level
    fixed : keyword to UID
        From the path; the query cannot widen it.
    most : int
        Rows given when the client sets no limit, or a higher one.

    Raises
    ------
    BadRequest
        An unknown attribute, or a value that makes no sense.
    """
    matches: dict[str, str] = {}
    for name, value in params.multi_items():
        if name.lower() in _OWN:
            continue
        keyword = _keyword(name)
        if keyword not in keys and keyword in _STUDY_SYNONYMS:
            keyword = _STUDY_SYNONYMS[keyword]
        if keyword not in keys:
            raise BadRequest(f"cannot match on {keyword} here; can on {', '.join(sorted(keys))}")
        if keyword in matches:
            raise BadRequest(f"{keyword} is given twice")
        matches[keyword] = value
    everything = dict(matches) | _narrowed(matches, fixed)
    limit = _whole(params.get("limit", ""), most, "limit")
    query = Query(
        everything,
        limit=min(limit, most) + 1,
        offset=_whole(params.get("offset", ""), 0, "offset"),
        fuzzy=_fuzzy(params, matches),
    )
    return Search(query, min(limit, most), _fields(params.getlist("includefield")))


def _keyword(name: str) -> str:
    """The keyword of an attribute named by keyword or by eight hexadecimal digits."""
    if len(name) == 8:
        try:
            found = keyword_for_tag(int(name, 16))
        except ValueError:
            found = ""
        if found:
            return found
    if tag_for_keyword(name) is None:
        raise BadRequest(f"there is no attribute {name[:64]!r}")
    return name


def _narrowed(matches: dict[str, str], fixed: dict[str, str]) -> dict[str, list[str]]:
    """The UIDs of the path, as lists; contradicted by the query, they match nothing."""
    narrowed = {}
    for keyword, uid in fixed.items():
        asked = matches.get(keyword, "").replace(",", "\\").split("\\")
        wanted = [one.strip() for one in asked if one.strip() not in ("", "*")]
        # No UID is a lone dot, so nothing is found by it.
        narrowed[keyword] = [uid] if not wanted or uid in wanted else ["."]
    return narrowed


def _fuzzy(params: QueryParams, matches: dict[str, str]) -> bool:
    """Whether names match word by word.

    Unless the client insists on literal matching, a name without wildcards does: nobody types
    ``NGUYEN^VAN^AN`` into a search field.
    """
    given = params.get("fuzzymatching", "").lower()
    if given in ("true", "1"):
        return True
    names = [matches.get(key, "") for key in ("PatientName", "ReferringPhysicianName")]
    return given == "" and not any("*" in name or "?" in name for name in names)


def _whole(text: str, default: int, name: str) -> int:
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadRequest(f"{name} is a whole number from 0")
    return min(int(text), _BIGGEST)


def _fields(values: list[str]) -> frozenset[str] | None:
    tags = set()
    for name in ",".join(values).split(","):
        name = name.strip()
        if name.lower() == "all":
            return None
        tag = tag_for_keyword(name)
        if tag is not None:
            tags.add(f"{tag:08X}")
        elif len(name) == 8:
            tags.add(name.upper())
    return frozenset(tags)
