"""A hospital small enough for a test: the real DICOMweb over a real archive, and marks in memory.

Serves the bundle, the stand-alone viewer page, ``/dicom-web`` and as much of ``/api/v1`` as the
viewer uses, on a real socket. Faults can be switched on: signed out, server away, slow.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydicom
import uvicorn
from pydicom.dataset import Dataset
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

import viewers
from dicom_node.archive import Archive, ArchiveSettings
from dicom_node.records import Channel, Origin, ReadScope
from dicom_node.web import dicomweb_app
from plugins import Registry, display_sets
from plugins.nouns import Instance, Series
from viewers import _component

__all__ = ["CASE", "Site"]

GUARD = Path(__file__).resolve().parents[2] / "workstation" / "web" / "static" / "guard.js"
CASE = "11111111-2222-4333-8444-555555555555"


class OpenDoor:
    """Everybody sees everything; storing is not this test's business."""

    def read_scope(self, scope: Scope) -> ReadScope:
        return ReadScope(everything=True)

    def known_scope(self, scope: Scope) -> ReadScope | None:
        return ReadScope(everything=True)

    def caller(self, scope: Scope) -> str:
        return ""

    def store_origin(self, scope: Scope) -> Origin | None:
        return None

    def may_see_labels(self, scope: Scope) -> bool:
        return True

    def accessed(self, scope: Scope, event: str, study_instance_uid: str, count: int) -> None:
        return None


@dataclass
class Faults:
    """What goes wrong from now on."""

    signed_out: bool = False
    away: bool = False
    refuse_marks: bool = False
    frames_away: bool = False
    frames_missing: bool = False
    frames_held: bool = False
    frame_seconds: float = 0.0


