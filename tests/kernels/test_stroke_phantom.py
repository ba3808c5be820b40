"""The stroke phantoms are what they say they are."""

import numpy as np
import pytest

from kernels import Finding, analyse, sample, stroke_drill, stroke_phantom
from kernels.stroke_phantom import FINDINGS

SHAPE, SPACING = (26, 150, 150), (5.5, 1.6, 1.6)


@pytest.mark.parametrize("volume_ml", [2.0, 30.0, 90.0])
@pytest.mark.parametrize("ragged", [0.0, 0.15])
def test_volumes_are_those_of_the_formulas(volume_ml: float, ragged: float) -> None:
    finding = Finding("haemorrhage", "right", volume_ml, ragged=ragged)
    head = stroke_phantom((finding,), (50, 150, 150), (2.5, 1.2, 1.2), noise_hu=0)
    known = head.volumes_ml["haemorrhage:0"]
    if not ragged:
        assert known == pytest.approx(volume_ml, rel=0.005)
    counted = head.masks["haemorrhage:0"].sum() * 2.5 * 1.2 * 1.2 / 1000
    assert counted == pytest.approx(known, rel=0.06)
    assert np.median(head.hu[head.masks["haemorrhage:0"]]) == pytest.approx(66, abs=3)


def test_without_noise_a_finding_changes_only_its_place() -> None:
    finding = Finding("infarct", "left", 40.0, None, -5.0)
    plain = stroke_phantom((), SHAPE, SPACING, noise_hu=0, seed=3)
    changed = stroke_phantom((finding,), SHAPE, SPACING, noise_hu=0, seed=3)
    difference = changed.hu.astype(int) - plain.hu
    inside = changed.masks["infarct:0"]
    assert np.median(difference[inside]) == -5
    k, i, j = np.nonzero(difference)
    assert inside[k, i, j].mean() > 0.7  # the rest is partial volume around it
    assert difference.max() <= 0


@pytest.mark.parametrize("shift", [-15.0, -4.0, 6.0, 15.0])
def test_the_septum_lies_where_it_is_said_to(shift: float) -> None:
    pose = {"yaw_deg": 8.0, "roll_deg": -3.0, "offset_mm": (4.0, -2.0, 3.0)}
    head = stroke_phantom((), (70, 160, 160), (2, 1.2, 1.2), noise_hu=0, shift_mm=shift, **pose)
    away = (head.septum_mm - head.centre_mm) @ head.midline_normal
    assert away == pytest.approx(shift)
    assert np.allclose((head.anchors_mm - head.centre_mm) @ head.midline_normal, 0)
    affine = analyse(head.positions_mm, head.orientation).affine(head.spacing_mm[1:])
    across = np.arange(-14, 14.1, 0.5)
    line = sample(head.hu, affine, head.septum_mm + across[:, None] * head.midline_normal)
    horns = [line[(sign * across > 2.5) & (sign * across < 8)].min() for sign in (-1, 1)]
    assert line[np.abs(across) < 0.6].min() > max(horns) + 5  # tissue between two horns
    assert max(horns) < 18


@pytest.mark.parametrize("position", ["HFS", "HFP", "FFS", "FFP"])
def test_patient_positions_turn_the_array_not_the_patient(position: str) -> None:
    plain = stroke_phantom((), SHAPE, SPACING, noise_hu=0)
    turned = stroke_phantom((), SHAPE, SPACING, noise_hu=0, patient_position=position)
    for k, i, j in ((3, 20, 30), (20, 100, 70)):
        point = plain.positions_mm[k] + i * 1.6 * plain.orientation[3:]
        point = point + j * 1.6 * plain.orientation[:3]
        away = point - turned.positions_mm[k]
        place = (k, round(away @ turned.orientation[3:] / 1.6),
                 round(away @ turned.orientation[:3] / 1.6))  # fmt: skip
        assert turned.hu[place] == plain.hu[k, i, j]


def test_a_dense_vessel_is_dense_on_its_side() -> None:
    head = stroke_phantom(
        (Finding("dense vessel", "left"),), (60, 200, 200), (0.8, 0.8, 0.8), noise_hu=0,
        offset_mm=(0, 0, 20),
    )  # fmt: skip
    affine = analyse(head.positions_mm, head.orientation).affine((0.8, 0.8))
    left, right = (
        sample(head.hu, affine, head.vessels_mm[side][1:3]) for side in ("left", "right")
    )
    assert left.min() > 55
    assert right.max() < 48


def test_drills_cover_every_kind_and_repeat_themselves() -> None:
    small = {"shape": (3, 16, 16), "spacing_mm": (30.0, 12.0, 12.0)}
    drills = [stroke_drill(seed, **small) for seed in range(40)]
    kinds = {drill.findings[0].kind if drill.findings else "normal" for drill in drills}
    assert kinds == {*FINDINGS, "normal"}
    assert len({f.side for drill in drills for f in drill.findings}) == 2
    assert any(drill.shift_mm for drill in drills)
    again = stroke_drill(7, **small)
    assert np.array_equal(again.hu, drills[7].hu)
    assert again.findings == drills[7].findings


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: Finding("tumour"), "kind"),
        (lambda: Finding("infarct", "up"), "side"),
        (lambda: Finding("infarct", volume_ml=0), "volume_ml"),
        (lambda: Finding("infarct", ragged=1), "ragged"),
        (lambda: Finding("infarct", centre_mm=(1, 2)), "centre_mm"),
        (lambda: stroke_phantom((), (3, 4)), "shape"),
        (lambda: stroke_phantom((), (0, 4, 4)), r"shape \(slices\)"),
        (lambda: stroke_phantom((), spacing_mm=(1, 0, 1)), "the least spacing_mm"),
        (lambda: stroke_phantom((), yaw_deg=50), "yaw_deg"),
        (lambda: stroke_phantom((), shift_mm=21), "shift_mm"),
        (lambda: stroke_phantom((), noise_hu=-1), "noise_hu"),
        (lambda: stroke_phantom((), patient_position="HFDR"), "patient_position"),
        (lambda: stroke_phantom((), seed=-1), "seed"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
