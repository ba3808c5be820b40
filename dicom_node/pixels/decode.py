"""One encoded frame in, one array out.

pydicom and its plug-ins decode what they can; imagecodecs the rest: the two retired
progressive JPEG processes, JPEG XL and Deflated Image Frame.
"""

import zlib

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit

from dicom_node.errors import CannotDecode
from dicom_node.pixels.codestream import codestream_size
from dicom_node.pixels.description import PixelDescription
from dicom_node.pixels.syntaxes import (
    JXL,
    JXL_JPEG_RECOMPRESSION,
    JXL_LOSSLESS,
    NATIVE,
    DeflatedImageFrame,
    JPEGFullProgression,
    JPEGSpectralSelection,
)

__all__ = ["can_decode", "decode_frame"]

# GDCM is left out: if somebody installed it, it ends the whole process on some broken frames.
_PLUGINS = ("pylibjpeg", "pyjpegls", "pillow", "pydicom")
# libjpeg-turbo decodes a slide's tiles several times faster.
_BASELINE_PLUGINS = ("pillow", "pylibjpeg")
_JPEG_XL = frozenset({JXL_LOSSLESS, JXL_JPEG_RECOMPRESSION, JXL})
_JPEG_PROGRESSIVE = frozenset({JPEGSpectralSelection, JPEGFullProgression})


def can_decode(transfer_syntax_uid: str) -> bool:
    """Whether frames of this transfer syntax can be turned into arrays at all."""
    if transfer_syntax_uid in _JPEG_XL | _JPEG_PROGRESSIVE | {DeflatedImageFrame}:
        return True
    syntax = UID(transfer_syntax_uid)
    try:
        return syntax in NATIVE or bool(_plugins(get_decoder(syntax), syntax))
    except NotImplementedError:
        return False


def decode_frame(encoded: bytes, description: PixelDescription) -> NDArray[np.generic]:
    """Decode one frame.

    Parameters
    ----------
    encoded : bytes
        The whole codestream, fragments joined; or the native bytes of the frame.
    description : PixelDescription

    Returns
    -------
    (rows, columns) or (rows, columns, samples) array
        Stored values in native byte order; colour by pixel, YCbCr turned into RGB, palettes
        left as indices.

    Raises
    ------
    CannotDecode
        No decoder for the transfer syntax, or the bytes are not what the header says.

    References
    ----------
    PS3.5 8.1.1, 8.2
    """
    try:
        array = _decode(encoded, description)
    except CannotDecode:
        raise
    except Exception as error:
        # Decoders raise whatever their C libraries make of broken bytes.
        raise CannotDecode(
            f"frame of {len(encoded)} bytes in {description.transfer_syntax_uid} does not decode"
        ) from error
    expected = (description.rows, description.columns)
    if array.shape[:2] != expected:
        raise CannotDecode(f"the frame is {array.shape[:2]}, its header says {expected}")
    return np.asarray(array, dtype=array.dtype.newbyteorder("="))


def _decode(encoded: bytes, description: PixelDescription) -> NDArray[np.generic]:
    syntax = UID(description.transfer_syntax_uid)
    options = description.decoder_options()
    claimed = codestream_size(encoded)
    # A few bytes may claim a picture of many gigabytes: look before the decoder allocates it.
    if syntax not in NATIVE and claimed not in (None, (description.rows, description.columns)):
        raise CannotDecode(f"the codestream is {claimed}, its header says otherwise")
    if syntax in NATIVE:
        needed = (description.frame_bits + 7) // 8
        if len(encoded) < needed:
            raise CannotDecode(f"the frame has {len(encoded)} of {needed} bytes")
        return get_decoder(syntax).as_array(encoded, **options)[0]
    if syntax == DeflatedImageFrame:
        needed = (description.frame_bits + 7) // 8
        inflated = zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(encoded, needed)
        return get_decoder(ExplicitVRLittleEndian).as_array(inflated, **options)[0]
    if syntax in _JPEG_XL:
        return np.asarray(imagecodecs.jpegxl_decode(encoded))
    if syntax in _JPEG_PROGRESSIVE:
        return np.asarray(imagecodecs.jpeg8_decode(encoded))
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        raise CannotDecode(f"no decoder for transfer syntax {syntax}") from error
    source = encapsulate([encoded], has_bot=False)
    failure: Exception | None = None
    for plugin in _plugins(decoder, syntax):
        try:
            return decoder.as_array(source, decoding_plugin=plugin, **options)[0]
        except Exception as error:  # the next plug-in may know this dialect
            failure = error
    raise CannotDecode(f"a frame in {syntax} does not decode") from failure


def _plugins(decoder: Decoder, syntax: UID) -> list[str]:
    wanted = _BASELINE_PLUGINS if syntax == JPEGBaseline8Bit else _PLUGINS
    return [name for name in wanted if name in decoder.available_plugins]
