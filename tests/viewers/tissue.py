"""A large slide as from a scanner: tissue on glass at six levels, made in a few seconds."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageDraw, ImageFilter
from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit

from tests.dicom_node.slides.glass import Glass, item

__all__ = ["red_for_blue", "tissue_slide"]

TILE = 512
_PIECE = 2048
_GLASS = (243, 241, 244)


def tissue_slide(
    glass: Glass, size: int = 20480, levels: int = 6, seed: int = 4, mpp: float = 0.25
) -> list[Dataset]:
    """The instances of a slide `size` pixels wide and high, halved from level to level."""
    rng = np.random.default_rng(seed)
    texture = _texture(rng)
    mask = _islands(rng, size // 64)
    return [
        _level(glass, texture, mask, size >> number, number, mpp / 1000) for number in range(levels)
    ]


def _texture(rng: np.random.Generator) -> Image.Image:
    """Pink ground with fibres and purple nuclei, `_PIECE` pixels wide and high."""
    noise = rng.normal(0, 1, (_PIECE // 8, _PIECE // 8))
    ground = Image.fromarray((128 + 40 * noise).clip(0, 255).astype(np.uint8))
    ground = ground.filter(ImageFilter.GaussianBlur(3)).resize((_PIECE, _PIECE))
    shade = np.asarray(ground, float)[..., None] / 128
    pixels = np.array([226, 150, 190]) * shade
    pixels += rng.normal(0, 5, (_PIECE, _PIECE, 1))
    picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for x, y, radius in zip(
        rng.uniform(0, _PIECE, 2600),
        rng.uniform(0, _PIECE, 2600),
        rng.uniform(9, 17, 2600),
        strict=True,
    ):
        tone = int(rng.integers(-14, 14))
        pen.ellipse(
            (x - radius, y - 0.8 * radius, x + radius, y + 0.8 * radius),
            fill=(92 + tone, 60 + tone, 140 + tone),
            outline=(60, 36, 108),
        )
    return picture.filter(ImageFilter.GaussianBlur(0.8))


def _islands(rng: np.random.Generator, size: int) -> Image.Image:
    """Where there is tissue: 255; a few round pieces with soft edges."""
    mask = Image.new("L", (size, size), 0)
    pen = ImageDraw.Draw(mask)
    for _ in range(5):
        x, y = rng.uniform(0.2, 0.8, 2) * size
        for _ in range(14):
            u, v = (x, y) + rng.normal(0, 0.08, 2) * size
            radius = rng.uniform(0.03, 0.09) * size
            pen.ellipse((u - radius, v - radius, u + radius, v + radius), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(1.5))


def _level(
    glass: Glass, texture: Image.Image, mask: Image.Image, size: int, number: int, spacing: float
) -> Dataset:
    piece = texture.reduce(1 << number) if number else texture
    ground = np.asarray(piece, np.float32)
    repeat = -(-TILE // len(ground)) + 1
    ground = np.tile(ground, (repeat, repeat, 1))
    cover = mask.resize((size, size), Image.Resampling.BILINEAR) if size <= 4096 else None
    known: dict[object, bytes] = {}

    def tile(_path: int, _plane: int, row: int, column: int) -> Any:
        box = (column * TILE, row * TILE, (column + 1) * TILE, (row + 1) * TILE)
        if cover is not None:
            part = np.asarray(cover.crop(box), np.float32)
        else:
            # A tile's share of the mask, made large.
            left, top, right, bottom = (value * mask.width / size for value in box)
            share = mask.resize((TILE, TILE), Image.Resampling.BILINEAR, (left, top, right, bottom))
            part = np.asarray(share, np.float32)
        at = (row * TILE % (_PIECE >> number), column * TILE % (_PIECE >> number))
        key = (part.min(), at if part.max() else None) if part.min() == part.max() else object()
        if key not in known:
            here = ground[at[0] : at[0] + TILE, at[1] : at[1] + TILE]
            tissue = part[..., None] / 255
            known[key] = _jpeg(np.rint(tissue * here + (1 - tissue) * _GLASS).astype(np.uint8))
        return known[key]

    return glass.level(
        size,
        size,
        (TILE, TILE),
        spacing=spacing * (1 << number),
        pixels=tile,
        syntax=JPEGBaseline8Bit,
        PhotometricInterpretation="YBR_FULL_422",
        ImageType=["DERIVED" if number else "ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
    )


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    out = BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=80)
    return out.getvalue()


def red_for_blue() -> Dataset:
    """An optical path whose profile says that red light is blue, and blue light red."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")
    return item(OpticalPathIdentifier="1", OpticalPathDescription="", ICCProfile=swapped)
