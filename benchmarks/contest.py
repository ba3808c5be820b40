"""Run contenders in turns, compare what they give, and say how they did."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Contest", "Peer", "Result", "hold"]

LEAST_SECONDS = 0.004  # one timing; shorter calls are repeated within it


@dataclass(frozen=True)
class Peer:
    """A library's way to do the same work.

    ``bar`` is the ratio we are held to, by the clock and in processor time; None for a
    comparison made for its own sake.
    ``agrees`` gets our result and the peer's and says how they differ, or raises.
    """

    name: str
    run: Callable[[], Any]
    agrees: Callable[[Any, Any], str]
    bar: float | None = None


@dataclass(frozen=True)
class Contest:
    name: str
    ours: Callable[[], Any]
    peers: Sequence[Peer]
    bytes_moved: int
    threads: int
    pixels: int = 0
    bandwidth_bar: float | None = None
    why_lost: str = ""


@dataclass
class Result:
    """What came of one contest; times in seconds."""

    name: str
    threads: int
    ours_seconds: float
    ours_median_seconds: float
    gigabytes_per_second: float
    copy_gigabytes_per_second: float
    share_of_copy_bandwidth: float
    bandwidth_bar: float | None
    peers: list[dict[str, Any]] = field(default_factory=list)
    why_lost: str = ""


def hold(contest: Contest, copy: Callable[[], Any], copied_bytes: int, rounds: int) -> Result:
    """Compare results first, then time everybody in turns, forwards and backwards.

    `copy` takes its turn, too: the bandwidth that ours is measured against is that of the same
    seconds. Minima tell what the code can do, medians what a shared machine lets it; processor
    time is less troubled by neighbours, but blind to the use of a second core.
    """
    mine = contest.ours()
    mine = mine.copy() if isinstance(mine, np.ndarray) else mine
    agreements = [peer.agrees(mine, peer.run()) for peer in contest.peers]
    runners = [contest.ours, *(peer.run for peer in contest.peers), copy]
    repeats = [repeats_for(run) for run in runners]
    times: list[list[float]] = [[] for _ in runners]
    processor: list[list[float]] = [[] for _ in runners]
    for turn in range(rounds):
        order = range(len(runners))
        for index in order if turn % 2 == 0 else reversed(order):
            started = time.process_time()
            times[index].append(timed(runners[index], repeats[index]))
            processor[index].append((time.process_time() - started) / repeats[index])
    best = min(times[0])
    rate = contest.bytes_moved / best / 1e9
    bandwidth = copied_bytes / min(times[-1]) / 1e9
    result = Result(
        name=contest.name,
        threads=contest.threads,
        ours_seconds=best,
        ours_median_seconds=statistics.median(times[0]),
        gigabytes_per_second=rate,
        copy_gigabytes_per_second=bandwidth,
        share_of_copy_bandwidth=rate / bandwidth,
        bandwidth_bar=contest.bandwidth_bar,
        why_lost=contest.why_lost,
    )
    for index, (peer, agreement) in enumerate(zip(contest.peers, agreements, strict=True), start=1):
        seconds = times[index]
        ratio = min(seconds) / best
        work_ratio = min(processor[index]) / max(min(processor[0]), 1e-9)
        result.peers.append(
            {
                "name": peer.name,
                "seconds": min(seconds),
                "median_seconds": statistics.median(seconds),
                "ratio": ratio,
                "median_ratio": statistics.median(
                    [theirs / ours for theirs, ours in zip(seconds, times[0], strict=True)]
                ),
                "processor_ratio": work_ratio,
                "bar": peer.bar,
                "met": None if peer.bar is None else min(ratio, work_ratio) >= peer.bar,
                "agreement": agreement,
            }
        )
    return result


def repeats_for(run: Callable[[], Any]) -> int:
    once = min(timed(run, 1) for _ in range(2))
    return max(1, min(200, int(LEAST_SECONDS / max(once, 1e-7))))


def timed(run: Callable[[], Any], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - start) / repeats


def within(tolerance: float, inside: Any = ...) -> Callable[[Any, Any], str]:
    """Ask that no value differs by more than `tolerance`."""

    def agrees(ours: NDArray[Any], theirs: NDArray[Any]) -> str:
        difference = np.abs(ours[inside].astype(np.float64) - theirs[inside].astype(np.float64))
        worst = float(difference.max())
        if not worst <= tolerance:
            raise AssertionError(f"results differ by {worst}, more than {tolerance}")
        return f"max difference {worst:.3g}"

    return agrees


def on_average(tolerance: float) -> Callable[[Any, Any], str]:
    """Ask that values differ by no more than `tolerance` on average."""

    def agrees(ours: NDArray[Any], theirs: NDArray[Any]) -> str:
        mean = float(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).mean())
        if not mean <= tolerance:
            raise AssertionError(f"results differ by {mean} on average, more than {tolerance}")
        return f"mean difference {mean:.3g}"

    return agrees


def overlap(least: float) -> Callable[[Any, Any], str]:
    """Ask that two masks overlap, by Dice."""

    def agrees(ours: NDArray[Any], theirs: NDArray[Any]) -> str:
        dice = 2 * float((ours & theirs).sum()) / max(float(ours.sum() + theirs.sum()), 1)
        if not dice >= least:
            raise AssertionError(f"masks overlap by {dice}, less than {least}")
        return f"Dice {dice:.4f}"

    return agrees
