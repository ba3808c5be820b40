"""B7: one large instance by C-STORE, into our node and into pynetdicom as it comes.

``python -m benchmarks.slides.receiving KIND FOLDER PORT`` is the receiver.
"""

import os
import shutil
import signal
import statistics
import sys
import time
from itertools import cycle, islice
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage

from benchmarks.slides.outcome import Line
from benchmarks.slides.scene import Scene
from benchmarks.store import cpu_seconds, free_port, running
from dicom_node.conversion.verify import frames_of
from dicom_node.conversion.writer import write_instance
from tests.peers import run_dcmtk

__all__ = ["receiving"]


def receiving(scene: Scene, rounds: int, megabytes: int) -> list[Line]:
    large = _large_instance(scene, megabytes)
    size = large.stat().st_size / 1e6
    told: dict[str, list[tuple[float, float, float, float]]] = {"ours": [], "pynetdicom": []}
    for turn in range(rounds):
        for kind in told if turn % 2 == 0 else reversed(told):
            told[kind].append(_received(kind, large, scene.folder))
    large.unlink()
    mine, other = told["ours"], told["pynetdicom"]
    ratio = min(run[0] for run in other) / min(run[0] for run in mine)
    peak = max(run[2] for run in mine)
    grown = max(run[3] for run in mine)
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
            "peak memory of the receiver",
            f"{peak:.0f} MB, of them {grown:.0f} for the instance",
            f"pynetdicom {their_peak:.0f} MB, of them {their_growth:.0f}",
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
    command = [sys.executable, "-m", "benchmarks.slides.receiving", kind, str(store)]
    try:
        with running(command, free_port(), {**os.environ, "TCP_NODELAY": "1"}) as (port, process):
            time.sleep(1)
            at_rest, before = process.memory_info().rss, cpu_seconds(process)
            started = time.perf_counter()
            sent = run_dcmtk(
                *("dcmsend", "-dn", "-aet", "BENCH", "-aec", "ANY", "127.0.0.1", port, large)
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


def _serve_pynetdicom(folder: Path, port: int) -> None:
    from pynetdicom import AE, evt

    def store(event: evt.Event) -> int:
        ds = event.dataset
        ds.file_meta = event.file_meta
        ds.save_as(folder / "received.dcm", enforce_file_format=True)
        return 0x0000

    ae = AE("ANY")
    ae.add_supported_context(VLWholeSlideMicroscopyImageStorage, JPEGBaseline8Bit)
    ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    signal.pause()


def main(arguments: list[str]) -> None:
    from benchmarks.store import serve

    kind, folder, port = arguments
    (serve if kind == "ours" else _serve_pynetdicom)(Path(folder), int(port))


if __name__ == "__main__":
    main(sys.argv[1:])
