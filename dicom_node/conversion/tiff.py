"""Aperio SVS, Philips TIFF, OME-TIFF and plain tiled TIFF: tiles taken as they are stored."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile

from dicom_node.conversion import jpeg
from dicom_node.conversion.refusals import ConversionRefused, refuse
from dicom_node.conversion.source import Picture, Scanner
from dicom_node.conversion.tiles import TiffLevel, read_tile_level

__all__ = ["TiffSource", "resolution_mpp"]

_ICC = 34675
_SOFTWARE, _MAKE, _MODEL = 305, 271, 272
_PLAUSIBLE_MPP = (0.02, 50.0)
_LARGEST_PICTURE_PIXELS = 50_000_000
_LARGEST_TEXT = 64 << 20
_PHILIPS_PICTURES = {"LABELIMAGE": "LABEL", "MACROIMAGE": "OVERVIEW"}
_MICROMETRES = {"µm": 1.0, "μm": 1.0, "um": 1.0, "mm": 1e3, "cm": 1e4, "nm": 1e-3}


class TiffSource:
    """A tiled TIFF of any of these vendors.

    Raises
    ------
    ConversionRefused
        No level of it can be taken.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._tiff: Any = tifffile.TiffFile(self._file)
            self.pictures: dict[str, Picture] = {}
            self.levels: list[TiffLevel] = []
            self.scanner = Scanner("")
            self._read()
        except ConversionRefused:
            self._file.close()
            raise
        except Exception as error:  # a parser met a file nobody foresaw
            self._file.close()
            raise refuse("not_a_slide", "TIFF") from error

    def close(self) -> None:
        self._file.close()

    def _read(self) -> None:
        tiff = self._tiff
        if not tiff.series:
            raise refuse("not_a_slide", "TIFF")
        series = tiff.series[0]
        pages = []
        for level in series.levels:
            if len(level.pages) != 1:
                raise refuse(
                    "pixels",
                    f"{len(level.pages)} separate planes",
                    f"{len(level.pages)} mặt phẳng riêng",
                )
            pages.append(level.keyframe)
        base = pages[0]
        icc = base.tags.get(_ICC)
        self.scanner = Scanner("TIFF", icc=bytes(icc.value) if icc is not None else b"")
        sizes: list[tuple[int, int] | None] = [None] * len(pages)
        if tiff.is_philips:
            self._read_philips(base)
            sizes = [_unpadded(base, page) for page in pages]
        elif tiff.is_svs:
            self._read_aperio(base)
        elif tiff.is_ome:
            self._read_ome()
        else:
            self._read_plain(base)
        self._take_levels(pages, sizes)

    def _take_levels(self, pages: list[Any], sizes: list[tuple[int, int] | None]) -> None:
        """The base must be whole; a smaller level that is not is left out and made anew."""
        sparse = self._tiff.is_philips
        for page, size in zip(pages, sizes, strict=True):
            try:
                level = read_tile_level(self._file.fileno(), page, sparse=sparse, size=size)
            except ConversionRefused:
                if not self.levels:
                    raise
                continue
            if not self.levels and level.missing:
                total = len(page.databytecounts)
                raise refuse(
                    "damaged",
                    f"{level.missing} of {total} tiles of the full image are not in the file",
                    f"{level.missing}/{total} ô của lớp ảnh gốc không có trong tệp",
                )
            if not level.missing:
                self.levels.append(level)

    # -- vendors

    def _read_aperio(self, base: Any) -> None:
        facts = _aperio_facts(base.description)
        mpp = _number(facts.get("MPP", ""))
        self.scanner = replace(
            self.scanner,
            vendor="Aperio",
            model=facts.get("ScannerType", ""),
            serial=facts.get("ScanScope ID", ""),
            software=base.description.split("\n", 1)[0].strip(),
            mpp=(mpp, mpp),
            objective_power=_number(facts.get("AppMag", "")),
            scanned_at=_aperio_time(facts),
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
        attributes = _philips_attributes(base.description)
        spacing = re.findall(r"[0-9.eE+-]+", attributes.get("DICOM_PIXEL_SPACING", ""))
        row_mm, column_mm = (
            (_number(spacing[0]), _number(spacing[1])) if len(spacing) > 1 else (0.0,) * 2
        )
        self.scanner = replace(
            self.scanner,
            vendor="Philips",
            model=attributes.get("DICOM_MANUFACTURERS_MODEL_NAME", ""),
            serial=attributes.get("DICOM_DEVICE_SERIAL_NUMBER", ""),
            software=attributes.get("DICOM_SOFTWARE_VERSIONS", ""),
            mpp=(column_mm * 1000, row_mm * 1000),
            scanned_at=_dicom_time(attributes.get("DICOM_ACQUISITION_DATETIME", "")),
        )
        for page in self._tiff.pages[1:]:
            role = {"label": "LABEL", "macro": "OVERVIEW"}.get(page.description.lower()[:5])
            if role and not page.is_tiled:
                self._take_picture(role, page)
        for role, data in _philips_pictures(base.description):
            if role not in self.pictures:
                self.pictures[role] = _coded_picture(data)

    def _read_ome(self) -> None:
        text = self._tiff.ome_metadata or ""
        if len(text) > _LARGEST_TEXT:
            raise refuse("too_large", "OME-XML")
        root = ElementTree.fromstring(text)
        pixels = next((each for each in root.iter() if _local(each.tag) == "Pixels"), None)
        objective = next((each for each in root.iter() if _local(each.tag) == "Objective"), None)
        detector = next((each for each in root.iter() if _local(each.tag) == "Microscope"), None)
        facts: Mapping[str, str] = pixels.attrib if pixels is not None else {}
        power = _number(objective.get("NominalMagnification", "")) if objective is not None else 0.0
        self.scanner = replace(
            self.scanner,
            vendor=(detector.get("Manufacturer", "") if detector is not None else "") or "OME-TIFF",
            model=detector.get("Model", "") if detector is not None else "",
            software=root.get("Creator", ""),
            mpp=(_ome_length(facts, "X"), _ome_length(facts, "Y")),
            objective_power=power,
        )
        for series in self._tiff.series[1:]:
            name = series.name.lower()
            role = "LABEL" if "label" in name else "OVERVIEW" if "macro" in name else None
            if role and len(series.pages) == 1:
                self._take_picture(role, series.keyframe)

    def _read_plain(self, base: Any) -> None:
        self.scanner = replace(
            self.scanner,
            vendor=_text(base, _MAKE) or "TIFF",
            model=_text(base, _MODEL),
            software=_text(base, _SOFTWARE),
            mpp=resolution_mpp(base),
        )

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


_NO_PICTURE = {
    "LABEL": ("Ảnh nhãn trong tệp không đọc được.", "The label picture in the file is unreadable."),
    "": ("Ảnh toàn cảnh trong tệp không đọc được.", "The overview picture is unreadable."),
}


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


def _aperio_facts(description: str) -> dict[str, str]:
    pairs = (part.split("=", 1) for part in description.split("|") if "=" in part)
    return {key.strip(): value.strip() for key, value in pairs}


def _aperio_time(facts: Mapping[str, str]) -> datetime | None:
    text = f"{facts.get('Date', '')} {facts.get('Time', '')}"
    for form in ("%m/%d/%y %H:%M:%S", "%m/%d/%Y %H:%M:%S"):
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 (the scanner knows no zone)
        except ValueError:
            continue
    return None


def _dicom_time(text: str) -> datetime | None:
    digits = "".join(re.findall(r"\d", text))[:14]
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007 (likewise)
    except ValueError:
        return None


def _philips_attributes(description: str) -> dict[str, str]:
    """The first value of each attribute; pictures are read elsewhere."""
    found: dict[str, str] = {}
    for match in re.finditer(
        r'<Attribute Name="(\w+)"[^>]*>([^<]{0,4000})</Attribute>', description
    ):
        found.setdefault(match[1], match[2].strip().strip('"'))
    return found


def _philips_pictures(description: str) -> list[tuple[str, bytes]]:
    found = []
    pattern = (
        r'Name="PIM_DP_IMAGE_TYPE"[^>]*>(LABELIMAGE|MACROIMAGE)<'
        r'(?:(?!PIM_DP_IMAGE_TYPE).)*?Name="PIM_DP_IMAGE_DATA"[^>]*>([A-Za-z0-9+/=\s]+)<'
    )
    for match in re.finditer(pattern, description, re.DOTALL):
        try:
            data = base64.b64decode(match[2])
            jpeg.read_header(data)
        except (binascii.Error, ConversionRefused):
            continue
        found.append((_PHILIPS_PICTURES[match[1]], data))
    return found


def _ome_length(facts: Mapping[str, str], axis: str) -> float:
    size = _number(facts.get(f"PhysicalSize{axis}", ""))
    mpp = size * _MICROMETRES.get(facts.get(f"PhysicalSize{axis}Unit", "µm"), 0.0)
    return mpp if _PLAUSIBLE_MPP[0] <= mpp <= _PLAUSIBLE_MPP[1] else 0.0


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _text(page: Any, tag: int) -> str:
    value = page.tags.valueof(tag, default="")
    return value.strip() if isinstance(value, str) else ""


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 < value < 1e9 else 0.0
