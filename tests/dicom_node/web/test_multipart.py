"""The parser must not care how the body is cut into packets, nor trust it."""

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom_node.web import multipart
from dicom_node.web.multipart import MalformedMultipart, Part, PartData, PartEnd, parse


def collect(body: bytes, boundary: str, size: int = 7) -> list[tuple[dict[str, str], bytes]]:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    async def run() -> list[tuple[dict[str, str], bytes]]:
        parts: list[tuple[dict[str, str], bytearray]] = []
        ended = 0
        async for event in parse(chunks(), boundary):
            if isinstance(event, Part):
                parts.append((event.headers, bytearray()))
            elif isinstance(event, PartData):
                parts[-1][1].extend(event.data)
            else:
                assert isinstance(event, PartEnd)
                ended += 1
        assert ended == len(parts)
        return [(headers, bytes(data)) for headers, data in parts]

    return asyncio.run(run())


def compose(parts: list[bytes], boundary: str) -> bytes:
    body = b"".join(
        multipart.part_head(boundary, "application/dicom", first=not number) + part
        for number, part in enumerate(parts)
    )
    return body + multipart.closing(boundary)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=200),
            st.sampled_from([b"\r\n", b"\r\n--", b"\r\n--bou", b"--bound", b"-", b"\r"]),
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 300),
)
def test_what_was_written_is_read_however_it_is_cut(parts: list[bytes], size: int) -> None:
    if any(b"\r\n--bound" in b"\r\n" + part for part in parts):
        return  # a boundary must not occur within
    found = collect(compose(parts, "bound"), "bound", size)
    assert [data for _, data in found] == parts
    assert all(headers == {"content-type": "application/dicom"} for headers, _ in found)


def test_what_we_write_is_read_by_the_standard_library() -> None:
    head = b'Content-Type: multipart/related; boundary="b"\r\n\r\n'
    message = message_from_bytes(head + compose([b"one", b"two"], "b"))
    assert [part.get_payload() for part in message.get_payload()] == ["one", "two"]


def test_preamble_epilogue_and_blanks_are_allowed() -> None:
    body = b"preamble\r\n--b \r\nX-Y: z\r\n\r\ndata\r\n--b--\r\nepilogue"
    assert collect(body, "b") == [({"x-y": "z"}, b"data")]


def test_a_part_needs_no_headers() -> None:
    assert collect(b"--b\r\n\r\ndata\r\n--b--", "b") == [({}, b"data")]


def test_headers_are_spelled_as_cornerstone_looks_for_them() -> None:
    assert b"\r\nContent-Type: image/jphc\r\n\r\n" in multipart.part_head("b", "image/jphc")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary at all",
        b"--b\r\nheader without end",
        b"--b\r\n\r\nno closing boundary",
        b"--bX\r\n\r\ndata\r\n--b--",
        b"--b\r\n" + b"x" * 20_000,
        b"y" * 100_000,
    ],
)
def test_broken_bodies_are_an_error(body: bytes) -> None:
    with pytest.raises(MalformedMultipart):
        collect(body, "b", 4096)


@pytest.mark.parametrize("boundary", ["", "b" * 201, "ranh-giới"])
def test_bad_boundaries_are_an_error(boundary: str) -> None:
    with pytest.raises(MalformedMultipart):
        collect(b"--b--", boundary)
