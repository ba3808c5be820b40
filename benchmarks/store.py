"""C-STORE: images per second into our node, Orthanc and DCMTK's storescp, in the same run.

``python -m benchmarks.store [--images N] [--rounds N] [--associations 1,4,16] [--json FILE]``

Every contender gets the same CT images from DCMTK's dcmsend, over as many associations at once as
asked, into an empty store, in alternating rounds; a round counts only when all images arrived.
Ours answers when file, folder and index are synced; Orthanc (as delivered) when the file's data
are; storescp (bit preserving, large PDUs) syncs nothing and indexes nothing.

DCMTK leaves Nagle's algorithm on unless TCP_NODELAY is set in its environment, which costs a
receiver without TCP_QUICKACK 40 ms an image. By default both ends of DCMTK get TCP_NODELAY=1;
``--nagle`` measures senders and receivers as they come.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

__all__ = ["main"]

DCMSEND, STORESCP, ORTHANC = "/usr/bin/dcmsend", "/usr/bin/storescp", "/usr/sbin/Orthanc"
REPOSITORY = Path(__file__).resolve().parent.parent
ROWS = 512
SEED = 7


@dataclass(frozen=True)
class Server:
    """A running contender. ``count`` tells how many images it holds."""

    port: int
    process: psutil.Process
    count: Callable[[], int]


@dataclass(frozen=True)
class Round:
    """One push into one contender."""

    contender: str
    associations: int
    images_per_second: float
    cpu_ms_per_image: float


def write_images(folder: Path, count: int) -> None:
    """Write `count` CT images of one study, half noise and half air, 0.5 MB each."""
    generator = np.random.default_rng(SEED)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for number in range(1, count + 1):
        dataset = Dataset()
        dataset.SOPClassUID = CTImageStorage
        dataset.SOPInstanceUID = generate_uid()
        dataset.StudyDate, dataset.StudyTime = "20260115", "031500"
        dataset.Modality, dataset.Manufacturer = "CT", "Benchmark"
        dataset.PatientName, dataset.PatientID = "BENCHMARK^STORE", "BENCHMARK"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
        dataset.FrameOfReferenceUID = frame
        dataset.SeriesNumber, dataset.InstanceNumber = 1, number
        dataset.ImagePositionPatient = [0.0, 0.0, float(number)]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing, dataset.SliceThickness = [0.5, 0.5], "1"
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.Rows = dataset.Columns = ROWS
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation = 15, 1
        dataset.RescaleIntercept, dataset.RescaleSlope = "-1024", "1"
        pixels = generator.integers(0, 2000, (ROWS, ROWS), dtype=np.int16)
        pixels[: ROWS // 2] = 0
        dataset.PixelData = pixels.tobytes()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dcmwrite(folder / f"{number}.dcm", dataset, enforce_file_format=True)


@contextmanager
def hoichan(folder: Path, environment: dict[str, str]) -> Iterator[Server]:
    """Our node as shipped, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.store", "--serve", str(folder)]
    with running(command, free_port(), environment) as (port, process):
        objects = folder / "objects"
        yield Server(port, process, lambda: sum(1 for _ in objects.glob("*/*.dcm")))


@contextmanager
def storescp(folder: Path, environment: dict[str, str]) -> Iterator[Server]:
    """DCMTK's receiver: one process an association, bytes as they come."""
    command = [STORESCP, "--fork", "+B", "--max-pdu", "131072", "-od", str(folder)]
    with running(command, free_port(), environment) as (port, process):
        yield Server(port, process, lambda: sum(1 for _ in folder.iterdir()))


@contextmanager
def orthanc(folder: Path, environment: dict[str, str]) -> Iterator[Server]:
    """Orthanc with its defaults: files synced, no compression, SQLite."""
    port, http_port = free_port(), free_port()
    configuration = {
        "HttpPort": http_port,
        "DicomPort": port,
        "DicomAet": "ORTHANC",
        "AuthenticationEnabled": False,
        "RemoteAccessAllowed": False,
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))

    def count() -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{http_port}/statistics") as answer:
            return int(json.load(answer)["CountInstances"])

    with running([ORTHANC, str(folder / "orthanc.json")], port, environment, False) as (_, process):
        yield Server(port, process, count)


CONTENDERS = {"hoichan": hoichan, "Orthanc": orthanc, "storescp": storescp}


