"""Bone out of an angiogram: the vault goes, vessels away from it stay."""

from itertools import pairwise

import numpy as np
import pytest

from kernels.bone import bone_of_angiogram, masked_bone, sliding_maximum
from kernels.stroke_phantom import StrokePhantom, stroke_phantom

VESSEL_HU = 350


@pytest.fixture(scope="module", params=[(3, 5.0), (11, -12.0)], ids=["seed 3", "seed 11, turned"])
def phantom(request: pytest.FixtureRequest) -> StrokePhantom:
    seed, yaw = request.param
    return stroke_phantom(
        shape=(110, 200, 200), spacing_mm=(1.25, 1.1, 1.1), yaw_deg=yaw, seed=seed, noise_hu=8.0
    )


def with_vessels(phantom: StrokePhantom) -> tuple[np.ndarray, np.ndarray]:
    """Tubes of 4 mm filled with contrast along the middle cerebral arteries."""
    hu = phantom.hu.astype(np.float32)
    spacing = phantom.spacing_mm
    vessel = np.zeros(hu.shape, bool)
    rows = phantom.orientation.reshape(2, 3)
    normal = np.cross(*rows)
    axes = np.stack([normal, rows[1], rows[0]])
    for path in phantom.vessels_mm.values():
        for start, end in pairwise(path):
            for share in np.linspace(0, 1, 40):
                point = (start + share * (end - start) - phantom.positions_mm[0]) @ axes.T
                index = point / spacing
                low = np.maximum(np.floor(index - 2 / spacing).astype(int), 0)
                high = np.ceil(index + 2 / spacing).astype(int) + 1
                box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
                grid = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), -1)
                near = np.linalg.norm((grid - index) * spacing, axis=-1) <= 2.0
                vessel[box] |= near[tuple(slice(0, n) for n in vessel[box].shape)]
    hu[vessel] = VESSEL_HU
    return hu, vessel


def test_the_skull_goes_and_the_arteries_stay(phantom: StrokePhantom) -> None:
    hu, vessel = with_vessels(phantom)
    assert vessel.sum() > 300

    bone = bone_of_angiogram(hu, phantom.spacing_mm)
    left = masked_bone(hu, bone, margin_mm=1.2, spacing_mm=phantom.spacing_mm)

    inside = phantom.masks["brain"]
    dense = (hu > 500) & ~vessel
    assert (left[dense] == 0).mean() > 0.99
    assert (left[vessel & inside] == VESSEL_HU).mean() > 0.98


def test_without_cortex_there_is_no_bone() -> None:
    assert not bone_of_angiogram(np.full((5, 6, 7), 400, np.int16), (1, 1, 1)).any()


def test_the_slab_is_the_maximum_of_its_slices() -> None:
    hu = np.random.default_rng(5).integers(-100, 900, (12, 4, 5)).astype(np.int16)

    slabs = sliding_maximum(hu, 10.0, 2.0)

    for k in range(12):
        assert np.array_equal(slabs[k], hu[max(k - 2, 0) : k + 3].max(axis=0))


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="bone has shape"):
        masked_bone(np.zeros((3, 3, 3), np.int16), np.zeros((3, 3, 2), bool))
