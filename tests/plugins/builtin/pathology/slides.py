"""Slides painted for tests: every nucleus and every patch of tissue is known; and real ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from kernels.stain import HAEMATOXYLIN_EOSIN_DAB
from plugins.nouns import Instance, Series, SlidePixels, Study
from plugins.testing import ct_study, uid
from tests.plugins.builtin.stroke.studies import Bench

__all__ = ["Bench", "Nest", "painted_nuclei", "painted_tissue", "region", "slide", "study_of"]

ORIGIN = (20.0, 60.0)  # where the corner of the first pixel lies, mm


def slide(
    picture: NDArray[np.uint8], pixel_um: float, name: str = "slide", **changes: Any
) -> SlidePixels:
    """A slide that lies as on the stage: columns along -Y, rows along -X."""
    rows, columns = picture.shape[:2]

    def read(
        x: float, y: float, width: float, height: float, scale: float
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        box = (x, y, x + width, y + height)
        part = Image.fromarray(picture).resize(size, Image.Resampling.BOX, box)
        return np.asarray(part), np.ones(size[::-1], np.bool_)

    mm = pixel_um / 1000
    made = SlidePixels(
        series_instance_uid=uid(name),
        title=name,
        width=columns,
        height=rows,
        mpp=(pixel_um, pixel_um),
        to_slide_mm=np.array([[0.0, -mm, ORIGIN[0]], [-mm, 0.0, ORIGIN[1]]]),
        is_fluorescence=False,
        is_complete=True,
        read=read,
        read_overview=lambda: None,
    )
    return replace(made, **changes)


def study_of(*slides: SlidePixels) -> Study:
    """A study of those slides; each is one instance that shows tissue."""
    header = ct_study(1).series[0].instances[0].header
    header.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    by_series = {one.series_instance_uid: one for one in slides}
    series = tuple(
        Series(
            one.series_instance_uid,
            uid("study"),
            "SM",
            "1",
            one.title,
            "",
            (Instance(uid(one.title + " instance"), uid("class"), uid("syntax"), 1, header),),
        )
        for one in slides
    )
    return replace(
        ct_study(1), series=series, load_slide=lambda one: by_series[one.series_instance_uid]
    )


def region(
    of: SlidePixels, pixels: Sequence[tuple[float, float]], kind: str = "polygon", **more: Any
) -> dict[str, Any]:
    """A mark as the viewer sends it, at those columns and rows of level 0."""
    flat = np.asarray(pixels, float) @ of.to_slide_mm[:, :2].T + of.to_slide_mm[:, 2]
    return {
        "annotation_id": "a1",
        "series_instance_uid": of.series_instance_uid,
        "kind": kind,
        "points_mm": [[float(x), float(y), 0.0] for x, y in flat],
        **more,
    }


@dataclass(frozen=True)
class Nest:
    """Nuclei that are known: ``points`` are columns and rows of their centres."""

    picture: NDArray[np.uint8]
    points: NDArray[np.float64]
    positive: NDArray[np.bool_]


def painted_nuclei(
    edge: int = 1200, mpp: float = 0.25, count: int = 600, share: float = 0.3, seed: int = 1
) -> Nest:
    """Blue and brown nuclei of 5 to 8.5 µm on pale stroma, none closer than 9 µm."""
    rng = np.random.default_rng(seed)
    points: list[NDArray[np.float64]] = []
    for candidate in rng.uniform(20, edge - 20, (60 * count, 2)):
        if len(points) == count:
            break
        if all(np.hypot(*(candidate - other)) * mpp > 9 for other in points):
            points.append(candidate)
    places = np.array(points)
    positive = rng.random(len(places)) < share
    density = np.zeros((edge, edge, 3))
    directions = HAEMATOXYLIN_EOSIN_DAB / np.linalg.norm(
        HAEMATOXYLIN_EOSIN_DAB, axis=1, keepdims=True
    )
    y, x = np.mgrid[:edge, :edge] + 0.5
    for (column, row), brown in zip(places, positive, strict=True):
        a, b = rng.uniform(2.5, 4.25, 2) / mpp
        turn = rng.uniform(0, np.pi)
        top, left = max(0, int(row) - 20), max(0, int(column) - 20)
        box = np.s_[top : int(row) + 21, left : int(column) + 21]
        dx, dy = x[box] - column, y[box] - row
        u, v = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
        inside = (u / a) ** 2 + (v / b) ** 2 <= 1
        stain = directions[2] * rng.uniform(0.45, 0.8) if brown else 0
        density[box][inside] = (
            directions[0] * rng.uniform(0.35, 0.7) * (0.4 if brown else 1) + stain
        )
    density += directions[0] * 0.03
    density = ndimage.gaussian_filter(density, (1.2, 1.2, 0))
    light = 240 * 10**-density + rng.normal(0, 3, density.shape)
    return Nest(light.round().clip(0, 255).astype(np.uint8), places, positive)


def painted_tissue(edge: int = 1600, seed: int = 2) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Pink and violet tissue with an uneven border and fine texture, on glass with dust."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:edge, :edge] / edge - 0.5
    angle = np.arctan2(y, x)
    border = 0.3 + 0.05 * np.sin(3 * angle + 1) + 0.03 * np.sin(7 * angle)
    mask = np.hypot(x, y) < border
    mask &= ~(np.hypot(x - 0.05, y + 0.08) < 0.06)  # a lumen
    # nuclei lie in clusters: some of it is coarse enough to survive a blur
    fine, coarse = (ndimage.gaussian_filter(rng.random((edge, edge)), size) for size in (1.5, 10))
    violet = (fine - fine.min()) / np.ptp(fine) / 2 + (coarse > np.median(coarse)) / 2
    tissue = np.array([225.0, 160, 200]) - violet[..., None] * np.array([140.0, 110, 60])
    picture = np.where(mask[..., None], tissue, np.array([242.0, 241, 243]))
    picture += rng.normal(0, 2, picture.shape)
    for row, column in rng.integers(50, edge - 50, (12, 2)):
        picture[row : row + 6, column : column + 6] = 120  # dust is grey
    return picture.round().clip(0, 255).astype(np.uint8), mask
