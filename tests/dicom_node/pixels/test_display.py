"""What we draw, against pydicom's Modality and VOI LUT."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, apply_windowing

from dicom_node.pixels.attributes import Attributes
from dicom_node.pixels.display import grey_display, palette, to_screen
from kernels import Lut, VoiFunction, Window
from tests.dicom_node.pixels.samples import Sample, sample

GREY = (
    "ct_head/ge_tilt_infarct/14.dcm",
    "ct_head/single_slices/ct_brain_single.dcm",
    "ct_body/chest_lidc_ffs/000104.dcm",
    "modalities/mr_series16",
    "modalities/cr_dx",
    "modalities/nm_pt",
    "modalities/mg",
)


def grey_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else [folder]


def screen(found: Sample, frame: int = 0, window: Window | None = None) -> Any:
    attributes = Attributes(found.header, frame, found.read)
    return to_screen(found.frames.array(frame), found.frames.description, attributes, window)


def expected(path: Path, window: tuple[float, float] | None = None) -> Any:
    """pydicom's way, scaled to a byte over the range the VOI LUT gives."""
    dataset = dcmread(path)
    values = apply_modality_lut(dataset.pixel_array, dataset)
    if window is not None:
        dataset.WindowCenter, dataset.WindowWidth = window
        dataset.pop("VOILUTSequence", None)
    if "WindowWidth" not in dataset:
        low, high = float(values.min()), float(values.max())
        return np.floor(255 * (values - low) / (high - low) + 0.5)
    shown = apply_windowing(values, dataset)
    bits = int(dataset.BitsStored)
    signed = dataset.PixelRepresentation == 1
    low = -(2 ** (bits - 1)) if signed else 0
    high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    if "RescaleSlope" in dataset:
        slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
        low, high = low * slope + intercept, high * slope + intercept
    return np.floor(255 * (shown - low) / (high - low) + 0.5)


@pytest.mark.parametrize("window", [None, (40, 80), (600, 2800), (32, 8)])
@pytest.mark.parametrize("name", GREY)
def test_grey_is_that_of_pydicom(
    test_data: Path, name: str, window: tuple[float, float] | None
) -> None:
    checked = 0
    for path in grey_files(test_data / name):
        dataset = dcmread(path, force=True, stop_before_pixels=True)
        plain = dataset.get("PhotometricInterpretation") == "MONOCHROME2"
        if not plain or "NumberOfFrames" in dataset or "VOILUTSequence" in dataset:
            continue
        if "PixelPaddingValue" in dataset and "WindowWidth" not in dataset and window is None:
            continue  # pydicom knows no padding, and would take it for the darkest value
        found = sample(path)
        given = None if window is None else Window(*window)
        mine = screen(found, window=given).astype(int)
        theirs = expected(path, window)
        padding = dataset.get("PixelPaddingValue")
        if padding is not None:
            outside = found.frames.array(0) != padding
            mine, theirs = mine[outside], theirs[outside]
        assert np.abs(mine - theirs).max() <= 1, path
        checked += 1
    assert checked or name in ("modalities/cr_dx", "modalities/mg", "modalities/nm_pt")


def test_monochrome1_shows_low_values_white(test_data: Path) -> None:
    found = sample(test_data / "ct_head/ge_tilt_infarct/14.dcm")
    as_stored = screen(found)
    found.header["00280004"] = {"vr": "CS", "Value": ["MONOCHROME1"]}
    image = found.frames.array(0) != -1500  # padding is black either way
    np.testing.assert_array_equal(screen(found)[image], 255 - as_stored[image])
    assert not screen(found)[~image].any()


def test_palette_colour_is_that_of_pydicom(test_data: Path) -> None:
    path = test_data / "modalities/pydicom_examples/examples_palette.dcm"
    dataset = dcmread(path)
    found = sample(path)
    theirs = apply_color_lut(dataset.pixel_array, dataset)
    if theirs.dtype == np.uint16:
        theirs = theirs >> 8
    np.testing.assert_array_equal(screen(found), theirs)


def test_an_incomplete_palette_is_drawn_grey() -> None:
    attributes = Attributes({"00281101": {"vr": "US", "Value": [256, 0, 8]}}, 0, lambda o, n: b"")
    assert palette(attributes) is None


def test_a_voi_lut_is_that_of_pydicom() -> None:
    entries = list(range(0, 4096, 16))
    header = {
        "00280103": {"vr": "US", "Value": [0]},
        "00283010": {
            "vr": "SQ",
            "Value": [
                {
                    "00283002": {"vr": "US", "Value": [256, 100, 12]},
                    "00283006": {"vr": "US", "Value": entries},
                }
            ],
        },
    }
    how = grey_display(Attributes(header, 0, lambda offset, length: b""))
    assert isinstance(how.voi, Lut)
    assert (how.voi.first_value, how.voi.bits) == (100, 12)
    from pydicom.dataset import Dataset

    dataset = Dataset()
    dataset.PixelRepresentation = 0
    item = Dataset()
    item.LUTDescriptor = [256, 100, 12]
    item.add_new("LUTData", "US", entries)
    dataset.VOILUTSequence = [item]
    values = np.arange(0, 500, dtype=np.uint16)
    np.testing.assert_array_equal(
        how.voi.look_up(values.astype(np.float64)), apply_voi_lut(values, dataset)
    )


def test_each_frame_of_an_enhanced_image_has_its_own_window() -> None:
    def group(center: float, slope: float) -> dict[str, Any]:
        return {
            "00289132": {
                "vr": "SQ",
                "Value": [
                    {
                        "00281050": {"vr": "DS", "Value": [center]},
                        "00281051": {"vr": "DS", "Value": [100.0]},
                        "00281056": {"vr": "CS", "Value": ["SIGMOID"]},
                    }
                ],
            },
            "00289145": {
                "vr": "SQ",
                "Value": [
                    {
                        "00281053": {"vr": "DS", "Value": [slope]},
                        "00281052": {"vr": "DS", "Value": [-5.0]},
                    }
                ],
            },
        }

    header = {"52009230": {"vr": "SQ", "Value": [group(10.0, 1.0), group(20.0, 2.0)]}}
    second = grey_display(Attributes(header, 1, lambda offset, length: b""))
    assert second.voi == Window(20.0, 100.0, VoiFunction.SIGMOID)
    assert second.modality.slope == 2.0
    assert second.modality.intercept == -5.0


@pytest.mark.parametrize(
    ("center", "width"), [(["40"], ["0"]), (["x"], ["80"]), ([], ["80"]), ([None], [None])]
)
def test_nonsense_in_the_window_is_drawn_all_the_same(center: list, width: list) -> None:
    header = {
        "00281050": {"vr": "DS", "Value": center},
        "00281051": {"vr": "DS", "Value": width},
        "00281053": {"vr": "DS", "Value": [0]},
    }
    how = grey_display(Attributes(header, 0, lambda offset, length: b""))
    assert how.modality.slope == 1.0
    assert how.voi is None or how.voi.width >= 1
