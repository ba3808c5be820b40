"""One job in a process: ``python -m benchmarks.slides.jobs NAME SMALL IN OUT``; it says JSON.

`SMALL` is done first and not counted: imports and compiled kernels are loaded then.
Imports nothing of ours before it knows the job: another interpreter, with wsidicomizer in it, runs
this module too.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["JOBS"]


def ours(source: Path, target: Path) -> Callable[[], object]:
    """Our conversion, without the process around it."""
    from benchmarks.slides.scene import FACTS
    from dicom_node.conversion.build import build

    return lambda: build(source, target, FACTS, lambda fraction, vi, en: None)


def ours_whole(source: Path, target: Path) -> Callable[[], object]:
    """Our conversion as the product runs it: in a child with limits."""
    from benchmarks.slides.scene import FACTS
    from dicom_node.conversion import convert

    return lambda: convert(source, target, FACTS)


def wsidicom_levels(source: Path, target: Path) -> Callable[[], object]:
    """A slide of one level to one with all levels."""
    from wsidicom import WsiDicom

    slide = WsiDicom.open(source)
    return lambda: slide.save(target, add_missing_levels=True, workers=1)


def wsidicomizer(source: Path, target: Path) -> Callable[[], object]:
    from wsidicomizer import WsiDicomizer

    return lambda: WsiDicomizer.convert(source, target, workers=1)


JOBS = {
    "ours": ours,
    "ours-whole": ours_whole,
    "wsidicom-levels": wsidicom_levels,
    "wsidicomizer": wsidicomizer,
}


def main(arguments: list[str]) -> None:
    name, small, source, target = arguments
    for folder in ("small", "large"):
        Path(target, folder).mkdir()
    JOBS[name](Path(small), Path(target, "small"))()
    work = JOBS[name](Path(source), Path(target, "large"))
    before, started = _spent(), time.perf_counter()
    work()
    wall = time.perf_counter() - started
    print("\n" + json.dumps({"cpu": _spent() - before, "wall": wall, "peak_mb": _peak_mb()}))


def _spent() -> float:
    """User and system seconds of this process and its children."""
    return sum(
        sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )


def _peak_mb() -> float:
    """Of this process since it began; what ``getrusage`` says counts its parent's, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    main(sys.argv[1:])
