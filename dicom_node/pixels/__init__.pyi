from .cache import DerivedCache
from .decode import can_decode, decode_frame
from .description import PixelDescription
from .encode import can_transcode, encode_frame
from .frames import Frames

__all__ = [
    "DerivedCache",
    "Frames",
    "PixelDescription",
    "can_decode",
    "can_transcode",
    "decode_frame",
    "encode_frame",
]
