"""What a slide is, as JSON: everything a viewer needs to open it, and nothing to parse."""

import hashlib
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dicom_node.slides import SlideIndex
from dicom_node.web.errors import BadRequest
from dicom_node.web.responses import REVALIDATE, is_fresh
from dicom_node.web.service import target_of
from dicom_node.web.slide_room import SlideRoom, room_of

__all__ = ["retrieve_slide", "retrieve_study"]

_PLAIN = (
    "slide",
    "version",
    "study_instance_uid",
    "series_instance_uid",
    "frame_of_reference_uid",
    "sop_instance_uid",
    "sop_class_uid",
    "width",
    "height",
    "mpp",
    "objective_power",
    "to_slide_mm",
    "z_mm",
    "photometric",
    "lossy",
    "background",
    "container_id",
    "specimens",
    "stain",
    "series_description",
    "acquired_at",
    "scanner",
    "focal_planes",
    "received",
    "resampled",
    "problems",
)
_OF_LEVEL = (
    "downsample",
    "width",
    "height",
    "tile_width",
    "tile_height",
    "columns",
    "rows",
    "complete",
    "received",
    "sop_instance_uid",
)
_OF_PATH = (
    "index",
    "id",
    "description",
    "illumination",
    "wavelength_nm",
    "fluorescence",
    "monochrome",
    "colour",
    "window",
    "range",
)
_IN_TRAY = (
    "slide",
    "version",
    "series_instance_uid",
    "width",
    "height",
    "mpp",
    "objective_power",
    "container_id",
    "specimens",
    "stain",
    "series_description",
    "received",
    "problems",
)


async def retrieve_slide(request: Request) -> Response:
    """``GET /v1/{slide}``"""
    room = room_of(request)

    def work() -> Response:
        index = room.shelf.current(request.path_params["slide"], room.scope(request))
        room.accessed(request.scope, "metadata", index)
        return _json(request, _slide(room, request, index))

    return await room.workers.read(work)


async def retrieve_study(request: Request) -> Response:
    """``GET /v1/studies/{study}``: the tray"""
    room = room_of(request)
    study = target_of(request).study
    if not study:
        raise BadRequest("no study is named")

    def work() -> Response:
        found = room.shelf.of_study(study, room.scope(request))
        if found:
            room.accessed(request.scope, "metadata", found[0], len(found))
        return _json(request, {"items": [_in_tray(room, request, index) for index in found]})

    return await room.workers.read(work)


def _slide(room: SlideRoom, request: Request, index: SlideIndex) -> dict[str, Any]:
    facts = index.facts
    sees_labels = room.sees_labels(request)
    colour = [path for path in facts["optical_paths"] if not path["monochrome"]]
    return {
        **{key: facts[key] for key in _PLAIN if key in facts},
        "levels": [
            {"level": number, **{key: level[key] for key in _OF_LEVEL}}
            for number, level in enumerate(facts["levels"])
            if sees_labels or not level["shows_label"]
        ],
        "optical_paths": [
            {**{key: path[key] for key in _OF_PATH}, "icc": path["icc"] is not None}
            for path in facts["optical_paths"]
        ],
        "icc": any(path["icc"] is not None for path in colour),
        **_glass(sees_labels, facts),
        "arriving": room.shelf.arriving(index),
        "original_file": None,
    }


def _in_tray(room: SlideRoom, request: Request, index: SlideIndex) -> dict[str, Any]:
    facts = index.facts
    named = (facts.get(key) for key in ("container_id", "series_description"))
    return {
        "title": next((name for name in named if name), ""),
        **{key: facts[key] for key in _IN_TRAY if key in facts},
        **_glass(room.sees_labels(request), facts),
    }


def _glass(sees_labels: bool, facts: dict[str, Any]) -> dict[str, bool]:
    """Which pictures of the glass there are for the caller, and whether the caller may see any."""
    pictures = {name: sees_labels and name in facts["associated"] for name in ("label", "overview")}
    return {**pictures, "sees_labels": sees_labels}


def _json(request: Request, content: dict[str, Any]) -> Response:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"Cache-Control": REVALIDATE, "ETag": tag, "X-Content-Type-Options": "nosniff"}
    if is_fresh(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
