"""B13: a slide that comes smallest level first, and a server that dies meanwhile."""

import base64
import hashlib
import os
import random
import socket
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from pydicom import dcmread

from benchmarks.slides.outcome import Line
from benchmarks.slides.scene import FACTS, Scene
from dicom_node.conversion.blocks import Blocks, SparseFile, block_bytes_for
from dicom_node.conversion.opening import open_source
from dicom_node.conversion.partial import build_partial
from dicom_node.conversion.places import TilePlaces
from dicom_node.conversion.priority import make_plan, with_wishes
from dicom_node.slides.early import Box, keep_places, wish, wished_blocks
from dicom_node.slides.index import slide_id
from tests.product import Product, product

__all__ = ["arriving"]

# Of the bytes of a file, until it can be read up to 10x.
MOST_SHARE = 0.12
MOST_LOST = 1
SMALL_FILE, SMALL_BLOCK = 8 << 20, 4096
# What a reader sees of a slide at once: 1024 x 768 pixels touch so many tiles.
FIELD = (5, 4)
FIELDS = 25
SLOW_LINE = 2e6 / 8  # bytes a second


def arriving(scene: Scene, *, whole: bool) -> list[Line]:
    """The share of bytes that makes the slide readable; `whole` sends it to a product and kills it.

    Parameters
    ----------
    scene : Scene
        Its file is cut as an upload's is; one of a few MB into smaller blocks.
    """
    with TemporaryDirectory(dir=scene.folder) as folder:
        lines = [readable(scene, Path(folder)), looked_at(scene.svs, scene.tissue, Path(folder))]
        if whole:
            lines += interrupted(scene, Path(folder))
    return lines


def readable(scene: Scene, folder: Path) -> Line:
    """Bring the file block by block as planned, until the levels to 10x can be made of it."""
    size = scene.svs.stat().st_size
    # A quick run's file is smaller than any that is sent in blocks.
    is_slide = size > SMALL_FILE
    block_bytes = block_bytes_for(size) if is_slide else SMALL_BLOCK
    blocks = Blocks(folder / "blocks", size, block_bytes)
    blocks.begin()
    path = folder / "slide.svs"
    path.touch()
    os.truncate(path, size)
    while True:
        with SparseFile(path, blocks) as file:
            plan = make_plan(file)
        here = blocks.here
        early = plan.order[: plan.readable] if plan.is_settled else plan.order
        missing = early[~here[early]]
        if not len(missing):
            break
        take(scene.svs, path, blocks, int(missing[0]))
    dicom = folder / "dicom"
    dicom.mkdir()
    built = build_partial(path, dicom, FACTS, lambda fraction, vi, en: None, blocks)
    made = [dcmread(one, stop_before_pixels=True) for one in built.files if one.suffix == ".dcm"]
    columns = max(int(one.TotalPixelMatrixColumns) for one in made)
    same = all(
        one.read_bytes() == (scene.dicom / one.name).read_bytes()
        for one in built.files
        if one.suffix == ".dcm"
    )
    share = blocks.received_bytes(blocks.here) / size
    return Line(
        "B13",
        "share of bytes until levels to 10x are here, and equal to what the whole file gives",
        f"{share:.1%} of {size / 1e6:.1f} MB in blocks of {blocks.block_bytes >> 10} KiB, "
        f"{scene.size} px at 40x to {columns} px, {'equal' if same else 'NOT EQUAL'}",
        # Label and overview are a large part of a slide that is small.
        ratio=MOST_SHARE / share if is_slide else None,
        target=f"≤ {MOST_SHARE:.0%}" if is_slide else "",
        met=share <= MOST_SHARE and same if is_slide else None,
    )


def looked_at(svs: Path, tissue: list[tuple[int, int]], folder: Path) -> Line:
    """Bytes from the levels up to 10x to a field at 40x, wished for by its reader or not.

    Parameters
    ----------
    tissue : list of (int, int)
        Columns and rows of tiles; the field begins at one of them.
    """
    size = svs.stat().st_size
    blocks = Blocks(folder / "wished-blocks", size, block_bytes_for(size))
    blocks.path.write_bytes(b"\1" * blocks.count)
    with SparseFile(svs, blocks) as file:
        plan = make_plan(file)
    source = open_source(svs)
    try:
        places = TilePlaces.of(source.levels[0])
    finally:
        source.close()
    assert places is not None
    places.save(folder / "places")
    archive, series, level = folder / "archive", "1.2", "1.2.3"
    (archive / "slides" / "announced").mkdir(parents=True)
    keep_places(archive, series, svs, blocks, {level: folder / "places"})
    early = bytearray(blocks.count)
    for number in plan.order[: plan.readable]:
        early[number] = 1
    rank = {int(number): at + 1 - plan.readable for at, number in enumerate(plan.order)}
    wished, planned = [], []
    for column, row in random.Random(13).sample(tissue, min(FIELDS, len(tissue))):
        blocks.path.write_bytes(early)
        wish(archive, slide_id(series), level, Box(column, row, *FIELD), "reader")
        here, come = blocks.here, 0
        missing = [number for one in wished_blocks(archive, series, here) for number in one]
        planned.append(max([0, *(rank[number] for number in missing)]))
        while wishes := wished_blocks(archive, series, here):
            rest = plan.order[~here[plan.order]][:1].tolist()
            here[with_wishes(rest, wishes, int(here.sum()), 1)[0]] = True
            come += 1
        wished.append(come)
    seconds = [
        statistics.median(counts) * blocks.block_bytes / SLOW_LINE for counts in (wished, planned)
    ]
    return Line(
        "B13",
        "from 10x to a field of 1024 x 768 at 40x, wished for",
        f"{statistics.median(wished):g} blocks of {blocks.block_bytes >> 10} KiB "
        f"(at most {max(wished)}), {seconds[0]:.0f} s at 2 Mbit/s; "
        f"of {size / 1e6:.0f} MB, {blocks.count} blocks; median of {len(wished)} fields",
        f"as planned {statistics.median(planned):g} blocks, {seconds[1]:.0f} s",
        ratio=seconds[1] / seconds[0] if seconds[0] else None,
    )


