"""The DICOMweb service as one Starlette application (PS3.18)."""

import logging
import warnings
from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dicom_node.archive import Archive
from dicom_node.pixels.cache import DerivedCache
from dicom_node.web.bulkdata import retrieve_bulk
from dicom_node.web.doorkeeper import Doorkeeper
from dicom_node.web.errors import error_response_for, handlers
from dicom_node.web.frames import retrieve_frames
from dicom_node.web.holdings import Holdings
from dicom_node.web.metadata import retrieve_metadata
from dicom_node.web.qido import search_instances, search_series, search_studies
from dicom_node.web.rendered import retrieve_rendered, retrieve_thumbnail
from dicom_node.web.service import Service
from dicom_node.web.settings import WebSettings
from dicom_node.web.stow import store_instances
from dicom_node.web.wado import retrieve_instances
from dicom_node.web.workers import Workers

__all__ = ["dicomweb_app", "guarded"]

Endpoint = Callable[[Request], Awaitable[Response]]

_STUDY = "/studies/{study}"
_SERIES = f"{_STUDY}/series/{{series}}"
_INSTANCE = f"{_SERIES}/instances/{{instance}}"
_FRAMES = f"{_INSTANCE}/frames/{{frames}}"


_PICTURES: dict[str, Endpoint] = {
    "rendered": retrieve_rendered,
    "thumbnail": retrieve_thumbnail,
}


def dicomweb_app(
    archive: Archive, doorkeeper: Doorkeeper, settings: WebSettings | None = None
) -> Starlette:
    """Make the service. Mount it anywhere; no middleware may compress what it sends.

    Parameters
    ----------
    archive : Archive
    doorkeeper : Doorkeeper
    settings : WebSettings, optional
    """
    settings = settings or WebSettings()
    _quieten_pydicom()
    app = Starlette(routes=_routes(), exception_handlers=handlers)
    app.router.redirect_slashes = False
    app.state.service = Service(
        archive=archive,
        doorkeeper=doorkeeper,
        holdings=Holdings(archive, settings.remembered_instances),
        workers=Workers(settings.reading_threads, settings.decoding_threads),
        cache=DerivedCache(
            archive.settings.folder / "derived",
            settings.cache_bytes,
            # Twice the archive's own floor: a picture must never be why a C-STORE is refused.
            floor_bytes=2 * archive.settings.minimum_free_bytes,
        ),
        settings=settings,
    )
    return app


def _quieten_pydicom() -> None:
    """Its remarks on odd values quote them, and a value may be a patient's.

    What its decoders have against a frame comes to us as an exception all the same.
    """
    warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)


def _routes() -> list[BaseRoute]:
    # The busiest first: routes are tried in order.
    return [
        _get(_FRAMES, retrieve_frames),
        _get(f"{_INSTANCE}/bulk/{{offset}}/{{length}}", retrieve_bulk),
        *(
            _get(f"{path}/{name}", endpoint)
            for path in (_FRAMES, _INSTANCE, _SERIES, _STUDY)
            for name, endpoint in _PICTURES.items()
        ),
        *(_get(f"{path}/metadata", retrieve_metadata) for path in (_INSTANCE, _SERIES, _STUDY)),
        _get(_INSTANCE, retrieve_instances),
        _get(f"{_SERIES}/instances", search_instances),
        _get(_SERIES, retrieve_instances),
        _get(f"{_STUDY}/series", search_series),
        _get(f"{_STUDY}/instances", search_instances),
        Route(_STUDY, guarded(_by_method(retrieve_instances)), methods=["GET", "POST"]),
        Route("/studies", guarded(_by_method(search_studies)), methods=["GET", "POST"]),
        _get("/series", search_series),
        _get("/instances", search_instances),
    ]


def _get(path: str, endpoint: Endpoint) -> Route:
    return Route(path, guarded(endpoint), methods=["GET"])


def _by_method(reading: Endpoint) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return await (store_instances if request.method == "POST" else reading)(request)

    return endpoint


def guarded(endpoint: Endpoint) -> Endpoint:
    """Answer here what nobody foresaw: further out, the server would log its text and values."""

    @wraps(endpoint)
    async def safe(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it
        except Exception as error:
            return await error_response_for(request, error)

    return safe
