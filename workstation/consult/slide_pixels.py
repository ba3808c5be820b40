"""A slide's pixels as guests read them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom_node.archive import Archive
from dicom_node.errors import CannotDecode, NotFound
from dicom_node.pixels import DerivedCache
from dicom_node.records import ReadScope
from dicom_node.slides import SlideIndex, SlideSource, slide_index
from dicom_node.slides.render import Region, associated_picture, default_paths, received, render
from plugins.nouns import Series, SlidePixels

__all__ = ["open_slide"]


def open_slide(archive: Archive, series: Series, *, scope: ReadScope) -> SlidePixels | None:
    """The slide of that series; None when it has no tissue level yet, or is no slide.

    Raises
    ------
    dicom_node.errors.CannotDecode
        Its tiles cannot be decoded: what is drawn instead must not be taken for glass.
    """
    try:
        index = slide_index(archive, series.series_instance_uid, scope)
    except NotFound:
        return None
    facts = index.facts
    if not facts["levels"]:
        return None
    # What guests read is decoded once; nothing is kept on disk for them.
    source = SlideSource(archive, DerivedCache(archive.settings.folder / "tiles", 0))
    paths = default_paths(index)
    _require_readable(source, index)

    def read(
        x: float, y: float, width: float, height: float, scale: float
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        region = Region(x, y, width, height, scale)
        # Stains are measured in what the scanner wrote; a profile is for eyes.
        picture = render(source, index, region, paths, calibrated=False)
        return picture, received(index, region, paths)

    mpp = facts["mpp"]
    return SlidePixels(
        series_instance_uid=series.series_instance_uid,
        title=str(facts["container_id"] or series.series_description or series.series_number),
        width=int(facts["width"]),
        height=int(facts["height"]),
        mpp=None if mpp is None else (float(mpp[0]), float(mpp[1])),
        to_slide_mm=np.asarray(facts["to_slide_mm"], np.float64),
        is_fluorescence=any(path["fluorescence"] for path in facts["optical_paths"]),
        is_complete=facts["received"]["frames"] >= facts["received"]["expected"],
        read=read,
        read_overview=lambda: _overview(source, index, series),
    )


def _require_readable(source: SlideSource, index: SlideIndex) -> None:
    """Decode one tile of each level."""
    for grid in index.grids:
        there = grid[grid >= 0]
        if there.size:
            source.pixels(index, int(there[there.size // 2]))


def _overview(
    source: SlideSource, index: SlideIndex, series: Series
) -> tuple[NDArray[np.uint8], tuple[float, float]] | None:
    """The photograph of the glass, where it says how large it is."""
    level: dict[str, Any] | None = index.facts["associated"].get("overview")
    if level is None:
        return None
    uid = level["sop_instance_uid"]
    header = next((one.header for one in series.instances if one.sop_instance_uid == uid), None)
    if header is None:
        return None
    width, height = header.get("ImagedVolumeWidth"), header.get("ImagedVolumeHeight")
    if not width or not height:
        return None
    try:
        picture = associated_picture(source, index, "overview")
    except (NotFound, CannotDecode):
        return None
    rows, columns = picture.shape[:2]
    return picture, (1000 * float(width) / columns, 1000 * float(height) / rows)
