"""How an instance says its pixels are laid out (PS3.3 C.7.6.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydicom.uid import ExplicitVRBigEndian

from dicom_node.errors import CannotDecode
from dicom_node.pixels.syntaxes import NATIVE, VIDEO

__all__ = ["PixelDescription"]

_KEYWORDS = {
    "7FE00010": "PixelData",
    "7FE00008": "FloatPixelData",
    "7FE00009": "DoubleFloatPixelData",
}

# More than any detector or scanner makes; a header beyond it is a mistake or an attack.
_LONGEST_FRAME = 1 << 31


@dataclass(frozen=True, slots=True)
class PixelDescription:
    """The Image Pixel Module of one instance, checked.

    ``keyword`` and ``vr`` are those of the element that holds the frames.
    """

    transfer_syntax_uid: str
    rows: int
    columns: int
    samples_per_pixel: int
    photometric_interpretation: str
    bits_allocated: int
    bits_stored: int
    pixel_representation: int
    planar_configuration: int
    number_of_frames: int
    keyword: str = "PixelData"
    vr: str = "OW"

    @classmethod
    def from_header(
        cls, header: Mapping[str, Any], transfer_syntax_uid: str, number_of_frames: int = 0
    ) -> "PixelDescription":
        """Read a DICOM JSON header.

        Raises
        ------
        CannotDecode
            There are no pixels, or the header contradicts itself.
        """
        rows = _integer(header, "00280010")
        columns = _integer(header, "00280011")
        tag = next((tag for tag in _KEYWORDS if tag in header), "7FE00010")
        keyword = _KEYWORDS[tag]
        allocated = _integer(header, "00280100", _float_bits(keyword))
        description = cls(
            transfer_syntax_uid=transfer_syntax_uid,
            rows=rows,
            columns=columns,
            samples_per_pixel=_integer(header, "00280002", 1),
            photometric_interpretation=_text(header, "00280004") or "MONOCHROME2",
            bits_allocated=allocated,
            bits_stored=_integer(header, "00280101", allocated),
            pixel_representation=_integer(header, "00280103", 0),
            planar_configuration=_integer(header, "00280006", 0),
            number_of_frames=number_of_frames or _integer(header, "00280008", 1) or 1,
            keyword=keyword,
            vr=header.get(tag, {}).get("vr", "OW"),
        )
        description._check()
        return description

    @property
    def is_native(self) -> bool:
        return self.transfer_syntax_uid in NATIVE

    @property
    def is_video(self) -> bool:
        return self.transfer_syntax_uid in VIDEO

    @property
    def is_colour(self) -> bool:
        return self.samples_per_pixel > 1

    @property
    def frame_bits(self) -> int:
        """Length of one native frame in bits; frames of 1-bit images need not fill bytes."""
        samples = self.rows * self.columns * self.samples_per_pixel
        if self.photometric_interpretation == "YBR_FULL_422" and self.is_native:
            samples = samples // 3 * 2
        return samples * self.bits_allocated

    def as_single_frame(self) -> "PixelDescription":
        return replace(self, number_of_frames=1)

    def decoder_options(self) -> dict[str, Any]:
        """The keyword arguments of pydicom's decoders for one frame of this image."""
        options: dict[str, Any] = {
            "rows": self.rows,
            "columns": self.columns,
            "samples_per_pixel": self.samples_per_pixel,
            "photometric_interpretation": self.photometric_interpretation,
            "bits_allocated": self.bits_allocated,
            "bits_stored": self.bits_stored,
            "pixel_representation": self.pixel_representation,
            "number_of_frames": 1,
            "pixel_keyword": self.keyword,
        }
        if self.is_colour:
            options["planar_configuration"] = self.planar_configuration
        if self.transfer_syntax_uid == ExplicitVRBigEndian:
            # 8-bit samples in OW words have been put right by `Frames`.
            options["pixel_vr"] = "OW" if self.bits_allocated > 8 else "OB"
        return options

    def _check(self) -> None:
        if self.rows < 1 or self.columns < 1:
            raise CannotDecode("the header has no Rows or Columns")
        if self.samples_per_pixel not in (1, 3, 4):
            raise CannotDecode(f"{self.samples_per_pixel} samples per pixel are not an image")
        if self.bits_allocated not in (1, 8, 16, 32, 64):
            raise CannotDecode(f"{self.bits_allocated} bits allocated are not supported")
        if not 1 <= self.bits_stored <= self.bits_allocated:
            raise CannotDecode(f"{self.bits_stored} bits stored in {self.bits_allocated}")
        if self.frame_bits // 8 > _LONGEST_FRAME:
            raise CannotDecode("the header claims a frame of more than 2 GiB")


def _float_bits(keyword: str) -> int:
    return {"FloatPixelData": 32, "DoubleFloatPixelData": 64}.get(keyword, 0)


def _first(header: Mapping[str, Any], tag: str) -> Any:
    values = header.get(tag, {}).get("Value") or [None]
    return values[0]


def _integer(header: Mapping[str, Any], tag: str, default: int = 0) -> int:
    value = _first(header, tag)
    try:
        return default if value is None else int(value)
    except (TypeError, ValueError):
        return default


def _text(header: Mapping[str, Any], tag: str) -> str:
    value = _first(header, tag)
    return value.strip() if isinstance(value, str) else ""
