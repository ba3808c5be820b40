"""What every route of the slides shares."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Scope

from dicom_node.errors import NotFound
from dicom_node.pixels.cache import DerivedCache
from dicom_node.records import ReadScope
from dicom_node.slides import Shelf, SlideIndex, SlideSource
from dicom_node.web.doorkeeper import Doorkeeper
from dicom_node.web.errors import BadRequest
from dicom_node.web.workers import Workers

__all__ = ["SlideRoom", "number_of", "room_of"]


@dataclass(frozen=True)
class SlideRoom:
    shelf: Shelf
    source: SlideSource
    doorkeeper: Doorkeeper
    workers: Workers
    cache: DerivedCache

    def scope(self, request: Request) -> ReadScope:
        return self.doorkeeper.read_scope(request.scope)

    def index(self, request: Request) -> SlideIndex:
        """The version of a slide a request names. Raises NotFound."""
        slide, version = request.path_params["slide"], request.path_params["version"]
        return self.shelf.version(slide, version, self.scope(request))

    def sees_labels(self, request: Request) -> bool:
        return self.doorkeeper.may_see_labels(request.scope)

    def check_levels(self, request: Request, index: SlideIndex) -> None:
        """Raise NotFound when a label may be in the slide's tissue, and is not the caller's."""
        if not self.sees_labels(request) and any(
            level["shows_label"] for level in index.facts["levels"]
        ):
            raise NotFound("the slide shows its label")

    def accessed(self, scope: Scope, event: str, index: SlideIndex, count: int = 1) -> None:
        self.doorkeeper.accessed(scope, event, index.study_instance_uid, count)


def room_of(request: Request) -> SlideRoom:
    room: SlideRoom = request.app.state.room
    return room


def number_of(
    request: Request, name: str, default: float, least: float = -1e7, most: float = 1e7
) -> float:
    """A number of the query string. Raises BadRequest."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        raise BadRequest(f"{name} is not a number") from None
    if not least <= value <= most:
        raise BadRequest(f"{name} lies between {least:g} and {most:g}")
    return value
