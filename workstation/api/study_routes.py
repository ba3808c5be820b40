"""Studies within the caller's scope."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from workstation import studies
from workstation.api.dependencies import Caller, Here
from workstation.api.encoding import listed, study_json
from workstation.api.shapes import DisplaySet, Study, StudyWithSeries, answers, many

__all__ = ["router"]

router = APIRouter(tags=["studies"])


@router.get("/studies", summary="Tìm lần chụp / Search studies", responses=answers(many(Study)))
def list_studies(
    context: Here,
    principal: Caller,
    search: Annotated[str, Query(description="Họ tên, không dấu cũng được / Name, folded")] = "",
    patient_id: str = "",
    study_date: Annotated[str, Query(description="20260115, 20260101-20260131")] = "",
    modality: str = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    found = studies.list_studies(
        context,
        principal,
        search=search,
        patient_id=patient_id,
        study_date=study_date,
        modality=modality,
        limit=limit,
        offset=offset,
    )
    return {"items": [study_json(one) for one in found.items], "total": found.total}


@router.get(
    "/studies/{uid}", summary="Một lần chụp / One study", responses=answers(StudyWithSeries)
)
def read_study(context: Here, principal: Caller, uid: str) -> dict[str, Any]:
    return study_json(studies.get_study(context, principal, uid), with_series=True)


@router.get(
    "/studies/{uid}/display-sets",
    summary="Các loạt ảnh để xem / What can be shown",
    responses=answers(many(DisplaySet)),
)
def list_display_sets(context: Here, principal: Caller, uid: str) -> dict[str, Any]:
    return listed(studies.split_study(context, principal, uid))
