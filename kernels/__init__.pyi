from . import perfusion
from ._threads import set_threads
from ._warm_up import warm_up
from .analysis import AnalysisCopy, analysis_copy
from .asymmetry import (
    Asymmetry,
    DarkCluster,
    WaterUptake,
    masked_gaussian,
    mirror_difference,
    net_water_uptake,
    posterior_fossa,
)
from .brain import BrainMask, BrainProblem, brain_mask, grain_ratio
from .densitometry import RegionComparison, RegionFinding, compare_regions, suggested_score
from .haemorrhage import (
    HaemorrhageCandidate,
    HaemorrhageCandidates,
    HaemorrhageVolume,
    find_haemorrhages,
    measure_haemorrhage,
)
from .macenko import MacenkoFit, fit_macenko, normalise_macenko
from .marks import SlideWarning, slide_warnings
from .measure import (
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
from .midsagittal import MidsagittalPlane, find_midsagittal_plane, mirror, mirror_mask
from .morphology import distance_mm
from .nuclei import Nuclei, find_nuclei
from .overlay import compose_channels, density_grid
from .palette import PALETTES, display_colour, named_palette, palette_colour
from .perfusion_head import PerfusionHead, perfusion_head
from .perfusion_phantom import PerfusionPhantom, perfusion_phantom
from .phantom import HeadPhantom, head_phantom
from .reduce import PyramidTile, halve, pyramid, pyramid_shapes
from .region import (
    RegionStatistics,
    ellipse_mask,
    histogram,
    polygon_mask,
    region_statistics,
)
from .regions import (
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
from .reinhard import normalise_reinhard, reinhard_statistics
from .resample import EvenStack, UprightStack, even, unshear
from .reslice import Plane, Projection, curved_plane, project, reslice, sample, slab
from .shift import MidlineShift, ShiftPoints, measure_shift, propose_shift_points
from .spacing import Gap
from .sparse import scan_positions
from .stack import StackGeometry, StackProblem, analyse
from .stain import HAEMATOXYLIN_EOSIN_DAB, optical_density, separate_stains
from .stroke_phantom import Finding, StrokePhantom, stroke_drill, stroke_phantom
from .tissue import TissueMask, focus_map, tissue_mask
from .values import Lut, Rescale, modality_values, padding_mask, stored_values
from .ventricles import Ventricles, find_ventricles
from .vessel import VesselComparison, VesselRidge, compare_vessels, propose_corridor
from .volumetry import (
    AbcVolume,
    HalfMaximum,
    abc_over_2,
    grow_half_maximum,
    planimetric_volume_ml,
)
from .window import Display, VoiFunction, Window, display, display_table, window

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
