"""Results of analyses: seen, corrected, confirmed; their masks and maps as bytes."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import FileResponse

from workstation import access
from workstation.api.bodies import (
    ResultConfirmation,
    ResultEdits,
    ResultReopening,
    ResultStart,
)
from workstation.api.dependencies import Caller, Here
from workstation.api.encoding import result_json, results_json
from workstation.api.shapes import Result, Results, answers
from workstation.consult import results

__all__ = ["router"]

router = APIRouter(tags=["results"])

# Hashed, never changed; for nobody but who was let in.
IMMUTABLE = "private, max-age=31536000, immutable"
REVALIDATE = "private, no-cache"

InCase = Annotated[
    str | None,
    Query(
        description=(
            "Ca đang đọc, với kết quả dùng chung / The case it is read in, for a shared result: "
            "what readers of the case may not see yet is withheld"
        )
    ),
]


@router.get(
    "/cases/{id}/results",
    summary="Kết quả phân tích / Results",
    response_class=Response,
    responses={**answers(Results), 304: {"description": "Unchanged"}},
)
def list_results(
    context: Here,
    principal: Caller,
    id: str,
    if_none_match: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    found = results_json(results.list_results(context, principal, id), context.settings.base_path)
    body = json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
    # asked for every second while something is computed, and mostly the same
    tag = f'"{hashlib.sha256(body).hexdigest()}"'
    headers = {"Cache-Control": REVALIDATE, "ETag": tag, "Vary": "Cookie, Authorization"}
    if tag in if_none_match:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


@router.post(
    "/cases/{id}/results",
    summary="Yêu cầu phân tích / Start an analysis",
    responses=answers(Result),
)
def start(context: Here, principal: Caller, id: str, body: ResultStart) -> dict[str, Any]:
    view = results.start(context, principal, id, body.analysis, body.study_instance_uid)
    return _shown(context, view)


@router.get("/results/{rid}", summary="Một kết quả / One result", responses=answers(Result))
def read_result(context: Here, principal: Caller, rid: str, case: InCase = None) -> dict[str, Any]:
    return _shown(context, results.get_result(context, principal, rid, case))


@router.get(
    "/results/{rid}/layers/{key}",
    summary="Mặt nạ hoặc bản đồ / A mask or map: its bytes in C order, little-endian, as gzip",
    response_class=Response,
    responses={
        **answers(),
        200: {"content": {"application/octet-stream": {}}, "description": "Array"},
        304: {"description": "Unchanged"},
    },
)
def read_layer(
    context: Here,
    principal: Caller,
    rid: str,
    key: str,
    revision: Annotated[
        int | None, Query(description="content_revision; bản khác: 404 / another: 404")
    ] = None,
    case: InCase = None,
    if_none_match: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    layer = results.find_layer(context, principal, rid, key, case)
    if revision is not None and revision != layer.revision:
        raise access.not_found()
    tag = f'"{layer.sha256}"'
    headers = {
        "Cache-Control": REVALIDATE if revision is None else IMMUTABLE,
        "Content-Encoding": "gzip",
        "ETag": tag,
        "Vary": "Cookie, Authorization",
    }
    if tag in if_none_match:
        return Response(status_code=304, headers=headers)
    return FileResponse(layer.path, headers=headers, media_type="application/octet-stream")


@router.put("/cases/{id}/results/{rid}/edits", summary="Sửa / Correct", responses=answers(Result))
def edit(context: Here, principal: Caller, id: str, rid: str, body: ResultEdits) -> dict[str, Any]:
    view = results.edit(context, principal, id, rid, body.edits, body.revision)
    return _shown(context, view)


@router.post(
    "/cases/{id}/results/{rid}/confirm", summary="Xác nhận / Confirm", responses=answers(Result)
)
def confirm(
    context: Here, principal: Caller, id: str, rid: str, body: ResultConfirmation
) -> dict[str, Any]:
    view = results.confirm(
        context, principal, id, rid, body.revision, acknowledge_red=body.acknowledge_red
    )
    return _shown(context, view)


@router.post(
    "/cases/{id}/results/{rid}/reopen",
    summary="Rút xác nhận / Withdraw the confirmation",
    responses=answers(Result),
)
def reopen(
    context: Here, principal: Caller, id: str, rid: str, body: ResultReopening
) -> dict[str, Any]:
    return _shown(context, results.reopen(context, principal, id, rid, body.revision))


@router.post(
    "/cases/{id}/results/{rid}/cancel",
    summary="Dừng tính / End the computation",
    responses=answers(Result),
)
def cancel(context: Here, principal: Caller, id: str, rid: str) -> dict[str, Any]:
    return _shown(context, results.cancel(context, principal, id, rid))


def _shown(context: Here, view: results.ResultView) -> dict[str, Any]:
    return result_json(view, context.settings.base_path)
