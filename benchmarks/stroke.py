"""Stroke CT, stage by stage and whole: ``python -m benchmarks.stroke``.

The wholes go through the plugin's ``compute`` on studies in memory, so reading files is not in
them. The first run of each is told apart from the later ones. Bars are seconds by the clock on
two cores; processor time stands beside, since a busy machine lengthens the clock's. Stages run
beside a library's way to do the same on the same arrays; losses are printed too.
``--accuracy`` prints instead what comes out on heads nothing was tuned on.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contest import hold
from benchmarks.groups import strokes
from benchmarks.kernels import copier, pin, print_result
from kernels import perfusion_head, stroke_phantom
from kernels.perfusion.deconvolution import deconvolve
from kernels.stroke_phantom import Finding
from plugins import Registry
from plugins.contributions import Analysis
from plugins.nouns import Study, Text
from plugins.results import Result
from tests.plugins.builtin.stroke.studies import perfusion_series, phantom_series, study_of

FINDINGS = (
    Finding("infarct", "left", 45.0),
    Finding("haemorrhage", "right", 12.0),
)


@dataclass
class Bench:
    """Remembers as the host does, and shows progress on a terminal."""

    memory: dict[str, Any] = field(default_factory=dict)

    def report(self, fraction: float, message: Text) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K  {100 * fraction:3.0f} % {message.en}", end="", file=sys.stderr)


@dataclass
class Whole:
    """One whole, in seconds: the first run, then the warm ones; by the clock and processor."""

    name: str
    bar: float
    first: float
    first_processor: float
    best: float
    median: float
    processor: float
    steps: list[tuple[str, float]]

    def lines(self) -> list[str]:
        met = "met" if self.best <= self.bar else "MISSED"
        if self.best > self.bar >= self.processor:
            met += " by the clock; processor time is below it"
        head = (
            f"\n{self.name}: {self.best:.2f} s (median {self.median:.2f}), processor time "
            f"{self.processor:.2f} s; first run {self.first:.2f} s, processor time "
            f"{self.first_processor:.2f} s; bar {self.bar:g} s: {met}"
        )
        return [head, *(f"  {seconds:7.2f} s  {title}" for title, seconds in self.steps)]


def clocked(run: Callable[[], Any]) -> tuple[float, float, Any]:
    processor, clock = time.process_time(), time.perf_counter()
    found = run()
    return time.perf_counter() - clock, time.process_time() - processor, found


def whole(name: str, bar: float, run: Callable[[], Any], rounds: int) -> Whole:
    first = clocked(run)
    later = [clocked(run) for _ in range(rounds)]
    best = min(later, key=lambda one: one[0])
    steps = []
    if isinstance(best[2], Result):
        if not best[2].values:
            raise AssertionError(f"{name} gave no numbers: {best[2].reasons}")
        steps = [(step.title.en, step.seconds) for step in best[2].steps]
    clock = [one[0] for one in later]
    made = Whole(
        name,
        bar,
        first[0],
        first[1],
        min(clock),
        statistics.median(clock),
        min(one[1] for one in later),
        steps,
    )
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    print("\n".join(made.lines()), flush=True)
    return made


def analysis(key: str) -> Analysis:
    found = Registry.load().get(Analysis, key)
    if found is None:
        raise LookupError(f"no analysis {key}")
    return found


def wholes(rounds: int, quick: bool) -> list[Whole]:
    part = 3 if quick else 1  # a third of every edge
    plain, blood_flow = analysis("stroke_ncct"), analysis("stroke_ctp")
    results = []
    for slices, thick, bar in ((30, 5.0, 6.0), (300, 0.5, 20.0)):
        if quick and slices == 300:
            continue
        edge = 512 // part
        phantom = stroke_phantom(FINDINGS, (slices, edge, edge), (thick, 0.46 * part, 0.46 * part),
                                 yaw_deg=6.0, seed=910)  # fmt: skip
        study = study_of(phantom_series(phantom))
        name = f"non-contrast, {slices} x {edge} x {edge}"
        results.append(whole(name, bar, fresh(plain, study, {}), rounds))
    shape = (20 // (2 if quick else 1), 256 // part, 256 // part)
    spacing = (5.0, 0.9 * part, 0.9 * part)
    times = np.arange(0.0, 60.0, 2.0 if quick else 1.0)
    name = f"perfusion, {' x '.join(map(str, (*shape[1:], shape[0], len(times))))}"
    study = study_of(perfusion_series(perfusion_head(times, shape, spacing, seed=911)))
    still: Mapping[str, Any] = {"parameters": {"motion": "off"}}
    results.append(whole(f"{name}, no motion correction", 10, fresh(blood_flow, study, still), 1
                         if quick else rounds))  # fmt: skip
    results.append(repicked(name, blood_flow, study, still, rounds))
    if not quick:
        motion = np.random.default_rng(912).uniform(-4, 4, (len(times), 6))
        motion[:3] = 0
        scan = perfusion_head(times, shape, spacing, seed=911, motion=motion)
        study = study_of(perfusion_series(scan))
        name = f"{name}, every frame moved, motion correction"
        results.append(whole(name, 60, fresh(blood_flow, study, {}), max(rounds - 1, 1)))
    return results


def fresh(made_by: Analysis, study: Study, edits: Mapping[str, Any]) -> Callable[[], Result]:
    """Compute from nothing each time."""
    return lambda: made_by.compute(study, edits, Bench())


def repicked(
    name: str, made_by: Analysis, study: Study, edits: Mapping[str, Any], rounds: int
) -> Whole:
    """The reader drags the artery; what does not depend on it is remembered."""
    bench = Bench()
    first = made_by.compute(study, edits, bench)
    artery = next(handle for handle in first.handles if handle.key == "artery")
    x, y, z = artery.points_mm[0]
    edits = {**edits, "handles": {"artery": [[x + 1.0, y, z]]}}

    def run() -> Result:
        # a pick so near may give the same curve: maps made from it are forgotten
        for key in [key for key in bench.memory if key.startswith("('maps'")]:
            del bench.memory[key]
        return made_by.compute(study, edits, bench)

    return whole(f"{name}, another artery picked", 3, run, rounds)


def half_a_million(rounds: int) -> list[Whole]:
    """Deconvolution of 500 000 curves, of which the contests below run a fifth."""
    table, artery = strokes.curves()
    table = np.tile(table, (5, 1))

    def run(method: str) -> Callable[[], Any]:
        return lambda: deconvolve(table, artery, 1.0, method)

    return [
        whole(f"{method}, 500 000 curves of 60", bar, run(method), rounds)
        for method, bar in (("bsvd", 0.6), ("osvd", 4.0))
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stroke", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small scans, two contests, one turn")
    parser.add_argument("--accuracy", action="store_true", help="how true, instead of how fast")
    parser.add_argument("--rounds", type=int, default=3, help="warm runs of each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if options.accuracy:
        from benchmarks import stroke_accuracy

        return stroke_accuracy.main(quick=options.quick)

    rounds = 1 if options.quick else options.rounds
    pin(2)
    load = os.getloadavg()[0]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load:.1f}")
    print("2 threads on all sides; minima of warm runs; bars are by the clock")
    if options.quick:
        print("quick: scans are smaller than those the bars are for")
    done = wholes(rounds, options.quick)
    if not options.quick:
        done += half_a_million(rounds)
    copy, copied_bytes = copier()
    stages = []
    chosen = (strokes.distances, strokes.mirrors) if options.quick else strokes.ALL
    for make in chosen:
        contest = make()
        stages.append(hold(contest, copy, copied_bytes, rounds))
        print_result(stages[-1])
        sys.stdout.flush()
    print(
        "\nNo library equivalent: brain mask, midsagittal plane, mirror-difference clusters, "
        "haemorrhage\ncandidates, ASPECTS levels, regions and intervals, midline proposal, "
        "ventricles, vessels, artery and\nvein, lesions. Their times are the steps of the wholes."
    )
    print(f"load at the end {os.getloadavg()[0]:.1f}")
    if options.json:
        report = {
            "load_at_start": load,
            "wholes": [asdict(one) for one in done],
            "stages": [asdict(one) for one in stages],
        }
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
