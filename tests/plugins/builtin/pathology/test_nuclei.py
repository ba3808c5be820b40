"""Nuclei counted in drawn regions: where they were painted, and on real Ki-67 stain."""

import base64
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.spatial import cKDTree

from plugins.builtin.pathology import nuclei
from plugins.nouns import SlidePixels
from plugins.results import Grade, Result
from tests.plugins.builtin.pathology.slides import Bench, painted_nuclei, region, slide, study_of
from workstation.consult.result_content import encode, require_sound

NEST = painted_nuclei()
SLIDE = slide(NEST.picture, 0.25)
SQUARE = [(100, 100), (1100, 100), (1100, 1100), (100, 1100)]


def counted(of: SlidePixels, *regions: object, **parameters: object) -> Result:
    edits = {"form": {"regions": list(regions)}, "parameters": parameters}
    return nuclei.ANALYSIS.compute(study_of(of), edits, Bench())


def test_nuclei_are_found_where_they_were_painted() -> None:
    """F1 at least 0.90 (B14), each found within 3 µm of one that was painted."""
    result = counted(SLIDE, region(SLIDE, SQUARE))
    (layer,) = result.layers
    assert require_sound(result, "nuclei_count", result.study_instance_uid) is result
    found = layer.array[:, :2].astype(float)
    names = {segment.number: segment.label.en for segment in layer.segments}
    marked = [names[number] for number in layer.array[:, 2].astype(int)]
    assert marked.count("Positive") == result.value("region 0 positive").value
    assert layer.is_shown
    assert not layer.is_exported
    inside = ((NEST.points > 100) & (NEST.points < 1100)).all(axis=1)
    truth = NEST.points[inside]
    near, which = cKDTree(truth).query(found, distance_upper_bound=3 / 0.25)
    hits = len(np.unique(which[np.isfinite(near)]))
    assert 2 * hits / (len(found) + len(truth)) >= 0.90
    assert result.value("region 0 nuclei").value == len(found)
    share = 100 * NEST.positive[inside].mean()
    assert result.value("region 0 share").value == pytest.approx(share, abs=3)
    low, high = result.value("region 0 share").low, result.value("region 0 share").high
    assert low < share < high


def test_area_and_density_are_of_the_outline() -> None:
    result = counted(SLIDE, region(SLIDE, SQUARE))
    assert result.value("region 0 area").value == pytest.approx(0.0625)
    expected = result.value("region 0 nuclei").value / 0.0625
    assert result.value("region 0 density").value == pytest.approx(expected)


def test_definition_goes_with_the_number() -> None:
    result = counted(SLIDE, region(SLIDE, SQUARE), choice="hot_spot")
    said = encode(replace(result, layers=()), {})["parameters"]
    assert said["choice"] == "hot_spot"
    assert said["positive_density"] == 0.15
    assert said["diameter_um"] == 7.0
    assert np.shape(said["stain_vectors"]) == (3, 3)
    assert said["regions"][0]["area_mm2"] == pytest.approx(0.0625)
    assert len(said["regions"][0]["outline_mm"]) == 4


def test_few_nuclei_and_no_definition_are_amber() -> None:
    small = [(300, 300), (700, 300), (700, 700), (300, 700)]
    result = counted(SLIDE, region(SLIDE, small))
    words = " ".join(reason.en for reason in result.reasons)
    assert result.grade is Grade.AMBER
    assert "count at least 500" in words
    assert "not stated" in words
    nest = painted_nuclei(count=620, seed=3)
    many = slide(nest.picture, 0.25)
    whole = region(many, [(0, 0), (1200, 0), (1200, 1200), (0, 1200)])
    assert counted(many, whole, choice="hot_spot").grade is Grade.GREEN


def test_threshold_moves_the_share_not_the_count() -> None:
    low = counted(SLIDE, region(SLIDE, SQUARE), positive_density=0.05)
    high = counted(SLIDE, region(SLIDE, SQUARE), positive_density=0.6)
    assert low.value("region 0 nuclei").value == high.value("region 0 nuclei").value
    assert low.value("region 0 share").value > high.value("region 0 share").value


