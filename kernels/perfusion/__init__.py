"""CT perfusion in stages, each of which a reader can look into and change::

    rest = steady(hu, spacing_mm)                           # if the head moved
    prepared = prepare(rest.hu, times_s, spacing_mm, motion=rest.motion)  # once, the long part
    inputs = find_inputs(prepared)                          # or pick_input(prepared, point)
    maps = perfusion_maps(prepared, inputs.scaled_artery_hu)
    found = lesions(maps)

Decision support: proven on phantoms, not on patients.
"""

from kernels.perfusion.deconvolution import METHODS, Deconvolution, deconvolve
from kernels.perfusion.inputs import InputCurve, Inputs, find_inputs, pick_input
from kernels.perfusion.lesions import (
    Lesions,
    LesionThresholds,
    hemispheres,
    lesions,
    mismatch,
)
from kernels.perfusion.maps import (
    HAEMATOCRIT_RATIO,
    TISSUE_DENSITY_G_ML,
    PerfusionMaps,
    perfusion_maps,
)
from kernels.perfusion.motion import SteadySeries, steady
from kernels.perfusion.preparation import Prepared, cranial_cavity, prepare
from kernels.perfusion.refusal import PerfusionFlag, PerfusionRefused, Refusal
from kernels.perfusion.timing import ImageOrder, check_times, order_images

__all__ = [
    "HAEMATOCRIT_RATIO",
    "METHODS",
    "TISSUE_DENSITY_G_ML",
    "Deconvolution",
    "ImageOrder",
    "InputCurve",
    "Inputs",
    "LesionThresholds",
    "Lesions",
    "PerfusionFlag",
    "PerfusionMaps",
    "PerfusionRefused",
    "Prepared",
    "Refusal",
    "SteadySeries",
    "check_times",
    "cranial_cavity",
    "deconvolve",
    "find_inputs",
    "hemispheres",
    "lesions",
    "mismatch",
    "order_images",
    "perfusion_maps",
    "pick_input",
    "prepare",
    "steady",
]
