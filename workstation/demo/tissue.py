"""A made-up section of colon mucosa in H&E: glands, goblet cells, stroma, and one dysplastic piece.

Drawn as two pictures, the amounts of haematoxylin and of eosin; light passes both (Beer-Lambert).
Sizes are of no real patient; 1 pixel is 0.5 µm.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

__all__ = ["MPP", "Section", "draw_section"]

MPP = 0.5  # micrometres a pixel
# Red, green and blue density of haematoxylin and of eosin: near what laboratories make of them.
STAINS = np.array([[0.65, 0.70, 0.29], [0.13, 0.86, 0.49]], np.float32)
# The glass beside the tissue lets a little less than all light through.
GLASS = np.array([244.0, 243.0, 245.0], np.float32)
# An amount of 255 is this optical density.
DENSEST = 1.1
COARSE = 16
# Round a circle, for outlines.
TURN = np.linspace(0, 2 * np.pi, 48, endpoint=False)
NUCLEUS = np.linspace(0, 2 * np.pi, 10, endpoint=False)


@dataclass(frozen=True)
class Piece:
    """A fragment of the biopsy: a bent strip, in shares of the edge of the slide."""

    start: tuple[float, float]
    middle: tuple[float, float]
    end: tuple[float, float]
    width: float
    is_dysplastic: bool = False


PIECES = (
    Piece((0.10, 0.24), (0.34, 0.08), (0.60, 0.20), 0.085),
    Piece((0.14, 0.66), (0.32, 0.42), (0.58, 0.50), 0.095),
    Piece((0.55, 0.86), (0.86, 0.80), (0.88, 0.44), 0.105, is_dysplastic=True),
)


@dataclass(frozen=True)
class Section:
    """The amounts of both stains, 8 bits a pixel, `size` pixels wide and high."""

    haematoxylin: Image.Image
    eosin: Image.Image

    def pixels(self, left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
        """A part of it as a camera sees it: (rows, columns, 3) sRGB."""
        density = np.zeros((bottom - top, right - left, 3), np.float32)
        stains = (self.haematoxylin, self.eosin)
        for amount, colour in zip(stains, STAINS, strict=True):
            part = np.asarray(amount.crop((left, top, right, bottom)), np.float32)
            density += part[..., None] * (colour * np.float32(DENSEST / 255))
        seen = GLASS * np.exp(density * np.float32(-np.log(10)))
        pixels: NDArray[np.uint8] = np.rint(seen).astype(np.uint8)
        return pixels


def draw_section(size: int = 6144, seed: int = 11) -> Section:
    """Draw the section; the same seed is the same picture."""
    rng = np.random.default_rng(seed)
    haematoxylin, eosin = Image.new("L", (size, size)), Image.new("L", (size, size))
    tissue = Image.new("L", (size, size))
    pens = ImageDraw.Draw(haematoxylin), ImageDraw.Draw(eosin)
    for piece in PIECES:
        shape = _strip(piece, size, rng)
        tissue.paste(255, mask=shape)
        inside = np.asarray(shape.resize((size // COARSE,) * 2, Image.Resampling.BOX))
        eosin.paste(_fibres(size, rng, 52), mask=shape)
        haematoxylin.paste(_fibres(size, rng, 12), mask=shape)
        _draw_stroma(pens, inside, rng, 900 if piece.is_dysplastic else 800)
        for x, y in _middles(inside, 150 if piece.is_dysplastic else 190, rng):
            _draw_gland(pens, (x, y), rng, is_dysplastic=piece.is_dysplastic)
    blurred = ImageFilter.GaussianBlur(1.0)
    grain = _grain(size, rng)
    return Section(
        *(
            ImageChops.multiply(
                ImageChops.multiply(amount.filter(blurred), grain),
                tissue.filter(ImageFilter.GaussianBlur(2.5)),
            )
            for amount in (haematoxylin, eosin)
        )
    )


def _strip(piece: Piece, size: int, rng: np.random.Generator) -> Image.Image:
    """Where the piece lies: 255, with an edge as tissue tears."""
    small = size // COARSE
    mask = Image.new("L", (small, small))
    pen = ImageDraw.Draw(mask)
    along = np.linspace(0, 1, 60)[:, None]
    points = [np.array(one) for one in (piece.start, piece.middle, piece.end)]
    curve = (1 - along) ** 2 * points[0] + 2 * along * (1 - along) * points[1]
    curve = (curve + along**2 * points[2] + rng.normal(0, 0.006, (60, 2))) * small
    for x, y in curve:
        radius = piece.width * small * rng.uniform(0.85, 1.1)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(2)).resize((size, size)).point(_above_middle)


def _above_middle(value: int) -> int:
    return 255 if value > 127 else 0


def _fibres(size: int, rng: np.random.Generator, amount: float) -> Image.Image:
    """Collagen: streaks along the rows, clouds between them."""
    streaks = rng.normal(amount, 0.30 * amount, (size // 7, size // 22))
    clouds = rng.normal(amount, 0.16 * amount, (size // 90, size // 90))
    layers = [
        Image.fromarray(one.clip(0, 255).astype(np.uint8)).resize(
            (size, size), Image.Resampling.BICUBIC
        )
        for one in (streaks, clouds)
    ]
    return Image.blend(layers[0], layers[1], 0.5)


def _grain(size: int, rng: np.random.Generator) -> Image.Image:
    """What no two pixels of a camera share; a tile of it, repeated."""
    tile = Image.fromarray(rng.normal(234, 9, (1024, 1024)).clip(0, 255).astype(np.uint8))
    grain = Image.new("L", (size, size))
    for left in range(0, size, 1024):
        for top in range(0, size, 1024):
            grain.paste(tile, (left, top))
    return grain


def _middles(
    inside: NDArray[np.uint8], pitch: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Where glands stand: (n, 2) pixels, a shaken honeycomb inside the tissue."""
    size = inside.shape[0] * COARSE
    down = np.arange(pitch, size - pitch, pitch * 0.88)
    rows = []
    for number, y in enumerate(down):
        across = np.arange(pitch + (number % 2) * pitch / 2, size - pitch, pitch)
        rows.append(np.column_stack([across, np.full(len(across), y)]))
    places = np.concatenate(rows) + rng.normal(0, pitch * 0.06, (sum(map(len, rows)), 2))
    whole = np.ones(len(places), bool)
    for aside in 0.42 * pitch * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]):
        at = ((places + aside) / COARSE).astype(int)
        whole &= inside[at[:, 1], at[:, 0]] > 250
    return places[whole & (rng.random(len(places)) > 0.06)]


