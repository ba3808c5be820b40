"""A series as viewports can show it, made by the handlers of its SOP Classes."""

from collections import defaultdict
from dataclasses import replace

from plugins.contributions import DisplaySetHandler
from plugins.nouns import DisplaySet, Instance, Series
from plugins.registry import Registry

__all__ = ["display_sets"]


def display_sets(registry: Registry, series: Series) -> tuple[DisplaySet, ...]:
    """Split `series` with the most particular handlers; one that fails hands on to the next.

    Every instance ends in some display set as long as one handler of its class does its work.
    """
    by_class: dict[str, list[Instance]] = defaultdict(list)
    for instance in series.instances:
        by_class[instance.sop_class_uid].append(instance)
    # instances of several classes that one handler takes stay together
    shares: dict[tuple[str, ...], list[Instance]] = defaultdict(list)
    chains: dict[tuple[str, ...], tuple[DisplaySetHandler, ...]] = {}
    for sop_class_uid, instances in by_class.items():
        chain = _handlers(registry, sop_class_uid)
        key = tuple(handler.id for handler in chain)
        chains[key] = chain
        shares[key] += instances
    made = [
        one
        for key, instances in shares.items()
        for one in _split(registry, chains[key], replace(series, instances=tuple(instances)))
    ]
    return _with_own_ids(made)


def _handlers(registry: Registry, sop_class_uid: str) -> tuple[DisplaySetHandler, ...]:
    """Those that take the class: the most particular first, those that take anything last."""
    takers = [
        handler
        for handler in registry.of(DisplaySetHandler)
        if not handler.sop_class_uids or sop_class_uid in handler.sop_class_uids
    ]
    return tuple(sorted(takers, key=lambda h: (not h.sop_class_uids, len(h.sop_class_uids))))


def _split(
    registry: Registry, chain: tuple[DisplaySetHandler, ...], series: Series
) -> tuple[DisplaySet, ...]:
    for handler in chain:
        made = registry.call(handler, handler.split, series, default=None)
        if made is not None:
            return tuple(made)
    return ()


def _with_own_ids(made: list[DisplaySet]) -> tuple[DisplaySet, ...]:
    """Two handlers may both have named a set after its series; ids must differ."""
    seen: dict[str, int] = defaultdict(int)
    result = []
    for one in made:
        seen[one.id] += 1
        count = seen[one.id]
        result.append(one if count == 1 else replace(one, id=f"{one.id}:{count}+"))
    return tuple(result)