def test_regions_add_up() -> None:
    left = [(100, 100), (600, 100), (600, 1100), (100, 1100)]
    right = [(600, 100), (1100, 100), (1100, 1100), (600, 1100)]
    result = counted(SLIDE, region(SLIDE, left), region(SLIDE, right, annotation_id="a2"))
    parts = [result.value(f"region {n} nuclei").value for n in (0, 1)]
    assert result.value("all nuclei").value == sum(parts)
    assert result.value("all area").value == pytest.approx(0.0625)


def test_ellipse_is_its_axes() -> None:
    ends = [(300, 600), (900, 600), (600, 400), (600, 800)]
    result = counted(SLIDE, region(SLIDE, ends, "ellipse"))
    assert result.value("region 0 area").value == pytest.approx(np.pi * 75 * 50 / 1e6, rel=0.005)


def test_haematoxylin_and_eosin_have_no_positive_share() -> None:
    result = counted(SLIDE, region(SLIDE, SQUARE), stain="he")
    assert result.value("region 0 nuclei").value > 0
    assert result.value("region 0 share") is None
    (layer,) = result.layers
    assert [segment.label.en for segment in layer.segments] == ["Nuclei"]
    assert set(layer.array[:, 2]) == {layer.segments[0].number}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mpp": None}, "no µm per pixel"),
        ({"mpp": (2.0, 2.0)}, "too coarse"),
        ({"is_fluorescence": True}, "fluorescence"),
    ],
)
def test_what_cannot_be_counted_is_said(changes: dict[str, object], words: str) -> None:
    other = replace(SLIDE, **changes)  # type: ignore[arg-type]
    result = counted(other, region(SLIDE, SQUARE))
    assert words in result.reasons[0].en
    assert result.values == ()


def test_too_large_and_nothing_drawn() -> None:
    big = slide(np.full((10, 10, 3), 240, np.uint8), 0.25, width=20_000, height=20_000)
    square = [(0, 0), (19_000, 0), (19_000, 19_000), (0, 19_000)]
    assert "4 mm²" in counted(big, region(big, square)).reasons[0].en
    assert "Count nuclei" in counted(SLIDE).summary.en
    assert counted(SLIDE, {"points_mm": "x"}).values == ()


def test_what_has_not_come_is_not_counted() -> None:
    def read(x: float, y: float, width: float, height: float, scale: float):  # type: ignore[no-untyped-def]
        picture, received = SLIDE.read(x, y, width, height, scale)
        received[:, received.shape[1] // 2 :] = False
        return picture, received

    result = counted(replace(SLIDE, read=read), region(SLIDE, SQUARE))
    assert result.value("region 0 area").value == pytest.approx(0.0625 / 2, rel=0.02)
    assert any("not been received" in reason.en for reason in result.reasons)


def test_picture_is_watermarked() -> None:
    (picture,) = counted(SLIDE, region(SLIDE, SQUARE)).detail["pictures"]
    data = base64.b64decode(picture["data"].partition(",")[2])
    corner = np.asarray(Image.open(BytesIO(data)).convert("RGB")).astype(int)[4:20, 4:100]
    assert (corner[..., 0] - corner[..., 1:].max(axis=2) > 60).sum() > 50


def test_real_ki67_is_counted_plausibly(test_data: Path) -> None:
    """No truth exists for it: brown nuclei are found where DAB is, and few of them elsewhere."""
    with tifffile.TiffFile(test_data / "wsi/ome_tiff_ki67/OS-2-vsi.ome.tif") as file:
        picture = file.asarray()
    picture = np.ascontiguousarray(np.moveaxis(picture, 0, -1) if len(picture) == 3 else picture)
    of = slide(picture, 0.346)
    whole = region(of, [(20, 20), (1420, 20), (1420, 1420), (20, 1420)])
    result = counted(of, whole)
    assert 500 < result.value("region 0 nuclei").value < 4000
    assert 1 < result.value("region 0 share").value < 60
    places = result.layers[0].array.astype(int).clip(0, 1444)
    at, others = (places[places[:, 2] == n] for n in (nuclei.POSITIVE, nuclei.NEGATIVE))
    brown = picture[..., 0].astype(int) - picture[..., 2]
    assert brown[at[:, 1], at[:, 0]].mean() > brown[others[:, 1], others[:, 0]].mean() + 20
