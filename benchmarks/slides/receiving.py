"""B7: one large instance by C-STORE, into our listener and into pynetdicom as it comes."""

import os
import shutil
import statistics
import sys
import time
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import JPEGBaseline8Bit

from benchmarks.slides.outcome import Line
from benchmarks.slides.scene import Scene
from benchmarks.store import cpu_seconds, free_port, running
from dicom_node.conversion.verify import frames_of
from dicom_node.conversion.writer import write_instance
from tests.peers import run_dcmtk
from workstation import sites
from workstation.context import open_context
from workstation.roles import SYSTEM
from workstation.settings import Settings

__all__ = ["receiving"]

_AE_TITLE = "BENCH"


def receiving(scene: Scene, rounds: int, megabytes: int) -> list[Line]:
    """Ours is the product's own listener, as ``hoichan node``; its memory is asked three times
    as large an instance, of which pynetdicom would need the room several times over."""
    large = _large_instance(scene, megabytes)
    size = large.stat().st_size / 1e6
    told: dict[str, list[tuple[float, float, float, float]]] = {"ours": [], "pynetdicom": []}
    for turn in range(rounds):
        for kind in told if turn % 2 == 0 else reversed(told):
            told[kind].append(_received(kind, large, scene.folder))
    large.unlink()
    larger = _large_instance(scene, 3 * megabytes)
    widest = larger.stat().st_size / 1e6
    *_, peak, grown = _received("ours", larger, scene.folder)
    larger.unlink()
    mine, other = told["ours"], told["pynetdicom"]
    ratio = min(run[0] for run in other) / min(run[0] for run in mine)
    their_peak, their_growth = max(run[2] for run in other), max(run[3] for run in other)
    return [
        Line(
            "B7",
            f"C-STORE of {size:.0f} MB, synced and indexed",
            _rate(size, mine),
            f"pynetdicom as it comes, not synced {_rate(size, other)}",
            ratio,
            statistics.median(run[0] for run in other) / statistics.median(run[0] for run in mine),
            "≥ 1.3×",
            ratio >= 1.3,
        ),
        Line(
            "B7",
            f"peak memory of the receiver of {widest:.0f} MB",
            f"{peak:.0f} MB, of them {grown:.0f} for the instance",
            f"pynetdicom, of {size:.0f} MB {their_peak:.0f} MB, of them {their_growth:.0f}",
            their_peak / peak,
            None,
            "≤ 120 MB",
            peak <= 120,
        ),
    ]


def _rate(size: float, runs: list[tuple[float, float, float, float]]) -> str:
    cpu, wall = min(run[0] for run in runs), min(run[1] for run in runs)
    return f"{size / cpu:.0f} MB per CPU second ({size / wall:.0f} MB/s by the clock)"


def _large_instance(scene: Scene, megabytes: int) -> Path:
    """Level 0, its frames again and again."""
    frames = list(frames_of(scene.base))
    count = max(1, int(megabytes * 1e6 / (sum(map(len, frames)) / len(frames))))
    ds = dcmread(scene.base, stop_before_pixels=True)
    ds.SOPInstanceUID = f"{ds.SOPInstanceUID}.1"[:64]
    ds.NumberOfFrames = count
    path = scene.folder / "large.dcm"
    write_instance(
        path, ds, JPEGBaseline8Bit, islice(cycle(frames), count), count, 2 * megabytes * 10**6
    )
    return path


def _received(kind: str, large: Path, folder: Path) -> tuple[float, float, float, float]:
    """Processor and clock seconds, peak and growth of memory in MB."""
    store = folder / f"store-{kind}"
    store.mkdir()
    port = free_port()
    command = _COMMANDS[kind](store, port)
    environment = {**os.environ, "TCP_NODELAY": "1"}
    try:
        with running(command, port, environment, append_port=False) as (_, process):
            time.sleep(1)
            at_rest, before = process.memory_info().rss, cpu_seconds(process)
            started = time.perf_counter()
            sent = run_dcmtk(
                *("dcmsend", "-dn", "-aet", _AE_TITLE, "-aec", "HOICHAN", "127.0.0.1", port, large)
            )
            wall = time.perf_counter() - started
            if sent.returncode:
                raise RuntimeError(sent.stderr)
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = next(int(x.split()[1]) for x in status.splitlines() if x.startswith("VmHWM"))
            return (
                cpu_seconds(process) - before,
                wall,
                peak / 1024,
                peak / 1024 - at_rest / 2**20,
            )
    finally:
        shutil.rmtree(store)


def _ours(folder: Path, port: int) -> list[str]:
    with closing(open_context(Settings(data=folder))) as context:
        sites.create_site(context, SYSTEM, code="BENCH", name="Benchmark", tier="lower")
        sites.add_ae_title(context, SYSTEM, "BENCH", ae_title=_AE_TITLE)
    return [
        *(sys.executable, "-m", "hoichan", "node", "--data", str(folder)),
        *("--dicom-host", "127.0.0.1", "--dicom-port", str(port)),
    ]


def _pynetdicom(folder: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks.slides.listening", str(folder), str(port)]


_COMMANDS = {"ours": _ours, "pynetdicom": _pynetdicom}
