"""Making a slide's index out of what the archive holds of its series."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEGBaseline8Bit,
)

from dicom_node.archive import Archive, FrameTable
from dicom_node.errors import DicomNodeError
from dicom_node.pixels.attributes import Attributes
from dicom_node.pixels.frames import Frames
from dicom_node.records import InstanceRecord, ReadScope
from dicom_node.slides import problems, specimens
from dicom_node.slides.announced import announced_levels
from dicom_node.slides.channels import channel_sample, describe_path, range_of, window_of
from dicom_node.slides.colour import is_usable
from dicom_node.slides.extents import frame_extents
from dicom_node.slides.geometry import USUAL_ORIENTATION, SlideGeometry
from dicom_node.slides.images import SlideImage
from dicom_node.slides.index import FRAME, slide_id, version_of, write_index
from dicom_node.slides.jpeg import JpegHead, read_head
from dicom_node.slides.levels import Level, Pyramid, assemble
from dicom_node.slides.places import header_without_frames
from dicom_node.slides.roles import Role, shows_label

__all__ = ["Build"]

logger = logging.getLogger(__name__)

_EVERYTHING = ReadScope(everything=True)
# Frames of these are not found by an offset into the file alone.
_NOT_IN_PLACE = frozenset({DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian})
_ASSOCIATED = (Role.LABEL, Role.OVERVIEW, Role.THUMBNAIL)
# How many frames at the beginning, and how many throughout, are looked at.
_FIRST = 16
# Written on scanners' objectives; 10 micrometres a pixel is called 1x.
_OBJECTIVES = (1.25, 2.0, 2.5, 4.0, 5.0, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0)


class Build:
    """One index in the making.

    Parameters
    ----------
    archive : Archive
    records : sequence of InstanceRecord
        The whole-slide images of one series of one study; at least one.
    """

    def __init__(self, archive: Archive, records: Sequence[InstanceRecord]) -> None:
        self._archive = archive
        self._records = records
        self._problems: list[problems.Problem] = []
        self._files: list[dict[str, Any]] = []
        self._numbers: dict[str, int] = {}
        self._frames: list[NDArray[Any]] = [np.zeros(0, FRAME)]
        self._pieces: list[NDArray[np.uint64]] = [np.zeros((0, 2), np.uint64)]
        self._arrays: dict[str, NDArray[Any]] = {}
        self._profiles: dict[bytes, int] = {}

    def write(self, path: Path) -> None:
        """Work everything out and write the index. Raises NotFound when a file has gone."""
        facts = self.facts()
        self._arrays["frames"] = np.concatenate(self._frames)
        self._arrays["pieces"] = np.concatenate(self._pieces)
        write_index(path, facts, self._arrays)

    def facts(self) -> dict[str, Any]:
        """The facts of the index; fills the arrays."""
        images = list(self._images())
        pyramid = assemble([one for one in images if one.role is Role.VOLUME])
        for problem in pyramid.problems:
            self._note(problem)
        self._add_frames(pyramid)
        levels = [self._level(level, f"grid {n}") for n, level in enumerate(pyramid.levels)]
        first = self._records[0]
        facts: dict[str, Any] = {
            "slide": slide_id(first.series_instance_uid),
            "version": version_of(first.study_instance_uid, self._records),
            "site": first.site,
            "study_instance_uid": first.study_instance_uid,
            "series_instance_uid": first.series_instance_uid,
            "sop_instance_uid": "",
            "width": 0,
            "height": 0,
            "mpp": None,
            "objective_power": None,
            "to_slide_mm": SlideGeometry((1.0, 1.0)).affine.tolist(),
            "z_mm": 0.0,
            "photometric": "",
            "lossy": False,
            "levels": levels,
            "associated": self._associated(images),
            "received": {
                "frames": sum(level.received for level in pyramid.levels),
                "expected": sum(level.expected for level in pyramid.levels),
            },
            "resampled": _is_resampled(pyramid),
        }
        facts |= self._of_whole(images[0]) if images else {}
        if pyramid.levels:
            facts |= self._of_base(pyramid.levels[0].images[0])
        facts["optical_paths"] = list(self._paths(pyramid))
        is_dark = any(path["fluorescence"] for path in facts["optical_paths"])
        facts["background"] = [0, 0, 0] if is_dark else [255, 255, 255]
        facts["focal_planes"] = [
            {"index": number, "z_um": z_um} for number, z_um in enumerate(pyramid.planes_um)
        ]
        missing = facts["received"]["expected"] - facts["received"]["frames"]
        if facts["resampled"]:
            self._note(problems.RESAMPLED)
        if missing > 0:
            self._note(problems.not_received(missing))
        colour = [path for path in facts["optical_paths"] if not path["monochrome"]]
        if any(path["icc"] is None for path in colour):
            self._note(problems.NO_PROFILE)
        facts["files"] = self._files
        facts["problems"] = [{"vi": vi, "en": en} for vi, en in self._problems]
        return facts

    def _images(self) -> Iterator[SlideImage]:
        for record in self._records:
            table = self._archive.frame_offsets(record)
            read = partial(self._archive.read_range, record)
            whole = partial(self._archive.header, record.sop_instance_uid, scope=_EVERYTHING)
            header = header_without_frames(record, table, self._archive.dataset_offset(record))
            try:
                yield SlideImage.of(record, header or whole(), table, read, whole)
            except DicomNodeError as error:
                logger.warning("%s is left out of its slide: %s", record.sop_instance_uid, error)
                self._note(problems.UNREADABLE)
        yield from self._announced()

    def _announced(self) -> Iterator[SlideImage]:
        """Levels that are on their way: they have a header, and no frame yet."""
        first = self._records[0]
        here = {record.sop_instance_uid for record in self._records}
        for header in announced_levels(
            self._archive.settings.folder, first.study_instance_uid, first.series_instance_uid
        ):
            uid = header.get("00080018", {}).get("Value", [""])[0]
            if uid in here:
                continue
            record = replace(first, sop_instance_uid=uid, size=0)

            def whole(header: dict[str, Any] = header) -> dict[str, Any]:
                return header

            with suppress(DicomNodeError):
                yield SlideImage.of(record, header, FrameTable(), _nothing, whole)

    def _of_whole(self, image: SlideImage) -> dict[str, Any]:
        """What every image of a slide says alike, a lone label too."""
        top = self._attributes(image)
        return {
            "frame_of_reference_uid": image.frame_of_reference_uid,
            "sop_class_uid": image.record.sop_class_uid,
            "container_id": specimens.container_id(image.header),
            "specimens": specimens.specimens(image.header),
            "stain": specimens.stain(image.header),
            "series_description": top.text("SeriesDescription"),
            "acquired_at": top.text("AcquisitionDateTime"),
            "scanner": f"{top.text('Manufacturer')} {top.text('ManufacturerModelName')}".strip(),
        }

    def _of_base(self, base: SlideImage) -> dict[str, Any]:
        """What the largest level says of the slide."""
        spacing, origin = base.spacing_mm, base.origin_mm
        if spacing is None:
            self._note(problems.NO_SCALE)
        elif origin is None or base.orientation is None:
            self._note(problems.NO_ORIGIN)
        geometry = SlideGeometry(
            spacing or (1.0, 1.0), origin or (0.0, 0.0), base.orientation or USUAL_ORIENTATION
        )
        return self._of_whole(base) | {
            "sop_instance_uid": base.uid,
            "width": base.columns,
            "height": base.rows,
            "mpp": None if spacing is None else [1000 * spacing[0], 1000 * spacing[1]],
            "objective_power": self._objective(base),
            "to_slide_mm": geometry.affine.tolist(),
            "z_mm": base.z_um / 1000,
            "photometric": base.description.photometric_interpretation,
            "lossy": self._attributes(base).text("LossyImageCompression") == "01",
        }

    def _attributes(self, image: SlideImage) -> Attributes:
        return Attributes(image.header, 0, image.read)

    def _objective(self, base: SlideImage) -> float | None:
        """The power of the objective; worked out from the pixel size when nobody wrote it."""
        top = self._attributes(base)
        power = top.group("OpticalPathSequence").number("ObjectiveLensPower")
        if power:
            return power
        if base.spacing_mm is None:
            return None
        nominal = 0.01 / base.spacing_mm[0]
        nearest = min(_OBJECTIVES, key=lambda one: abs(one - nominal))
        return nearest if abs(nearest / nominal - 1) < 0.15 else float(f"{nominal:.2g}")

    def _paths(self, pyramid: Pyramid) -> Iterator[dict[str, Any]]:
        for number, (identifier, description) in enumerate(pyramid.paths):
            image, item = self._path_item(pyramid, identifier, description)
            is_monochrome = not image.description.is_colour
            path = describe_path(item, number, is_monochrome, image.read)
            profile = Attributes(item, 0, image.read).data("ICCProfile")
            values = channel_sample(pyramid, number) if is_monochrome else np.empty(0)
            low, high = range_of(values, image.description)
            yield {
                "index": number,
                "id": identifier,
                **path,
                "icc": self._profile(profile),
                # Grey values of the tiles, and the stored values they show as 0 and 255.
                "window": window_of((values - low) * (255 / (high - low)), path["fluorescence"]),
                "range": [low, high],
            }

    def _path_item(
        self, pyramid: Pyramid, identifier: str, description: str
    ) -> tuple[SlideImage, dict[str, Any]]:
        for level in pyramid.levels:
            for image in level.images:
                if identifier not in image.path_ids:
                    continue
                items = image.header.get("00480105", {}).get("Value") or [{}]
                item = items[min(image.path_ids.index(identifier), len(items) - 1)]
                text = (item.get("00480107", {}).get("Value") or [""])[0]
                if str(text or "").strip() == description:
                    return image, item
        return pyramid.levels[0].images[0], {}

    def _profile(self, data: bytes) -> int | None:
        """The number of the array that holds an ICC profile."""
        if not is_usable(data):
            return None
        number = self._profiles.setdefault(data, len(self._profiles))
        self._arrays[f"icc {number}"] = np.frombuffer(data, np.uint8)
        return number

    def _associated(self, images: Sequence[SlideImage]) -> dict[str, Any]:
        """Label, overview and thumbnail, each as a level of its own: the largest there is."""
        found = {}
        for role in _ASSOCIATED:
            mine = [one for one in images if one.role is role]
            if not mine:
                continue
            chosen = assemble([max(mine, key=lambda one: one.columns * one.rows)])
            before = sum(len(rows) for rows in self._frames)
            self._add_frames(chosen)
            level = chosen.levels[0]
            level.grid[level.grid >= 0] += before
            found[role.lower()] = self._level(level, f"grid {role.lower()}")
        return found

    def _level(self, level: Level, name: str) -> dict[str, Any]:
        image = level.images[0]
        self._arrays[name] = level.grid
        return {
            "downsample": list(level.downsample),
            "width": image.columns,
            "height": image.rows,
            "tile_width": image.tile[0],
            "tile_height": image.tile[1],
            "columns": image.grid[0],
            "rows": image.grid[1],
            "complete": level.is_complete,
            "received": level.received,
            "sop_instance_uid": image.uid,
            "shows_label": any(shows_label(one.header) for one in level.images),
            "grid": name,
        }

    def _add_frames(self, pyramid: Pyramid) -> None:
        for image, taken in pyramid.frames:
            if not len(taken):  # on its way: there is no file of it
                continue
            file = self._file(image)
            extents = frame_extents(image.table, image.record)
            rows = np.zeros(len(taken), FRAME)
            rows["file"] = file
            if self._files[file]["indirect"]:
                rows["offset"] = taken
            else:
                first, pieces = extents.first[taken], extents.pieces[taken]
                rows["length"], rows["pieces"] = extents.total[taken], pieces
                rows["offset"] = extents.offsets[first]
                in_pieces = pieces > 1
                if in_pieces.any():
                    # The fragments of the whole instance: simpler than only those of its frames.
                    rows["offset"][in_pieces] = self._piece_count + first[in_pieces]
                    self._pieces.append(np.column_stack([extents.offsets, extents.lengths]))
            self._frames.append(rows)

    @property
    def _piece_count(self) -> int:
        return sum(len(one) for one in self._pieces)

    def _file(self, image: SlideImage) -> int:
        """The number of an instance among the files of the index."""
        record = image.record
        if record.sop_instance_uid in self._numbers:
            return self._numbers[record.sop_instance_uid]
        heads = self._jpeg_heads(image)
        head = heads[0] if heads else None
        is_rgb = image.description.photometric_interpretation == "RGB"
        if head is not None and head.transform == 0 and head.components == 3 and not is_rgb:
            self._note(problems.BROKEN_COLOUR)
        self._files.append(
            {
                "sop_instance_uid": record.sop_instance_uid,
                "sha256": record.sha256,
                "path": str(record.path.relative_to(self._archive.settings.folder)),
                "indirect": record.transfer_syntax_uid in _NOT_IN_PLACE,
                "stored_for_browsers": self._is_for_browsers(image, head),
                # Looked at again in every tile: an instance may hold marked ones and others.
                "may_lack": is_rgb or not all(one.tables for one in heads),
                "rgb": is_rgb,
                "tables": "" if head is None else head.tables.hex(),
                "description": asdict(image.description),
            }
        )
        self._numbers[record.sop_instance_uid] = len(self._files) - 1
        return len(self._files) - 1

    def _jpeg_heads(self, image: SlideImage) -> list[JpegHead]:
        """What some frames say of themselves, those with tables first; none but of JPEG.

        Reading all would draw a whole slide from the disk. Tables of abbreviated streams are in
        the first frames, or nowhere.
        """
        count = len(image.table)
        if image.record.transfer_syntax_uid != JPEGBaseline8Bit or not count:
            return []
        frames = Frames(image.read, image.table, image.description)
        heads = []
        for frame in {*range(min(count, _FIRST)), *range(0, count, max(1, count // _FIRST))}:
            with suppress(DicomNodeError):
                heads.append(read_head(frames.stored(frame)))
        return sorted((one for one in heads if one is not None), key=lambda one: not one.tables)

    @staticmethod
    def _is_for_browsers(image: SlideImage, head: JpegHead | None) -> bool:
        if head is None or not head.is_for_browsers:
            return False
        description = image.description
        return description.is_colour or description.photometric_interpretation == "MONOCHROME2"

    def _note(self, problem: problems.Problem) -> None:
        if problem not in self._problems:
            self._problems.append(problem)


def _is_resampled(pyramid: Pyramid) -> bool:
    """Whether the largest level says that it was made from a larger one (PS3.3 C.8.12.4.1.1).

    The larger one may be on its way, or may never have been stored: nothing in the standard tells
    which, so no frame of it is expected.
    """
    if not pyramid.levels:
        return False
    values = pyramid.levels[0].images[0].header.get("00080008", {}).get("Value") or []
    return len(values) > 3 and values[3] == "RESAMPLED"


def _nothing(offset: int, length: int) -> bytes:
    """The bulk values of a header that came without its file."""
    return b""
