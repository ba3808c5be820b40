"""A DICOMweb service on a real socket, with a doorkeeper that believes a header."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Scope

from dicom_node.archive import Archive
from dicom_node.records import Channel, Origin, ReadScope
from dicom_node.web import WebSettings, dicomweb_app, slides_app

__all__ = ["HeaderDoorkeeper", "Served", "serve"]


@dataclass
class HeaderDoorkeeper:
    """The header X-Site names the caller's site; without it the caller sees everything.

    X-Site: nobody may not store. X-Labels: no may not see labels.
    """

    events: list[tuple[str, str, int]] = field(default_factory=list)

    def read_scope(self, scope: Scope) -> ReadScope:
        site = self._site(scope)
        return ReadScope(sites=frozenset({site})) if site else ReadScope(everything=True)

    def known_scope(self, scope: Scope) -> ReadScope | None:
        return self.read_scope(scope)

    def may_see_labels(self, scope: Scope) -> bool:
        return dict(scope["headers"]).get(b"x-labels", b"") != b"no"

    def caller(self, scope: Scope) -> str:
        return dict(scope["headers"]).get(b"x-reader", b"").decode()

    def store_origin(self, scope: Scope) -> Origin | None:
        site = self._site(scope) or "DEMO_A"
        return None if site == "nobody" else Origin(site, "", "127.0.0.1", Channel.STOW)

    def accessed(self, scope: Scope, event: str, study_instance_uid: str, count: int) -> None:
        self.events.append((event, study_instance_uid, count))

    @staticmethod
    def _site(scope: Scope) -> str:
        return dict(scope["headers"]).get(b"x-site", b"").decode()


@dataclass
class Served:
    url: str
    port: int
    archive: Archive
    doorkeeper: HeaderDoorkeeper
    app: Starlette

    @property
    def slides(self) -> str:
        return self.url.replace("/dicom-web", "/slides")


@contextmanager
def serve(archive: Archive, **settings: Any) -> Iterator[Served]:
    """Serve an archive under ``/dicom-web`` and ``/slides`` until the block ends."""
    doorkeeper = HeaderDoorkeeper()
    app = dicomweb_app(archive, doorkeeper, WebSettings(**settings) if settings else None)
    slides = slides_app(archive, doorkeeper)
    outer = Starlette(routes=[Mount("/dicom-web", app), Mount("/slides", slides)])
    config = uvicorn.Config(outer, "127.0.0.1", 0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(f"http://127.0.0.1:{port}/dicom-web", port, archive, doorkeeper, app)
    finally:
        server.should_exit = True
        thread.join(20)
        app.state.service.workers.close()
        slides.room.workers.close()
