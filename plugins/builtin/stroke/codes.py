"""Codes of the stroke results. Every meaning is checked against pydicom's tables in a test."""

from typing import Final

from pydicom.sr.coding import Code

__all__ = ["HU", "ML", "MM", "PERCENT", "SECONDS"]

PRIVATE: Final = "99HOICHAN"

# units (UCUM)
HU: Final = Code("[hnsf'U]", "UCUM", "HU")
ML: Final = Code("ml", "UCUM", "mL")
MM: Final = Code("mm", "UCUM", "mm")
PERCENT: Final = Code("%", "UCUM", "%")
SECONDS: Final = Code("s", "UCUM", "s")
RATIO: Final = Code("{ratio}", "UCUM", "ratio")
SCORE: Final = Code("{score}", "UCUM", "score")
FLOW: Final = Code("ml/(100.g)/min", "UCUM", "mL/100 g/min")
BLOOD_VOLUME_UNIT: Final = Code("ml/(100.g)", "UCUM", "mL/100 g")

# concepts
VOLUME: Final = Code("118565006", "SCT", "Volume")
LENGTH: Final = Code("410668003", "SCT", "Length")
ATTENUATION: Final = Code("112181", "DCM", "Mean Attenuation Coefficient")
BLOOD_FLOW: Final = Code("126390", "DCM", "Absolute Regional Blood Flow")
BLOOD_VOLUME: Final = Code("126391", "DCM", "Absolute Regional Blood Volume")
MEAN_TRANSIT_TIME: Final = Code("113052", "DCM", "Mean Transit Time")
TIME_TO_PEAK: Final = Code("113069", "DCM", "Time To Peak")
TMAX: Final = Code("113084", "DCM", "Tmax")

# No public code was found for these; see the conformance statement.
WATER_UPTAKE: Final = Code("NWU", PRIVATE, "Net water uptake")
MIDLINE_SHIFT: Final = Code("MIDLINESHIFT", PRIVATE, "Midline shift")
VENTRICLE_ASYMMETRY: Final = Code("VENTRASYM", PRIVATE, "Lateral ventricle asymmetry index")
DENSITY_DIFFERENCE: Final = Code("DENSITYDIFF", PRIVATE, "Attenuation difference to other side")
DENSITY_RATIO: Final = Code("DENSITYRATIO", PRIVATE, "Attenuation ratio to other side")
ASPECTS: Final = Code("ASPECTS", PRIVATE, "Alberta Stroke Program Early CT Score")
PC_ASPECTS: Final = Code("PCASPECTS", PRIVATE, "Posterior circulation ASPECTS")
MISMATCH_VOLUME: Final = Code("MISMATCHVOL", PRIVATE, "Perfusion mismatch volume")
MISMATCH_RATIO: Final = Code("MISMATCHRATIO", PRIVATE, "Perfusion mismatch ratio")
HYPOPERFUSION_RATIO: Final = Code("HIR", PRIVATE, "Hypoperfusion intensity ratio")
COLLATERAL_SCORE: Final = Code("COLLATERALS", PRIVATE, "Collateral score (Tan)")

# segments (PS3.16 CID 7150, 7151, 7192, 7194)
ABNORMAL: Final = Code("49755003", "SCT", "Morphologically Abnormal Structure")
TISSUE: Final = Code("85756007", "SCT", "Tissue")
LESION: Final = Code("301766008", "SCT", "Lesion of Brain")
HEMORRHAGE: Final = Code("50960005", "SCT", "Hemorrhage")
EDEMA: Final = Code("79654002", "SCT", "Edema")
ORGAN: Final = Code("91772007", "SCT", "Organ")
BRAIN: Final = Code("12738006", "SCT", "Brain")
LATERAL_VENTRICLE: Final = Code("66720007", "SCT", "Lateral Ventricle")
CAUDATE: Final = Code("11000004", "SCT", "Caudate Nucleus")
INTERNAL_CAPSULE: Final = Code("85637007", "SCT", "internal capsule")
INSULA: Final = Code("36169008", "SCT", "Insula")
MCA_M1: Final = Code("414722000", "SCT", "Middle Cerebral Artery M1 Segment")
LEFT: Final = Code("7771000", "SCT", "Left")
RIGHT: Final = Code("24028007", "SCT", "Right")
SIDES: Final = {"left": LEFT, "right": RIGHT}
