"""Arrays in, arrays out: the arithmetic of images. Knows neither DICOM nor screens.

Volumes are C-contiguous (slices, rows, columns); lengths are millimetres. Bad input raises
ValueError, never anything else.
"""

from kernels._jit import compile_all
from kernels._threads import set_threads
from kernels.palette import PALETTES, display_colour, named_palette, palette_colour
from kernels.phantom import HeadPhantom, head_phantom
from kernels.render import Viewport, encode, render
from kernels.resample import EvenStack, UprightStack, even, unshear
from kernels.reslice import Plane, Projection, curved_plane, project, reslice, sample, slab
from kernels.stack import Gap, StackGeometry, StackProblem, analyse
from kernels.values import Lut, Rescale, modality_values, padding_mask, stored_values
from kernels.window import Display, VoiFunction, Window, display, display_table, window

__all__ = [
    "PALETTES",
    "Display",
    "EvenStack",
    "Gap",
    "HeadPhantom",
    "Lut",
    "Plane",
    "Projection",
    "Rescale",
    "StackGeometry",
    "StackProblem",
    "UprightStack",
    "Viewport",
    "VoiFunction",
    "Window",
    "analyse",
    "curved_plane",
    "display",
    "display_colour",
    "display_table",
    "encode",
    "even",
    "head_phantom",
    "modality_values",
    "named_palette",
    "padding_mask",
    "palette_colour",
    "project",
    "render",
    "reslice",
    "sample",
    "set_threads",
    "slab",
    "stored_values",
    "unshear",
    "warm_up",
    "window",
]


def warm_up() -> None:
    """Compile every kernel, or load what an earlier run compiled.

    Call it once at service start, before the first user. Takes some tens of seconds the first
    time on a machine, under a second afterwards.
    """
    compile_all()
