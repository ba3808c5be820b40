"""Perfusion from DICOM headers to volumes, on series whose lesions are known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kernels.perfusion import PerfusionFlag, Refusal
from kernels.perfusion_head import PerfusionHead, perfusion_head
from plugins.builtin.stroke import ctp
from plugins.builtin.stroke.codes import LEFT, RIGHT
from plugins.builtin.stroke.words import FLAGS, REFUSALS
from plugins.nouns import Study
from plugins.results import Grade, LayerKind, Result
from tests.plugins.builtin.stroke.studies import Bench, perfusion_series, study_of

STILL = {"parameters": {"motion": "off"}}


def scanned(seed: int = 5, side: str = "left", **changes: Any) -> PerfusionHead:
    return perfusion_head(
        np.arange(0, 56, 2.0),
        shape=(9, 128, 128),
        spacing_mm=(5.0, 1.8, 1.8),
        seed=seed,
        side=side,
        **changes,
    )


def computed(study: Study, edits: dict[str, Any] = STILL, bench: Bench | None = None) -> Result:
    return ctp.compute(study, edits, bench or Bench())


def number(result: Result, key: str) -> float:
    found = result.value(key)
    assert found is not None
    assert found.value is not None
    return found.value


@pytest.mark.parametrize(("seed", "side"), [(5, "left"), (23, "right")])
def test_volumes_and_side_of_a_stroke(seed: int, side: str) -> None:
    head = scanned(seed, side)

    result = computed(study_of(perfusion_series(head)))

    truth = head.volumes_ml
    assert result.grade is Grade.GREEN, result.reasons
    assert abs(number(result, "hypoperfused") - truth["hypoperfused"]) < 0.1 * truth["hypoperfused"]
    assert number(result, "core") < truth["core"] * 1.3
    found = result.value("hypoperfused")
    assert found is not None
    assert found.laterality == (LEFT if side == "left" else RIGHT)
    mask = result.layer("lesions")
    assert mask is not None
    marked, true = mask.array > 0, head.masks["hypoperfused"]
    assert 2 * (marked & true).sum() / (marked.sum() + true.sum()) > 0.9


def test_feet_first_and_turned_rows_give_the_same_numbers() -> None:
    """The same head stored upside down and mirrored: lesions stay on the patient's side."""
    head = scanned()
    plain = computed(study_of(perfusion_series(head)))
    flipped = replace(head, hu=np.ascontiguousarray(head.hu[:, :, ::-1, ::-1]))
    far = 127 * 1.8 - 115.0

    series, pixels = perfusion_series(flipped, ImageOrientationPatient=[-1, 0, 0, 0, -1, 0])
    for instance in series.instances:
        x, y, z = (float(v) for v in instance.header.ImagePositionPatient)
        assert (x, y) == (-115.0, -115.0)
        instance.header.ImagePositionPatient = [far, far, z]
    turned = computed(study_of((series, pixels)))

    for key in ("core", "hypoperfused"):
        assert number(turned, key) == pytest.approx(number(plain, key), rel=1e-6)
    first, second = plain.value("core"), turned.value("core")
    assert first is not None
    assert second is not None
    assert first.laterality == second.laterality == LEFT
    assert turned.handles[0].points_mm[0] == pytest.approx(plain.handles[0].points_mm[0], abs=1e-6)
    source, back = plain.layer("lesions"), turned.layer("lesions")
    assert source is not None
    assert back is not None
    assert np.array_equal(back.array[:, ::-1, ::-1], source.array)


def test_thresholds_and_method_are_the_readers_to_move() -> None:
    study, bench = study_of(perfusion_series(scanned())), Bench()
    before = computed(study, bench=bench)

    after = computed(
        study, {"parameters": {"motion": "off", "late_s": 9.0, "method": "bsvd"}}, bench
    )

    assert number(after, "hypoperfused") <= number(before, "hypoperfused")
    assert after.parameters["method"] == "bsvd"
    assert after.parameters["tmax_threshold_s"] == 9.0
    assert "Tmax > 9 s" in after.values[0].label.en


def test_a_picked_artery_is_used_and_only_the_maps_are_made_again() -> None:
    study, bench = study_of(perfusion_series(scanned())), Bench()
    before = computed(study, bench=bench)
    vein = next(handle for handle in before.handles if handle.key == "vein")

    after = computed(study, {**STILL, "handles": {"artery": [list(vein.points_mm[0])]}}, bench)

    assert after.parameters["artery"] == "picked"
    assert after.charts[0].curves[0].y != before.charts[0].curves[0].y
    read = next(step for step in after.steps if step.title.en.startswith("Read images"))
    assert read.seconds < 0.05


def test_no_core_means_no_ratio_and_no_infinity() -> None:
    result = computed(study_of(perfusion_series(scanned(core_ml=0.0, hypoperfused_ml=0.0))))

    assert number(result, "core") == 0
    ratio = result.value("mismatch_ratio")
    assert ratio is not None
    assert ratio.value is None
    assert ratio.note is not None


def test_a_short_scan_is_refused_in_words() -> None:
    head = scanned()
    short = replace(head, hu=head.hu[:14], times_s=head.times_s[:14])

    result = computed(study_of(perfusion_series(short)))

    assert result.grade is Grade.RED
    assert not result.values
    assert "40" in result.reasons[0].vi


def test_a_series_without_times_is_refused_in_words() -> None:
    series, pixels = perfusion_series(scanned())
    for instance in series.instances:
        del instance.header.AcquisitionTime

    result = computed(study_of((series, pixels)))

    assert result.grade is Grade.RED
    assert "giờ chụp" in result.reasons[0].vi


def test_maps_have_their_codes_and_units() -> None:
    result = computed(study_of(perfusion_series(scanned())))

    maps = {layer.key: layer for layer in result.layers if layer.kind is LayerKind.MAP}
    assert set(maps) == {"tmax", "cbf", "cbv", "mtt", "ttp"}
    for layer in maps.values():
        assert layer.quantity is not None
        assert layer.unit is not None
        assert np.isfinite(layer.array).all()
        assert len(layer.frames) == len(layer.array)


def test_every_flag_and_refusal_has_its_words() -> None:
    """One without would lose all numbers of the series that raises it."""
    assert set(FLAGS) == set(PerfusionFlag)
    assert set(REFUSALS) == set(Refusal)
