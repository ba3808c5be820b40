"""multipart/related: reading it from a socket, writing it to one (RFC 2046 5.1, RFC 2387)."""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

__all__ = ["MalformedMultipart", "Part", "PartData", "PartEnd", "boundary", "parse", "part_head"]

_LONGEST_BOUNDARY = 200  # RFC 2046 says 70; be generous to those who cannot count
_LONGEST_HEAD = 16_384
_LONGEST_PREAMBLE = 65_536


class MalformedMultipart(ValueError):
    """The body is not what its Content-Type promises."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part begins. Header names are in lower case."""

    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PartData:
    """Some bytes of the current part."""

    data: memoryview


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The current part is complete."""


Event = Part | PartData | PartEnd


async def parse(chunks: AsyncIterator[bytes], boundary: str) -> AsyncIterator[Event]:
    """Turn a body into events, holding little more than one chunk of it in memory.

    Raises
    ------
    MalformedMultipart
        At the place where the body breaks the grammar, or ends too early.
    """
    parser = _Parser(boundary)
    async for chunk in chunks:
        for event in parser.feed(chunk):
            yield event
        if parser.finished:
            return
    parser.close()


class _Parser:
    """A push parser. Data that may be the start of a delimiter waits for the next chunk."""

    def __init__(self, boundary: str) -> None:
        if not 0 < len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii():
            raise MalformedMultipart("the boundary is empty or too long")
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        # The first delimiter may open the body without a line break before it.
        self._buffer = bytearray(b"\r\n")
        self._step = self._preamble
        self.finished = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        self._buffer += chunk
        while not self.finished:
            events = self._step()
            if events is None:
                return
            yield from events

    def close(self) -> None:
        if not self.finished:
            raise MalformedMultipart("the body ends before its last boundary")

    def _preamble(self) -> list[Event] | None:
        found = self._buffer.find(self._delimiter)
        if found < 0:
            if len(self._buffer) > _LONGEST_PREAMBLE:
                raise MalformedMultipart("the body does not begin with its boundary")
            return None
        del self._buffer[: found + len(self._delimiter)]
        self._step = self._after_delimiter
        return []

    def _after_delimiter(self) -> list[Event] | None:
        if len(self._buffer) < 2:
            return None
        if self._buffer.startswith(b"--"):
            self.finished = True
            return []
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_HEAD:
                raise MalformedMultipart("a boundary is not followed by a line break")
            return None
        if self._buffer[:end].strip(b" \t"):
            raise MalformedMultipart("a boundary is followed by something else")
        # Keep the line break: a part without headers has its blank line right here.
        del self._buffer[:end]
        self._step = self._head
        return []

    def _head(self) -> list[Event] | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_HEAD:
                raise MalformedMultipart("the headers of a part are too long")
            return None
        headers = _headers(bytes(self._buffer[:end]))
        del self._buffer[: end + 4]
        self._step = self._data
        return [Part(headers)]

    def _data(self) -> list[Event] | None:
        found = self._buffer.find(self._delimiter)
        if found >= 0:
            events: list[Event] = []
            if found:
                events.append(PartData(memoryview(bytes(self._buffer[:found]))))
            events.append(PartEnd())
            del self._buffer[: found + len(self._delimiter)]
            self._step = self._after_delimiter
            return events
        safe = len(self._buffer) - len(self._delimiter) + 1
        if safe <= 0:
            return None
        data = PartData(memoryview(bytes(self._buffer[:safe])))
        del self._buffer[:safe]
        # Nothing more can be found until the next chunk.
        self._step = self._waiting
        return [data]

    def _waiting(self) -> list[Event] | None:
        self._step = self._data
        return None


def _headers(raw: bytes) -> dict[str, str]:
    headers = {}
    for line in raw.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers


def boundary(seed: str = "") -> str:
    """A boundary that no pixel data will ever contain.

    The same `seed`, the hash of the content, gives the same boundary, so that an entity tag
    stands for the same bytes.
    """
    return f"hoichan-{seed[:32] or secrets.token_hex(16)}"


def part_head(boundary: str, content_type: str, location: str = "", first: bool = False) -> bytes:
    """What stands between two parts.

    Header names are spelled as dicom-image-loader looks for them, letter by letter.
    """
    start = "" if first else "\r\n"
    lines = [f"{start}--{boundary}", f"Content-Type: {content_type}"]
    if location:
        lines.append(f"Content-Location: {location}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def closing(boundary: str) -> bytes:
    """What stands behind the last part."""
    return f"\r\n--{boundary}--\r\n".encode("ascii")
