"""Angiography: bone out, the other side beside it, and only what the reader states as findings."""

from dataclasses import replace

import numpy as np
import pytest

from kernels.stroke_phantom import StrokePhantom, stroke_phantom
from plugins.builtin.stroke import codes, cta
from plugins.nouns import Study
from plugins.results import LayerKind
from tests.kernels.test_bone import VESSEL_HU, with_vessels
from tests.plugins.builtin.stroke.studies import Bench, phantom_series, study_of


@pytest.fixture(scope="module")
def phantom() -> StrokePhantom:
    """Contrast in both middle cerebral arteries; the left one ends half way."""
    head = stroke_phantom(
        shape=(120, 160, 160), spacing_mm=(1.2, 1.35, 1.35), seed=51, noise_hu=6.0
    )
    cut = head.vessels_mm["left"][:2]
    hu, _ = with_vessels(replace(head, vessels_mm={**head.vessels_mm, "left": cut}))
    return replace(head, hu=hu.astype(np.int16))


@pytest.fixture(scope="module")
def study(phantom: StrokePhantom) -> Study:
    return study_of(phantom_series(phantom, "cta", "CTA head", ContrastBolusAgent="IOHEXOL"))


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def test_vessels_stand_without_bone_beside_their_mirror_image(
    study: Study, phantom: StrokePhantom, bench: Bench
) -> None:
    result = cta.compute(study, {}, bench)

    slab, mirrored = result.layer("slab"), result.layer("mirrored")
    assert slab is not None
    assert mirrored is not None
    assert slab.kind is mirrored.kind is LayerKind.MAP
    assert not slab.is_exported
    bone = phantom.hu[np.argsort(phantom.positions_mm[:, 2])] > 700
    assert (slab.array[bone] < 300).mean() > 0.95
    place = phantom.vessels_mm["right"][2:].mean(axis=0)
    other = place * [-1, 1, 1]
    order = np.argsort(phantom.positions_mm[:, 2])
    origin, spacing = phantom.positions_mm[order][0], phantom.spacing_mm

    def near(array: np.ndarray, point: np.ndarray) -> float:
        x, y, z = point - origin
        k, i, j = round(z / spacing[0]), round(y / spacing[1]), round(x / spacing[2])
        return float(array[k, i - 3 : i + 4, j - 3 : j + 4].max())

    assert near(slab.array, place) > 0.7 * VESSEL_HU
    assert near(slab.array, other) < 0.5 * VESSEL_HU
    assert near(mirrored.array, other) > 0.6 * VESSEL_HU


def test_nothing_is_concluded_before_the_reader_states_it(study: Study, bench: Bench) -> None:
    result = cta.compute(study, {}, bench)

    assert all(value.value is None for value in result.values)
    assert all(value.name is None for value in result.values)
    assert {value.key for value in result.values} == {"occlusion", "side", "collaterals"}
    assert result.summary is not None
    assert "Không tự kết luận" in result.summary.vi


def test_the_readers_fields_become_values(study: Study, bench: Bench) -> None:
    stated = {"occlusion": "m1", "side": "left", "collaterals": "2"}

    result = cta.compute(study, {"parameters": stated}, bench)

    site, score = result.value("occlusion"), result.value("collaterals")
    assert site is not None
    assert site.note is not None
    assert site.note.en == "M1"
    assert score is not None
    assert (score.value, score.name) == (2.0, codes.COLLATERAL_SCORE)


def test_what_is_no_choice_is_not_taken(study: Study, bench: Bench) -> None:
    result = cta.compute(study, {"parameters": {"occlusion": "<b>", "slab_mm": 1e9}}, bench)

    site = result.value("occlusion")
    assert site is not None
    assert site.note is not None
    assert site.note.en == "not stated"
    assert result.parameters["slab_mm"] == 40.0
