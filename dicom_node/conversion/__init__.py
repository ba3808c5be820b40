"""Vendor slide files become DICOM VL Whole Slide Microscopy Images.

Tiles that are JPEG are copied bit for bit; what cannot be copied is coded anew, and said so.
All of it happens in a process of its own.
"""

from dicom_node.conversion.convert import Converted, Limits, convert
from dicom_node.conversion.facts import SlideFacts
from dicom_node.conversion.refusals import ConversionRefused, refuse

__all__ = ["ConversionRefused", "Converted", "Limits", "SlideFacts", "convert", "refuse"]
