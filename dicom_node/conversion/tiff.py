"""Aperio SVS, Philips TIFF, QPTIFF, OME-TIFF, plain TIFF: tiles taken as they are stored."""

import re
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from dicom_node.conversion import jpeg, qptiff
from dicom_node.conversion.descriptions import (
    aperio_facts,
    aperio_time,
    dicom_time,
    philips_attributes,
    philips_pictures,
    positive,
)
from dicom_node.conversion.ome import MOST_LAYERS, read_ome
from dicom_node.conversion.pages import pages_at, read_layers, smaller_pages
from dicom_node.conversion.refusals import ConversionRefused, damaged, refuse
from dicom_node.conversion.source import Picture, Scanner
from dicom_node.conversion.strips import Desk
from dicom_node.conversion.tiles import read_tile_level

__all__ = ["TiffSource", "resolution_mpp"]

_ICC = 34675
_DESCRIPTION, _SOFTWARE, _MAKE, _MODEL = 270, 305, 271, 272
_PLAUSIBLE_MPP = (0.02, 50.0)
_LARGEST_PICTURE_PIXELS = 50_000_000
# A picture beside the slide that is this large is another scan.
_SCAN_PIXELS = 1 << 22
_UNKNOWN_STEP_UM = 1.0


class TiffSource:
    """A TIFF of any of these vendors.

    Raises
    ------
    ConversionRefused
        No level of it can be taken.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._has_layers = False
        try:
            self._tiff: Any = tifffile.TiffFile(self._file)
            self.pictures: dict[str, Picture] = {}
            self.levels: list[Any] = []
            self.scanner = Scanner("")
            self._read()
        except (ConversionRefused, MemoryError):
            self._file.close()
            raise
        except Exception as error:  # a parser met a file nobody foresaw
            self._file.close()
            if self._has_layers:
                # No other reader may show the first of its layers for the whole.
                raise damaged("its channels and planes cannot be read") from error
            raise refuse("not_a_slide", "TIFF") from error

    def close(self) -> None:
        self._file.close()

    def _read(self) -> None:
        tiff = self._tiff
        self._has_layers = tiff.is_ome or tiff.is_qpi
        if tiff.is_ome:
            return self._read_ome()
        if not tiff.series:
            raise refuse("not_a_slide", "TIFF")
        if tiff.is_qpi:
            return self._read_qptiff()
        pages = []
        for level in tiff.series[0].levels:
            if len(level.pages) != 1:
                raise refuse(
                    "pixels",
                    f"{len(level.pages)} separate planes",
                    f"{len(level.pages)} mặt phẳng riêng",
                )
            pages.append(level.keyframe)
        base = pages[0]
        self.scanner = Scanner("TIFF", icc=_profile(base))
        if tiff.is_philips:
            self._read_philips(base)
            self._take_levels(pages, [_unpadded(base, page) for page in pages])
        elif tiff.is_svs:
            self._read_aperio(base)
            self._take_levels(pages, [None] * len(pages))
        else:
            _check_directory(tiff, base)
            self._read_plain(base)
            self._take_layers([[page] for page in pages])

    def _take_levels(self, pages: list[Any], sizes: Sequence[tuple[int, int] | None]) -> None:
        """The base must be whole; a smaller level that is not is left out and made anew."""
        sparse = self._tiff.is_philips
        for page, size in zip(pages, sizes, strict=True):
            try:
                level = read_tile_level(self._file.fileno(), page, sparse=sparse, size=size)
            except ConversionRefused:
                if not self.levels:
                    raise
                continue
            self._keep(level, level.missing, len(page.databytecounts))

    def _take_layers(self, levels: list[list[Any]]) -> None:
        """Levels of a page for each channel and focal plane; again the base must be whole."""
        desk = Desk()
        for pages in levels:
            try:
                level, missing = read_layers(self._file.fileno(), pages, desk)
            except ConversionRefused:
                if not self.levels:
                    raise
                continue
            if self.levels and level.width >= self.levels[-1].width:
                continue
            self._keep(level, missing, sum(len(page.databytecounts) for page in pages))

    def _keep(self, level: Any, missing: int, total: int) -> None:
        if not self.levels and missing:
            raise refuse(
                "damaged",
                f"{missing} of {total} tiles of the full image are not in the file",
                f"{missing}/{total} ô của lớp ảnh gốc không có trong tệp",
            )
        if not missing:
            self.levels.append(level)

    # -- vendors

    def _read_aperio(self, base: Any) -> None:
        facts = aperio_facts(base.description)
        mpp = positive(facts.get("MPP", ""))
        self.scanner = replace(
            self.scanner,
            vendor="Aperio",
            model=facts.get("ScannerType", ""),
            serial=facts.get("ScanScope ID", ""),
            software=base.description.split("\n", 1)[0].strip(),
            mpp=(mpp, mpp),
            objective_power=positive(facts.get("AppMag", "")),
            scanned_at=aperio_time(facts),
        )
        for page in self._tiff.pages[1:]:
            if page.is_tiled:
                continue
            words = page.description.lower()
            second_line = words.split("\n")[1] if "\n" in words else words
            if second_line.startswith("label") or page.subfiletype == 1:
                self._take_picture("LABEL", page)
            elif second_line.startswith("macro") or page.subfiletype == 9:
                self._take_picture("OVERVIEW", page)

    def _read_philips(self, base: Any) -> None:
        attributes = philips_attributes(base.description)
        spacing = re.findall(r"[0-9.eE+-]+", attributes.get("DICOM_PIXEL_SPACING", ""))
        row_mm, column_mm = (
            (positive(spacing[0]), positive(spacing[1])) if len(spacing) > 1 else (0.0,) * 2
        )
        self.scanner = replace(
            self.scanner,
            vendor="Philips",
            model=attributes.get("DICOM_MANUFACTURERS_MODEL_NAME", ""),
            serial=attributes.get("DICOM_DEVICE_SERIAL_NUMBER", ""),
            software=attributes.get("DICOM_SOFTWARE_VERSIONS", ""),
            mpp=(column_mm * 1000, row_mm * 1000),
            scanned_at=dicom_time(attributes.get("DICOM_ACQUISITION_DATETIME", "")),
        )
        for page in self._tiff.pages[1:]:
            role = {"label": "LABEL", "macro": "OVERVIEW"}.get(page.description.lower()[:5])
            if role and not page.is_tiled:
                self._take_picture(role, page)
        for role, data in philips_pictures(base.description):
            if role not in self.pictures:
                self.pictures[role] = _coded_picture(data)

    def _read_ome(self) -> None:
        first = self._tiff.pages.first
        bits = 8 if first.dtype is None else first.dtype.itemsize * 8
        ome = read_ome(first.description, first.samplesperpixel, bits)
        image = ome.image
        notes = []
        step = image.plane_step_um
        if image.planes > 1 and not step:
            step = _UNKNOWN_STEP_UM
            notes.append(_NO_STEP)
        pages = pages_at(self._tiff, image.pages)
        if any(
            (each.imagewidth, each.imagelength) != (image.width, image.height) for each in pages
        ):
            told, found = f"{image.width} × {image.height}", _size(pages[0])
            raise refuse(
                "damaged",
                f"its OME-XML claims {told}, its planes are {found}",
                f"OME-XML ghi {told}, mặt phẳng trong tệp là {found}",
            )
        self.scanner = Scanner(
            vendor=ome.manufacturer or "OME-TIFF",
            model=ome.model,
            software=ome.creator,
            mpp=image.mpp,
            objective_power=ome.objective_power,
            scanned_at=image.scanned_at,
            icc=_profile(pages[0]),
            channels=image.channels,
            fluorescence=any(channel.fluorescence for channel in image.channels),
            planes=image.planes,
            plane_step_um=step if image.planes > 1 else 0.0,
        )
        self._take_layers([pages, *smaller_pages(pages)])
        for name, number in ome.others:
            role = "LABEL" if "label" in name.lower() else "OVERVIEW"
            if role == "LABEL" or "macro" in name.lower():
                self._take_picture(role, pages_at(self._tiff, (number,))[0])
            elif pages_at(self._tiff, (number,))[0].size >= _SCAN_PIXELS:
                notes = [_OTHER_SCANS] + [note for note in notes if note != _OTHER_SCANS]
        self.scanner = replace(self.scanner, notes=(*self.scanner.notes, *notes))

    def _read_qptiff(self) -> None:
        series = self._tiff.series
        base = series[0].levels[0].pages
        if len(base) > MOST_LAYERS:
            raise refuse("too_large", f"{len(base)} channels", f"{len(base)} kênh")
        first = base[0]
        grey = first.samplesperpixel == 1
        if not grey and len(base) > 1:
            raise refuse("pixels", f"{len(base)} colour pictures", f"{len(base)} ảnh màu")
        self.scanner = Scanner(
            vendor="PerkinElmer",
            model=_text(first, _MODEL),
            software=_text(first, _SOFTWARE),
            mpp=resolution_mpp(first),
            objective_power=qptiff.objective_power(first),
            icc=_profile(first),
            channels=tuple(qptiff.read_channel(page) for page in base) if grey else (),
            fluorescence=grey,
        )
        self._take_layers([list(level.pages) for level in series[0].levels])
        for one in series[1:]:
            role = {"Macro": "OVERVIEW", "Label": "LABEL"}.get(one.name)
            if role:
                self._take_picture(role, one.keyframe)

    def _read_plain(self, base: Any) -> None:
        self.scanner = replace(
            self.scanner,
            vendor=_text(base, _MAKE) or "TIFF",
            model=_text(base, _MODEL),
            software=_text(base, _SOFTWARE),
            mpp=resolution_mpp(base),
        )
        least = min(base.size, _SCAN_PIXELS)
        if any(one.keyframe.size >= least for one in self._tiff.series[1:]):
            self.scanner = replace(self.scanner, notes=(_OTHER_SCANS,))

    def _take_picture(self, role: str, page: Any) -> None:
        if page.imagewidth * page.imagelength > _LARGEST_PICTURE_PIXELS or role in self.pictures:
            return
        try:
            pixels = np.asarray(page.asarray())
        except Exception:  # a label that does not decode keeps no slide away
            self.scanner = replace(
                self.scanner, notes=(*self.scanner.notes, _NO_PICTURE.get(role, _NO_PICTURE[""]))
            )
            return
        if pixels.dtype == np.uint8 and pixels.ndim in (2, 3):
            colour = np.repeat(pixels[..., None], 3, 2) if pixels.ndim == 2 else pixels[..., :3]
            self.pictures[role] = Picture(
                np.ascontiguousarray(colour), rows=colour.shape[0], columns=colour.shape[1]
            )


_NO_STEP = (
    "Tệp không ghi khoảng cách giữa các mặt tiêu; tạm lấy 1 µm, thứ tự vẫn đúng.",
    "The file has no distance between its focal planes; 1 µm is assumed, their order is right.",
)
_OTHER_SCANS = (
    "Tệp có nhiều ảnh quét; chỉ ảnh đầu tiên được chuyển đổi.",
    "The file holds several scans; only the first one was converted.",
)
_NO_PICTURE = {
    "LABEL": ("Ảnh nhãn trong tệp không đọc được.", "The label picture in the file is unreadable."),
    "": ("Ảnh toàn cảnh trong tệp không đọc được.", "The overview picture is unreadable."),
}


def _check_directory(tiff: Any, page: Any) -> None:
    """What would say that a plain TIFF is no plain one is not lost. Raises ConversionRefused."""
    form, file = tiff.tiff, tiff.filehandle
    file.seek(page.offset)
    (count,) = struct.unpack(form.tagnoformat, file.read(form.tagnosize))
    entries = file.read(count * form.tagsize)
    codes = {
        struct.unpack_from(f"{form.byteorder}H", entries, at)[0]
        for at in range(0, len(entries), form.tagsize)
    }
    (following,) = struct.unpack(form.offsetformat, file.read(form.offsetsize))
    if following >= file.size or (_DESCRIPTION in codes and page.tags.get(_DESCRIPTION) is None):
        raise refuse(
            "damaged", "its directory leads beyond its end", "mục lục trỏ ra ngoài phần cuối tệp"
        )


def resolution_mpp(page: Any) -> tuple[float, float]:
    """Micrometres a pixel (x, y) by the TIFF resolution tags; zeros when implausible."""
    unit = {2: 25400.0, 3: 10000.0}.get(int(page.tags.valueof(296, default=1)), 0.0)
    found = []
    for tag in (282, 283):
        value = page.tags.valueof(tag, default=(0, 1))
        number = value[0] / value[1] if isinstance(value, tuple) and value[1] else 0.0
        mpp = unit / number if number else 0.0
        found.append(mpp if _PLAUSIBLE_MPP[0] <= mpp <= _PLAUSIBLE_MPP[1] else 0.0)
    return found[0], found[1]


def _coded_picture(data: bytes) -> Picture:
    header = jpeg.read_header(data)
    if not header.is_baseline or header.samples != 3:
        pixels = jpeg.decode(data)
        colour = np.repeat(pixels[..., None], 3, 2) if pixels.ndim == 2 else pixels
        return Picture(colour, rows=colour.shape[0], columns=colour.shape[1])
    return Picture(None, data, header.colour == "RGB", header.rows, header.columns)


def _unpadded(base: Any, page: Any) -> tuple[int, int]:
    """Philips pads every page to whole tiles: the factor is a power of two, the size follows."""
    factor = 1
    while base.imagewidth / page.imagewidth > factor * 1.5:
        factor *= 2
    return -(-base.imagewidth // factor), -(-base.imagelength // factor)


def _profile(page: Any) -> bytes:
    icc = page.tags.get(_ICC)
    return bytes(icc.value) if icc is not None else b""


def _size(page: Any) -> str:
    return f"{page.imagewidth} × {page.imagelength}"


def _text(page: Any, tag: int) -> str:
    value = page.tags.valueof(tag, default="")
    return value.strip() if isinstance(value, str) else ""
