"""The slides of a study, and how they are read: whole and small, or a part as sharp as needed."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plugins.nouns import Series, SlidePixels, Study, Text

__all__ = ["comma", "mean_mpp", "open_slides", "read_whole", "slide_series"]

STRIP_PIXELS: Final = 1 << 25


def slide_series(study: Study) -> Sequence[str]:
    """Series of whole slides that have tissue: labels and overviews alone are none."""
    return [
        series.series_instance_uid
        for series in study.series
        if series.modality == "SM" and any(_shows_tissue(one.header) for one in series.instances)
    ]


def open_slides(study: Study) -> Iterator[SlidePixels]:
    """Every slide of the study that can be read, in the order of its series."""
    wanted = set(slide_series(study))
    for series in study.series:
        if series.series_instance_uid in wanted:
            slide = _opened(study, series)
            if slide is not None:
                yield slide


def mean_mpp(slide: SlidePixels) -> float | None:
    """Micrometres a pixel of level 0, one number for both directions."""
    return None if slide.mpp is None else (slide.mpp[0] + slide.mpp[1]) / 2


def read_whole(slide: SlidePixels, scale: float) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The whole slide with so many pixels of the picture in a pixel of level 0.

    A slide without levels is read in strips.
    """
    try:
        return slide.read(0, 0, slide.width, slide.height, scale)
    except ValueError:
        pass
    rows = max(1, math.floor(STRIP_PIXELS / slide.width * scale))  # of the picture
    step = rows / scale
    parts = [
        slide.read(0, y, slide.width, min(step, slide.height - y), scale)
        for y in np.arange(0, slide.height, step)
    ]
    pictures, masks = zip(*parts, strict=True)
    return np.concatenate(pictures), np.concatenate(masks)


def comma(text: str) -> str:
    """A number as Vietnamese writes it."""
    return text.replace(".", ",")


def _opened(study: Study, series: Series) -> SlidePixels | None:
    if study.load_slide is None:
        raise ValueError(Text("Không đọc được tiêu bản ở đây.", "Slides cannot be read here."))
    return study.load_slide(series)


def _shows_tissue(header: Any) -> bool:
    kinds = [str(kind).upper() for kind in header.get("ImageType") or []]
    return len(kinds) > 2 and kinds[2] == "VOLUME"
