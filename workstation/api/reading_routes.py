"""Marks, draft, opinions and their way home."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from workstation.api.bodies import (
    AnnotationBody,
    AnnotationChange,
    AnnotationsBody,
    DraftBody,
    OpinionBody,
)
from workstation.api.dependencies import Caller, Here
from workstation.api.encoding import (
    annotation_json,
    delivery_json,
    draft_json,
    opinion_json,
)
from workstation.api.shapes import (
    Annotation,
    Annotations,
    Delivery,
    Draft,
    Opinion,
    Revision,
    answers,
    many,
)
from workstation.consult import annotations, deliveries, opinion
from workstation.consult import case as cases
from workstation.consult import draft as drafts

__all__ = ["router"]

router = APIRouter()


@router.get(
    "/cases/{id}/annotations",
    tags=["annotations"],
    summary="Nét vẽ / Marks",
    responses=answers(Annotations),
)
def list_annotations(
    context: Here,
    principal: Caller,
    id: str,
    since: Annotated[
        int | None, Query(ge=0, description="Chỉ phần mới hơn / Only what is newer")
    ] = None,
) -> dict[str, Any]:
    found = annotations.list_annotations(context, principal, id, since)
    items = [annotation_json(one) for one in found.items]
    return {"items": items, "total": len(items), "revision": found.revision}


@router.post(
    "/cases/{id}/annotations",
    tags=["annotations"],
    status_code=201,
    summary="Vẽ / Add a mark",
    responses=answers(Annotation, 201),
)
def add_annotation(
    context: Here, principal: Caller, id: str, body: AnnotationBody
) -> dict[str, Any]:
    return annotation_json(annotations.add(context, principal, id, body.model_dump()))


@router.post(
    "/cases/{id}/annotations/batch",
    tags=["annotations"],
    status_code=201,
    summary="Vẽ nhiều nét, tất cả hoặc không / Add marks, all or none",
    responses=answers(Annotations, 201),
)
def add_annotations(
    context: Here, principal: Caller, id: str, body: AnnotationsBody
) -> dict[str, Any]:
    contents = [one.model_dump() for one in body.items]
    found = annotations.add_many(context, principal, id, contents)
    revision = max((one.revision for one in found), default=0)
    items = [annotation_json(one) for one in found]
    return {"items": items, "total": len(items), "revision": revision}


@router.patch(
    "/cases/{id}/annotations/{aid}",
    tags=["annotations"],
    summary="Sửa / Change a mark",
    responses=answers(Annotation),
)
def change_annotation(
    context: Here, principal: Caller, id: str, aid: str, body: AnnotationChange
) -> dict[str, Any]:
    changes = body.model_dump(exclude_unset=True, exclude_none=True)
    return annotation_json(annotations.change(context, principal, id, aid, changes))


@router.delete(
    "/cases/{id}/annotations/{aid}",
    tags=["annotations"],
    summary="Xóa / Delete a mark",
    responses=answers(Annotation),
)
def remove_annotation(context: Here, principal: Caller, id: str, aid: str) -> dict[str, Any]:
    return annotation_json(annotations.remove(context, principal, id, aid))


@router.get(
    "/cases/{id}/draft",
    tags=["opinions"],
    summary="Bản nháp của tôi / My draft",
    responses=answers(Draft),
)
def read_draft(
    context: Here,
    principal: Caller,
    id: str,
    kind: Annotated[
        str | None, Query(description="amended: bắt đầu từ bản đã ký / begin with what was signed")
    ] = None,
) -> dict[str, Any]:
    draft = drafts.get_draft(context, principal, id, kind)
    return draft_json(draft, cases.readers(context, principal, id))


@router.put(
    "/cases/{id}/draft",
    tags=["opinions"],
    summary="Lưu nháp / Save the draft",
    responses=answers(Revision),
)
def save_draft(context: Here, principal: Caller, id: str, body: DraftBody) -> dict[str, Any]:
    content = body.content.model_dump()
    return {"revision": drafts.save_draft(context, principal, id, content, body.revision)}


@router.get(
    "/cases/{id}/opinions",
    tags=["opinions"],
    summary="Kết luận đã ký / Opinions",
    responses=answers(many(Opinion)),
)
def list_opinions(context: Here, principal: Caller, id: str) -> dict[str, Any]:
    found = opinion.list_opinions(context, principal, id)
    return {"items": [opinion_json(one) for one in found], "total": len(found)}


@router.post(
    "/cases/{id}/opinions",
    tags=["opinions"],
    status_code=201,
    summary="Ký (xác nhận điện tử) / Sign the draft",
    responses=answers(Opinion, 201),
)
def sign(context: Here, principal: Caller, id: str, body: OpinionBody) -> dict[str, Any]:
    signed = opinion.sign(
        context,
        principal,
        id,
        kind=body.kind,
        password=body.password,
        draft_revision=body.draft_revision,
        reason=body.reason or "",
        results=body.results,
    )
    return opinion_json(signed)


@router.get(
    "/cases/{id}/deliveries",
    tags=["deliveries"],
    summary="Đường về / Deliveries",
    responses=answers(many(Delivery)),
)
def list_deliveries(context: Here, principal: Caller, id: str) -> dict[str, Any]:
    found = deliveries.list_deliveries(context, principal, id)
    return {"items": [delivery_json(one) for one in found], "total": len(found)}


@router.post(
    "/cases/{id}/deliveries/{did}/retry",
    tags=["deliveries"],
    summary="Gửi lại / Send again",
    responses=answers(Delivery),
)
def retry_delivery(context: Here, principal: Caller, id: str, did: str) -> dict[str, Any]:
    return delivery_json(deliveries.retry(context, principal, id, did))
