"""The test site with slides: the real slide service over a real archive; points and ledger here."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dicom_node.slides import slide_id
from dicom_node.web.slides import slides_app
from tests.dicom_node.slides.glass import put
from tests.viewers.site import CASE, OpenDoor, Site

__all__ = ["SlideSite"]

OWN = ("/coverage", "/annotations/import", "/annotations/export")


@dataclass
class SlideSite(Site):
    """A `Site` whose case has slides: `datasets` beside `files`."""

    datasets: Iterable[Dataset] = ()
    shows_labels: bool = True
    slide_requests: list[str] = field(default_factory=list)
    slides_away: bool = False
    point_sets: dict[str, tuple[dict[str, Any], dict[str, bytes]]] = field(default_factory=dict)
    ledgers: dict[str, dict[str, Any]] = field(default_factory=dict)
    entry: str = "slide"
    # what an import is answered, and what was sent
    import_answer: tuple[int, dict[str, Any]] = (201, {})
    imports: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    exports: list[dict[str, str]] = field(default_factory=list)

    def app(self) -> ASGIApp:
        for dataset in self.datasets:
            put(self.archive, dataset)
            self.studies.setdefault(str(dataset.StudyInstanceUID), []).append(dataset)
        inner = super().app()
        place = f"{self.base}/api/v1/cases/{CASE}"
        own = Starlette(
            routes=[
                Route(f"{place}/point-sets", self.list_point_sets),
                Route(f"{place}/point-sets/{{id}}/{{what}}", self.points),
                Route(f"{place}/annotations/import", self.take_file, methods=["POST"]),
                Route(f"{place}/annotations/export", self.give_file),
                Route(f"{place}/coverage", self.coverage, methods=["GET", "PUT"]),
                Mount(f"{self.base}/slides", slides_app(self.archive, Door(self))),
            ]
        )

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            path: str = scope.get("path", "")
            is_slide = path.startswith(f"{self.base}/slides/")
            if is_slide:
                self.slide_requests.append(path + "?" + scope["query_string"].decode())
            if is_slide and self.slides_away:
                await Response(status_code=503)(scope, receive, send)
            elif is_slide or "/point-sets" in path or path.endswith(OWN):
                await own(scope, receive, send)
            else:
                await inner(scope, receive, send)

        return app

    def slide(self, series_instance_uid: str) -> str:
        return slide_id(series_instance_uid)

    def add_points(
        self,
        series_instance_uid: str,
        points: Any,
        colour: str = "#e6194b",
        starts: Any = None,
    ) -> None:
        """Bulk points: (n, 2) in pixels of level 0; with `starts`, polygons."""
        number = str(len(self.point_sets) + 1)
        said = {
            "id": number,
            "case_id": CASE,
            "series_instance_uid": series_instance_uid,
            "name": f"nuclei {number}",
            "classification": {"name": "Nucleus", "colour": colour},
            "count": len(points) if starts is None else len(starts),
            "graphic_type": "POINT" if starts is None else "POLYGON",
        }
        parts = {"points": np.asarray(points, "<f4").tobytes()}
        if starts is not None:
            parts["starts"] = np.asarray(starts, "<u4").tobytes()
        self.point_sets[number] = said, parts

    async def list_point_sets(self, request: Request) -> Response:
        return JSONResponse({"items": [said for said, _ in self.point_sets.values()]})

    async def points(self, request: Request) -> Response:
        _, parts = self.point_sets[request.path_params["id"]]
        data = parts[request.path_params["what"]]
        return Response(data, media_type="application/octet-stream")

    async def take_file(self, request: Request) -> Response:
        self.imports.append((dict(request.query_params), await request.body()))
        status, body = self.import_answer
        return JSONResponse(body, status_code=status)

    async def give_file(self, request: Request) -> Response:
        self.exports.append(dict(request.query_params))
        name = f"hoichan-{request.query_params['format']}.dcm"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(b"DICM", media_type="application/dicom", headers=headers)

    async def coverage(self, request: Request) -> Response:
        if request.method == "PUT":
            body = await request.json()
            self.ledgers[body["series_instance_uid"]] = body
            return JSONResponse(body)
        return JSONResponse({"items": list(self.ledgers.values())})


class Door(OpenDoor):
    """Labels are shown as the site says."""

    def __init__(self, site: SlideSite) -> None:
        self.site = site

    def may_see_labels(self, scope: Scope) -> bool:
        return self.site.shows_labels
