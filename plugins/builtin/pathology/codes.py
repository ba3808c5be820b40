"""Codes of the pathology results. No public code was found for the private ones."""

from typing import Final

from pydicom.sr.coding import Code

__all__ = ["MM2", "PERCENT", "PER_MM2"]

PRIVATE: Final = "99HOICHAN"

# units (UCUM)
MM2: Final = Code("mm2", "UCUM", "mm²")
PER_MM2: Final = Code("/mm2", "UCUM", "/mm²")
PERCENT: Final = Code("%", "UCUM", "%")
NUCLEI: Final = Code("{nuclei}", "UCUM", "nuclei")
MITOSES: Final = Code("{mitoses}", "UCUM", "mitoses")

# what a segment is
ANATOMICAL_STRUCTURE: Final = Code("91723000", "SCT", "Anatomical Structure")
NUCLEUS: Final = Code("84640000", "SCT", "Nucleus")

# concepts
AREA: Final = Code("42798000", "SCT", "Area")
TISSUE_AREA: Final = Code("TISSUEAREA", PRIVATE, "Area of tissue on the slide")
BLURRED: Final = Code("BLURREDTISSUE", PRIVATE, "Share of tissue out of focus")
NUCLEI_COUNT: Final = Code("NUCLEICOUNT", PRIVATE, "Nuclei counted")
NUCLEI_DENSITY: Final = Code("NUCLEIDENSITY", PRIVATE, "Nuclei per area")
POSITIVE_COUNT: Final = Code("POSITIVENUCLEICOUNT", PRIVATE, "Positive nuclei counted")
POSITIVE_SHARE: Final = Code("POSITIVENUCLEI", PRIVATE, "Share of positive nuclei")
MITOSES_COUNT: Final = Code("MITOSESCOUNT", PRIVATE, "Mitoses counted")
MITOSES_DENSITY: Final = Code("MITOSESDENSITY", PRIVATE, "Mitoses per area")
