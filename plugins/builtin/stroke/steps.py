"""Stages of a computation: reported while they run, kept with their times, remembered by name."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from plugins.nouns import Text
from plugins.results import Bench, Step

__all__ = ["Steps"]

T = TypeVar("T")


class Steps:
    """Runs stages one after the other.

    A stage with a key is kept in the bench's memory: a correction computes again only what
    depends on it. The key names the stage, its series, and all else that it depends on; of each
    stage and series only the newest is kept.
    """

    def __init__(self, bench: Bench, count: int) -> None:
        self.bench = bench
        self.count = count
        self.done: list[Step] = []

    def run(
        self,
        title: Text,
        work: Callable[[], T],
        key: tuple[Any, ...] = (),
        outcome: Callable[[T], Text] | None = None,
    ) -> T:
        """Run a stage, or take its outcome from memory."""
        self.bench.report(min(len(self.done) / self.count, 0.99), title)
        start = time.perf_counter()
        kept_key, kept = self.bench.memory.get(repr(key[:2]), ((), None))
        if key and kept_key == key:
            made: T = kept
        else:
            made = work()
            if key:
                self.bench.memory[repr(key[:2])] = (key, made)
        seconds = time.perf_counter() - start
        self.done.append(Step(title, seconds, outcome(made) if outcome is not None else None))
        return made
