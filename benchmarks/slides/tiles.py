"""B1: one tile inside the process, as a browser gets it."""

import random
from collections.abc import Callable, Iterator
from io import BytesIO

import openslide
from openslide.deepzoom import DeepZoomGenerator
from PIL import Image

from benchmarks.slides.outcome import Line, installed, race, rivals
from benchmarks.slides.scene import TILE, Scene

__all__ = ["passthrough", "save"]

QUALITY = 80
Ask = Callable[[int, int], bytes]  # (column, row) of level 0 to coded bytes


def save(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def passthrough(scene: Scene, rounds: int, tiles: int) -> list[Line]:
    """Everybody gives the same tiles; no tile is asked for twice of anybody."""
    # A turn each, and one to warm up; ours needs more tiles than one to be seen by the clock.
    shuffled = random.Random(1).sample(scene.tissue, len(scene.tissue))
    tiles = min(tiles, len(shuffled) // (rounds + 1))
    turns = [shuffled[turn * tiles : (turn + 1) * tiles] for turn in range(rounds + 1)]
    contenders = dict(_contenders(scene))
    _same_bytes(scene, contenders, turns[0][:4])

    def turn_of(ask: Ask) -> Callable[[int], object]:
        return lambda turn: [ask(column, row) for column, row in turns[turn]]

    times = race({name: turn_of(ask) for name, ask in contenders.items()}, rounds)
    lines = rivals("B1", "tile of 256", times, tiles, {"OpenSlide SVS + Pillow": 200})
    wanted = {"wsidicom": "wsidicom", "large-image": "large_image", "pyvips": "libvips"}
    lines += [
        Line("B1", name, "not installed") for key, name in wanted.items() if not installed(key)
    ]
    return lines


def _same_bytes(scene: Scene, contenders: dict[str, Ask], places: list[tuple[int, int]]) -> None:
    """Ours gives what is stored; the others give a picture of the same size."""
    stored = scene.source.stored
    for column, row in places:
        frame = scene.index.frame(0, 0, 0, column, row)
        for name, ask in contenders.items():
            data = ask(column, row)
            if name in ("stored tile", "wsidicom read_encoded_tile"):
                assert data == stored(scene.index, frame), name
            size = Image.open(BytesIO(data)).size
            # At the slide's edge 254 and an overlap of 1 make 255.
            assert min(size) >= TILE - 1, (name, size)


def _contenders(scene: Scene) -> Iterator[tuple[str, Ask]]:
    index, source = scene.index, scene.source

    def ours(column: int, row: int) -> bytes:
        found = source.tile_at_once(index, index.frame(0, 0, 0, column, row))
        return found[0] if found else source.tile(index, index.frame(0, 0, 0, column, row))[0]

    yield "stored tile", ours
    vendor, standard = openslide.OpenSlide(scene.svs), openslide.OpenSlide(scene.base)

    def read_region(slide: openslide.OpenSlide) -> Ask:
        def ask(column: int, row: int) -> bytes:
            region = slide.read_region((column * TILE, row * TILE), 0, (TILE, TILE))
            return save(region.convert("RGB"))

        return ask

    yield "OpenSlide SVS + Pillow", read_region(vendor)
    yield "OpenSlide DICOM + Pillow", read_region(standard)
    for name, edge, overlap in (("", TILE, 0), (" 254 + 1", 254, 1)):
        generator = DeepZoomGenerator(vendor, edge, overlap)
        deepest = generator.level_count - 1

        def deep_zoom(
            column: int, row: int, of: DeepZoomGenerator = generator, level: int = deepest
        ) -> bytes:
            return save(of.get_tile(level, (column, row)))

        yield f"DeepZoomGenerator{name} + Pillow", deep_zoom
    if installed("wsidicom"):
        yield from _wsidicom(scene)
    if installed("large-image"):
        yield from _large_image(scene)
    if installed("pyvips"):
        yield from _libvips(scene)


def _wsidicom(scene: Scene) -> Iterator[tuple[str, Ask]]:
    from wsidicom import WsiDicom

    slide = WsiDicom.open(scene.dicom)
    yield (
        "wsidicom read_encoded_tile",
        lambda column, row: slide.read_encoded_tile(0, (column, row)),
    )
    yield "wsidicom read_tile + Pillow", lambda column, row: save(slide.read_tile(0, (column, row)))


def _large_image(scene: Scene) -> Iterator[tuple[str, Ask]]:
    from importlib import import_module

    options = {"encoding": "JPEG", "jpegQuality": QUALITY}
    for module, name, path in (
        ("large_image_source_openslide", "OpenslideFileTileSource", scene.svs),
        ("large_image_source_dicom", "DICOMFileTileSource", scene.base),
    ):
        if not installed(module.replace("_", "-")):
            continue
        slide = getattr(import_module(module), name)(str(path), **options)

        def ask(column: int, row: int, of: object = slide) -> bytes:
            # A tile as the server of large_image asks for it: coded, at its deepest level.
            return bytes(of.getTile(column, row, of.levels - 1))  # type: ignore[attr-defined]

        yield f"large_image {name.removesuffix('FileTileSource')}, JPEG", ask


def _libvips(scene: Scene) -> Iterator[tuple[str, Ask]]:
    import pyvips

    image = pyvips.Image.new_from_file(str(scene.svs), access="random")

    def ask(column: int, row: int) -> bytes:
        tile = image.crop(column * TILE, row * TILE, TILE, TILE)
        return bytes(tile.jpegsave_buffer(Q=QUALITY, keep="none"))

    yield "libvips crop, JPEG", ask