@dataclass
class Site:
    """Serve `files` under `base` until `stop`."""

    folder: Path
    files: Iterable[Path]
    base: str = ""
    entry: str = "radiology"
    permissions: tuple[str, ...] = ("see", "annotate")
    faults: Faults = field(default_factory=Faults)
    frame_requests: list[str] = field(default_factory=list)
    marks: dict[str, dict[str, Any]] = field(default_factory=dict)
    draft: dict[str, Any] = field(default_factory=dict)
    revision: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> "Site":
        self.archive = Archive.open(ArchiveSettings(folder=self.folder))
        origin = Origin("DEMO_A", "DEMO_A", "127.0.0.1", Channel.LOCAL)
        self.studies: dict[str, list[Dataset]] = {}
        self.paths: dict[str, Path] = {}
        for path in sorted(self.files):
            self.archive.store_file(path, origin)
            ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            self.studies.setdefault(str(ds.StudyInstanceUID), []).append(ds)
            self.paths[str(ds.SOPInstanceUID)] = path
        self.registry = Registry.load()
        app = self.app()
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        deadline = time.monotonic() + 60
        while not self.server.started:
            assert time.monotonic() < deadline, "the test site did not start"
            time.sleep(0.02)
        self.port: int = self.server.servers[0].sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.archive.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.base}"

    def page(self, user: str = "radiologist", language: str = "vi", **more: str) -> str:
        extra = "".join(f"&{key}={value}" for key, value in more.items())
        return f"{self.url}/viewer?case={CASE}&user={user}&language={language}{extra}"

    def app(self) -> ASGIApp:
        api = "/api/v1"
        place = f"{api}/cases/{CASE}/annotations"
        routes = [
            Route("/viewer", self.viewer),
            Route("/host", self.host),
            Route("/assets/{name}", self.asset),
            Route(f"{api}/session", self.session),
            Route("/session/status", self.session_status),
            Route("/session/guard.js", self.guard),
            Route(f"{api}/cases/{CASE}", self.case),
            Route(f"{api}/studies/{{uid}}/display-sets", self.display_sets),
            Route(place, self.annotations, methods=["GET", "POST"]),
            Route(f"{place}/{{id}}", self.annotation, methods=["PATCH", "DELETE"]),
            Route(f"{api}/cases/{CASE}/draft", self.draft_route, methods=["GET", "PUT"]),
            Mount("/dicom-web", dicomweb_app(self.archive, OpenDoor())),
        ]
        inner = Starlette(routes=[Mount(self.base, routes=routes)] if self.base else routes)

        async def gate(scope: Scope, receive: Receive, send: Send) -> None:
            path: str = scope.get("path", "")
            answer: Response | None = None
            if "/frames/" in path and "thumbnail" not in path:
                self.frame_requests.append(path)
                while self.faults.frames_held:
                    await asyncio.sleep(0.02)
                if self.faults.frames_away:
                    answer = Response(status_code=503)
                elif self.faults.frame_seconds:
                    await asyncio.sleep(self.faults.frame_seconds)
                elif self.faults.frames_missing:
                    answer = Response(status_code=404)
            guarded = "/api/" in path or "/dicom-web" in path
            if guarded and self.faults.away:
                answer = Response(status_code=503)
            elif guarded and self.faults.signed_out:
                answer = refusal(401, "not_authenticated")
            if answer is not None:
                await answer(scope, receive, send)
            else:
                await inner(scope, receive, send)

        return gate

    async def viewer(self, request: Request) -> Response:
        """The stand-alone page, as the front writes it."""
        guard = (
            f'<script src="{self.base}/session/guard.js" data-base="{self.base}" defer></script>'
        )
        page = viewers.page(self.entry, self.data(request), "Hội chẩn")
        return HTMLResponse(page.replace("</head>", f"{guard}</head>", 1))

    async def host(self, request: Request) -> Response:
        """Mounts, updates and removes the viewer in a shadow root, as Streamlit does."""
        data = json.dumps({**self.data(request), "height": "90vh"})
        module = f"{self.base}/assets/{_component.asset(self.entry)}"
        return HTMLResponse(
            "<!doctype html><meta charset=utf-8><body style='margin:0;background:#111'>"
            "<textarea id=report></textarea><div id=place></div><script type=module>"
            f"const entry = (await import('{module}')).default; const data = {data};"
            "let cleanup; let root;"
            "window.mount = (more = {}) => { if (!root) {"
            " const host = document.createElement('div');"
            " document.querySelector('#place').replaceChildren(host);"
            " root = host.attachShadow({ mode: 'open' }); }"
            " cleanup = entry({ parentElement: root, data: { ...data, ...more },"
            " setStateValue() {}, setTriggerValue() {} }); };"
            "window.unmount = () => { cleanup(); root = undefined; };"
            "window.mount();</script>"
        )

    def data(self, request: Request) -> dict[str, Any]:
        query = request.query_params
        user = query.get("user", "radiologist")
        data: dict[str, Any] = {
            "base": self.base,
            "language": query.get("language", "vi"),
            "case_id": CASE,
            "user": {"username": user, "name": f"BS. {user.title()}", "site": "DEMO_HUB"},
        }
        if (permissions := query.get("permissions")) is not None:
            data["permissions"] = [one for one in permissions.split(",") if one]
            data["study_instance_uids"] = list(self.studies)
        return data

    async def asset(self, request: Request) -> Response:
        path = _component.DIST / request.path_params["name"]
        kinds = {".js": "text/javascript", ".wasm": "application/wasm"}
        return FileResponse(
            path,
            media_type=kinds.get(path.suffix),
            headers={"cache-control": "public, max-age=31536000, immutable"},
        )

    async def session(self, request: Request) -> Response:
        return JSONResponse({"username": "radiologist", "name": "BS. Radiologist"})

    async def guard(self, request: Request) -> Response:
        """The script of the front that covers a page whose session has ended."""
        return FileResponse(GUARD, media_type="text/javascript")

    async def session_status(self, request: Request) -> Response:
        return JSONResponse({"signed_in": not self.faults.signed_out, "username": "radiologist"})

    async def case(self, request: Request) -> Response:
        return JSONResponse(
            {
                "id": CASE,
                "study_instance_uids": list(self.studies),
                "permissions": list(self.permissions),
            }
        )

    async def display_sets(self, request: Request) -> Response:
        sets = [
            asdict(one)
            for series in series_of(self.studies[request.path_params["uid"]])
            for one in display_sets(self.registry, series)
        ]
        return JSONResponse({"items": sets})

    async def annotations(self, request: Request) -> Response:
        if request.method == "GET":
            since = int(request.query_params.get("since", 0))
            items = [mark for mark in self.marks.values() if mark["revision"] > since]
            return JSONResponse({"items": items, "revision": self.revision})
        if self.faults.refuse_marks:
            return refusal(403, "not_allowed")
        body = await request.json()
        with self.lock:
            if body["id"] in self.marks:
                return JSONResponse(self.marks[body["id"]])
            self.revision += 1
            now = datetime.now(UTC).isoformat()
            user = self.user_of(request)
            mark = {
                **body,
                "case_id": CASE,
                "author": {"username": user, "name": f"BS. {user.title()}", "site": "DEMO_HUB"},
                "created_at": now,
                "updated_at": now,
                "revision": self.revision,
                "deleted": False,
            }
            self.marks[body["id"]] = mark
        return JSONResponse(mark, status_code=201)

    def user_of(self, request: Request) -> str:
        """The page's address names the user; the browser sends it along."""
        referer = request.headers.get("referer", "")
        return referer.partition("user=")[2].partition("&")[0] or "radiologist"

    async def annotation(self, request: Request) -> Response:
        mark = self.marks.get(request.path_params["id"])
        if mark is None:
            return refusal(404, "not_found")
        body = await request.json() if request.method == "PATCH" else {"deleted": True}
        with self.lock:
            self.revision += 1
            mark.update(body, revision=self.revision, updated_at=datetime.now(UTC).isoformat())
        return JSONResponse(mark)

    async def draft_route(self, request: Request) -> Response:
        if request.method == "PUT":
            body = await request.json()
            if body["revision"] != self.draft.get("revision", 0):
                return refusal(409, "stale")
            self.draft = {"content": body["content"], "revision": body["revision"] + 1}
        return JSONResponse({"content": {}, "revision": 0, **self.draft})

    def wait(self, condition: Any, seconds: float = 90) -> None:
        """Wait until `condition()` holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)


def refusal(status: int, code: str) -> Response:
    message = {"vi": "Bạn không được phép.", "en": "You may not."}
    return JSONResponse(
        {"error": {"code": code, "message": message, "details": {}}}, status_code=status
    )


def series_of(headers: list[Dataset]) -> list[Series]:
    grouped: dict[str, list[Dataset]] = {}
    for ds in headers:
        grouped.setdefault(str(ds.SeriesInstanceUID), []).append(ds)
    return [
        Series(
            series_instance_uid=uid,
            study_instance_uid=str(of[0].StudyInstanceUID),
            modality=str(of[0].get("Modality", "")),
            series_number=str(of[0].get("SeriesNumber", "")),
            series_description=str(of[0].get("SeriesDescription", "")),
            body_part_examined=str(of[0].get("BodyPartExamined", "")),
            instances=tuple(
                Instance(
                    sop_instance_uid=str(ds.SOPInstanceUID),
                    sop_class_uid=str(ds.SOPClassUID),
                    transfer_syntax_uid=str(ds.file_meta.TransferSyntaxUID)
                    if "TransferSyntaxUID" in getattr(ds, "file_meta", {})
                    else "",
                    number_of_frames=int(ds.get("NumberOfFrames") or 1),
                    header=ds,
                )
                for ds in of
            ),
        )
        for uid, of in grouped.items()
    ]
