"""What a client accepts, and what we answer with (PS3.18 8.3.3.1, 8.7.4; RFC 9110 12.5.1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from starlette.requests import Request

__all__ = [
    "ANY_SYNTAX",
    "DICOM",
    "DICOM_JSON",
    "JSON",
    "MULTIPART",
    "MediaRange",
    "accepted",
    "first_covered",
    "parse_accept",
    "parse_media_type",
    "quoted_pieces",
]

DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
JSON = "application/json"
MULTIPART = "multipart/related"
ANY_SYNTAX = "*"

# A browser sends a few hundred bytes; more is no list of preferences.
_LONGEST_ACCEPT = 8192
_MOST_RANGES = 64


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One element of an Accept list.

    ``type`` is that of the payload: for ``multipart/related; type="image/jphc"`` it is
    ``image/jphc`` and ``multipart`` is true. ``syntaxes`` are the transfer syntaxes named, in
    order, ``*`` among them; empty when none is named.
    """

    type: str
    multipart: bool
    syntaxes: tuple[str, ...] = ()
    quality: float = 1.0
    parameters: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def is_any(self) -> bool:
        return self.type == "*/*"

    def covers(self, media_type: str) -> bool:
        """Whether the payload may be of this type."""
        if self.is_any or self.type == media_type:
            return True
        return self.type.endswith("/*") and media_type.startswith(self.type[:-1])


def quoted_pieces(text: str, separator: str) -> list[str]:
    """Split at a separator, except within double quotes; drop empty pieces."""
    if '"' not in text:
        return [piece.strip() for piece in text.split(separator) if piece.strip()]
    pieces, start, quoted = [], 0, False
    for position, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            pieces.append(text[start:position])
            start = position + 1
    pieces.append(text[start:])
    return [piece.strip() for piece in pieces if piece.strip()]


def parse_media_type(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Split ``type/subtype; name=value; …`` into the type and its parameters, in order.

    Values may be quoted or not: clients send ``type=application/octet-stream`` bare, although
    a slash is no token character.
    """
    head, *rest = quoted_pieces(text, ";") or [""]
    parameters = []
    for piece in rest:
        name, _, value = piece.partition("=")
        parameters.append((name.strip().lower(), value.strip().strip('"').strip()))
    return head.lower(), parameters


def parse_accept(text: str) -> list[MediaRange]:
    """Read an Accept value; best first, equal ones in the order given. Empty means anything."""
    ranges = []
    for piece in quoted_pieces(text[:_LONGEST_ACCEPT], ",")[:_MOST_RANGES]:
        found = _media_range(piece)
        if found is not None and found.quality > 0:
            ranges.append(found)
    return sorted(ranges, key=lambda one: -one.quality)


def _media_range(piece: str) -> MediaRange | None:
    media_type, parameters = parse_media_type(piece)
    if "/" not in media_type and media_type != "*":
        return None
    if media_type == "*":
        media_type = "*/*"
    quality, payload, syntaxes = 1.0, "*/*", []
    for name, value in parameters:
        if name == "q":
            quality = _quality(value)
        elif name == "type":
            payload = value.lower()
        elif name == "transfer-syntax":
            # Some clients name a syntax and "*" behind it, in two parameters.
            syntaxes.append(value)
    multipart = media_type.startswith("multipart/")
    return MediaRange(
        payload if multipart else media_type,
        multipart,
        tuple(syntaxes),
        quality,
        dict(parameters),
    )


def _quality(value: str) -> float:
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0


def accepted(request: Request) -> list[MediaRange]:
    """What the client accepts: its ``accept`` query parameter, then its Accept header.

    Without either it accepts anything.
    """
    ranges: list[MediaRange] = []
    query = request.query_params.getlist("accept")
    if query:
        # In a query, "+" was decoded to a blank: application/dicom+json.
        ranges += parse_accept(",".join(query).replace("dicom json", "dicom+json"))
        if ranges:
            return ranges
    header = request.headers.getlist("accept")
    ranges += parse_accept(",".join(header))
    return ranges or [MediaRange("*/*", False)]


def first_covered(ranges: Iterable[MediaRange], offers: Sequence[str]) -> str | None:
    """The first offer that the best single-part range covers."""
    for one in ranges:
        if one.multipart:
            continue
        for offer in offers:
            if one.covers(offer):
                return offer
    return None
