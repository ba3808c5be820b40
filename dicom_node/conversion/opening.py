"""Which reader takes a file; nothing is believed of its name but where formats share a magic."""

from dataclasses import replace
from pathlib import Path

import openslide
import tifffile

from dicom_node.conversion.ndpi import NdpiSource, NotCuttable
from dicom_node.conversion.refusals import ConversionRefused, refuse
from dicom_node.conversion.slide_library import LibrarySource
from dicom_node.conversion.source import SlideSource
from dicom_node.conversion.tiff import TiffSource

__all__ = ["open_source"]

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# What OpenSlide must decode although it is a TIFF: tiles overlap, or are JPEG 2000 in YCbCr.
_OVERLAPPING = frozenset({"leica", "trestle", "ventana"})
_YCBCR_JPEG_2000 = 33003


def open_source(path: Path) -> SlideSource:
    """Open a vendor's file.

    Raises
    ------
    ConversionRefused
        It is no slide, or one of a kind that cannot be read; says which.
    """
    with path.open("rb") as file:
        magic = file.read(4)
    if magic not in _TIFF_MAGIC:
        return LibrarySource(path)
    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages[0]
            flags = {name for name in ("ndpi", "scn", "bif") if getattr(tiff, f"is_{name}")}
            compression = int(page.compression)
    except Exception as error:  # whatever the parser met
        raise refuse("not_a_slide", "TIFF") from error
    if "ndpi" in flags:
        try:
            return NdpiSource(path)
        except NotCuttable as reason:
            source = LibrarySource(path)
            notes = (*source.scanner.notes, *reason.notes)
            source.scanner = replace(source.scanner, notes=notes)
            return source
    vendor = openslide.OpenSlide.detect_format(str(path))
    if flags or vendor in _OVERLAPPING or compression == _YCBCR_JPEG_2000:
        return LibrarySource(path)
    try:
        return TiffSource(path)
    except ConversionRefused as refusal:
        # OpenSlide knows layouts that we do not; what it cannot read either keeps our words. Of
        # several channels or 16 bits it would show a part without a word.
        if refusal.code != "not_a_slide":
            raise
        try:
            return LibrarySource(path)
        except ConversionRefused:
            raise refusal from None