@contextmanager
def running(
    command: Sequence[str], port: int, environment: dict[str, str], append_port: bool = True
) -> Iterator[tuple[int, psutil.Process]]:
    """Start a receiver and wait until it listens; kill it and its children afterwards."""
    process = subprocess.Popen(
        [*command, str(port)] if append_port else list(command),
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while socket.socket().connect_ex(("127.0.0.1", port)):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not listen")
            time.sleep(0.05)
        yield port, psutil.Process(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def push(
    name: str, images: Path, associations: int, scratch: Path, environment: dict[str, str]
) -> Round:
    """Send all images over `associations` at once into a fresh contender."""
    store = Path(tempfile.mkdtemp(dir=scratch))
    parts = sorted((scratch / f"parts{associations}").iterdir())
    count = sum(1 for _ in images.iterdir())
    try:
        with CONTENDERS[name](store, environment) as server:
            before, started = cpu_seconds(server.process), time.perf_counter()
            senders = [
                subprocess.Popen(
                    [DCMSEND, "+sd", "127.0.0.1", str(server.port), str(part)],
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                for part in parts
            ]
            failed = [sender for sender in senders if sender.wait()]
            seconds = time.perf_counter() - started
            spent = cpu_seconds(server.process) - before
            if failed or server.count() != count:
                raise RuntimeError(f"{name} holds {server.count()} of {count} images")
    finally:
        shutil.rmtree(store, ignore_errors=True)
    return Round(name, associations, count / seconds, 1000 * spent / count)


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of a process and its children, also those that ended."""
    times = process.cpu_times()
    total = float(sum(times[:4]))
    for child in process.children(recursive=True):
        try:
            total += float(sum(child.cpu_times()[:2]))
        except psutil.NoSuchProcess:
            continue
    return total


def part(images: Path, scratch: Path, associations: int) -> None:
    """Deal the images out to one folder per association, as links."""
    folders = [scratch / f"parts{associations}" / f"{n:02d}" for n in range(associations)]
    for folder in folders:
        folder.mkdir(parents=True)
    for number, path in enumerate(sorted(images.iterdir())):
        os.link(path, folders[number % associations] / path.name)


def summary(rounds: Sequence[Round]) -> list[dict[str, float | int | str]]:
    """Medians per contender and number of associations, and our ratios to the others."""
    lines: list[dict[str, float | int | str]] = []
    for associations in dict.fromkeys(one.associations for one in rounds):
        rates = {
            name: [
                one.images_per_second
                for one in rounds
                if one.contender == name and one.associations == associations
            ]
            for name in CONTENDERS
        }
        for name in CONTENDERS:
            # Rounds are paired: what else the machine did then, it did to both.
            ratios = [
                ours / theirs for ours, theirs in zip(rates["hoichan"], rates[name], strict=True)
            ]
            spent = [
                one.cpu_ms_per_image
                for one in rounds
                if one.contender == name and one.associations == associations
            ]
            lines.append(
                {
                    "associations": associations,
                    "receiver": name,
                    "images_per_second": round(statistics.median(rates[name]), 1),
                    "cpu_ms_per_image": round(statistics.median(spent), 2),
                    "ours_to_theirs": round(statistics.median(ratios), 2),
                }
            )
    return lines


def serve(folder: Path, port: int) -> None:
    """Run our node until killed."""
    from dicom_node import Archive, ArchiveSettings, Node, NodeSettings
    from dicom_node.peers import Peer
    from dicom_node.records import ReadScope

    class Anybody:
        """Every AE is of one site."""

        def site_of(self, calling_ae: str, host: str) -> str | None:
            return "BENCHMARK"

        def destination(self, ae_title: str, calling_ae: str = "") -> Peer | None:
            return None

        def read_scope(self, calling_ae: str, host: str) -> ReadScope:
            return ReadScope()

    archive = Archive.open(ArchiveSettings(folder))
    Node(archive, NodeSettings(host="127.0.0.1", port=port), Anybody()).start()
    signal.pause()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the contest and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store")
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--associations", default="1,4,16")
    parser.add_argument("--nagle", action="store_true", help="leave DCMTK's defaults alone")
    parser.add_argument("--json", type=Path, help="write every round here")
    parser.add_argument("--folder", type=Path, help="scratch space on the disk to be measured")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        serve(Path(options.serve[0]), int(options.serve[1]))
        return 0
    environment = dict(os.environ)
    environment.pop("TCP_NODELAY", None)
    if not options.nagle:
        environment["TCP_NODELAY"] = "1"
    counts = [int(count) for count in options.associations.split(",")]
    rounds: list[Round] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        scratch = Path(name)
        images = scratch / "images"
        images.mkdir()
        write_images(images, options.images)
        for count in counts:
            part(images, scratch, count)
        for turn in range(options.rounds):
            order = list(CONTENDERS) if turn % 2 == 0 else list(CONTENDERS)[::-1]
            for count in counts:
                for contender in order:
                    rounds.append(push(contender, images, count, scratch, environment))
                    print(rounds[-1], file=sys.stderr)
    lines = summary(rounds)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {options.images} images")
    print(
        f"{'associations':>12} {'receiver':>10} {'images/s':>9} {'CPU ms':>7} {'ours/theirs':>12}"
    )
    for line in lines:
        print(
            f"{line['associations']:>12} {line['receiver']:>10} {line['images_per_second']:>9}"
            f" {line['cpu_ms_per_image']:>7} {line['ours_to_theirs']:>12}"
        )
    if options.json:
        options.json.write_text(
            json.dumps(
                {
                    "images": options.images,
                    "nagle": options.nagle,
                    "load": os.getloadavg()[0],
                    "summary": lines,
                    "rounds": [asdict(one) for one in rounds],
                },
                indent=1,
            )
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
