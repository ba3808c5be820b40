"""What a contest of slides gives: one line a comparison, with its bar."""

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

__all__ = ["Line", "Times", "installed", "race", "rivals", "show"]


@dataclass
class Times:
    """Seconds of one contender, a turn each: of the processor and by the clock."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    @property
    def best(self) -> float:
        return max(min(self.cpu), 1e-9)

    @property
    def median(self) -> float:
        return max(statistics.median(self.cpu), 1e-9)


@dataclass
class Line:
    """One comparison.

    `ratio` is theirs by ours where smaller is better, ours by theirs where larger is: above 1 we
    win. `met` is None where nobody set a bar.
    """

    bar: str
    what: str
    ours: str
    theirs: str = ""
    ratio: float | None = None
    median_ratio: float | None = None
    target: str = ""
    met: bool | None = None
    load: float = field(default_factory=lambda: os.getloadavg()[0])


def installed(distribution: str) -> str | None:
    """The version of a peer, None when it is not here."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def race(runners: Mapping[str, Callable[[int], object]], rounds: int) -> dict[str, Times]:
    """Run everybody in turns, forwards and backwards; each is told the number of the turn.

    Turn 0 warms up and is not counted.
    """
    times = {name: Times() for name in runners}
    for turn in range(rounds + 1):
        order = list(runners) if turn % 2 else list(reversed(runners))
        for name in order:
            cpu, wall = time.process_time(), time.perf_counter()
            runners[name](turn)
            if turn:
                times[name].cpu.append(time.process_time() - cpu)
                times[name].wall.append(time.perf_counter() - wall)
    return times


def rivals(
    bar: str,
    what: str,
    times: Mapping[str, Times],
    each: int,
    targets: Mapping[str, float],
) -> list[Line]:
    """One line for each peer: the first of `times` is ours; processor time of one of `each`."""
    (name, ours), *others = times.items()
    lines = []
    for peer, theirs in others:
        ratio = theirs.best / ours.best
        target = targets.get(peer)
        lines.append(
            Line(
                bar,
                f"{what}: {name}",
                _told(ours, each),
                f"{peer} {_told(theirs, each)}",
                ratio,
                theirs.median / ours.median,
                "" if target is None else f"≥ {target:g}×",
                None if target is None else ratio >= target,
            )
        )
    return lines


def _told(times: Times, each: int) -> str:
    wall = min(times.wall) / each
    return f"{times.best / each * 1e6:.1f} µs (wall {wall * 1e6:.1f})"


def show(lines: Sequence[Line]) -> None:
    for line in lines:
        text = f"{line.bar:4} {line.what}: {line.ours}"
        if line.theirs:
            text += f"  |  {line.theirs}"
        if line.ratio is not None:
            text += f"  |  {line.ratio:.2f}×"
            if line.median_ratio is not None:
                text += f" (medians {line.median_ratio:.2f}×)"
            if line.ratio < 1:
                text += " we lose"
        if line.target:
            verdict = {None: "", True: "met", False: "MISSED"}[line.met]
            text += f"  |  bar {line.target} {verdict}"
        print(f"{text.rstrip()}  [load {line.load:.1f}]", flush=True)
