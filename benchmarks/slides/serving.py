"""B2 and B3: tiles over HTTP, by processor time a request and at a steady pace."""

import asyncio
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence, Set
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil
from openslide import OpenSlide
from openslide.deepzoom import DeepZoomGenerator

from benchmarks.frames import Task, wrk
from benchmarks.slides.outcome import Line
from benchmarks.slides.scene import FACTS, TILE, Scene
from benchmarks.slides.servers import pinned, running
from benchmarks.store import cpu_seconds
from dicom_node.conversion import convert
from tests.peers import run_dcmtk
from tests.product import Product, product

__all__ = ["pace", "processor_time"]

CONNECTIONS = 8
RATE = 200


def _our_paths(scene: Scene, count: int, base: str = "/slides") -> list[str]:
    index = scene.index
    chosen = random.Random(2).sample(scene.tissue, min(count, len(scene.tissue)))
    return [
        f"{base}/v1/{index.slide}/{index.version}/0/0/0/{column}/{row}" for column, row in chosen
    ]


def _their_paths(scene: Scene, count: int) -> list[str]:
    chosen = random.Random(2).sample(scene.tissue, min(count, len(scene.tissue)))
    deepest = DeepZoomGenerator(OpenSlide(scene.svs), TILE, 0).level_count - 1
    return [f"/{deepest}/{column}_{row}.jpeg" for column, row in chosen]


def _microseconds(
    url: str,
    paths: list[str],
    process: psutil.Process,
    seconds: int,
    headers: Sequence[str] = (),
) -> float:
    """Processor time the server and its children take for a request, beyond what they idle."""
    task = Task("tile", paths, "image/jpeg")
    idle = cpu_seconds(process)
    time.sleep(1)
    idle = cpu_seconds(process) - idle
    before = cpu_seconds(process)
    rate, _ = wrk(url, task, seconds, CONNECTIONS, headers)
    return 1e6 * (cpu_seconds(process) - before - seconds * idle) / (rate * seconds)


def processor_time(scene: Scene, rounds: int, seconds: int, *, whole: bool) -> list[Line]:
    """B2. `whole` asks the whole product, too: front, gate, sign-in, access rule and audit."""
    cost: dict[str, list[float]] = {"ours": [], "deepzoom": []}
    with (
        running("ours", scene.archive.settings.folder) as (our_url, our_process),
        running("deepzoom", scene.svs) as (their_url, their_process),
    ):
        mine, other = _our_paths(scene, 1000), _their_paths(scene, 1000)
        for path in (our_url + mine[0], their_url + other[0]):
            httpx.get(path).raise_for_status()
        for turn in range(rounds):
            order = list(cost) if turn % 2 == 0 else list(reversed(cost))
            for name in order:
                url, paths, process = (
                    (our_url, mine, our_process)
                    if name == "ours"
                    else (their_url, other, their_process)
                )
                cost[name].append(_microseconds(url, paths, process, seconds))
    lines = [_compared("tile process", cost["ours"], cost["deepzoom"], 30)]
    if whole:
        lines.append(
            _compared(
                "whole product (front, gate, sign-in, access rule, audit)",
                _through_the_front(scene, rounds, seconds),
                cost["deepzoom"],
                15,
            )
        )
    return lines


def _compared(name: str, ours: list[float], theirs: list[float], bar: float) -> Line:
    ratio = min(theirs) / min(ours)
    return Line(
        "B2",
        f"CPU a request over HTTP, {name}",
        f"{min(ours):.0f} µs",
        f"DeepZoomGenerator + Pillow, Starlette {min(theirs):.0f} µs",
        ratio,
        statistics.median(theirs) / statistics.median(ours),
        f"≥ {bar:g}×",
        ratio >= bar,
    )


def _through_the_front(scene: Scene, rounds: int, seconds: int) -> list[float]:
    with TemporaryDirectory(dir=scene.folder) as folder, product(Path(folder)) as running_product:
        client = running_product.clients["requester.a"]
        _send(scene, running_product)
        deadline = time.monotonic() + 120
        while True:
            answer = client.get(f"/slides/v1/studies/{FACTS.study_instance_uid}")
            items = answer.json().get("items", []) if answer.status_code == 200 else []
            if items and items[0]["version"] == scene.index.version:
                break
            if time.monotonic() > deadline:
                raise TimeoutError("the product has not got the slide")
            time.sleep(0.5)
        paths = _our_paths(scene, 1000)
        client.get(paths[0]).raise_for_status()
        assert running_product.process is not None
        server = psutil.Process(running_product.process.pid)
        _rested(server)
        headers = [f"Authorization: {client.headers['authorization']}"]
        return [
            _microseconds(running_product.url, paths, server, seconds, headers)
            for _ in range(rounds)
        ]


