"""The test site with results: the API of results in memory, and a reading room with two panes."""

import asyncio
import gzip
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from plugins.results import Result
from tests.viewers.site import CASE, Site, refusal
from viewers import _component

__all__ = ["Kept", "ResultSite"]

Compute = Callable[[Mapping[str, Any]], Result]


@dataclass
class Kept:
    """A result as the server keeps it. The next question finds it computed, unless `is_held`."""

    compute: Compute
    is_held: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    case_id: str | None = None
    state: str = "due"
    revision: int = 1
    content_revision: int = 0
    edits: dict[str, Any] = field(default_factory=dict)
    result: Result | None = None
    confirmed_by: dict[str, str] | None = None
    confirmed_at: str | None = None
    puts: list[dict[str, Any]] = field(default_factory=list)
    red_acknowledged: bool = False

    def settle(self) -> None:
        if self.state not in ("due", "running"):
            return
        if self.is_held:
            self.state = "running"
            return
        self.result = self.compute(self.edits)
        self.content_revision = self.revision
        self.state = "edited" if self.edits else "computed"


def plain(value: Any) -> Any:
    """As `workstation.consult.result_content` writes it."""
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "scheme_designator"):
        return {name: getattr(value, name) for name in ("value", "scheme_designator", "meaning")}
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return value


