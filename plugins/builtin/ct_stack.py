"""Display sets of CT, MR and PET series: slices in true order, with what makes planes dishonest."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    EnhancedMRColorImageStorage,
    EnhancedMRImageStorage,
    EnhancedPETImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)

from kernels import StackGeometry, StackProblem
from plugins.contributions import Contribution, DisplaySetHandler
from plugins.nouns import DisplaySet, DisplaySetKind, Series, Text
from plugins.stacks import Stack, stacks_of

__all__ = ["contribute"]

SOP_CLASSES: Final = frozenset(
    map(
        str,
        (
            CTImageStorage,
            EnhancedCTImageStorage,
            LegacyConvertedEnhancedCTImageStorage,
            MRImageStorage,
            EnhancedMRImageStorage,
            EnhancedMRColorImageStorage,
            LegacyConvertedEnhancedMRImageStorage,
            PositronEmissionTomographyImageStorage,
            EnhancedPETImageStorage,
            LegacyConvertedEnhancedPETImageStorage,
        ),
    )
)

LOCALIZER: Final = Text("ảnh định vị", "localizer")
UNPLACED: Final = Text(
    "Ảnh không có vị trí trong không gian: xếp theo số thứ tự, không tái tạo mặt phẳng.",
    "The images have no position in space: ordered by instance number, no reformatting.",
)
NO_SPACING: Final = Text(
    "Không có kích thước điểm ảnh: không đo bằng mm, không tái tạo mặt phẳng.",
    "No pixel spacing: no measuring in mm, no reformatting.",
)
MANY_REFERENCES: Final = Text(
    "Mỗi ảnh khai một hệ tọa độ riêng; coi như cùng một hệ vì cùng một chuỗi.",
    "The images claim coordinate systems that differ; taken as one since the series is one.",
)


Describe = Callable[[Stack, StackGeometry], Text]


def split(series: Series) -> Sequence[DisplaySet]:
    stacks = stacks_of(series)
    return [
        _display_set(series, stack, number, alone=len(stacks) == 1)
        for number, stack in enumerate(stacks, start=1)
    ]


def _display_set(series: Series, stack: Stack, number: int, *, alone: bool) -> DisplaySet:
    return DisplaySet(
        id=series.series_instance_uid if alone else f"{series.series_instance_uid}:{number}",
        kind=DisplaySetKind.STACK,
        study_instance_uid=series.study_instance_uid,
        series_instance_uid=series.series_instance_uid,
        modality=series.modality,
        title=_title(series, stack),
        frames=tuple((frame.sop_instance_uid, frame.number) for frame in stack.frames),
        positions_mm=stack.along_mm,
        tilt_deg=round(stack.tilt_deg, 3),
        is_volume=stack.is_volume,
        problems=tuple(_problems(stack)),
    )


def _title(series: Series, stack: Stack) -> str:
    title = series.series_description or f"{series.modality} {series.series_number}".strip()
    if stack.is_localizer and "LOCALI" not in title.upper() and "SCOUT" not in title.upper():
        title += " (localizer)"
    keyword, value = stack.trait
    return f"{title} ({keyword} {value})" if keyword else title


def _problems(stack: Stack) -> Iterator[Text]:
    if stack.is_localizer:
        yield Text("Ảnh định vị: không tái tạo mặt phẳng.", "Localizer: no reformatting.")
        return
    if stack.geometry is None:
        yield UNPLACED
        return
    if not stack.has_one_reference:
        yield MANY_REFERENCES
    if any(frame.spacing_mm is None for frame in stack.frames):
        yield NO_SPACING
    for problem in stack.geometry.problems:
        describe = DESCRIPTIONS.get(problem)
        if describe is not None:
            yield describe(stack, stack.geometry)


def _mm(value: float) -> tuple[str, str]:
    shown = f"{value:.2f}".rstrip("0").rstrip(".")
    return shown.replace(".", ","), shown


def _tilted(stack: Stack, geometry: StackGeometry) -> Text:
    angle = max(stack.tilt_deg, geometry.swivel_deg, key=abs)
    vi, en = _mm(round(angle, 1))
    return Text(
        f"Giàn máy nghiêng {vi}°: mặt phẳng tái tạo phải tính cả độ nghiêng.",
        f"Gantry tilt of {en}°: reformatted planes must heed it.",
    )


def _uneven(stack: Stack, geometry: StackGeometry) -> Text:
    low, high = float(np.min(geometry.spacings_mm)), float(np.max(geometry.spacings_mm))
    return Text(
        f"Khoảng cách lát không đều: {_mm(low)[0]}–{_mm(high)[0]} mm.",
        f"Uneven slice spacing: {_mm(low)[1]}–{_mm(high)[1]} mm.",
    )


def _gap(stack: Stack, geometry: StackGeometry) -> Text:
    missing = sum(gap.missing for gap in geometry.gaps)
    places_vi = ", ".join(f"sau lát {gap.after + 1}" for gap in geometry.gaps[:5])
    places_en = ", ".join(f"after slice {gap.after + 1}" for gap in geometry.gaps[:5])
    return Text(
        f"Thiếu khoảng {missing} lát ({places_vi}).",
        f"About {missing} slices are missing ({places_en}).",
    )


def _fixed(vi: str, en: str) -> Describe:
    return lambda stack, geometry: Text(vi, en)


DESCRIPTIONS: Final[dict[StackProblem, Describe]] = {
    StackProblem.SINGLE_SLICE: _fixed("Chỉ có một lát.", "There is only one slice."),
    StackProblem.POSITION_MISSING: _fixed(
        "Có lát không rõ vị trí.", "A slice has no usable position."
    ),
    StackProblem.ORIENTATION_INVALID: _fixed(
        "Hướng lát không hợp lệ: không tái tạo mặt phẳng.",
        "The slice orientation is not valid: no reformatting.",
    ),
    StackProblem.ORIENTATION_MIXED: _fixed(
        "Các lát không cùng một mặt phẳng.", "The slices are not in one plane."
    ),
    StackProblem.DUPLICATE_POSITIONS: _fixed(
        "Nhiều ảnh ở cùng một vị trí: không tái tạo mặt phẳng.",
        "Several images lie at one position: no reformatting.",
    ),
    StackProblem.CROOKED: _fixed(
        "Các lát lệch nhau không theo đường thẳng: không tái tạo mặt phẳng.",
        "The slices do not follow a straight line: no reformatting.",
    ),
    StackProblem.GAP: _gap,
    StackProblem.OVERLAP: _fixed("Các lát chồng lên nhau.", "Slices overlap."),
    StackProblem.UNEVEN_SPACING: _uneven,
    StackProblem.MIXED_THICKNESS: _fixed(
        "Bề dày lát không đồng nhất.", "Slice thickness differs within the stack."
    ),
    StackProblem.TILTED: _tilted,
}


def contribute() -> Iterator[Contribution]:
    yield DisplaySetHandler(
        "ct_stack",
        Text("Chồng lát cắt CT, MR, PET", "CT, MR and PET stacks"),
        sop_class_uids=SOP_CLASSES,
        split=split,
    )
