"""Arrays in, arrays out: the arithmetic of images. Knows neither DICOM nor screens.

Volumes are C-contiguous (slices, rows, columns); lengths are millimetres. Bad input raises
ValueError, never anything else.
"""

from kernels._threads import set_threads
from kernels.phantom import HeadPhantom, head_phantom
from kernels.stack import Gap, StackGeometry, StackProblem, analyse
from kernels.values import Lut, Rescale, modality_values, padding_mask, stored_values
from kernels.window import Display, VoiFunction, Window, display, display_table, window

__all__ = [
    "Display",
    "Gap",
    "HeadPhantom",
    "Lut",
    "Rescale",
    "StackGeometry",
    "StackProblem",
    "VoiFunction",
    "Window",
    "analyse",
    "display",
    "display_table",
    "head_phantom",
    "modality_values",
    "padding_mask",
    "set_threads",
    "stored_values",
    "window",
]