def _draw_stroma(
    pens: tuple[ImageDraw.ImageDraw, ImageDraw.ImageDraw],
    inside: NDArray[np.uint8],
    rng: np.random.Generator,
    per_million: int,
) -> None:
    """Lymphocytes and fibroblasts between the glands; `per_million` pixels of tissue."""
    size = inside.shape[0] * COARSE
    places = rng.uniform(0, size, (int(per_million * size * size / 1e6), 2))
    at = (places / COARSE).astype(int)
    for x, y in places[inside[at[:, 1], at[:, 0]] > 250]:
        if rng.random() < 0.55:
            _draw_nucleus(pens, (x, y), rng.uniform(5, 6.5, 2), 0, int(rng.integers(150, 185)))
        else:
            shape = np.array([rng.uniform(11, 17), rng.uniform(2.6, 4)])
            _draw_nucleus(pens, (x, y), shape, rng.normal(0, 0.4), int(rng.integers(110, 150)))


def _draw_gland(
    pens: tuple[ImageDraw.ImageDraw, ImageDraw.ImageDraw],
    middle: tuple[float, float],
    rng: np.random.Generator,
    *,
    is_dysplastic: bool,
) -> None:
    """One crypt cut across: cells about a lumen, their nuclei at the outside."""
    haematoxylin, eosin = pens
    radius = rng.uniform(64, 76) if is_dysplastic else rng.uniform(72, 88)
    squeeze, turn = rng.uniform(0.78, 1.0), rng.uniform(0, np.pi)
    lobes = rng.uniform(0.02, 0.10 if is_dysplastic else 0.035) * np.sin(
        rng.integers(2, 5) * TURN + rng.uniform(0, 6)
    )

    def ring(share: float) -> list[tuple[float, float]]:
        return _placed(middle, radius * share * (1 + lobes), TURN, squeeze, turn)

    haematoxylin.polygon(ring(1.0), fill=46 if is_dysplastic else 24)
    eosin.polygon(ring(1.0), fill=50 if is_dysplastic else 40)
    if not is_dysplastic:
        cells = np.linspace(0, 2 * np.pi, 15, endpoint=False) + rng.uniform(0, 1)
        for angle in cells[rng.random(15) < 0.8]:
            (x, y), *_ = _placed(
                middle, np.array([radius * 0.55]), np.array([angle]), squeeze, turn
            )
            reach = rng.uniform(11, 15)
            for pen, amount in ((haematoxylin, 20), (eosin, 5)):
                pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=amount)
    lumen = rng.uniform(0.12, 0.2) if is_dysplastic else rng.uniform(0.2, 0.32)
    haematoxylin.polygon(ring(lumen), fill=4)
    eosin.polygon(ring(lumen), fill=3)
    layers = (0.84, 0.6) if is_dysplastic else (0.87,)
    for layer in layers:
        count = int(2 * np.pi * radius * layer / (19 if is_dysplastic else 16))
        angles = np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 1)
        angles += rng.normal(0, 0.09 if is_dysplastic else 0.03, count)
        spread = 0.09 if is_dysplastic else 0.035
        away = radius * layer * (1 + rng.normal(0, spread, count))
        spots = _placed(middle, away, angles, squeeze, turn)
        for angle, spot in zip(angles, spots, strict=True):
            if is_dysplastic:
                shape = np.array([rng.uniform(8, 13), rng.uniform(4.2, 6.8)])
                amount = int(rng.integers(135, 215))
            else:
                shape = np.array([rng.uniform(6, 8), rng.uniform(5, 6.2)])
                amount = int(rng.integers(140, 180))
            _draw_nucleus(pens, spot, shape, angle + turn, amount)


def _placed(
    middle: tuple[float, float],
    reach: NDArray[np.float64],
    angles: NDArray[np.float64],
    squeeze: float,
    turn: float,
) -> list[tuple[float, float]]:
    """Points of an ellipse-like outline about `middle`."""
    x, y = reach * np.cos(angles), reach * squeeze * np.sin(angles)
    return [
        (float(a), float(b))
        for a, b in zip(
            middle[0] + x * np.cos(turn) - y * np.sin(turn),
            middle[1] + x * np.sin(turn) + y * np.cos(turn),
            strict=True,
        )
    ]


def _draw_nucleus(
    pens: tuple[ImageDraw.ImageDraw, ImageDraw.ImageDraw],
    middle: tuple[float, float],
    half_axes: NDArray[np.float64],
    turn: float,
    amount: int,
) -> None:
    """An ellipse with a darker rim; `half_axes` in pixels, the first along `turn`."""
    outline = _placed(
        middle, np.full(len(NUCLEUS), half_axes[0]), NUCLEUS, half_axes[1] / half_axes[0], turn
    )
    pens[0].polygon(outline, fill=amount, outline=min(255, amount + 35))
    pens[1].polygon(outline, fill=30)
