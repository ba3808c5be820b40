"""The phantom is what it says it is."""

import numpy as np
import pytest

from kernels import HeadPhantom, analyse, head_phantom, sample

SHAPE, SPACING = (24, 160, 160), (6.0, 1.5, 1.5)


@pytest.fixture(scope="module")
def bleeding() -> HeadPhantom:
    return head_phantom("haemorrhage", SHAPE, SPACING, seed=4, haemorrhage_ml=31.0)


def test_the_bleeding_has_its_volume_to_half_a_voxel(bleeding: HeadPhantom) -> None:
    voxel = np.prod(SPACING) / 1000
    assert abs(bleeding.volumes_ml["haemorrhage"] - 31.0) <= voxel / 2
    assert bleeding.masks["haemorrhage"].sum() * voxel == pytest.approx(
        bleeding.volumes_ml["haemorrhage"]
    )


def test_tissues_have_plausible_hounsfield_units(bleeding: HeadPhantom) -> None:
    hu, brain = bleeding.hu, bleeding.masks["brain"]
    clot = bleeding.masks["haemorrhage"]
    assert hu.shape == SHAPE
    assert hu.dtype == np.int16
    assert 58 <= np.median(hu[clot]) <= 72
    assert 20 <= np.median(hu[brain & ~clot]) <= 40
    assert 900 <= bleeding.volumes_ml["brain"] <= 1900
    assert -1005 <= np.median(hu[:, :10, :10]) <= -995
    assert hu.max() > 1200
    assert (clot & brain)[clot].mean() > 0.99


def test_the_same_seed_gives_the_same_head(bleeding: HeadPhantom) -> None:
    again = head_phantom("haemorrhage", SHAPE, SPACING, seed=4, haemorrhage_ml=31.0)
    assert np.array_equal(again.hu, bleeding.hu)
    other = head_phantom("haemorrhage", SHAPE, SPACING, seed=5, haemorrhage_ml=31.0)
    assert not np.array_equal(other.hu, bleeding.hu)


@pytest.mark.parametrize("tilt", [-20.0, 0.0, 18.5])
def test_tilt_samples_the_same_head_on_a_sheared_grid(tilt: float) -> None:
    upright = head_phantom("normal", (40, 120, 120), (4, 2, 2), 0, noise_hu=0, head_holder=False)
    tilted = head_phantom("normal", (30, 120, 120), (4, 2, 2), tilt, noise_hu=0, head_holder=False)
    geometry = analyse(tilted.positions_mm, tilted.orientation)
    assert geometry.tilt_deg == pytest.approx(tilt, abs=1e-9)
    assert np.allclose(geometry.spacings_mm, 4)
    frame = analyse(upright.positions_mm, upright.orientation).affine((2, 2))
    k, i, j = np.nonzero(tilted.masks["brain"] & (tilted.hu > 15) & (tilted.hu < 60))
    points = (
        tilted.positions_mm[k]
        + i[:, None] * 2 * tilted.orientation[3:]
        + j[:, None] * 2 * tilted.orientation[:3]
    )
    there = sample(upright.hu, frame, points, fill=-5000)
    seen = there > -5000
    difference = np.abs(there[seen] - tilted.hu[k, i, j][seen])
    assert seen.mean() > 0.7
    assert np.median(difference) < 4  # the same tissue, but for partial volume


def test_an_infarct_is_darker_than_its_mirror_image() -> None:
    head = head_phantom("infarct", SHAPE, SPACING, seed=2)
    mask = head.masks["infarct"]
    soft = head.masks["brain"] & (head.hu > 15) & (head.hu < 60)
    mirrored = mask[:, :, ::-1] & soft
    assert head.hu[mask & soft].mean() < head.hu[mirrored].mean() - 2
    assert 20 < head.volumes_ml["infarct"] < 150


def test_the_bleeding_is_on_the_patients_left(bleeding: HeadPhantom) -> None:
    _, _, columns = np.nonzero(bleeding.masks["haemorrhage"])
    x = bleeding.positions_mm[0, 0] + columns.mean() * SPACING[2]
    assert x > 15  # x grows to the left (PS3.3 C.7.6.2.1.1)


def test_masks_cannot_be_written(bleeding: HeadPhantom) -> None:
    with pytest.raises(ValueError, match="read-only"):
        bleeding.masks["brain"][0, 0, 0] = True


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"kind": "stroke"}, "kind"),
        ({"shape": (3, 4)}, "shape"),
        ({"shape": (0, 4, 4)}, r"shape \(slices\)"),
        ({"shape": (10**6, 10**4, 10**4)}, "shape"),
        ({"spacing_mm": (1, 1)}, "spacing_mm"),
        ({"spacing_mm": (1, 0, 1)}, "the least spacing_mm"),
        ({"tilt_deg": 60}, "tilt_deg"),
        ({"tilt_deg": float("nan")}, "tilt_deg"),
        ({"seed": -1}, "seed"),
        ({"haemorrhage_ml": 0}, "haemorrhage_ml"),
        ({"haemorrhage_ml": 500}, "haemorrhage_ml"),
        (
            {
                "kind": "haemorrhage",
                "shape": (3, 30, 30),
                "spacing_mm": (5, 1, 1),
                "haemorrhage_ml": 8,
            },
            "shape",
        ),
        ({"kind": "haemorrhage", "shape": (2, 2, 2)}, "haemorrhage_ml"),
        ({"noise_hu": -1}, "noise_hu"),
    ],
)
def test_bad_input_is_named(arguments: dict, names: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        head_phantom(**arguments)
