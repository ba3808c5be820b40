"""Tile servers, each in a process: ``python -m benchmarks.slides.servers KIND PATH PORT``.

``ours`` serves an archive without sign-in; ``deepzoom`` is the usual Python tile server, as
generous as it can be made: no threads, no template, one open slide; ``constant`` answers with the
same bytes and shows what the machine and the client cost.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import uvicorn
from openslide import OpenSlide
from openslide.deepzoom import DeepZoomGenerator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.slides.scene import TILE
from benchmarks.slides.tiles import save
from dicom_node.archive import Archive, ArchiveSettings
from dicom_node.web import slides_app
from tests.dicom_node.web.serving import HeaderDoorkeeper
from tests.peers import free_ports

__all__ = ["pinned", "running"]


class QuietDoorkeeper(HeaderDoorkeeper):
    """Keeps no list of who saw what: it would grow with every tile."""

    def accessed(self, scope: Scope, event: str, study_instance_uid: str, count: int) -> None:
        pass


@contextmanager
def pinned(cores: Set[int]) -> Iterator[None]:
    """Let this thread, and what it starts meanwhile, run on these cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def ours(path: Path) -> ASGIApp:
    archive = Archive.open(ArchiveSettings(path, minimum_free_bytes=0))
    return Starlette(routes=[Mount("/slides", slides_app(archive, QuietDoorkeeper()))])


def deep_zoom(path: Path) -> ASGIApp:
    generator = DeepZoomGenerator(OpenSlide(path), TILE, 0)

    async def tile(request: Request) -> Response:
        level, column, row = (request.path_params[key] for key in ("level", "column", "row"))
        return Response(save(generator.get_tile(level, (column, row))), media_type="image/jpeg")

    return Starlette(routes=[Route("/{level:int}/{column:int}_{row:int}.jpeg", tile)])


def constant(path: Path) -> ASGIApp:
    body = path.read_bytes()[:11_000]
    headers = [(b"content-type", b"image/jpeg"), (b"content-length", str(len(body)).encode())]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    return app


KINDS = {"ours": ours, "deepzoom": deep_zoom, "constant": constant}


@contextmanager
def running(
    kind: str, path: Path, cores: Set[int] | None = None
) -> Iterator[tuple[str, psutil.Process]]:
    """Start a server, on these cores only; give its address and process."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "benchmarks.slides.servers", kind, str(path), str(port)]
    with pinned(cores or os.sched_getaffinity(0)):
        process = subprocess.Popen(command)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(url)
                break
            except httpx.TransportError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the server {kind} does not start") from None
                time.sleep(0.1)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)


def main(arguments: list[str]) -> None:
    kind, path, port = arguments
    app = KINDS[kind](Path(path))
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(port),
        log_level="error",
        access_log=False,
        loop="uvloop",
        http="httptools",
        lifespan="off",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
