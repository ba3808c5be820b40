"""Arrays in, arrays out: the arithmetic of images. Knows neither DICOM nor screens.

Volumes are C-contiguous (slices, rows, columns); lengths are millimetres. Bad input raises
ValueError, never anything else.
"""

from kernels import perfusion
from kernels._jit import compile_all
from kernels._threads import set_threads
from kernels.analysis import AnalysisCopy, analysis_copy
from kernels.asymmetry import (
    Asymmetry,
    DarkCluster,
    WaterUptake,
    masked_gaussian,
    mirror_difference,
    net_water_uptake,
    posterior_fossa,
)
from kernels.brain import BrainMask, BrainProblem, brain_mask, grain_ratio
from kernels.densitometry import RegionComparison, RegionFinding, compare_regions, suggested_score
from kernels.haemorrhage import (
    HaemorrhageCandidate,
    HaemorrhageCandidates,
    HaemorrhageVolume,
    find_haemorrhages,
    measure_haemorrhage,
)
from kernels.macenko import MacenkoFit, fit_macenko, normalise_macenko
from kernels.marks import SlideWarning, slide_warnings
from kernels.measure import (
    angle_between_lines_deg,
    angle_deg,
    distance_to_line_mm,
    distance_to_plane_mm,
    ellipse_area_mm2,
    ellipse_perimeter_mm,
    length_mm,
    polygon_area_mm2,
    polygon_centroid_mm,
)
from kernels.midsagittal import MidsagittalPlane, find_midsagittal_plane, mirror, mirror_mask
from kernels.morphology import distance_mm
from kernels.nuclei import Nuclei, find_nuclei
from kernels.overlay import compose_channels, density_grid
from kernels.palette import PALETTES, display_colour, named_palette, palette_colour
from kernels.perfusion_head import PerfusionHead, perfusion_head
from kernels.perfusion_phantom import PerfusionPhantom, perfusion_phantom
from kernels.phantom import HeadPhantom, head_phantom
from kernels.reduce import PyramidTile, halve, pyramid, pyramid_shapes
from kernels.region import (
    RegionStatistics,
    ellipse_mask,
    histogram,
    polygon_mask,
    region_statistics,
)
from kernels.regions import (
    ASPECTS_REGIONS,
    POSTERIOR_REGIONS,
    AspectsLevels,
    RegionOutline,
    RegionSeed,
    levels_at,
    outline_regions,
    propose_levels,
    region_masks,
)
from kernels.reinhard import normalise_reinhard, reinhard_statistics
from kernels.resample import EvenStack, UprightStack, even, unshear
from kernels.reslice import Plane, Projection, curved_plane, project, reslice, sample, slab
from kernels.shift import MidlineShift, ShiftPoints, measure_shift, propose_shift_points
from kernels.spacing import Gap
from kernels.sparse import scan_positions
from kernels.stack import StackGeometry, StackProblem, analyse
from kernels.stain import HAEMATOXYLIN_EOSIN_DAB, optical_density, separate_stains
from kernels.stroke_phantom import Finding, StrokePhantom, stroke_drill, stroke_phantom
from kernels.tissue import TissueMask, focus_map, tissue_mask
from kernels.values import Lut, Rescale, modality_values, padding_mask, stored_values
from kernels.ventricles import Ventricles, find_ventricles
from kernels.vessel import VesselComparison, VesselRidge, compare_vessels, propose_corridor
from kernels.volumetry import (
    AbcVolume,
    HalfMaximum,
    abc_over_2,
    grow_half_maximum,
    planimetric_volume_ml,
)
from kernels.window import Display, VoiFunction, Window, display, display_table, window

__all__ = [
    "ASPECTS_REGIONS",
    "HAEMATOXYLIN_EOSIN_DAB",
    "PALETTES",
    "POSTERIOR_REGIONS",
    "AbcVolume",
    "AnalysisCopy",
    "AspectsLevels",
    "Asymmetry",
    "BrainMask",
    "BrainProblem",
    "DarkCluster",
    "Display",
    "EvenStack",
    "Finding",
    "Gap",
    "HaemorrhageCandidate",
    "HaemorrhageCandidates",
    "HaemorrhageVolume",
    "HalfMaximum",
    "HeadPhantom",
    "Lut",
    "MacenkoFit",
    "MidlineShift",
    "MidsagittalPlane",
    "Nuclei",
    "PerfusionHead",
    "PerfusionPhantom",
    "Plane",
    "Projection",
    "PyramidTile",
    "RegionComparison",
    "RegionFinding",
    "RegionOutline",
    "RegionSeed",
    "RegionStatistics",
    "Rescale",
    "ShiftPoints",
    "SlideWarning",
    "StackGeometry",
    "StackProblem",
    "StrokePhantom",
    "TissueMask",
    "UprightStack",
    "Ventricles",
    "VesselComparison",
    "VesselRidge",
    "VoiFunction",
    "WaterUptake",
    "Window",
    "abc_over_2",
    "analyse",
    "analysis_copy",
    "angle_between_lines_deg",
    "angle_deg",
    "brain_mask",
    "compare_regions",
    "compare_vessels",
    "compose_channels",
    "curved_plane",
    "density_grid",
    "display",
    "display_colour",
    "display_table",
    "distance_mm",
    "distance_to_line_mm",
    "distance_to_plane_mm",
    "ellipse_area_mm2",
    "ellipse_mask",
    "ellipse_perimeter_mm",
    "even",
    "find_haemorrhages",
    "find_midsagittal_plane",
    "find_nuclei",
    "find_ventricles",
    "fit_macenko",
    "focus_map",
    "grain_ratio",
    "grow_half_maximum",
    "halve",
    "head_phantom",
    "histogram",
    "length_mm",
    "levels_at",
    "masked_gaussian",
    "measure_haemorrhage",
    "measure_shift",
    "mirror",
    "mirror_difference",
    "mirror_mask",
    "modality_values",
    "named_palette",
    "net_water_uptake",
    "normalise_macenko",
    "normalise_reinhard",
    "optical_density",
    "outline_regions",
    "padding_mask",
    "palette_colour",
    "perfusion",
    "perfusion_head",
    "perfusion_phantom",
    "planimetric_volume_ml",
    "polygon_area_mm2",
    "polygon_centroid_mm",
    "polygon_mask",
    "posterior_fossa",
    "project",
    "propose_corridor",
    "propose_levels",
    "propose_shift_points",
    "pyramid",
    "pyramid_shapes",
    "region_masks",
    "region_statistics",
    "reinhard_statistics",
    "reslice",
    "sample",
    "scan_positions",
    "separate_stains",
    "set_threads",
    "slab",
    "slide_warnings",
    "stored_values",
    "stroke_drill",
    "stroke_phantom",
    "suggested_score",
    "tissue_mask",
    "unshear",
    "warm_up",
    "window",
]


def warm_up() -> None:
    """Compile every kernel, or load what an earlier run compiled.

    A service calls it in a thread at its start; a call that comes sooner waits for its own
    kernel only. 23 s of processor time were measured, once per machine and version, and under
    one second afterwards.
    """
    compile_all()
