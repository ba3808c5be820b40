"""A slide of which not all has come: the levels that are here, and word of those that are not.

What is written is, byte for byte, what the whole conversion will write: numbers, UIDs and headers
follow from the file's directories and the facts, and those are here. For a level that has not come
its header is written, as JSON: where everything on the slide lies is said by the largest one.
Beside it, where tiles are copied, goes a list of their places in the file (`conversion.places`).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dicom_node.conversion.blocks import Blocks
from dicom_node.conversion.build import Built, Report, _Slide
from dicom_node.conversion.dataset import instance
from dicom_node.conversion.facts import SlideFacts
from dicom_node.conversion.opening import open_source
from dicom_node.conversion.places import TilePlaces
from dicom_node.conversion.plan import derived_tile, missing_steps
from dicom_node.conversion.refusals import ConversionRefused
from dicom_node.conversion.tiff import TiffSource

__all__ = ["ANNOUNCED", "PLACES", "build_partial"]

# The suffix of a header without its pixels, and of where its tiles will be.
ANNOUNCED = ".json"
PLACES = ".places"
_NOTHING_YET = (
    "nothing_yet",
    "Chưa nhận đủ dữ liệu để xem trước tiêu bản này.",
    "Not enough of this slide has come to show it.",
)


def build_partial(
    path: Path, folder: Path, facts: SlideFacts, report: Report, blocks: Blocks
) -> Built:
    """Convert the levels of which every byte is here.

    Parameters
    ----------
    path : Path
        A file of its full size, with holes.
    folder : Path
        Empty. Gets DICOM files, and for each level to come a header ending in `ANNOUNCED`, with
        its `PLACES` beside it under the same name.

    Raises
    ------
    ConversionRefused
        Also when no level is whole, or the format is one whose levels cannot be taken alone.
    OSError
    """
    source = open_source(path)
    try:
        if not isinstance(source, TiffSource):
            raise ConversionRefused(*_NOTHING_YET)
        slide = _PartialSlide(source, folder, facts, report, blocks=blocks)
        if not any(slide.is_here(level) for level in source.levels):
            raise ConversionRefused(*_NOTHING_YET)
        return slide.build()
    finally:
        source.close()


@dataclass
class _PartialSlide(_Slide):
    blocks: Blocks | None = None

    def is_here(self, level: Any) -> bool:
        """Whether all tiles of a level have come."""
        assert self.blocks is not None
        here = self.blocks.here
        for layer in getattr(level, "layers", None) or [level]:
            offsets = np.asarray(layer.page.dataoffsets, np.int64)
            lengths = np.asarray(layer.page.databytecounts, np.int64)
            if not here[self.blocks.of(offsets, lengths)].all():
                return False
        return True

    def _take(self, index: int, level: Any, part: Callable[[float, tuple[str, str]], None]) -> None:
        if self.is_here(level):
            super()._take(index, level, part)
            return
        levels = self.source.levels
        below = levels[index + 1] if index + 1 < len(levels) else None
        for step in range(missing_steps(level, below) + 1):
            shape = self._shape(level, step=step, resampled=index > 0 or step > 0)
            if step or not level.transfer_syntax_uid:
                tile = derived_tile(level)
                photometric = level.photometric_interpretation or "YBR_FULL_422"
                shape = replace(
                    shape,
                    tile_width=tile,
                    tile_height=tile,
                    photometric_interpretation=photometric,
                )
            path = self.folder / f"{shape.number:02d}-{shape.role.lower()}{ANNOUNCED}"
            header = instance(shape, self.facts, self.scanner).to_json_dict()
            path.write_text(json.dumps(header, ensure_ascii=False), encoding="utf-8")
            self.files.append(path)
            places = TilePlaces.of(level) if step == 0 else None
            if places is not None:
                places.save(path.with_suffix(PLACES))