def _rested(server: psutil.Process) -> None:
    """Wait for what the product makes of a slide on arrival: that is not what a tile costs."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        before = cpu_seconds(server)
        time.sleep(3)
        if cpu_seconds(server) - before < 0.2:
            return
    raise TimeoutError("the product does not come to rest")


def _send(scene: Scene, to: Product) -> None:
    sent = run_dcmtk(
        *("dcmsend", "-aet", "DEMO_A", "-aec", to.node.ae_title, "+sd"),
        *(to.node.host, to.node.port, scene.dicom),
    )
    if sent.returncode:
        raise RuntimeError(sent.stderr)


def pace(scene: Scene, seconds: int) -> list[Line]:
    """B3: 200 requests a second, asked on time whatever has come, while a slide is converted.

    Server and conversion share one core; who asks has the others.
    """
    one, *others = sorted(os.sched_getaffinity(0))
    core, rest = {one}, set(others) or {one}
    lines = []
    with (
        running("constant", scene.svs, core) as (nothing, _),
        running("ours", scene.archive.settings.folder, core) as (ours, _),
        running("deepzoom", scene.svs, core) as (theirs, _),
        _Conversions(scene, core) as conversions,
        pinned(rest),
    ):
        mine, other = _our_paths(scene, 1000), _their_paths(scene, 1000)
        for name, url, paths, bar in (
            ("constant answer, the machine's own floor", nothing, ["/"], None),
            ("ours", ours, mine, 25.0),
            ("DeepZoomGenerator + Pillow", theirs, other, None),
        ):
            waits = sorted(_waits(url, paths, seconds))
            p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
            lines.append(
                Line(
                    "B3",
                    f"{RATE} requests/s beside a conversion on one core, {name}",
                    f"p50 {p50:.1f} ms, p99 {p99:.1f} ms of {len(waits)}",
                    target="" if bar is None else f"p99 ≤ {bar:g} ms",
                    met=None if bar is None else p99 <= bar,
                )
            )
        conversions.check()
    return lines


class _Conversions:
    """Converts the slide again and again, on these cores only, until the block ends."""

    def __init__(self, scene: Scene, cores: Set[int]) -> None:
        self._scene = scene
        self._cores = cores
        self._over = threading.Event()
        self._failed: list[BaseException] = []
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "_Conversions":
        self._thread.start()
        time.sleep(1)
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join(60)

    def check(self) -> None:
        if self._failed:
            raise self._failed[0]

    def _work(self) -> None:
        try:
            with pinned(self._cores):
                while not self._over.is_set():
                    with TemporaryDirectory(dir=self._scene.folder) as folder:
                        convert(self._scene.svs, Path(folder), FACTS)
        except BaseException as error:
            self._failed.append(error)


def _waits(url: str, paths: list[str], seconds: int) -> list[float]:
    """Milliseconds from the moment each request was due; asked from a process of its own."""
    host, _, port = url.removeprefix("http://").partition(":")
    command = [sys.executable, "-m", "benchmarks.slides.serving", host, port, str(seconds)]
    said = subprocess.run(
        command, input="\n".join(paths), capture_output=True, text=True, check=True
    )
    return [float(word) for word in said.stdout.split()]


async def _ask_on_time(host: str, port: int, paths: list[str], seconds: int) -> list[float]:
    waits: list[float] = []
    start = time.perf_counter() + 0.5
    count = RATE * seconds

    async def connection(first: int) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        for number in range(first, count, CONNECTIONS):
            due = start + number / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            path = paths[number % len(paths)]
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{path}: {head[:40]!r}")
            length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            waits.append(1000 * (time.perf_counter() - due))
        writer.close()

    await asyncio.gather(*(connection(first) for first in range(CONNECTIONS)))
    return waits


def main(arguments: list[str]) -> None:
    host, port, seconds = arguments
    waits = asyncio.run(_ask_on_time(host, int(port), sys.stdin.read().split(), int(seconds)))
    print(" ".join(f"{wait:.3f}" for wait in waits))


if __name__ == "__main__":
    main(sys.argv[1:])
