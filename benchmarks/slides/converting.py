"""B5 and B6: a vendor's file into DICOM, and the levels it lacks."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import simplejpeg
import tifffile
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.encaps import generate_frames

from benchmarks.slides.outcome import Line, installed
from benchmarks.slides.scene import FACTS, Scene, write_svs
from dicom_node.conversion import convert
from dicom_node.conversion.build import build
from kernels import halve

__all__ = ["conversion", "derived_levels"]

SMALL = 2048
REPOSITORY = Path(__file__).resolve().parents[2]


def _job(name: str, small: Path, source: Path, folder: Path, python: str) -> dict[str, float]:
    with TemporaryDirectory(dir=folder) as target:
        done = subprocess.run(
            [python, "-m", "benchmarks.slides.jobs", name, str(small), str(source), target],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def _jobs(
    names: Sequence[tuple[str, Path, Path, str]], folder: Path, rounds: int
) -> dict[str, list[dict[str, float]]]:
    """Everybody in turns."""
    told: dict[str, list[dict[str, float]]] = {name: [] for name, *_ in names}
    for turn in range(rounds):
        for name, small, source, python in names if turn % 2 == 0 else reversed(names):
            told[name].append(_job(name, small, source, folder, python))
    return told


def conversion(scene: Scene, rounds: int, other_python: str | None) -> list[Line]:
    """B5."""
    small = scene.folder / "small.svs"
    write_svs(small, SMALL)
    names = [(name, small, scene.svs, sys.executable) for name in ("ours", "ours-whole")]
    if other_python:
        names.append(("wsidicomizer", small, scene.svs, other_python))
    told = _jobs(names, scene.folder, rounds)
    megabytes = scene.svs.stat().st_size / 1e6
    lines = []
    labels = {
        "ours": "SVS to DICOM, verified against the original",
        "ours-whole": "the same with the start of its process",
    }
    for name, label in labels.items():
        runs = told[name]
        cpu, wall = min(run["cpu"] for run in runs), min(run["wall"] for run in runs)
        line = Line(
            "B5",
            f"{label}, {megabytes:.0f} MB",
            f"{megabytes / cpu:.0f} MB per CPU second ({megabytes / wall:.0f} MB/s by the clock)",
            target="≥ 80 MB/s",
            met=megabytes / wall >= 80,
        )
        if "wsidicomizer" in told:
            theirs = told["wsidicomizer"]
            best = min(run["cpu"] for run in theirs)
            line.theirs = f"wsidicomizer, not verified {megabytes / best:.0f} MB per CPU second"
            line.ratio = best / cpu
            line.median_ratio = statistics.median(run["cpu"] for run in theirs) / (
                statistics.median(run["cpu"] for run in runs)
            )
        lines.append(line)
    begins = min(_until_it_begins(small, scene.folder) for _ in range(max(rounds, 2)))
    lines.append(Line("B5", "its process begins to convert after", f"{begins:.2f} s by the clock"))
    if not other_python:
        lines.append(Line("B5", "wsidicomizer", "not available (--wsidicomizer PYTHON)"))
    peak = max(run["peak_mb"] for run in told["ours"])
    lines.append(Line("B5", "peak memory", f"{peak:.0f} MB", target="≤ 300 MB", met=peak <= 300))
    if "wsidicomizer" in told:
        lines[-1].theirs = f"wsidicomizer {max(r['peak_mb'] for r in told['wsidicomizer']):.0f} MB"
    equal, total = _equal_scans(scene)
    lines.append(
        Line(
            "B5",
            "coded tiles byte-identical",
            f"{equal} of {total}",
            target="100 %",
            met=equal == total,
        )
    )
    errors = sum(len(_complaints(path)) for path in sorted(scene.dicom.glob("*.dcm")))
    lines.append(Line("B5", "dciodvfy", f"{errors} errors", target="0", met=not errors))
    return lines


def _until_it_begins(source: Path, folder: Path) -> float:
    """Seconds from the call to the first progress told."""
    told: list[float] = []
    with TemporaryDirectory(dir=folder) as target:
        started = time.perf_counter()
        convert(source, Path(target), FACTS, lambda *step: told.append(time.perf_counter()))
    return told[0] - started


def _equal_scans(scene: Scene) -> tuple[int, int]:
    """How many of the file's tiles are in our instances, bit for bit; found without our code."""
    by_size = {}
    for path in scene.dicom.glob("*.dcm"):
        ds = dcmread(path)
        if "VOLUME" in ds.ImageType:
            by_size[int(ds.TotalPixelMatrixColumns)] = ds
    equal = total = 0
    with tifffile.TiffFile(scene.svs) as tiff:
        for page in tiff.series[0].levels:
            page = page.keyframe
            ds = by_size[page.imagewidth]
            frames = generate_frames(ds.PixelData, number_of_frames=int(ds.NumberOfFrames))
            places = zip(page.dataoffsets, page.databytecounts, frames, strict=True)
            for offset, count, frame in places:
                tiff.filehandle.seek(offset)
                stored = tiff.filehandle.read(count)
                equal += stored == frame[: len(stored)]
                total += 1
    return equal, total


