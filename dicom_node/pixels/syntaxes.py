"""Transfer syntaxes and the media types their frames travel as (PS3.18 8.7.3.3)."""

from pydicom.uid import (
    HEVCM10P51,
    HEVCMP51,
    HTJ2K,
    JPEG2000,
    JPEG2000MC,
    MPEG2MPHL,
    MPEG2MPHLF,
    MPEG2MPML,
    MPEG2MPMLF,
    MPEG4HP41,
    MPEG4HP41BD,
    MPEG4HP41BDF,
    MPEG4HP41F,
    MPEG4HP42STEREO,
    MPEG4HP42STEREOF,
    MPEG4HP422D,
    MPEG4HP422DF,
    MPEG4HP423D,
    MPEG4HP423DF,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEG2000MCLossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

__all__ = [
    "JXL",
    "JXL_JPEG_RECOMPRESSION",
    "JXL_LOSSLESS",
    "NATIVE",
    "OCTET_STREAM",
    "VIDEO",
    "DeflatedImageFrame",
    "JPEGFullProgression",
    "JPEGSpectralSelection",
    "default_syntax",
    "media_types",
]

OCTET_STREAM = "application/octet-stream"

# Syntaxes pydicom 3.0 has no names for (PS3.5 A.4, A.8; the first two are retired).
JPEGSpectralSelection = UID("1.2.840.10008.1.2.4.53")
JPEGFullProgression = UID("1.2.840.10008.1.2.4.55")
JXL_LOSSLESS = UID("1.2.840.10008.1.2.4.110")
JXL_JPEG_RECOMPRESSION = UID("1.2.840.10008.1.2.4.111")
JXL = UID("1.2.840.10008.1.2.4.112")
DeflatedImageFrame = UID("1.2.840.10008.1.2.8.1")

# Frames lie side by side in one value; each is rows x columns x samples.
NATIVE = frozenset(
    {
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    }
)

_MPEG2 = (MPEG2MPML, MPEG2MPMLF, MPEG2MPHL, MPEG2MPHLF)
_MPEG4 = (
    MPEG4HP41,
    MPEG4HP41F,
    MPEG4HP41BD,
    MPEG4HP41BDF,
    MPEG4HP422D,
    MPEG4HP422DF,
    MPEG4HP423D,
    MPEG4HP423DF,
    MPEG4HP42STEREO,
    MPEG4HP42STEREOF,
)
_HEVC = (HEVCMP51, HEVCM10P51)

# One stream for all frames: there is no such thing as its third frame.
VIDEO = frozenset({*_MPEG2, *_MPEG4, *_HEVC})

# The first of each tuple is the name we answer with, the others are ones clients still use.
_JPEG = ("image/jpeg", "image/dicom+jpeg", "image/jll")
_JLS = ("image/jls", "image/x-jls", "image/dicom+jpeg-ls")
_JP2 = ("image/jp2", "image/dicom+jp2")
_JPX = ("image/jpx", "image/dicom+jpx")
_JPHC = ("image/jphc", "image/jhc")
_JXL = ("image/jxl",)
_RLE = ("image/dicom-rle", "image/x-dicom-rle", "image/dicom+rle")

_MEDIA_TYPES: dict[str, tuple[str, ...]] = {
    JPEGBaseline8Bit: _JPEG,
    JPEGExtended12Bit: _JPEG,
    JPEGSpectralSelection: _JPEG,
    JPEGFullProgression: _JPEG,
    JPEGLossless: _JPEG,
    JPEGLosslessSV1: _JPEG,
    JPEGLSLossless: _JLS,
    JPEGLSNearLossless: _JLS,
    JPEG2000Lossless: _JP2,
    JPEG2000: _JP2,
    JPEG2000MCLossless: _JPX,
    JPEG2000MC: _JPX,
    HTJ2KLossless: _JPHC,
    HTJ2KLosslessRPCL: _JPHC,
    HTJ2K: _JPHC,
    JXL_LOSSLESS: _JXL,
    JXL_JPEG_RECOMPRESSION: _JXL,
    JXL: _JXL,
    RLELossless: _RLE,
    **dict.fromkeys(_MPEG2, ("video/mpeg", "video/mpeg2")),
    **dict.fromkeys((*_MPEG4, *_HEVC), ("video/mp4",)),
}

# What a media type means when no transfer syntax is named with it (PS3.18 Table 8.7.3-5).
_DEFAULT_SYNTAXES: dict[str, UID] = {
    OCTET_STREAM: ExplicitVRLittleEndian,
    **dict.fromkeys(_JPEG, JPEGLosslessSV1),
    **dict.fromkeys(_JLS, JPEGLSLossless),
    **dict.fromkeys(_JP2, JPEG2000Lossless),
    **dict.fromkeys(_JPHC, HTJ2KLossless),
    **dict.fromkeys(_RLE, RLELossless),
}


def media_types(transfer_syntax_uid: str) -> tuple[str, ...]:
    """The media types of a frame in a transfer syntax, our own choice first."""
    return _MEDIA_TYPES.get(transfer_syntax_uid, (OCTET_STREAM,))


def default_syntax(media_type: str) -> UID | None:
    """The transfer syntax a bare media type asks for; None where we could not make it."""
    return _DEFAULT_SYNTAXES.get(media_type)
