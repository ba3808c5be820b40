"""Tissue, focus and what else a technician must know, on slides whose truth is known."""

import base64
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from plugins.builtin.pathology import adequacy, slides
from plugins.nouns import SlidePixels
from plugins.results import Grade
from tests.plugins.builtin.pathology.slides import Bench, painted_tissue, slide, study_of
from workstation.consult.result_content import encode

PICTURE, MASK = painted_tissue()


def made(*given: SlidePixels) -> adequacy.Result:
    return adequacy.ANALYSIS.compute(study_of(*given), {}, Bench())


def test_tissue_is_found_as_it_was_painted() -> None:
    small, _ = slide(PICTURE, 2.0).read(0, 0, 1600, 1600, 0.25)
    truth = MASK.reshape(400, 4, 400, 4).mean(axis=(1, 3)) > 0.5
    found = adequacy.find_tissue(small, 8.0)
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) >= 0.97  # B14 asks for 0.90


def test_good_slide_is_adequate_and_nobody_is_told() -> None:
    result = made(slide(PICTURE, 1.0))
    assert result.grade is Grade.GREEN
    assert result.value("tissue_0").value == pytest.approx(MASK.sum() / 1e6, rel=0.03)
    assert result.value("blurred_0").value == 0
    assert result.detail["message"] is None
    assert result.summary.vi == "Tiêu bản slide: đạt."


@pytest.mark.parametrize("part", [0.15, 0.5])
def test_share_of_what_is_blurred(part: float) -> None:
    picture = PICTURE.copy()
    columns = np.nonzero(MASK.any(axis=0))[0]
    weights = np.cumsum(MASK.sum(axis=0)) / MASK.sum()
    end = int(np.searchsorted(weights, part))
    assert columns[0] < end
    picture[:, :end] = ndimage.gaussian_filter(picture, (3, 3, 0))[:, :end]
    result = made(slide(picture, 1.0))
    assert result.value("blurred_0").value == pytest.approx(100 * part, abs=5)
    assert result.grade is (Grade.AMBER if part < 0.3 else Grade.RED)
    assert ("quét lại" in result.detail["message"].vi) == (part > 0.3)
    # A reader from whom the numbers are hidden learns why.
    assert result.reasons == ((result.summary,) if part > 0.3 else ())


def test_empty_glass_has_no_tissue() -> None:
    glass = np.random.default_rng(0).normal(242, 2, (1200, 1200, 3)).round().astype(np.uint8)
    result = made(slide(glass, 1.0))
    assert result.grade is Grade.RED
    assert "không thấy mô" in result.detail["message"].vi
    assert result.value("blurred_0").value is None


def test_what_has_not_come_is_not_called_glass() -> None:
    def read(*box: float) -> tuple[np.ndarray, np.ndarray]:
        picture, received = slide(PICTURE, 1.0).read(*box)
        return picture, np.zeros_like(received)

    result = made(slide(PICTURE, 1.0, read=read, is_complete=False))
    assert result.grade is Grade.AMBER
    assert "chưa nhận đủ ảnh" in result.detail["message"].vi
    assert "không thấy mô" not in result.detail["message"].vi


def test_pen_and_edge_are_named() -> None:
    picture = PICTURE[500:].copy()
    picture[600:1050, 50:550] = (40, 90, 200)
    said = made(slide(picture, 2.0)).detail["message"].vi
    assert "bút xanh dương (0,9 mm²)" in said
    assert "chạm mép" in said


def test_tissue_left_out_of_the_scan_shows_on_the_overview() -> None:
    """The label, at the border of the photograph, is not tissue."""
    glass = np.full((500, 1500, 3), 243, np.uint8)
    glass[:, :400] = (60, 130, 220)  # the label
    glass[100:350, 500:700] = (200, 120, 170)  # 10 x 12.5 mm at 50 µm
    overview = (glass, (50.0, 50.0))
    result = made(slide(PICTURE, 1.0, read_overview=lambda: overview))
    assert result.grade is Grade.RED
    assert "124 mm² of tissue" in result.detail["message"].en
    glass[100:350, 500:700] = 243
    glass[100:118, 500:518] = (200, 120, 170)  # about as much as was scanned
    assert made(slide(PICTURE, 1.0, read_overview=lambda: overview)).grade is Grade.GREEN


def test_slides_it_cannot_measure_are_said() -> None:
    result = made(
        slide(PICTURE, 1.0, "a", mpp=None),
        slide(PICTURE, 1.0, "b", is_fluorescence=True),
    )
    assert result.grade is Grade.AMBER
    assert "không có µm/pixel" in result.summary.vi
    assert "huỳnh quang" in result.summary.vi
    assert result.value("tissue_0").value is None


def test_cells_of_the_ledger_have_the_tissue() -> None:
    cells = made(slide(PICTURE, 1.0)).detail["tissue"][slide(PICTURE, 1.0).series_instance_uid]
    assert (cells["columns"], cells["rows"]) == (8, 8)
    bits = np.unpackbits(
        np.frombuffer(base64.b64decode(cells["tissue"]), np.uint8), bitorder="little"
    )[:64].reshape(8, 8)
    truth = MASK.reshape(8, 200, 8, 200).mean(axis=(1, 3))
    assert bits[truth > 0.1].all()
    assert not bits[truth == 0].any()


def test_no_pixel_of_the_overview_is_shown() -> None:
    """It may bear the label: the result has only what the scan shows."""
    glass = np.full((100, 300, 3), (255, 0, 255), np.uint8)
    with_label = made(slide(PICTURE, 1.0, read_overview=lambda: (glass, (250.0, 250.0))))
    without = made(slide(PICTURE, 1.0))
    assert with_label.detail["pictures"] == without.detail["pictures"]


def test_result_is_what_the_host_keeps() -> None:
    result = made(slide(PICTURE, 1.0))
    content = encode(result, {})
    assert content["detail"]["pictures"][0]["data"].startswith("data:image/jpeg;base64,")
    assert len(content["detail"]["pictures"][0]["data"]) < 150_000


def test_strips_are_read_where_there_are_no_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = slide(PICTURE, 2.0)

    def read(x: float, y: float, width: float, height: float, scale: float):  # type: ignore[no-untyped-def]
        if width * height > 1_000_000:
            raise ValueError("too many")
        return whole.read(x, y, width, height, scale)

    monkeypatch.setattr(slides, "STRIP_PIXELS", 1 << 19)
    picture, received = slides.read_whole(replace(whole, read=read), 0.25)
    expected, _ = whole.read(0, 0, 1600, 1600, 0.25)
    assert picture.shape == expected.shape
    assert received.all()
    assert np.abs(picture.astype(int) - expected).max() <= 1