def take(source: Path, path: Path, blocks: Blocks, number: int) -> None:
    with source.open("rb") as file, path.open("r+b") as target:
        file.seek(number * blocks.block_bytes)
        target.seek(number * blocks.block_bytes)
        target.write(file.read(blocks.length(number)))
    blocks.take(number)


def interrupted(scene: Scene, folder: Path) -> list[Line]:
    """Send the file to a product that is killed in the middle of a block; then go on."""
    data = scene.svs.read_bytes()
    with product(folder / "product") as running:
        http = running.clients["technician.a"]
        facts = {"patient_id": "BENCH", "patient_name": "Benchmark Slide", "mpp": "0.25"}
        begun = {"name": "slide.svs", "size": len(data), "facts": facts}
        state = http.post("/uploads/blocks", json=begun).json()
        upload_id = state["id"]
        put = 0
        while put < state["blocks"] // 2:
            state = send(http, upload_id, data, state)
            put += 1
        break_off(running, http, upload_id, data, state)
        running.start()
        state = http.get(f"/uploads/{upload_id}/blocks").json()
        while state["wanted"]:
            state = send(http, upload_id, data, state)
            put += 1
        # The one under way was never answered; of those that were, each was sent once.
        lost = 1 + put - state["blocks"]
        content = running.settings.data / "uploads" / upload_id / "content"
        equal = content.read_bytes() == data
        digest = hashlib.blake2b(data, digest_size=32).hexdigest()
        http.put(f"/uploads/{upload_id}/digest", json={"blake2b": digest})
        outcome = converted(http, upload_id)
    return [
        Line(
            "B13",
            "resume after SIGKILL of every process in the middle of a block",
            f"{lost} block of {state['blocks']} sent again, {put} answered",
            target=f"≤ {MOST_LOST} block",
            met=lost <= MOST_LOST,
        ),
        Line(
            "B13",
            "the file in the end",
            f"{'equal' if equal else 'NOT EQUAL'} byte for byte, BLAKE2b accepted by the worker: "
            f"{outcome}",
            target="equal",
            met=equal and outcome == "done",
        ),
    ]


def send(http: httpx.Client, upload_id: str, data: bytes, state: dict[str, Any]) -> dict[str, Any]:
    """Send the block that is wanted most."""
    number = state["wanted"][0]
    block = piece(data, state, number)
    headers = {"Upload-Checksum": checksum(block)}
    answer = http.put(f"/uploads/{upload_id}/blocks/{number}", content=block, headers=headers)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def break_off(
    running: Product, http: httpx.Client, upload_id: str, data: bytes, state: dict[str, Any]
) -> None:
    """Send half of the next block, then kill the server."""
    number = state["wanted"][0]
    block = piece(data, state, number)
    lines = [
        f"PUT /uploads/{upload_id}/blocks/{number} HTTP/1.1",
        f"Host: 127.0.0.1:{running.settings.http_port}",
        f"Authorization: {http.headers['Authorization']}",
        f"Upload-Checksum: {checksum(block)}",
        f"Content-Length: {len(block)}",
        "",
        "",
    ]
    with socket.create_connection(("127.0.0.1", running.settings.http_port)) as connection:
        connection.sendall("\r\n".join(lines).encode() + block[: len(block) // 2])
        time.sleep(0.5)
        running.kill()


def piece(data: bytes, state: dict[str, Any], number: int) -> bytes:
    length = int(state["block_bytes"])
    return data[number * length : (number + 1) * length]


def checksum(block: bytes) -> str:
    digest = hashlib.blake2b(block, digest_size=32).digest()
    return f"blake2b {base64.b64encode(digest).decode()}"


def converted(http: httpx.Client, upload_id: str) -> str:
    """The state an upload ends in."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        items = http.get("/uploads/").json()["items"]
        (item,) = [one for one in items if one["id"] == upload_id]
        if item["state"] in ("done", "refused"):
            return str(item["state"])
        time.sleep(1)
    return "not in time"
