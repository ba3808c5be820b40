"""The API as one application, mounted below ``/api``."""

from fastapi import APIRouter, FastAPI

import hoichan
from workstation.api import (
    administration_routes,
    case_routes,
    coverage_routes,
    interchange_routes,
    point_set_routes,
    reading_routes,
    result_routes,
    session_routes,
    site_routes,
    study_routes,
)
from workstation.api.failures import handle_failures
from workstation.api.limits import BodyCheck
from workstation.context import Context

__all__ = ["api_app"]


def api_app(context: Context) -> FastAPI:
    """The API over `context`. Who calls is at ``scope["state"]["principal"]``, put by the gate.

    Its pages for people are the front's; here is only ``/openapi.json``.
    """
    app = FastAPI(
        title="Hội chẩn",
        version=hoichan.__version__,
        description=(
            "API của trạm hội chẩn; cùng quyền với giao diện. / The consult workstation's API; "
            "the same rights as its pages. Bearer token: `hoichan user token NAME`."
        ),
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        root_path_in_servers=True,
    )
    app.state.context = context
    handle_failures(app)
    app.add_middleware(BodyCheck)
    version_1 = APIRouter(prefix="/v1")
    for module in (
        session_routes,
        site_routes,
        study_routes,
        case_routes,
        reading_routes,
        interchange_routes,
        point_set_routes,
        coverage_routes,
        result_routes,
        administration_routes,
    ):
        version_1.include_router(module.router)
    app.include_router(version_1)
    return app
