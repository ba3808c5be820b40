"""What one instance of a slide says of itself."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dicom_node.archive import FrameTable
from dicom_node.errors import CannotDecode
from dicom_node.pixels.attributes import Attributes, ReadBulk
from dicom_node.pixels.description import PixelDescription
from dicom_node.records import InstanceRecord
from dicom_node.slides.geometry import tile_count
from dicom_node.slides.roles import Role, role_of

__all__ = ["MOST_PLACES", "SlideImage"]

# More than any scanner makes: a header beyond it is a mistake or an attack.
MOST_PLACES = 1 << 24
_PER_FRAME = "52009230"


@dataclass(frozen=True)
class SlideImage:
    """One instance, its header read. Lengths are mm where they say so, else pixels.

    Attributes
    ----------
    columns, rows : int
        Of the whole matrix of this level.
    spacing_mm : (float, float) or None
        From column to column and from row to row.
    origin_mm : (float, float) or None
    z_um : float
        Of the reference plane, in micrometres, as DICOM has it (PS3.3 C.8.12.6.1).
    step_um : float or None
        From one focal plane to the next.
    first_frame : int
        Frames of the concatenation that are in earlier parts (PS3.3 C.7.6.16.1).
    """

    record: InstanceRecord
    header: Mapping[str, Any]
    table: FrameTable
    read: ReadBulk
    whole_header: Callable[[], Mapping[str, Any]]
    description: PixelDescription
    role: Role
    columns: int
    rows: int
    spacing_mm: tuple[float, float] | None
    origin_mm: tuple[float, float] | None
    z_um: float
    step_um: float | None
    orientation: tuple[float, ...] | None
    is_full: bool
    planes: int
    path_ids: tuple[str, ...]
    pyramid_uid: str
    frame_of_reference_uid: str
    concatenation_uid: str
    source_uid: str
    first_frame: int
    part: int
    parts: int

    @classmethod
    def of(
        cls,
        record: InstanceRecord,
        header: Mapping[str, Any],
        table: FrameTable,
        read_bulk: ReadBulk,
        whole_header: Callable[[], Mapping[str, Any]],
    ) -> "SlideImage":
        """Read a header, whole or without its frames.

        Raises
        ------
        CannotDecode
            It describes no pixels.
        """
        found = Attributes(header, 0, read_bulk)
        description = PixelDescription.from_header(header, record.transfer_syntax_uid, len(table))
        columns = _whole(found, "TotalPixelMatrixColumns") or description.columns
        rows = _whole(found, "TotalPixelMatrixRows") or description.rows
        tiles = tile_count(columns, description.columns) * tile_count(rows, description.rows)
        planes = _whole(found, "TotalPixelMatrixFocalPlanes") or 1
        origin = found.group("TotalPixelMatrixOriginSequence")
        x = origin.number("XOffsetInSlideCoordinateSystem")
        y = origin.number("YOffsetInSlideCoordinateSystem")
        step = found.group("PixelMeasuresSequence").number("SpacingBetweenSlices")
        orientation = tuple(found.numbers("ImageOrientationSlide"))
        paths = header.get("00480105", {}).get("Value") or []
        ids = tuple(_path_id(item, number) for number, item in enumerate(paths)) or ("1",)
        if tiles * planes * len(ids) > MOST_PLACES:
            raise CannotDecode("the header claims more tiles than any slide has")
        organization = found.text("DimensionOrganizationType")
        # Absent means sparse, unless nothing says where frames lie and they fill the matrix.
        is_full = organization == "TILED_FULL" or (not organization and _PER_FRAME not in header)
        concatenation_uid = found.text("ConcatenationUID")
        if is_full and not concatenation_uid:
            # Some list the paths of the whole scan in every instance, the label's too.
            frames = _whole(found, "NumberOfFrames") or 1
            ids = ids[: max(1, math.ceil(frames / (tiles * planes)))]
        return cls(
            record=record,
            header=header,
            table=table,
            read=read_bulk,
            whole_header=whole_header,
            description=description,
            role=role_of(header),
            columns=columns,
            rows=rows,
            spacing_mm=_spacing(found, columns, rows),
            origin_mm=None if x is None or y is None else (x, y),
            z_um=origin.number("ZOffsetInSlideCoordinateSystem") or 0.0,
            step_um=None if step is None else step * 1000,
            orientation=orientation if _is_orientation(orientation) else None,
            is_full=is_full,
            planes=planes,
            path_ids=ids,
            pyramid_uid=found.text("PyramidUID"),
            frame_of_reference_uid=found.text("FrameOfReferenceUID"),
            concatenation_uid=concatenation_uid,
            source_uid=found.text("SOPInstanceUIDOfConcatenationSource"),
            first_frame=_whole(found, "ConcatenationFrameOffsetNumber"),
            part=_whole(found, "InConcatenationNumber"),
            parts=_whole(found, "InConcatenationTotalNumber"),
        )

    @property
    def tile(self) -> tuple[int, int]:
        """Columns and rows of a frame."""
        return self.description.columns, self.description.rows

    @property
    def grid(self) -> tuple[int, int]:
        """Columns and rows of tiles."""
        return tile_count(self.columns, self.tile[0]), tile_count(self.rows, self.tile[1])

    @property
    def extent_mm(self) -> tuple[float, float] | None:
        """Width and height of the whole matrix."""
        if self.spacing_mm is None:
            return None
        return self.columns * self.spacing_mm[0], self.rows * self.spacing_mm[1]

    @property
    def uid(self) -> str:
        """What others refer to: of parts of a concatenation, the instance they were cut from."""
        return self.source_uid or self.record.sop_instance_uid


def _spacing(found: Attributes, columns: int, rows: int) -> tuple[float, float] | None:
    pair = found.group("PixelMeasuresSequence").numbers("PixelSpacing")
    if len(pair) == 2 and min(pair) > 0:
        return pair[1], pair[0]
    width, height = found.number("ImagedVolumeWidth"), found.number("ImagedVolumeHeight")
    if width and height and min(width, height) > 0:
        return width / columns, height / rows
    return None


def _is_orientation(values: tuple[float, ...]) -> bool:
    """Whether six values are two unit vectors at right angles within the plane of the glass."""
    if len(values) != 6:
        return False
    columns, rows = values[:2], values[3:5]
    lengths = math.hypot(*columns), math.hypot(*rows)
    across = columns[0] * rows[0] + columns[1] * rows[1]
    return all(abs(length - 1) < 0.01 for length in lengths) and abs(across) < 0.01


def _path_id(item: Mapping[str, Any], number: int) -> str:
    return _text(item, "00480106") or str(number + 1)


def _whole(found: Attributes, keyword: str) -> int:
    return max(0, int(found.number(keyword) or 0))


def _text(item: Mapping[str, Any], tag: str) -> str:
    values = item.get(tag, {}).get("Value") or [""]
    return str(values[0] if values[0] is not None else "").strip()
