"""Our DICOMweb beside Orthanc's: ``python -m benchmarks.frames``.

Same studies, same requests, in turns. Each server runs in a process of its own with its own
defaults, ours without sign-in, as Orthanc. Both get the studies by STOW, and what they answer is
compared before anybody is timed; then ``wrk`` asks each in turn. Medians of the rounds are printed
with their ratio.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import uvicorn
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage, generate_uid
from starlette.applications import Starlette
from starlette.routing import Mount

from dicom_node.archive import Archive, ArchiveSettings
from dicom_node.web import dicomweb_app, multipart
from tests.dicom_node.web.serving import HeaderDoorkeeper
from tests.factories import ct_image, ct_series, file_bytes
from tests.peers import free_ports, orthanc

STORED = "multipart/related; type=application/octet-stream; transfer-syntax=*"
JSON = "application/dicom+json"


@dataclass(frozen=True)
class Task:
    """Requests both servers answer; `paths` are taken by turns."""

    name: str
    paths: list[str]
    accept: str
    compare: bool = False


@dataclass
class Outcome:
    """What came of one task: requests per second and latencies in milliseconds, of each round."""

    name: str
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    ours_p99_ms: list[float] = field(default_factory=list)
    theirs_p99_ms: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return statistics.median(self.ours) / max(statistics.median(self.theirs), 1e-9)


def head_ct(slices: int) -> list[Dataset]:
    """A CT series of 512 x 512, smooth with noise as real ones are."""
    y, x = np.mgrid[:512, :512] / 512
    generator = np.random.default_rng(7)
    smooth = 1000 + 400 * np.sin(6 * x) * np.cos(5 * y)
    series = ct_series(slices)
    for dataset in series:
        pixels = smooth + generator.normal(0, 12, smooth.shape)
        dataset.Rows = dataset.Columns = 512
        dataset.PixelData = pixels.astype(np.int16).tobytes()
        dataset.PatientID = "BENCH-CT"
    return series


def slide(tiles: int) -> Dataset:
    """One level of a slide: JPEG tiles of 512 x 512."""
    generator = np.random.default_rng(8)
    frames = []
    for _ in range(16):
        coarse = generator.integers(120, 250, (32, 32, 3), np.uint8)
        out = BytesIO()
        Image.fromarray(coarse).resize((512, 512)).save(out, "JPEG", quality=85, subsampling=0)
        frames.append(out.getvalue())
    dataset = ct_image(
        SOPClassUID=VLWholeSlideMicroscopyImageStorage,
        Modality="SM",
        PatientID="BENCH-SM",
        ImageType=["DERIVED", "PRIMARY", "VOLUME", "NONE"],
        SamplesPerPixel=3,
        PhotometricInterpretation="YBR_FULL_422",
        PlanarConfiguration=0,
        NumberOfFrames=tiles,
        Rows=512,
        Columns=512,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
        PixelData=encapsulate([frames[number % 16] for number in range(tiles)]),
    )
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def store(url: str, files: list[bytes]) -> None:
    """Send files by STOW, fifty a request."""
    for start in range(0, len(files), 50):
        body = b"".join(
            multipart.part_head("b", "application/dicom", first=not number) + data
            for number, data in enumerate(files[start : start + 50])
        )
        answer = httpx.post(
            f"{url}/studies",
            content=body + multipart.closing("b"),
            headers={
                "Content-Type": 'multipart/related; type="application/dicom"; boundary=b',
                "Accept": JSON,
            },
            timeout=600,
        )
        answer.raise_for_status()


@contextmanager
def our_server(folder: Path) -> Iterator[str]:
    """Our service in a process of its own."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "benchmarks.frames", "--serve", str(folder), str(port)]
    process = subprocess.Popen(command)
    url = f"http://127.0.0.1:{port}/dicom-web"
    try:
        for _ in range(300):
            try:
                httpx.get(f"{url}/studies")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def run_server(folder: str, port: int) -> None:
    """What the process of `our_server` does."""
    archive = Archive.open(ArchiveSettings(Path(folder), minimum_free_bytes=0))
    app = Starlette(routes=[Mount("/dicom-web", dicomweb_app(archive, HeaderDoorkeeper()))])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


def wrk(
    url: str, task: Task, seconds: int, connections: int, headers: Sequence[str] = ()
) -> tuple[float, float]:
    """Ask for `seconds`; return requests per second and the 99th percentile in milliseconds."""
    paths = ",".join(f'"{httpx.URL(url + path).raw_path.decode()}"' for path in task.paths)
    script = (
        f"local paths = {{{paths}}}\nlocal n = 0\n"
        "request = function() n = n + 1; return wrk.format('GET', paths[n % #paths + 1]) end\n"
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout=60s"]
        for header in (f"Accept: {task.accept}", *headers):
            command += ["-H", header]
        command += ["-s", file.name, url]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise RuntimeError(f"{task.name}: {url} answered with errors")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])  # type: ignore[index]
    amount, unit = re.search(r"99%\s+([\d.]+)(us|ms|s|m)", said).groups()  # type: ignore[union-attr]
    return rate, float(amount) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}[unit]


