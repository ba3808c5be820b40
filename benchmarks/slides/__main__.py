"""Bars B1 to B13 for whole slides, us beside our peers in one run.

A made-up slide as from a scanner (H&E, 0.25 µm, JPEG of quality 80 in tiles of 256) is written,
converted and indexed once; everybody works on it in turns. Ratios are of processor time and of the
fastest turn, that of medians beside it: the clock of a shared machine tells more of its neighbours.
Peers that are not installed are named.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.slides.arriving import arriving
from benchmarks.slides.converting import conversion, derived_levels
from benchmarks.slides.knowing import kernels, marks, sparse_index
from benchmarks.slides.opening import opening
from benchmarks.slides.outcome import Line, installed, show
from benchmarks.slides.receiving import receiving
from benchmarks.slides.scene import Scene, make_scene
from benchmarks.slides.serving import pace, processor_time
from benchmarks.slides.tiles import passthrough

__all__ = ["main"]

PEERS = (
    "openslide-python",
    "pillow",
    "wsidicom",
    "large-image",
    "pyvips",
    "pyvips-binary",
    "pydicom",
    "pynetdicom",
    "scikit-image",
    "torchstain",
    "opencv-python-headless",
)
Contest = Callable[[Scene], list[Line]]


def contests(options: argparse.Namespace) -> dict[str, Contest]:
    """What is measured under each bar; ``--quick`` only shows that it runs."""
    quick, rounds = options.quick, options.rounds
    return {
        "B1": lambda scene: passthrough(scene, rounds, 5 if quick else 200),
        "B2": lambda scene: processor_time(scene, rounds, 1 if quick else 4, whole=not quick),
        "B3": lambda scene: pace(scene, 1 if quick else 15),
        "B4": lambda scene: [] if quick else opening(scene, 3),
        "B5": lambda scene: conversion(scene, rounds, options.wsidicomizer),
        "B6": lambda scene: derived_levels(scene, rounds),
        "B7": lambda scene: receiving(scene, rounds, 20 if quick else 600),
        "B8": lambda scene: sparse_index(scene, rounds, 400 if quick else 40_000),
        "B9": lambda scene: kernels(1 if quick else 7),
        "B11": lambda scene: marks(scene, 10_000 if quick else 1_000_000),
        "B13": lambda scene: arriving(scene, whole=not quick),
    }


def _keep_bytecode(folder: Path) -> None:
    """Let the processes we start find their imports compiled, as an installed wheel has them."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slides", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small slide, one turn")
    parser.add_argument("--rounds", type=int, help="turns of each contender (5; quick: 1)")
    parser.add_argument("--size", type=int, help="pixels a side (20480; quick: 2048)")
    parser.add_argument("--only", default="", metavar="B1,B5,…", help="these bars")
    parser.add_argument(
        "--wsidicomizer", metavar="PYTHON", help="an interpreter that has wsidicomizer"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the lines there, too")
    parser.add_argument("--folder", type=Path, help="scratch space on the disk to be measured")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (1 if options.quick else 5)
    size = options.size or (2048 if options.quick else 20480)
    wanted = [one for one in options.only.split(",") if one]
    chosen = {k: v for k, v in contests(options).items() if not wanted or k in wanted}
    peers = {name: installed(name) or "not installed" for name in PEERS}
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(", ".join(f"{name} {number}" for name, number in peers.items()), flush=True)
    lines: list[Line] = []
    with TemporaryDirectory(dir=options.folder) as folder:
        _keep_bytecode(Path(folder, "bytecode"))
        scene = make_scene(Path(folder), size)
        megabytes = scene.svs.stat().st_size / 1e6
        print(f"a slide of {size} x {size}, {megabytes:.1f} MB, {len(scene.tissue)} tissue tiles")
        for contest in chosen.values():
            found = contest(scene)
            show(found)
            lines += found
        scene.archive.close()
    missed = sorted({line.bar for line in lines if line.met is False})
    print(f"missed: {', '.join(missed) or 'none'}")
    if options.json:
        report = {"size": size, "peers": peers, "lines": [asdict(line) for line in lines]}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
