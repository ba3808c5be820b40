"""Colour maps and palette images."""

import warnings

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut

from kernels import (
    PALETTES,
    Display,
    Lut,
    Rescale,
    Window,
    display,
    display_colour,
    named_palette,
    palette_colour,
)
from tests.kernels.arrays import guises

RANDOM = np.random.default_rng(19)


def test_hot_iron_is_the_standards() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom takes the name for a bad UID first
        theirs = apply_color_lut(np.arange(256, dtype=np.uint8), palette="HOT_IRON")
    assert np.array_equal(named_palette("hot iron"), theirs)


@pytest.mark.parametrize("name", PALETTES)
@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "int32", "float32"])
def test_colour_is_the_palette_of_the_grey(name: str, kind: str) -> None:
    stored = RANDOM.integers(0, 120, (6, 7)).astype(kind)
    how = Display(Rescale(2, -30), Window(60, 150))
    expected = named_palette(name)[display(stored, how)]
    for guise in guises(stored):
        assert np.array_equal(display_colour(guise, how, named_palette(name)), expected)


@pytest.mark.parametrize(("bits", "first"), [(8, 0), (16, 0), (16, 40)])
def test_palette_images_agree_with_pydicom(bits: int, first: int) -> None:
    tables = [RANDOM.integers(0, 2**bits, 256) for _ in range(3)]
    dataset = Dataset()
    for colour, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        name = f"{colour}PaletteColorLookupTable"
        setattr(dataset, f"{name}Descriptor", [256, first, bits])
        dataset[f"{name}Descriptor"].VR = "US"
        setattr(dataset, f"{name}Data", table.astype(f"<u{bits // 8}").tobytes())
    stored = RANDOM.integers(0, 256, (9, 8)).astype(np.uint8 if first == 0 else np.uint16)
    theirs = apply_color_lut(stored, dataset) // (1 if bits == 8 else 256)
    ours = palette_colour(stored, [Lut(first, table.astype(np.uint16), bits) for table in tables])
    assert np.array_equal(ours, theirs)


def test_a_real_palette_image_agrees_with_pydicom(test_data) -> None:  # type: ignore[no-untyped-def]
    import pydicom

    path = test_data / "modalities" / "pydicom_examples"
    found = 0
    for file in sorted(path.iterdir()):
        dataset = pydicom.dcmread(file, force=True)
        if dataset.get("PhotometricInterpretation") != "PALETTE COLOR":
            continue
        stored = dataset.pixel_array
        theirs = apply_color_lut(stored, dataset)
        tables = []
        for colour in ("Red", "Green", "Blue"):
            count, first, bits = dataset[f"{colour}PaletteColorLookupTableDescriptor"].value
            data = dataset[f"{colour}PaletteColorLookupTableData"].value
            tables.append(Lut(first, np.frombuffer(data, f"<u{bits // 8}")[:count], bits))
        ours = palette_colour(stored, tables)
        assert np.array_equal(ours, theirs // (1 if theirs.dtype == np.uint8 else 256))
        found += 1
    assert found


def test_empty_and_one_pixel() -> None:
    how = Display(voi=Window(40, 80))
    assert display_colour(np.zeros((0, 3), np.int16), how, named_palette("grey")).shape == (0, 3, 3)
    assert display_colour(np.array(90, np.int16), how, named_palette("grey")).tolist() == [255] * 3


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: named_palette("jet"), "name"),
        (lambda: display_colour(np.zeros(3), Display(), np.zeros((255, 3), np.uint8)), "palette"),
        (lambda: display_colour(np.zeros(3), Display(), np.zeros((256, 3))), "palette"),
        (lambda: palette_colour(np.zeros(3), [Lut(0, np.ones(2, int))] * 3), "stored"),
        (lambda: palette_colour(np.zeros(3, np.int32), [Lut(0, np.ones(2, int))] * 3), "stored"),
        (lambda: palette_colour(np.zeros(3, np.uint8), [Lut(0, np.ones(2, int))] * 2), "tables"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
