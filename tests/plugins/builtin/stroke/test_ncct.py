"""The non-contrast analysis on heads whose lesions are known, and on the real infarct."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.stroke_phantom import Finding, StrokePhantom, stroke_phantom
from plugins.builtin.stroke import ncct
from plugins.builtin.stroke.codes import LEFT, RIGHT
from plugins.results import Grade, Result, Value
from tests.plugins.builtin.stroke.studies import Bench, phantom_series, real_head, study_of

SHAPE, SPACING = (30, 176, 176), (5.0, 1.3, 1.3)


def head(*findings: Finding, seed: int = 31, **changes: Any) -> StrokePhantom:
    return stroke_phantom(findings, SHAPE, SPACING, seed=seed, **changes)


def computed(
    phantom: StrokePhantom, edits: dict[str, Any] | None = None, **elements: Any
) -> Result:
    return ncct.compute(study_of(phantom_series(phantom, **elements)), edits or {}, Bench())


def main_value(result: Result, group: str, key: str) -> Value:
    found = result.value(f"{group}_1_{key}")
    assert found is not None, [value.key for value in result.values]
    return found


@pytest.mark.parametrize(
    ("side", "changes"),
    [
        ("right", {}),
        ("left", {"tilt_deg": -17.0, "yaw_deg": 8.0}),
        ("left", {"patient_position": "FFS"}),
    ],
    ids=["plain", "tilted and turned", "feet first"],
)
def test_a_haemorrhage_is_found_measured_and_on_its_side(
    side: str, changes: dict[str, Any]
) -> None:
    phantom = head(Finding("haemorrhage", side, 22.0), **changes)

    result = computed(phantom)

    volume = main_value(result, "haemorrhage", "volume")
    truth = phantom.volumes_ml["haemorrhage:0"]
    assert volume.value == pytest.approx(truth, rel=0.05)
    assert volume.laterality == (LEFT if side == "left" else RIGHT)
    layer = result.layer("haemorrhage")
    assert layer is not None
    order = np.argsort(phantom.positions_mm[:, 2])
    true = phantom.masks["haemorrhage:0"][order]
    marked = layer.array > 0
    assert 2 * (marked & true).sum() / (marked.sum() + true.sum()) > 0.9


def test_an_infarct_is_found_with_its_water() -> None:
    phantom = head(Finding("infarct", "left", 45.0, hu=-8.0))

    result = computed(phantom)

    assert main_value(result, "hypodensity", "volume").laterality == LEFT
    water = main_value(result, "hypodensity", "water").value
    assert water is not None
    assert 12 < water < 35


def test_what_leads_the_eye_waits_for_the_aspects_read() -> None:
    result = computed(head(Finding("infarct", "left", 45.0, hu=-8.0)))

    waits = {
        part: {one.key for one in getattr(result, part) if one.withheld_until == "stroke_aspects"}
        for part in ("values", "layers", "controls")
    }
    dark = {one.key for one in result.values if one.group.startswith(("hypodensity", "doubtful"))}

    assert "hypodensity_1_volume" in dark
    assert waits["values"] == dark
    assert waits["layers"] == {"hypodensity", "difference"}
    assert waits["controls"] == {"difference_hu"}
    # steps are shown at once: the one that counts dark regions says nothing
    assert not any(
        step.outcome and "vùng" in step.outcome.vi and "hai bên" in step.title.vi
        for step in result.steps
    )


def test_a_rejected_candidate_leaves_the_mask_and_stays_in_the_list() -> None:
    phantom = head(Finding("haemorrhage", "right", 22.0))
    study, bench = study_of(phantom_series(phantom)), Bench()
    before = ncct.compute(study, {}, bench)

    after = ncct.compute(study, {"rejected": ["haemorrhage_1"]}, bench)

    first, second = before.layer("haemorrhage"), after.layer("haemorrhage")
    assert first is not None
    assert second is not None
    assert (first.array == 1).any()
    assert not (second.array == 1).any()
    assert after.value("haemorrhage_1_volume") is not None


def test_the_brush_changes_the_volume_by_what_it_painted() -> None:
    phantom = head(Finding("haemorrhage", "right", 22.0))
    study, bench = study_of(phantom_series(phantom)), Bench()
    before = ncct.compute(study, {}, bench)
    layer = before.layer("haemorrhage")
    assert layer is not None
    slice_ = int((layer.array > 0).sum(axis=(1, 2)).argmax())
    rows, columns = np.nonzero(layer.array[slice_])
    z = phantom.positions_mm[np.argsort(phantom.positions_mm[:, 2])][slice_]
    row, column = phantom.orientation[3:], phantom.orientation[:3]
    centre = z + rows.mean() * SPACING[1] * row + columns.mean() * SPACING[2] * column
    wipe = {
        "layer": "haemorrhage",
        "slice": slice_,
        "erase": True,
        "radius_mm": 5.0,
        "points_mm": [centre.tolist()],
    }

    after = ncct.compute(study, {"strokes": [wipe]}, bench)

    lost = main_value(before, "haemorrhage", "volume").value
    left = main_value(after, "haemorrhage", "volume").value
    assert lost is not None
    assert left is not None
    disc_ml = np.pi * 5.0**2 * SPACING[0] / 1000
    assert lost - left == pytest.approx(disc_ml, rel=0.06)


def test_what_a_reader_draws_is_a_finding_of_its_own() -> None:
    phantom = head()
    study, bench = study_of(phantom_series(phantom)), Bench()
    assert ncct.compute(study, {}, bench).value("haemorrhage_none") is not None
    centre = phantom.centre_mm + np.array([30.0, 10.0, 20.0])
    order = np.argsort(phantom.positions_mm[:, 2])
    slice_ = int(np.abs(phantom.positions_mm[order][:, 2] - centre[2]).argmin())
    centre[2] = phantom.positions_mm[order][slice_, 2]
    drawn = {
        "layer": "haemorrhage",
        "slice": slice_,
        "erase": False,
        "radius_mm": 8.0,
        "points_mm": [centre.tolist()],
    }

    result = ncct.compute(study, {"strokes": [drawn]}, bench)

    volume = main_value(result, "haemorrhage", "volume")
    assert volume.value == pytest.approx(np.pi * 64 * SPACING[0] / 1000, rel=0.06)
    assert volume.laterality == LEFT


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"ConvolutionKernel": "H60s"}, "xương"),
        ({"ContrastBolusAgent": "IOHEXOL"}, "cản quang"),
    ],
)
def test_an_unfit_series_is_red(elements: dict[str, str], words: str) -> None:
    phantom = head()
    series, pixels = phantom_series(phantom, **elements)

    result = ncct.compute(
        study_of((series, pixels)), {"series": series.series_instance_uid}, Bench()
    )

    assert result.grade is Grade.RED
    assert any(words in reason.vi for reason in result.reasons)


def test_missing_slices_are_red() -> None:
    phantom = head()
    series, pixels = phantom_series(phantom)
    gone = sorted(series.instances, key=lambda i: float(i.header.ImagePositionPatient[2]))[
        14
    ].sop_instance_uid
    kept = tuple(i for i in series.instances if i.sop_instance_uid != gone)
    series = series.__class__(**{**vars(series), "instances": kept})

    result = ncct.compute(study_of((series, pixels)), {}, Bench())

    assert result.grade is Grade.RED
    assert any("Thiếu lát" in reason.vi for reason in result.reasons)


def test_a_clean_head_has_no_candidates_and_says_what_that_means() -> None:
    result = computed(head(seed=77))

    none = result.value("haemorrhage_none")
    assert none is not None
    assert none.note is not None
    assert "không loại trừ" in none.note.vi
    assert result.summary is not None
    assert "dưới nhện" in result.summary.vi


def test_the_real_infarct(test_data: Path) -> None:
    """GE, tilted by 18.5 degrees: the left temporo-occipital lesion is the largest finding."""
    result = ncct.compute(
        study_of(real_head(test_data / "ct_head" / "ge_tilt_infarct")), {}, Bench()
    )

    volume = main_value(result, "hypodensity", "volume")
    assert volume.value is not None
    assert 40 <= volume.value <= 60
    assert volume.laterality == LEFT
    water = main_value(result, "hypodensity", "water").value
    assert water is not None
    assert 20 < water < 40
    assert result.reason is not None
    assert "tilt of 18.5°" in result.reason.en  # of the sign the tag tells
    assert result.grade is not Grade.RED
    brain = result.value("brain_volume")
    assert brain is not None
    assert brain.value is not None
    assert 1350 <= brain.value <= 1530


def test_the_midline_shift_follows_its_three_points() -> None:
    phantom = head(shift_mm=9.0)
    study, bench = study_of(phantom_series(phantom)), Bench()

    before = ncct.compute(study, {}, bench)

    shift = before.value("shift")
    assert shift is not None
    assert shift.value == pytest.approx(9.0, abs=1.5)
    assert shift.laterality == LEFT
    true = {
        "falx_front": [phantom.anchors_mm[0].tolist()],
        "falx_back": [phantom.anchors_mm[1].tolist()],
        "septum": [phantom.septum_mm.tolist()],
    }
    after = ncct.compute(study, {"handles": true}, bench).value("shift")
    assert after is not None
    assert after.value == pytest.approx(9.0, abs=0.5)


def test_a_dense_artery_is_measured_on_thin_slices_only() -> None:
    thin = stroke_phantom(
        [Finding("dense vessel", "left")], (150, 176, 176), (1.0, 1.3, 1.3), seed=31, noise_hu=2.0
    )
    result = ncct.compute(
        study_of(phantom_series(thin)),
        {"handles": {"vessel": thin.vessels_mm["left"].tolist()}},
        Bench(),
    )

    ratio = result.value("vessel_ratio")
    assert ratio is not None
    assert ratio.value is not None
    assert ratio.value > 1.2
    assert ratio.laterality == LEFT
    thick = computed(head()).value("ratio")
    assert thick is not None
    assert thick.value is None
    assert "dày" in (thick.note.vi if thick.note else "")


def test_the_painted_brain_is_what_everything_is_measured_in() -> None:
    phantom = head(Finding("haemorrhage", "right", 22.0))
    study, bench = study_of(phantom_series(phantom)), Bench()
    whole = ncct.compute(study, {}, bench)
    order = np.argsort(phantom.positions_mm[:, 2])
    wipes = [
        {
            "layer": "brain",
            "slice": slice_,
            "erase": True,
            "radius_mm": 45.0,
            "points_mm": [
                [
                    float(phantom.centre_mm[0]) - 28.0,
                    float(phantom.centre_mm[1]),
                    float(phantom.positions_mm[order][slice_, 2]),
                ]
            ],
        }
        for slice_ in range(8, 24)
    ]

    wiped = ncct.compute(study, {"strokes": wipes}, bench)

    assert whole.value("haemorrhage_1_volume") is not None
    assert wiped.value("haemorrhage_1_volume") is None
    before, after = whole.value("brain_volume"), wiped.value("brain_volume")
    assert before is not None
    assert after is not None
    assert before.value is not None
    assert after.value is not None
    assert after.value < before.value - 100


def test_the_plane_can_be_turned() -> None:
    study, bench = study_of(phantom_series(head())), Bench()
    straight = ncct.compute(study, {}, bench).layer("difference")

    turned = ncct.compute(study, {"parameters": {"plane_turn_deg": 6.0}}, bench).layer("difference")

    assert straight is not None
    assert turned is not None
    assert np.abs(turned.array).mean() > 1.2 * np.abs(straight.array).mean()
