"""Regions, their densities, and how sure their differences are (bar A10)."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from kernels import (
    ASPECTS_REGIONS,
    POSTERIOR_REGIONS,
    AspectsLevels,
    Finding,
    MidsagittalPlane,
    RegionFinding,
    RegionOutline,
    compare_regions,
    outline_regions,
    propose_levels,
    region_masks,
    stroke_phantom,
    suggested_score,
)
from kernels.midsagittal import direction
from tests.kernels.stroke_heads import Case, ge_case, head, phantom_case

PLANE = MidsagittalPlane(direction(7, 2), 92.0)


def laid(case: Case, seeds):  # type: ignore[no-untyped-def]
    spacing = case.copy.spacing_mm
    levels = propose_levels(case.copy.hu, case.brain.mask, case.plane, spacing)
    outlines = outline_regions(seeds, levels, case.brain.mask, case.plane, spacing)
    return levels, outlines, region_masks(outlines, case.brain.mask, spacing)


@pytest.fixture(scope="module")
def even_head():  # type: ignore[no-untyped-def]
    """A brain of one density on a 1 mm grid, with its regions: nothing but noise to tell."""
    k, i, j = np.ogrid[:50, :190, :190]
    brain = ((k - 20) * 3 / 75) ** 2 + ((i - 95) / 85) ** 2 + ((j - 95) / 68) ** 2 < 1
    spacing = np.array([3.0, 1.0, 1.0])
    levels = AspectsLevels(20, 27, 14, 8)
    outlines = outline_regions(ASPECTS_REGIONS, levels, brain, PLANE, spacing)
    return brain, spacing, outlines, region_masks(outlines, brain, spacing)


def grain(random: np.random.Generator, shape, smooth_mm: float, sigma: float):  # type: ignore[no-untyped-def]
    white = random.standard_normal(shape, np.float32)
    if smooth_mm:
        white = ndimage.gaussian_filter(white, (0, smooth_mm, smooth_mm))
    return sigma * white / white.std()


@pytest.mark.parametrize("smooth_mm", [0.0, 0.6, 0.9])
def test_differences_their_intervals_and_detections(even_head, smooth_mm: float) -> None:  # type: ignore[no-untyped-def]
    """30 scans of 10 region pairs each, -1 to -4 HU in one; sigma 4 HU, white to grainy."""
    brain, spacing, outlines, labels = even_head
    random = np.random.default_rng(1000 + int(10 * smooth_mm))
    covered, off, alarms, missed, slight = [], [], [], [], []
    for scan in range(30):
        hu = 33 + grain(random, brain.shape, smooth_mm, 4.0)
        change = -1.0 - scan % 4
        place = scan % len(ASPECTS_REGIONS)
        hu[labels == 2 * place + 1] += change  # the left one
        for at, found in enumerate(compare_regions(hu, labels, outlines, spacing)):
            truth = -change if at == place else 0.0
            covered.append(found.low_hu <= truth <= found.high_hu)
            suspected = found.finding != RegionFinding.NORMAL
            if at != place:
                alarms.append(suspected)
                continue
            off.append(found.delta_hu - truth)
            if change <= -3:
                missed.append(not suspected or found.darker != "left")
            if change == -1:
                slight.append(suspected)
    assert 0.92 <= np.mean(covered) <= 0.98  # 300 trials tell 95 % to 1.3 %
    assert abs(np.mean(off)) <= 0.2
    assert np.mean(missed) <= 0.05
    assert np.mean(alarms) <= 0.05
    assert np.mean(slight) <= 0.05


def test_the_error_is_that_of_repeated_scans(even_head) -> None:  # type: ignore[no-untyped-def]
    brain, spacing, outlines, labels = even_head
    random = np.random.default_rng(4)
    scans = [
        compare_regions(33 + grain(random, brain.shape, 0.7, 4.0), labels, outlines, spacing)
        for _ in range(25)
    ]
    true = np.sqrt(np.mean([[found.delta_hu**2 for found in scan] for scan in scans], axis=0))
    told = np.mean([[found.error_hu for found in scan] for scan in scans], axis=0)
    assert np.mean(told / true) == pytest.approx(1, abs=0.12)
    first = scans[0][1]
    assert 1 < first.left_count / first.left_effective < 12


def test_textured_healthy_heads_raise_few_alarms() -> None:
    """Gyri differ from side to side: at most 7 % are called; 2 of 30 were in tuning."""
    alarms = []
    for seed in (91, 92, 95):
        case = head(shape=(30, 190, 190), spacing_mm=(5, 1.2, 1.2), seed=seed, yaw_deg=-8)
        for seeds in (ASPECTS_REGIONS, POSTERIOR_REGIONS):
            _, outlines, labels = laid(case, seeds)
            found = compare_regions(
                case.copy.hu, labels, outlines, case.copy.spacing_mm, case.brain.bone
            )
            assert [one.name for one in found] == [seed.name for seed in seeds]
            alarms += [one.finding != RegionFinding.NORMAL for one in found]
        assert suggested_score(found, POSTERIOR_REGIONS) == (10, 10)
    assert np.mean(alarms) <= 0.07


def test_an_infarct_is_suggested_where_it_lies() -> None:
    finding = Finding("infarct", "right", 90.0, (-46.0, 2.0, 18.0), -6.0)
    case = head(finding, shape=(30, 220, 220), spacing_mm=(5, 1.05, 1.05), seed=93, yaw_deg=6)
    _, outlines, labels = laid(case, ASPECTS_REGIONS)
    found = compare_regions(case.copy.hu, labels, outlines, case.copy.spacing_mm, case.brain.bone)
    early = {one.name for one in found if one.finding == RegionFinding.POSSIBLE_EARLY}
    assert {"M2", "M5"} <= early
    assert {one.darker for one in found if one.name in early} == {"right"}
    low, high = suggested_score(found, ASPECTS_REGIONS, "right")
    assert high == 10 - len(early)
    assert low <= high
    assert suggested_score(found, ASPECTS_REGIONS, "left")[1] == 10


@pytest.mark.parametrize("pose", [{}, {"yaw_deg": 12.0, "roll_deg": 4.0}, {"tilt_deg": 14.0}])
def test_the_levels_are_near_the_phantoms(pose) -> None:  # type: ignore[no-untyped-def]
    phantom = stroke_phantom((), (30, 160, 160), (5, 1.5, 1.5), seed=94, **pose)
    case = phantom_case(phantom)
    levels, outlines, labels = laid(case, ASPECTS_REGIONS)
    middle = np.argwhere(case.brain.mask).mean(axis=0) * case.copy.spacing_mm
    height = levels.ganglionic * case.copy.spacing_mm[0]
    assert 3 <= case.copy.patient_points([height, *middle[1:]])[2] <= 19  # both show at 5 to 16
    step = (levels.supraganglionic - levels.ganglionic) * case.copy.spacing_mm[0]
    assert step == pytest.approx(20, abs=1.5)
    assert len(outlines) == 20
    sides = case.plane.sides(labels.shape, case.copy.spacing_mm)
    for number, outline in enumerate(outlines, start=1):
        mask = labels == number
        assert mask.any()
        assert (np.sign(sides[mask]) == (1 if outline.side == "left" else -1)).mean() > 0.98
        assert np.ptp(np.flatnonzero(mask.any(axis=(1, 2)))) * case.copy.spacing_mm[0] <= 10


def test_the_ge_head_shows_its_posterior_infarct(test_data: Path) -> None:
    """Left PCA territory 9 HU below the right; its wide horns leave no caudate to assess."""
    case = ge_case(test_data)
    _, outlines, labels = laid(case, POSTERIOR_REGIONS)
    found = compare_regions(case.copy.hu, labels, outlines, case.copy.spacing_mm, case.brain.bone)
    territory = next(one for one in found if one.name == "PCA")
    assert territory.darker == "left"
    assert territory.finding != RegionFinding.NORMAL
    assert territory.delta_hu == pytest.approx(9, abs=1.5)
    _, outlines, labels = laid(case, ASPECTS_REGIONS)
    found = compare_regions(case.copy.hu, labels, outlines, case.copy.spacing_mm, case.brain.bone)
    low, high = suggested_score(found, ASPECTS_REGIONS, "left")
    assert low < high


def test_too_little_tissue_is_not_assessable_and_gives_a_range(even_head) -> None:  # type: ignore[no-untyped-def]
    brain, spacing, outlines, labels = even_head
    hu = np.full(brain.shape, 33, np.float32)
    hu[labels == 1] = 5  # the left caudate is fluid
    found = compare_regions(hu, labels, outlines, spacing)
    assert found[0].finding == RegionFinding.NOT_ASSESSABLE
    assert found[0].z == 0
    assert suggested_score(found, ASPECTS_REGIONS, "left") == (9, 10)
    old = hu.copy()
    old[labels == 3] = 17  # the left lentiform nucleus, long gone
    assert compare_regions(old, labels, outlines, spacing)[1].finding == (
        RegionFinding.POSSIBLE_CHRONIC
    )


def test_masks_are_polygons_in_depth() -> None:
    corners = np.array([[9.0, 2, 2], [9, 2, 7.5], [9, 6.5, 7.5], [9, 6.5, 2]])
    outline = RegionOutline("L", "left", corners)
    labels = region_masks([outline], np.ones((7, 10, 10), bool), (3, 1, 1), 4.0)
    assert np.flatnonzero(labels.any(axis=(1, 2))).tolist() == [2, 3, 4]
    assert labels[3].sum() == 5 * 6


HU, MASK = np.zeros((2, 3, 4)), np.zeros((2, 3, 4), bool)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: propose_levels(HU, MASK, PLANE, (1, 1, 1)), "brain"),
        (lambda: compare_regions(HU, MASK, (), (1, 1, 1)), "labels"),
        (lambda: compare_regions(HU, MASK.view(np.uint8), (), (1, 1)), "spacing_mm"),
        (lambda: region_masks([], MASK, (1, 1, 1), 0), "half_depth_mm"),
        (
            lambda: region_masks([RegionOutline("L", "left", np.zeros((4, 2)))], MASK, (1, 1, 1)),
            "corners_mm",
        ),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
