"""Whatever OpenSlide opens and we cannot take apart: decoded, and coded anew.

MIRAX, Leica SCN, Ventana BIF, Hamamatsu VMS and VMU, Trestle, Sakura, Zeiss CZI: their tiles
overlap, or lie in other places than a grid, so their coded bytes cannot be frames.
"""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import tifffile
from numpy.typing import NDArray

from dicom_node.conversion.refusals import damaged, refuse
from dicom_node.conversion.source import LARGEST_LEVEL_PIXELS, Picture, Scanner

__all__ = ["LibraryLevel", "LibrarySource"]

_TILE = 512
_VENDORS = {
    "aperio": "Aperio",
    "hamamatsu": "Hamamatsu",
    "leica": "Leica",
    "mirax": "3DHISTECH",
    "philips": "Philips",
    "sakura": "Sakura",
    "trestle": "Trestle",
    "ventana": "Ventana",
    "zeiss": "Zeiss",
}
_ROLES = {"label": "LABEL", "macro": "OVERVIEW"}
_SERIALS = ("hamamatsu.NDP.S/N", "aperio.ScanScope ID", "leica.device-model", "ventana.UnitNumber")
_TIMES = (
    ("mirax.GENERAL.SLIDE_CREATIONDATETIME", "%d/%m/%Y %H:%M:%S"),
    ("leica.creation-date", "%Y-%m-%dT%H:%M:%S"),
    ("ventana.ScanDate", "%m/%d/%Y %I:%M:%S %p"),
    ("tiff.DateTime", "%Y:%m:%d %H:%M:%S"),
)


class LibraryLevel:
    """A `SourceLevel` read through OpenSlide, within the bounds of what was scanned."""

    transfer_syntax_uid = ""
    lossless = False
    bits = 8
    tile_width = tile_height = _TILE

    def __init__(
        self,
        slide: Any,
        level: int,
        origin: tuple[int, int],
        size: tuple[int, int],
        coded_bytes: int,
    ) -> None:
        self._slide = slide
        self._level = level
        self._origin = origin
        self._downsample = slide.level_downsamples[level]
        self.width, self.height = size
        self.photometric_interpretation = "YBR_FULL_422"
        self.coded_bytes = coded_bytes

    def pixels(self, column: int, row: int) -> NDArray[np.uint8]:
        x, y = column * _TILE, row * _TILE
        size = min(_TILE, self.width - x), min(_TILE, self.height - y)
        corner = (
            self._origin[0] + round(x * self._downsample),
            self._origin[1] + round(y * self._downsample),
        )
        try:
            picture = np.asarray(self._slide.read_region(corner, self._level, size))
        except openslide.OpenSlideError as error:
            raise damaged("a tile does not decode") from error
        alpha = picture[..., 3:]
        if alpha.min() == 255:
            return np.ascontiguousarray(picture[..., :3])
        # What was never scanned is transparent: glass, as the pathologist expects it.
        return np.where(alpha > 0, picture[..., :3], np.uint8(255))


class LibrarySource:
    """A slide of any vendor OpenSlide knows.

    Raises
    ------
    ConversionRefused
    """

    def __init__(self, path: Path) -> None:
        try:
            vendor = openslide.OpenSlide.detect_format(str(path))
            if vendor is None or vendor == "dicom":
                raise refuse("not_a_slide", path.suffix.lower() or "?")
            _check_tiles(path)
            self._slide = openslide.OpenSlide(str(path))
        except openslide.OpenSlideError as error:
            reason = str(error).split("\n")[0][:120]
            if "ompression" in reason:
                raise refuse("compression", reason) from error
            raise refuse("damaged", reason, reason) from error
        properties = self._slide.properties
        self.scanner = _scanner(vendor, properties, self._slide.color_profile)
        origin, size = _bounds(self._slide)
        if size[0] * size[1] > LARGEST_LEVEL_PIXELS:
            raise refuse("too_large", f"{size[0]} × {size[1]}")
        # Only the base is read: the smaller levels are made by our own arithmetic, so that all
        # levels of a slide show the same thing.
        stored = path.stat().st_size
        self.levels = [LibraryLevel(self._slide, 0, origin, size, stored)]
        self.pictures: dict[str, Picture] = {}
        for name, role in _ROLES.items():
            if name in self._slide.associated_images:
                pixels = np.array(self._slide.associated_images[name].convert("RGB"))
                self.pictures[role] = Picture(pixels, rows=pixels.shape[0], columns=pixels.shape[1])

    def close(self) -> None:
        self._slide.close()


def _bounds(slide: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """What was scanned, of a matrix that may be mostly empty (MIRAX)."""
    width, height = slide.dimensions
    names = ("x", "y", "width", "height")
    try:
        x, y, w, h = (int(slide.properties[f"openslide.bounds-{name}"]) for name in names)
    except (KeyError, ValueError):
        return (0, 0), (width, height)
    if w < 1 or h < 1 or x < 0 or y < 0 or x + w > width or y + h > height:
        return (0, 0), (width, height)
    return (x, y), (w, h)


def _check_tiles(path: Path) -> None:
    """OpenSlide shows tiles without bytes as white; where we can count them, we do."""
    try:
        with tifffile.TiffFile(path) as tiff:
            pages: list[Any] = list(tiff.pages)
            page = max(pages, key=lambda each: each.imagewidth * each.imagelength)
            counts, offsets = page.databytecounts, page.dataoffsets
            end = os.path.getsize(path)
            outside = sum(1 for at, n in zip(offsets, counts, strict=False) if at + n > end)
            empty = sum(1 for n in counts if not n)
    except Exception:  # no TIFF, or one only its vendor understands
        return
    if outside or empty > len(counts) // 2:
        raise refuse(
            "damaged",
            f"{outside + empty} of {len(counts)} tiles of the full image are not in the file",
            f"{outside + empty}/{len(counts)} ô của lớp ảnh gốc không có trong tệp",
        )


def _scanner(vendor: str, properties: Any, profile: Any) -> Scanner:
    def number(name: str) -> float:
        try:
            return max(0.0, float(properties.get(name, 0)))
        except ValueError:
            return 0.0

    at = None
    for name, form in _TIMES:
        try:
            at = datetime.strptime(properties.get(name, "")[:22].rstrip("Z"), form)  # noqa: DTZ007
            break
        except ValueError:
            continue
    serial = next((properties[name] for name in _SERIALS if properties.get(name)), "")
    return Scanner(
        vendor=_VENDORS.get(vendor, vendor),
        model=properties.get("tiff.Model", ""),
        serial=serial,
        software=properties.get("tiff.Software", ""),
        mpp=(number("openslide.mpp-x"), number("openslide.mpp-y")),
        objective_power=number("openslide.objective-power"),
        scanned_at=at,
        icc=profile.tobytes() if profile is not None else b"",
    )
