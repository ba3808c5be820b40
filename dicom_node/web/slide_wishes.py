"""What a reader looks at of a slide that is still arriving: those tiles are to come first."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dicom_node.errors import NotFound
from dicom_node.slides.early import Box
from dicom_node.web.errors import BadRequest
from dicom_node.web.slide_room import room_of

__all__ = ["receive_wish"]

_NUMBERS = ("level", "column", "row", "columns", "rows")


async def receive_wish(request: Request) -> Response:
    """``POST /v1/{slide}/{version}/wish?level=&column=&row=&columns=&rows=``, in tiles.

    The answer is ``{"here": [[column, row], …]}``: those of them whose bytes have come. Their tiles
    are served as all others; whoever looks on asks again, as wishes are forgotten within a minute.
    ``{"here": null}``: the level is not on its way, or of a kind that is shown when it is whole.
    """
    room = room_of(request)
    level, *box = (_number(request, name) for name in _NUMBERS)

    def wish() -> list[tuple[int, int]] | None:
        index = room.index(request)
        if level >= len(index.facts["levels"]):
            raise NotFound("the slide has no such level")
        if index.facts["levels"][level]["shows_label"] and not room.sees_labels(request):
            raise NotFound("the slide shows its label")
        caller = room.doorkeeper.caller(request.scope)
        return room.shelf.wish(index, level, Box(*box), caller)

    here = await room.workers.read(wish)
    return JSONResponse({"here": here}, headers={"Cache-Control": "no-store"})


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise BadRequest(f"{name} is a whole number")
    return int(text)
