"""Drawings of other programs in, ours out."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from workstation.api.dependencies import Caller, FileBody, Here
from workstation.api.encoding import plain
from workstation.api.shapes import Imported, answers
from workstation.consult.drawing_export import export_drawings
from workstation.consult.drawing_import import import_drawings

__all__ = ["router"]

router = APIRouter(tags=["annotations"])

Slide = Annotated[
    str,
    Query(
        description="Series Instance UID của tiêu bản; chỉ có một thì bỏ trống / the only one: ''"
    ),
]


@router.post(
    "/cases/{id}/annotations/import",
    status_code=201,
    summary="Nhập nét vẽ / Import: QuPath GeoJSON, ASAP, ImageScope XML, DICOM ANN, SR, SEG",
    responses=answers(Imported, 201),
    openapi_extra={
        "requestBody": {
            "content": {"application/octet-stream": {}, "multipart/form-data": {}},
            "required": True,
        }
    },
)
def import_annotations(
    context: Here,
    principal: Caller,
    id: str,
    body: FileBody,
    series: Slide = "",
    format: Annotated[
        str, Query(description="geojson, asap, imagescope, dicom; trống: tự nhận / empty: sniffed")
    ] = "",
) -> dict[str, Any]:
    made = import_drawings(context, principal, id, body, series, format)
    shown: dict[str, Any] = plain(made)
    return shown


@router.get(
    "/cases/{id}/annotations/export",
    summary="Xuất nét vẽ của một tiêu bản / Export the marks of a slide",
    response_class=Response,
    responses={
        **answers(),
        200: {
            "content": {"application/geo+json": {}, "application/dicom": {}},
            "description": "File",
        },
    },
)
def export_annotations(
    context: Here,
    principal: Caller,
    id: str,
    format: Annotated[str, Query(description="geojson, ann, seg, sr")] = "geojson",
    series: Slide = "",
) -> Response:
    file = export_drawings(context, principal, id, format, series)
    name = f"hoichan-{id}-{format}.{file.ending}"
    return Response(
        file.data,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
        media_type=file.media_type,
    )