def _complaints(path: Path) -> list[str]:
    found = subprocess.run(
        ["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", check=False
    )
    return [line for line in found.stderr.splitlines() if line.startswith("Error")]


def derived_levels(scene: Scene, rounds: int) -> list[Line]:
    """B6: from a slide of one level to one with all. Ours also verifies what it copied."""
    base = scene.folder / "base.svs"
    write_svs(base, scene.size, base_only=True)
    small = scene.folder / "small-base.svs"
    write_svs(small, SMALL, base_only=True)
    names = [("ours", small, base, sys.executable)]
    if installed("wsidicom"):
        bare = [_first_instance(path, scene.folder) for path in (small, base)]
        names.append(("wsidicom-levels", *bare, sys.executable))
    told = _jobs(names, scene.folder, rounds)
    mine = [run["cpu"] for run in told["ours"]]
    line = Line("B6", "missing levels, copy and check included", f"{min(mine):.2f} s CPU")
    if "wsidicom-levels" in told:
        theirs = [run["cpu"] for run in told["wsidicom-levels"]]
        line.theirs = f"wsidicom add_missing_levels, copy included {min(theirs):.2f} s CPU"
        line.ratio = min(theirs) / min(mine)
        line.median_ratio = statistics.median(theirs) / statistics.median(mine)
        line.target, line.met = "≥ 1.8×", line.ratio >= 1.8
    else:
        line.theirs = "wsidicom not installed"
    psnr = _psnr_of_halving()
    exact = _exact_half(base, scene)
    return [
        line,
        Line(
            "B6",
            "2 x 2 mean beside floats, before it is coded",
            f"{psnr:.1f} dB",
            target="≥ 40 dB",
            met=psnr >= 40,
        ),
        Line("B6", "first made level beside floats, coded", f"{exact:.1f} dB"),
    ]


def _first_instance(path: Path, folder: Path) -> Path:
    """A folder with level 0 alone."""
    bare = folder / f"bare-{path.stem}"
    bare.mkdir()
    for made in build(path, bare, FACTS, lambda fraction, vi, en: None).files[1:]:
        made.unlink()
    return bare


def _psnr_of_halving() -> float:
    from benchmarks.scenes import slide_tile

    tile = slide_tile()
    return _psnr(halve(tile), _mean(tile))


def _mean(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    rows, columns = pixels.shape[:2]
    blocks = pixels.astype(np.float64).reshape(rows // 2, 2, columns // 2, 2, 3)
    whole: NDArray[np.float64] = blocks.mean(axis=(1, 3))
    return whole


def _psnr(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    error = float(np.mean((found.astype(np.float64) - wanted) ** 2))
    return 99.0 if not error else 10 * float(np.log10(255.0**2 / error))


def _exact_half(base: Path, scene: Scene) -> float:
    """A tile of the first level we made, beside the mean of the four it was made of."""
    with TemporaryDirectory(dir=scene.folder) as folder:
        built = build(base, Path(folder), FACTS, lambda fraction, vi, en: None)
        levels = [dcmread(path) for path in built.files[:2]]
        across = -(-levels[0].TotalPixelMatrixColumns // levels[0].Columns)
        coded = [
            list(generate_frames(ds.PixelData, number_of_frames=int(ds.NumberOfFrames)))
            for ds in levels
        ]
        column, row = (place // 2 for place in scene.tissue[len(scene.tissue) // 2])
        four = [
            simplejpeg.decode_jpeg(coded[0][(2 * row + down) * across + 2 * column + right])
            for down in (0, 1)
            for right in (0, 1)
        ]
        whole = np.concatenate(
            [np.concatenate(four[:2], axis=1), np.concatenate(four[2:], axis=1)], axis=0
        )
        made = simplejpeg.decode_jpeg(coded[1][row * (across // 2) + column])
    return _psnr(made, _mean(whole))
