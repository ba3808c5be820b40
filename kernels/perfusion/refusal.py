"""What stops a perfusion study, and what only casts doubt on it."""

from enum import StrEnum

__all__ = ["PerfusionFlag", "PerfusionRefused", "Refusal"]


class Refusal(StrEnum):
    """Why no numbers may be made."""

    BASELINE_TOO_SHORT = "baseline_too_short"
    CONTRAST_PRESENT = "contrast_present"
    DUPLICATE_IMAGES = "duplicate_images"
    IMAGES_MISSING = "images_missing"
    NO_ARTERY = "no_artery"
    NO_BOLUS = "no_bolus"
    NO_BRAIN = "no_brain"
    NOT_FINITE = "not_finite"
    SAMPLING_TOO_COARSE = "sampling_too_coarse"
    SINGLE_SLICE = "single_slice"
    TOO_SHORT = "too_short"
    WRONG_UNITS = "wrong_units"


class PerfusionRefused(ValueError):
    """A study that the arithmetic must not touch.

    Attributes
    ----------
    code : Refusal
    """

    def __init__(self, code: Refusal, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class PerfusionFlag(StrEnum):
    """What a reader must know before believing a number; red ones hide it behind a click."""

    ARTERY_CLIPPED = "artery_clipped"
    ARTERY_WEAK = "artery_weak"
    CONTRAST_BEFORE = "contrast_before"
    IMAGES_SKIPPED = "images_skipped"
    MOTION = "motion"
    NO_VEIN = "no_vein"
    NOISY = "noisy"
    SLAB_THIN = "slab_thin"
    SLICES_LEFT_OUT = "slices_left_out"
    TRUNCATED = "truncated"

    @property
    def is_red(self) -> bool:
        return self in RED


RED = (
    PerfusionFlag.ARTERY_CLIPPED,
    PerfusionFlag.CONTRAST_BEFORE,
    PerfusionFlag.IMAGES_SKIPPED,
    PerfusionFlag.SLAB_THIN,
)
