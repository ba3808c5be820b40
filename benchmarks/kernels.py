"""Every kernel beside the strongest library for its job: ``python -m benchmarks.kernels``.

Same data, same types in and out where the library allows, same number of threads, warm; results
are compared before anybody is timed, and everybody is timed in turns. Losses are printed too.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import SimpleITK as sitk
import vtk
from numpy.typing import NDArray

import kernels
from benchmarks import groups
from benchmarks.contest import Contest, Result, hold
from kernels._jit import jit
from kernels._threads import spread

LIBRARIES = (
    "numba",
    "numpy",
    "scipy",
    "opencv-python-headless",
    "SimpleITK",
    "vtk",
    "scikit-image",
    "torchstain",
    "pillow",
    "pydicom",
)


@jit("void(i8, i8, f4[::1], f4[::1])")
def copy_block(
    start: int, stop: int, source: NDArray[np.float32], target: NDArray[np.float32]
) -> None:
    """Copy, for the bandwidth that everything is measured against."""
    target[start:stop] = source[start:stop]


def copier() -> tuple[Callable[[], None], int]:
    """Return a copy of 128 MB with as many threads as kernels have, and the bytes it moves."""
    source, target = np.ones(1 << 25, np.float32), np.zeros(1 << 25, np.float32)

    def copy() -> None:
        spread(copy_block, len(source), source, target, least=1 << 16)

    return copy, 2 * source.nbytes


def pin(threads: int) -> None:
    """Give everybody the same number of threads."""
    kernels.set_threads(threads)
    cv2.setNumThreads(threads)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    vtk.vtkMultiThreader.SetGlobalMaximumNumberOfThreads(threads)
    vtk.vtkMultiThreader.SetGlobalDefaultNumberOfThreads(threads)
    vtk.vtkSMPTools.Initialize(threads)


def contests(wanted: str) -> Iterator[Callable[[], Contest]]:
    """Give the contests whose name holds `wanted`, each made only when its turn comes."""
    for make in groups.ALL:
        if wanted.lower() in make.__name__.replace("_", " "):
            yield make


def print_result(result: Result) -> None:
    rate = f"{result.gigabytes_per_second:.1f} GB/s"
    share = (
        f"{100 * result.share_of_copy_bandwidth:.0f} % of the "
        f"{result.copy_gigabytes_per_second:.0f} that a copy makes"
    )
    if result.bandwidth_bar is not None:
        met = result.share_of_copy_bandwidth >= result.bandwidth_bar
        share += f" (bar {100 * result.bandwidth_bar:.0f} %: {'met' if met else 'MISSED'})"
    threads = "1 thread" if result.threads == 1 else f"{result.threads} threads"
    print(f"\n{result.name}, {threads}: {result.ours_seconds * 1e3:.3f} ms, {rate}, {share}")
    for peer in result.peers:
        bar = ""
        if peer["bar"] is not None:
            bar = f"  bar {peer['bar']:g}: {'met' if peer['met'] else 'MISSED'}"
        lost = "  (we lose)" if peer["ratio"] < 1 else ""
        print(
            f"  {peer['ratio']:8.2f} x  {peer['name']}: {peer['seconds'] * 1e3:.3f} ms, "
            f"medians {peer['median_ratio']:.2f} x, "
            f"processor time {peer['processor_ratio']:.2f} x, {peer['agreement']}{bar}{lost}"
        )
    if result.why_lost:
        print(f"  {result.why_lost}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each contender")
    parser.add_argument("--only", default="", metavar="WORD", help="contests whose name holds WORD")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")

    kernels.warm_up()
    copy, copied_bytes = copier()
    libraries = {name: version(name) for name in LIBRARIES}
    load = os.getloadavg()[0]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load:.1f}")
    print(", ".join(f"{name} {number}" for name, number in libraries.items()))
    results = []
    for make in contests(options.only):
        contest = make()
        pin(contest.threads)
        result = hold(contest, copy, copied_bytes, options.rounds)
        print_result(result)
        sys.stdout.flush()
        results.append(result)
    if options.json:
        report: dict[str, Any] = {
            "libraries": libraries,
            "cores": os.cpu_count(),
            "load_at_start": load,
            "results": [asdict(result) for result in results],
        }
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
