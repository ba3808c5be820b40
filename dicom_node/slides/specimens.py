"""What lies on the glass: container, specimens and stain (PS3.3 C.7.6.22, PS3.16 TID 8001)."""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["container_id", "specimens", "stain"]

_CONTAINER, _DESCRIPTIONS = "00400512", "00400560"
_PREPARATION, _STEP = "00400610", "00400612"
_IDENTIFIER, _SHORT, _DETAILED = "00400551", "00400600", "00400602"
_CONCEPT, _CODE, _TEXT = "0040A043", "0040A168", "0040A160"
# Parent Specimen Identifier; Using substance, in SNOMED CT and in SNOMED RT.
_PARENT = frozenset({"111705"})
_SUBSTANCE = frozenset({"424361007", "G-C350"})
# Haematoxylin and eosin, as SNOMED's own words and people's have them in common.
_USUAL = ("matoxylin", "eosin")

Header = Mapping[str, Any]


def container_id(header: Header) -> str:
    """What the laboratory calls the glass."""
    return _text(header, _CONTAINER)


def specimens(header: Header) -> list[dict[str, str]]:
    """One entry a specimen; part and block are those it was cut from, "" where nobody wrote it.

    The parents of the sampling steps lead from the part the surgeon sent to the block.
    """
    found = []
    for item in _items(header, _DESCRIPTIONS):
        parents = list(dict.fromkeys(_values(item, _PARENT)))
        found.append(
            {
                "id": _text(item, _IDENTIFIER),
                "part": parents[0] if parents else "",
                "block": parents[-1] if len(parents) > 1 else "",
                "description": _text(item, _SHORT) or _text(item, _DETAILED),
            }
        )
    return found


def stain(header: Header) -> str:
    """The stains used, in the order they were, as the header words them; H&E by its short name."""
    values = (one for item in _items(header, _DESCRIPTIONS) for one in _values(item, _SUBSTANCE))
    found = list(dict.fromkeys(values))
    usual = [one for one in found if any(part in one.lower() for part in _USUAL)]
    if all(any(part in one.lower() for one in usual) for part in _USUAL):
        found = ["H&E", *(one for one in found if one not in usual)]
    return ", ".join(found)


def _values(specimen: Header, concepts: frozenset[str]) -> Iterator[str]:
    """The values of the content items of a specimen's preparation that have such a name."""
    for preparation in _items(specimen, _PREPARATION):
        for content in _items(preparation, _STEP):
            name = next(iter(_items(content, _CONCEPT)), {})
            if _text(name, "00080100") not in concepts:
                continue
            code = next(iter(_items(content, _CODE)), {})
            value = _text(code, "00080104") or _text(content, _TEXT)
            if value:
                yield value


def _items(header: Header, tag: str) -> list[Header]:
    values = header.get(tag, {}).get("Value") or []
    return [item for item in values if isinstance(item, Mapping)]


def _text(header: Header, tag: str) -> str:
    values = header.get(tag, {}).get("Value") or [""]
    return str(values[0] if values[0] is not None else "").strip()
