"""How one frame is meant to look: the path from stored values to the screen (PS3.4 N.2)."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dicom_node.pixels.attributes import Attributes
from dicom_node.pixels.description import PixelDescription
from kernels import Display, Lut, Rescale, VoiFunction, Window, display

__all__ = ["grey_display", "palette", "to_screen"]


def grey_display(attributes: Attributes, window: Window | None = None) -> Display:
    """What the instance says of showing a grey frame; `window` overrides its own choice."""
    modality = _modality(attributes)
    voi = window or _voi(attributes, modality)
    inverted = attributes.text("PresentationLUTShape") == "INVERSE"
    if not attributes.text("PresentationLUTShape"):
        inverted = attributes.text("PhotometricInterpretation") == "MONOCHROME1"
    return Display(
        modality=modality,
        voi=voi,
        padding=_padding(attributes),
        inverted=inverted,
    )


def to_screen(
    pixels: NDArray[np.generic],
    description: PixelDescription,
    attributes: Attributes,
    window: Window | None = None,
) -> NDArray[np.uint8]:
    """Turn a decoded frame into what a screen shows.

    Parameters
    ----------
    pixels : (rows, columns) or (rows, columns, samples)
        From `decode_frame`.
    window : Window, optional
        Instead of the image's own; colour ignores it.

    Returns
    -------
    (rows, columns) or (rows, columns, 3) uint8
    """
    if description.is_colour:
        return _to_byte(pixels[..., :3], description.bits_stored)
    if description.photometric_interpretation == "PALETTE COLOR":
        colours = palette(attributes)
        if colours is not None:
            first, table = colours
            entries = np.clip(pixels.astype(np.int64) - first, 0, len(table) - 1)
            return table[entries]
    how = grey_display(attributes, window)
    if description.bits_allocated == 1 and how.voi is None:
        how = replace(how, voi=Window(0.5, 1.0, VoiFunction.LINEAR_EXACT))
    return display(pixels, how)


def palette(attributes: Attributes) -> tuple[int, NDArray[np.uint8]] | None:
    """First mapped value and (n, 3) uint8 table of a palette image; None when it is incomplete.

    References
    ----------
    PS3.3 C.7.6.3.1.5, C.7.6.3.1.6
    """
    columns, first = [], 0
    for colour in ("Red", "Green", "Blue"):
        descriptor = attributes.numbers(f"{colour}PaletteColorLookupTableDescriptor")
        if len(descriptor) != 3:
            return None
        count, first, bits = (int(value) for value in descriptor)
        count = count or 65536
        keyword = f"{colour}PaletteColorLookupTableData"
        words = attributes.words(keyword, bits)
        if bits == 8 and len(words) >= 2 * count:
            # Some writers put 8-bit entries into 16-bit words after all.
            words = attributes.words(keyword, 16)
        if len(words) < 1:
            return None
        words = words[:count]
        # 16-bit entries may hold 8-bit values; the largest says.
        shift = 8 if bits > 8 and words.max() > 255 else 0
        columns.append((words >> shift).astype(np.uint8))
    shortest = min(len(column) for column in columns)
    return first, np.stack([column[:shortest] for column in columns], axis=1)


def _to_byte(pixels: NDArray[np.generic], bits: int) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels, np.uint8)
    return np.asarray(pixels.astype(np.uint64) >> max(bits - 8, 0), np.uint64).astype(np.uint8)


def _padding(attributes: Attributes) -> tuple[int, int] | None:
    value = attributes.number("PixelPaddingValue")
    if value is None:
        return None
    limit = attributes.number("PixelPaddingRangeLimit")
    return int(value), int(value if limit is None else limit)


def _modality(attributes: Attributes) -> Rescale | Lut:
    table = _table(attributes.group("ModalityLUTSequence"))
    if table is not None:
        return table
    macro = attributes.group("PixelValueTransformationSequence") or attributes
    slope, intercept = macro.number("RescaleSlope"), macro.number("RescaleIntercept")
    # A slope of 0 would make every pixel the same; it is written by mistake.
    return Rescale(slope or 1.0, intercept or 0.0)


def _voi(attributes: Attributes, modality: Rescale | Lut) -> Window | Lut | None:
    macro = attributes.group("FrameVOILUTSequence") or attributes
    centers, widths = macro.numbers("WindowCenter"), macro.numbers("WindowWidth")
    if centers and widths:
        name = macro.text("VOILUTFunction") or VoiFunction.LINEAR
        known = name in set(VoiFunction)
        function = VoiFunction(name) if known else VoiFunction.LINEAR
        least = 1.0 if function is VoiFunction.LINEAR else 1e-6
        return Window(centers[0], max(widths[0], least), function)
    signed = isinstance(modality, Rescale) and attributes.number("PixelRepresentation") == 1
    return _table(attributes.group("VOILUTSequence"), signed)


def _table(item: Attributes, signed: bool = False) -> Lut | None:
    descriptor = item.numbers("LUTDescriptor")
    if len(descriptor) != 3:
        return None
    count, first, bits = (int(value) for value in descriptor)
    if signed and first > 32767:
        first -= 65536  # US or SS; the JSON model may have kept it unsigned
    words = item.words("LUTData", bits)[: count or 65536]
    if not len(words) or not 1 <= bits <= 16:
        return None
    return Lut(first, words, bits)
