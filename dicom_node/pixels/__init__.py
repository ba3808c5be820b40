"""Pixels of stored instances: decode, transcode, draw."""

from dicom_node.pixels.cache import DerivedCache
from dicom_node.pixels.decode import can_decode, decode_frame
from dicom_node.pixels.description import PixelDescription
from dicom_node.pixels.encode import can_transcode, encode_frame
from dicom_node.pixels.frames import Frames

__all__ = [
    "DerivedCache",
    "Frames",
    "PixelDescription",
    "can_decode",
    "can_transcode",
    "decode_frame",
    "encode_frame",
]
