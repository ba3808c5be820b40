"""Slides for the viewer: what a slide is, its tiles, and pictures of it, under opaque names."""

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dicom_node.archive import Archive
from dicom_node.pixels.cache import DerivedCache
from dicom_node.slides import Shelf, SlideSource
from dicom_node.web.app import guarded
from dicom_node.web.doorkeeper import Doorkeeper
from dicom_node.web.errors import handlers
from dicom_node.web.settings import WebSettings
from dicom_node.web.slide_facts import retrieve_slide, retrieve_study
from dicom_node.web.slide_pictures import (
    retrieve_colours,
    retrieve_label,
    retrieve_overview,
    retrieve_region,
    retrieve_thumbnail,
)
from dicom_node.web.slide_room import SlideRoom
from dicom_node.web.slide_tiles import TileDesk, retrieve_batch
from dicom_node.web.slide_wishes import receive_wish
from dicom_node.web.workers import Workers

__all__ = ["SlidesApp", "slides_app"]

_VERSION = "/v1/{slide}/{version}"
_ROUTES = {
    "/v1/studies/{study}": retrieve_study,
    "/v1/{slide}": retrieve_slide,
    f"{_VERSION}/tiles": retrieve_batch,
    f"{_VERSION}/rendered": retrieve_region,
    f"{_VERSION}/thumbnail": retrieve_thumbnail,
    f"{_VERSION}/icc": retrieve_colours,
    f"{_VERSION}/label": retrieve_label,
    f"{_VERSION}/overview": retrieve_overview,
}


class SlidesApp:
    """The service as one ASGI application: tiles first, the rest by routes."""

    def __init__(self, room: SlideRoom) -> None:
        self.room = room
        self._desk = TileDesk(room)
        self._rest = Starlette(
            routes=[
                *(Route(path, guarded(view), methods=["GET"]) for path, view in _ROUTES.items()),
                Route(f"{_VERSION}/wish", guarded(receive_wish), methods=["POST"]),
            ],
            exception_handlers=handlers,
        )
        self._rest.router.redirect_slashes = False
        self._rest.state.room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A tile is asked for a thousand times as often as anything else: no routing for it.
        place = self._desk.place_of(scope)
        if place is None:
            await self._rest(scope, receive, send)
        else:
            await self._desk.serve(place, scope, receive, send)


def slides_app(
    archive: Archive, doorkeeper: Doorkeeper, settings: WebSettings | None = None
) -> SlidesApp:
    """Make the service. Mount it anywhere; no middleware may compress what it sends."""
    settings = settings or WebSettings()
    cache = DerivedCache(
        archive.settings.folder / "tiles",
        settings.cache_bytes,
        floor_bytes=2 * archive.settings.minimum_free_bytes,
    )
    return SlidesApp(
        SlideRoom(
            shelf=Shelf(archive),
            source=SlideSource(archive, cache),
            doorkeeper=doorkeeper,
            workers=Workers(settings.reading_threads, settings.decoding_threads),
            cache=cache,
        )
    )
