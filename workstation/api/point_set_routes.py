"""Point sets: what another program found on a slide, as bytes a viewer uploads to its screen."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Header, Query, Response

from workstation.api.dependencies import Caller, FileBody, Here
from workstation.api.encoding import point_set_json
from workstation.api.shapes import PointSet, answers, many
from workstation.consult import point_sets
from workstation.errors import InvalidRequest

__all__ = ["router"]

router = APIRouter(tags=["point sets"])

# Named by the hash of their content: they never change.
IMMUTABLE = "private, max-age=31536000, immutable"
BYTES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "float32 / uint32"},
    304: {"description": "Unchanged"},
}


@router.get(
    "/cases/{id}/point-sets", summary="Tập điểm / Point sets", responses=answers(many(PointSet))
)
def list_point_sets(context: Here, principal: Caller, id: str) -> dict[str, Any]:
    found = point_sets.list_point_sets(context, principal, id)
    return {"items": [point_set_json(one) for one in found], "total": len(found)}


@router.post(
    "/cases/{id}/point-sets",
    status_code=201,
    summary="Đưa tập điểm vào / Bring points in: float32 pairs, little-endian, level-0 pixels",
    responses=answers(PointSet, 201),
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
)
def add_point_set(
    context: Here,
    principal: Caller,
    id: str,
    body: FileBody,
    series: Annotated[str, Query(description="Series của tiêu bản / of the slide")] = "",
    name: str = "",
    class_name: Annotated[str, Query(description="Lớp / Class")] = "",
    colour: Annotated[str, Query(description="#rrggbb")] = "#ffd400",
    algorithm: Annotated[str, Query(description="Phần mềm tìm ra / What found them")] = "",
) -> dict[str, Any]:
    if len(body) % 8:
        raise InvalidRequest(
            "invalid_points",
            "Dữ liệu phải là các cặp số float32.",
            "The body is pairs of float32.",
            field="points",
        )
    new = point_sets.NewPointSet(
        points=np.frombuffer(body, "<f4").reshape(-1, 2),
        name=name,
        classification={"name": class_name, "colour": colour} if class_name.strip() else {},
        algorithm=algorithm,
    )
    return point_set_json(point_sets.add(context, principal, id, series, new))


@router.delete(
    "/cases/{id}/point-sets/{pid}",
    summary="Xóa tập điểm / Delete a point set",
    responses=answers(PointSet),
)
def remove_point_set(context: Here, principal: Caller, id: str, pid: str) -> dict[str, Any]:
    return point_set_json(point_sets.remove(context, principal, id, pid))


@router.get(
    "/cases/{id}/point-sets/{pid}/points",
    summary="Các điểm / The points: float32 pairs, little-endian",
    response_class=Response,
    responses={**answers(), **BYTES},
)
def read_points(
    context: Here,
    principal: Caller,
    id: str,
    pid: str,
    if_none_match: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    data, content_hash = point_sets.points_bytes(context, principal, id, pid)
    return _bytes(data, content_hash, if_none_match)


@router.get(
    "/cases/{id}/point-sets/{pid}/starts",
    summary="Điểm đầu mỗi đường / Index of each line's first point: uint32, little-endian",
    response_class=Response,
    responses={**answers(), **BYTES},
)
def read_starts(
    context: Here,
    principal: Caller,
    id: str,
    pid: str,
    if_none_match: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    data, content_hash = point_sets.starts_bytes(context, principal, id, pid)
    return _bytes(data, content_hash, if_none_match)


def _bytes(data: bytes, content_hash: str, if_none_match: str) -> Response:
    tag = f'"{content_hash}"'
    headers = {"Cache-Control": IMMUTABLE, "ETag": tag, "Vary": "Cookie, Authorization"}
    if tag in if_none_match:
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type="application/octet-stream")