@dataclass
class ResultSite(Site):
    """A `Site` whose case has results."""

    kept: list[Kept] = field(default_factory=list)
    startable: list[dict[str, Any]] = field(default_factory=list)
    layer_requests: list[str] = field(default_factory=list)
    may: tuple[str, ...] = ("edit", "confirm")
    # Lists are answered once this is let go: as they were when asked for, or as they are then.
    are_lists_held: bool = False
    are_lists_stale: bool = False
    lists_waiting: int = 0

    def app(self) -> ASGIApp:
        inner = super().app()
        api = f"{self.base}/api/v1"
        place = f"{api}/cases/{CASE}/results"
        own = Starlette(
            routes=[
                Route(f"{self.base}/room", self.room),
                Route(place, self.list_results, methods=["GET", "POST"]),
                Route(f"{place}/{{rid}}/{{what}}", self.change, methods=["PUT", "POST"]),
                Route(f"{api}/results/{{rid}}", self.one),
                Route(f"{api}/results/{{rid}}/layers/{{key}}", self.layer),
            ]
        )

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            path: str = scope.get("path", "")
            is_ours = path == f"{self.base}/room" or ("/api/" in path and "/results" in path)
            await (own if is_ours else inner)(scope, receive, send)

        return app

    def shown(self, kept: Kept) -> dict[str, Any]:
        kept.settle()
        content = None
        if kept.result is not None:
            content = plain(kept.result)
            content["layers"] = []
            for layer in kept.result.layers:
                said = {
                    one.name: plain(getattr(layer, one.name))
                    for one in fields(layer)
                    if one.name not in ("array", "load")
                }
                said["dtype"] = str(layer.array.dtype)
                said["shape"] = list(layer.array.shape)
                end = f"?revision={kept.content_revision}"
                said["url"] = f"{self.base}/api/v1/results/{kept.id}/layers/{layer.key}{end}"
                content["layers"].append(said)
        withheld = self.withheld(kept)
        if content is not None and withheld:
            for part in ("values", "layers", "controls"):
                content[part] = [one for one in content[part] if not one["withheld_until"]]
        title = plain(kept.result.title) if kept.result else {"vi": "Đột quỵ", "en": "Stroke"}
        study = next(iter(self.studies))
        return {
            "id": kept.id,
            "analysis": kept.result.analysis if kept.result else "test",
            "title": title,
            "study_instance_uid": study,
            "case_id": kept.case_id,
            "state": kept.state,
            "revision": kept.revision,
            "content_revision": kept.content_revision,
            "progress": 0.4,
            "message": {"vi": "Đang tìm mặt phẳng giữa", "en": "Finding the midline plane"},
            "error": None,
            "confirmed_by": kept.confirmed_by,
            "confirmed_at": kept.confirmed_at,
            "edits": kept.edits,
            "permissions": list(self.may),
            "withheld": withheld,
            "content": content,
        }

    def withheld(self, kept: Kept) -> list[dict[str, Any]]:
        """As `workstation.consult.result_reads` says it, for one analysis that is waited for."""
        layers = kept.result.layers if kept.result else ()
        waiting = [layer for layer in layers if layer.withheld_until]
        awaited = {layer.withheld_until for layer in waiting}
        found = [one for one in self.kept if one.result and one.result.analysis in awaited]
        return [
            {
                "until": one.result.analysis,
                "title": plain(one.result.title),
                "layers": [plain(layer.title) for layer in waiting],
            }
            for one in found
            if one.result and not {"independent", "declined"} & set(one.edits.get("reads", {}))
        ]

    def find(self, rid: str) -> Kept:
        return next(one for one in self.kept if one.id == rid)

    async def list_results(self, request: Request) -> Response:
        if request.method == "POST":
            self.kept[0].state = "due"
            return JSONResponse(self.shown(self.kept[0]))
        stale = self.listed() if self.are_lists_stale else None
        self.lists_waiting += self.are_lists_held
        while True:
            with self.lock:
                if not self.are_lists_held:
                    self.lists_waiting = 0
                    return JSONResponse(stale or self.listed())
            await asyncio.sleep(0.02)

    def listed(self) -> dict[str, Any]:
        items = [self.shown(one) for one in self.kept]
        return {"items": items, "startable": self.startable}

    async def one(self, request: Request) -> Response:
        return JSONResponse(self.shown(self.find(request.path_params["rid"])))

    async def change(self, request: Request) -> Response:
        kept = self.find(request.path_params["rid"])
        what = request.path_params["what"]
        body = json.loads(await request.body() or b"{}")
        if what != "cancel" and body["revision"] != kept.revision:
            return refusal(409, "stale_result")
        if what == "edits":
            kept.puts.append(body["edits"])
            kept.edits = {key: value for key, value in body["edits"].items() if value}
            kept.revision += 1
            kept.state = "due"
            if kept.case_id is None:
                # the case's own copy of what was shared
                kept.id, kept.case_id = str(uuid.uuid4()), CASE
        elif what == "confirm":
            assert kept.result is not None
            kept.red_acknowledged = body.get("acknowledge_red", False)
            if kept.result.grade.value == "red" and not kept.red_acknowledged:
                return refusal(400, "red_quality")
            kept.state = "confirmed"
            kept.confirmed_by = {"username": "a", "name": "BS. Radiologist", "site": "DEMO_HUB"}
            kept.confirmed_at = "2026-11-23T03:00:00Z"
        elif what == "reopen":
            kept.state, kept.confirmed_by = "edited", None
        else:
            kept.state = "cancelled"
        return JSONResponse(self.shown(kept))

    async def layer(self, request: Request) -> Response:
        kept = self.find(request.path_params["rid"])
        key = request.path_params["key"]
        self.layer_requests.append(key)
        assert kept.result is not None
        layer = kept.result.layer(key)
        assert layer is not None
        return Response(
            gzip.compress(np.ascontiguousarray(layer.array).tobytes(), 1),
            media_type="application/octet-stream",
            headers={
                "content-encoding": "gzip",
                "cache-control": "private, max-age=31536000, immutable",
            },
        )

    def room_page(self, language: str = "vi", **more: str) -> str:
        extra = "".join(f"&{key}={value}" for key, value in more.items())
        return f"{self.url}/room?language={language}{extra}"

    async def room(self, request: Request) -> Response:
        """Viewer and panel beside each other, each in a shadow root, as Streamlit has them."""
        data = {**self.data(request), "height": "calc(100vh - 8px)"}
        panel = {
            "base": self.base,
            "language": data["language"],
            "case_id": CASE,
            "username": "radiologist",
            "name": "BS. Radiologist",
            "height": "calc(100vh - 8px)",
        }
        parts = json.dumps({"radiology": data, "results": panel})
        modules = json.dumps(
            {
                name: f"{self.base}/assets/{_component.asset(name)}"
                for name in ("radiology", "results")
            }
        )
        return HTMLResponse(
            "<!doctype html><meta charset=utf-8><body style='margin:4px;background:#0b0d10'>"
            "<div style='display:grid;grid-template-columns:63fr 37fr;gap:8px'>"
            "<div id=radiology></div><div id=results></div></div><script type=module>"
            f"const parts = {parts}; const modules = {modules};"
            "window.heard = [];"
            "for (const name of ['hoichan:layers', 'hoichan:handles'])"
            " window.addEventListener(name, (e) => window.heard.push([name, e.detail]));"
            "for (const name of ['results', 'radiology']) {"
            " const root = document.getElementById(name).attachShadow({ mode: 'open' });"
            " (await import(modules[name])).default({ parentElement: root, data: parts[name],"
            " setStateValue() {}, setTriggerValue() {} }); }</script>"
        )