def payload(url: str, task: Task) -> bytes:
    """The first part of a server's multipart answer to the first request."""
    response = httpx.get(url + task.paths[0], headers={"Accept": task.accept}, timeout=120)
    body = response.content
    start = body.index(b"\r\n\r\n") + 4
    boundary = re.search(r'boundary="?([^";]+)', response.headers["content-type"])[1]  # type: ignore[index]
    return body[start : body.index(f"\r\n--{boundary}".encode(), start)]


def tasks(ct: list[Dataset], level: Dataset, studies: int) -> list[Task]:
    def base(dataset: Dataset) -> str:
        return (
            f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
            f"/instances/{dataset.SOPInstanceUID}"
        )

    tiles = [f"{base(level)}/frames/{n}" for n in range(1, int(level.NumberOfFrames), 37)]
    series = f"/studies/{ct[0].StudyInstanceUID}/series/{ct[0].SeriesInstanceUID}"
    return [
        Task("CT frame, 0.5 MB", [f"{base(one)}/frames/1" for one in ct], STORED, True),
        Task("slide tile", tiles, STORED, True),
        Task("rendered CT frame", [f"{base(one)}/frames/1/rendered" for one in ct], "image/jpeg"),
        Task("series metadata", [f"{series}/metadata"], JSON),
        Task(f"100 of {studies} studies", ["/studies?limit=100"], JSON),
        Task("studies of a patient", ["/studies?PatientID=BENCH-CT"], JSON),
    ]


def contest(args: argparse.Namespace) -> list[Outcome]:
    ct, level = head_ct(args.slices), slide(args.tiles)
    files = [file_bytes(one) for one in ct]
    files += [file_bytes(level, JPEGBaseline8Bit)]
    files += [
        file_bytes(ct_image(PatientID=f"P{number}", StudyInstanceUID=generate_uid()))
        for number in range(args.studies)
    ]
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with our_server(place / "ours") as ours, orthanc(place / "orthanc") as peer:
            theirs = f"{peer.url}/dicom-web"
            for url in (ours, theirs):
                store(url, files)
            for task in tasks(ct, level, args.studies):
                if task.compare:
                    mine, other = payload(ours, task), payload(theirs, task)
                    assert mine == other, f"{task.name}: the servers give different bytes"
                outcome = Outcome(task.name)
                for turn in range(args.rounds):
                    for url in (ours, theirs) if turn % 2 == 0 else (theirs, ours):
                        rate, p99 = wrk(url, task, args.seconds, args.connections)
                        (outcome.ours if url == ours else outcome.theirs).append(rate)
                        (outcome.ours_p99_ms if url == ours else outcome.theirs_p99_ms).append(p99)
                outcomes.append(outcome)
                show(outcome)
            htj2k(ours, ct)
    return outcomes


def htj2k(url: str, ct: list[Dataset]) -> None:
    """Ours alone: HTJ2K made on demand, then from the cache."""
    paths = [
        f"{url}/studies/{one.StudyInstanceUID}/series/{one.SeriesInstanceUID}"
        f"/instances/{one.SOPInstanceUID}/frames/1"
        for one in ct
    ]
    sizes = []
    for state in ("made", "cached"):
        started = time.perf_counter()
        with httpx.Client() as client:
            sizes = [len(client.get(p, headers={"Accept": "image/jphc"}).content) for p in paths]
        rate = len(paths) / (time.perf_counter() - started)
        print(f"{'HTJ2K ' + state:24} {rate:10.0f} frames/s, one after the other")
    print(f"{'HTJ2K size':24} {sum(sizes) / len(sizes) / len(ct[0].PixelData):10.0%} of native")


def show(outcome: Outcome) -> None:
    mine, other = statistics.median(outcome.ours), statistics.median(outcome.theirs)
    print(
        f"{outcome.name:24} {mine:10.1f} req/s  Orthanc {other:10.1f}  ratio {outcome.ratio:10.2f}"
        f"   p99 {statistics.median(outcome.ours_p99_ms):8.1f} ms"
        f"  Orthanc {statistics.median(outcome.theirs_p99_ms):8.1f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--slices", type=int, default=60)
    parser.add_argument("--tiles", type=int, default=1000)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--serve", nargs=2, metavar=("FOLDER", "PORT"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        run_server(args.serve[0], int(args.serve[1]))
        return
    load = os.getloadavg()[0]
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {load:.1f} before the start")
    outcomes = contest(args)
    if args.json:
        numbers = {"load_before": load, "outcomes": [asdict(one) for one in outcomes]}
        args.json.write_text(json.dumps(numbers, indent=2))


if __name__ == "__main__":
    main()
