"""What a bench remembers between computations, by study and analysis, within so many bytes."""

import sys
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

__all__ = ["BenchMemory", "size_of"]

# A header without pixels, about; to weigh each of its elements would take longer than it is worth.
HEADER_BYTES = 20_000

Key = tuple[str, str]


class BenchMemory:
    """Dictionaries by (Study Instance UID, analysis id); those unused for longest go first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Key, dict[str, Any]] = OrderedDict()
        self._sizes: dict[Key, int] = {}

    def of(self, study_instance_uid: str, analysis_id: str) -> dict[str, Any]:
        """The dictionary of an analysis of a study, empty at first; now the one used last."""
        key = (study_instance_uid, analysis_id)
        self._kept.setdefault(key, {})
        self._kept.move_to_end(key)
        return self._kept[key]

    def settle(self, study_instance_uid: str, analysis_id: str) -> None:
        """After a computation: weigh what it left, and forget until there is room."""
        key = (study_instance_uid, analysis_id)
        self._sizes[key] = size_of(self._kept.get(key, {}))
        while self._kept and sum(self._sizes.values()) > self._most_bytes:
            oldest, _ = self._kept.popitem(last=False)
            self._sizes.pop(oldest, None)

    def forget(self, study_instance_uid: str) -> None:
        """Forget a study: what was made of it before is of other images."""
        for key in [key for key in self._kept if key[0] == study_instance_uid]:
            del self._kept[key]
            self._sizes.pop(key, None)

    def clear(self) -> None:
        self._kept.clear()
        self._sizes.clear()


def size_of(value: Any) -> int:
    """About how many bytes `value` and what it holds take; what is held twice counts once."""
    seen: set[int] = set()
    waiting, total = [value], 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, np.ndarray):
            # a view keeps the whole of what it looks at
            owner = one if one.base is None else one.base
            if isinstance(owner, np.ndarray) and owner is not one:
                waiting.append(owner)
            else:
                total += one.nbytes
            continue
        if isinstance(one, Dataset):
            total += HEADER_BYTES
            continue
        total += sys.getsizeof(one, 0)
        waiting += _parts(one)
    return total


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, str | bytes | bytearray | memoryview):
        return ()
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, Sequence | Set):
        return list(value)
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in fields(value)]
    if callable(value) or isinstance(value, type):
        return ()
    return list(vars(value).values()) if hasattr(value, "__dict__") else ()
