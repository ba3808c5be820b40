"""The ledger of what a reader of slides looked at."""

from typing import Any

from fastapi import APIRouter

from workstation.api.bodies import CoverageBody
from workstation.api.dependencies import Caller, Here
from workstation.api.encoding import plain
from workstation.api.shapes import Coverage, Ledger, answers
from workstation.consult import coverage

__all__ = ["router"]

router = APIRouter(tags=["coverage"])


@router.get(
    "/cases/{id}/coverage",
    summary="Vùng mô đã xem / What the caller looked at, and how much tissue is left",
    responses=answers(Coverage),
)
def read_coverage(context: Here, principal: Caller, id: str) -> dict[str, Any]:
    found: dict[str, Any] = plain(coverage.get_coverage(context, principal, id))
    return found


@router.put(
    "/cases/{id}/coverage",
    summary="Ghi thêm vùng đã xem / Add what was seen to what was seen before",
    responses=answers(Ledger),
)
def keep_coverage(context: Here, principal: Caller, id: str, body: CoverageBody) -> dict[str, Any]:
    ledger = coverage.Ledger(**body.model_dump())
    kept: dict[str, Any] = plain(coverage.keep(context, principal, id, ledger))
    return kept
