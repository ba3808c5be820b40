"""Windowing: exact for integers, whatever the path taken."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi_lut, apply_windowing

from kernels import Display, Lut, Rescale, VoiFunction, Window, display, display_table, window
from kernels.window import BLOCK, grey_by_table, grey_of_integer, straight_line
from tests.kernels.arrays import guises
from tests.naive import values as naive

RANDOM = np.random.default_rng(12)
PRESETS = [(40, 80), (35, 100), (40, 40), (32, 8), (75, 200), (600, 2800), (170, 600), (40.5, 81)]
TWINS = {VoiFunction.LINEAR: naive.linear, VoiFunction.LINEAR_EXACT: naive.linear_exact}


@pytest.mark.parametrize("function", list(VoiFunction))
@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "int32", "float32"])
def test_every_function_and_type_agrees_with_the_twin(function: VoiFunction, kind: str) -> None:
    stored = RANDOM.integers(0, 120, (9, 31)).astype(kind)
    for guise in guises(stored):
        found = display(guise, Display(Rescale(2, -100), Window(40, 80, function)))
        assert found.dtype == np.uint8
        for code, grey in zip(stored.ravel(), found.ravel(), strict=True):
            hu = naive.rescaled(int(code), 2, -100)
            if function is VoiFunction.SIGMOID:
                assert grey == naive.sigmoid(float(hu), 40, 80)
            else:
                assert grey == TWINS[function](hu, 40, 80)


@settings(deadline=None, max_examples=60)
@given(
    st.floats(-3000, 3000),
    st.floats(1, 9000),
    st.sampled_from([1.0, 0.5, 2.0, 0.3, 1.7]),
    st.sampled_from([0.0, -1024.0, -1000.0, 0.25]),
    st.sampled_from(["int16", "uint16"]),
    st.booleans(),
)
def test_the_fast_way_gives_the_table_or_is_not_taken(
    center: float, width: float, slope: float, intercept: float, kind: str, inverted: bool
) -> None:
    how = Display(Rescale(slope, intercept), Window(center, width), inverted=inverted)
    line = straight_line(kind, how)
    if line is None:
        return
    codes = np.arange(65536, dtype=np.uint16).view(kind)
    found = np.empty(65536, np.uint8)
    grey_of_integer(0, 65536, codes, *line, found)
    assert np.array_equal(found, display_table(kind, how))


@pytest.mark.parametrize(("center", "width"), PRESETS)
def test_presets_take_the_fast_way_and_are_exact(center: float, width: float) -> None:
    how = Display(Rescale(1, -1024), Window(center, width))
    assert straight_line("int16", how) is not None
    stored = RANDOM.integers(-100, 4000, BLOCK * 3).astype(np.int16)
    found = display(stored, how)
    for index in range(0, len(stored), 997):
        assert found[index] == naive.linear(Fraction(int(stored[index]) - 1024), center, width)
    by_table = np.empty_like(found)
    grey_by_table(0, len(stored), stored.view(np.uint16), display_table("int16", how), by_table)
    assert np.array_equal(found, by_table)


@pytest.mark.parametrize("function", list(VoiFunction))
def test_windows_agree_with_pydicom(function: VoiFunction) -> None:
    dataset = Dataset()
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelRepresentation = 0
    dataset.BitsStored = 8
    dataset.WindowCenter, dataset.WindowWidth = 60.0, 90.0
    dataset.VOILUTFunction = function.value
    stored = np.arange(256, dtype=np.uint8)
    theirs = apply_windowing(stored, dataset)  # over 0 to 255, without rounding
    ours = display(stored, Display(voi=Window(60, 90, function)))
    assert np.abs(ours - theirs).max() <= 0.5 + 1e-9


@pytest.mark.parametrize(("bits", "entries", "first"), [(8, 256, 0), (12, 700, 40), (16, 65536, 0)])
def test_a_voi_lut_agrees_with_pydicom(bits: int, entries: int, first: int) -> None:
    table = np.sort(RANDOM.integers(0, 2**bits, entries)).astype(np.uint16)
    item = Dataset()
    item.LUTDescriptor = [entries % 65536, first, bits]
    item.LUTData = table.tolist()
    item["LUTDescriptor"].VR = "US"
    item["LUTData"].VR = "US"
    dataset = Dataset()
    dataset.VOILUTSequence = [item]
    # pydicom wraps inputs beyond 255 when entries have 8 bits.
    stored = RANDOM.integers(0, 256 if bits == 8 else 1000, (40, 40)).astype(np.uint16)
    theirs = apply_voi_lut(stored, dataset).astype(np.float64)
    ours = display(stored, Display(voi=Lut(first, table, bits)))
    assert np.array_equal(ours, np.floor(theirs / (2**bits - 1) * 255 + 0.5))


def test_inversion_comes_last_and_padding_stays_black() -> None:
    stored = np.array([[-2000, 0, 40, 80]], np.int16)
    how = Display(voi=Window(40, 80), padding=(63536, 63536), inverted=True)
    shown = display(stored, how)
    plain = display(stored, Display(voi=Window(40, 80)))
    assert shown[0, 0] == 0
    assert shown[0, 1:].tolist() == (255 - plain[0, 1:]).tolist()
    big = np.tile(stored, (1, BLOCK))
    assert np.array_equal(display(big, how), np.tile(shown, (1, BLOCK)))


def test_a_presentation_lut_maps_the_windowed_grey() -> None:
    steps = Lut(0, np.array([0, 10, 255], np.uint16), bits=8)
    shown = display(
        np.array([0, 128, 255], np.uint8),
        Display(voi=Window(127.5, 255, VoiFunction.LINEAR_EXACT), presentation=steps),
    )
    assert shown.tolist() == [0, 10, 255]


def test_without_a_voi_the_image_spans_the_scale() -> None:
    stored = np.array([[100, 150, 200, -2000]], np.int16)
    shown = display(stored, Display(padding=(-2000, -2000)))
    assert shown.tolist() == [[0, 128, 255, 0]]
    assert display(np.full((2, 2), 7, np.uint8), Display()).tolist() == [[128, 128], [128, 128]]


def test_slices_may_differ_in_slope() -> None:
    stored = RANDOM.integers(0, 200, (4, 8, 8)).astype(np.uint16)
    hows = [Display(Rescale(1 + index // 2, 0), Window(100, 200)) for index in range(4)]
    shown = display(stored, hows)
    for item, how, grey in zip(stored, hows, shown, strict=True):
        assert np.array_equal(grey, display(item, how))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_real_values_nan_and_infinity(kind: type) -> None:
    values = np.array([np.nan, np.inf, -np.inf, 0, 40, 80, 39.5], kind)
    assert window(values, 40, 80).tolist() == [0, 255, 0, 0, 129, 255, 128]
    assert window(values, 40, 80, "SIGMOID").tolist()[:3] == [0, 255, 0]
    for guise in guises(values):
        assert window(guise, 40, 80).tolist() == [0, 255, 0, 0, 129, 255, 128]


def test_width_one_is_a_threshold() -> None:
    assert window(np.array([39, 40], np.int16), 40, 1).tolist() == [0, 255]


@pytest.mark.parametrize("shape", [(0,), (0, 5), (1, 1), (2, 0, 3), ()])
@pytest.mark.parametrize("kind", [np.int16, np.float32, np.uint8])
def test_empty_and_one_pixel(shape: tuple[int, ...], kind: type) -> None:
    assert window(np.ones(shape, kind), 40, 80).shape == shape


def test_the_result_may_go_to_memory_that_is_there() -> None:
    stored = RANDOM.integers(0, 100, (3, 5)).astype(np.int16)
    target = np.empty((3, 5), np.uint8)
    assert display(stored, Display(voi=Window(40, 80)), out=target) is target


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: Window(float("nan"), 80), "center"),
        (lambda: Window(40, 0), "width"),
        (lambda: Window(40, -5), "width"),
        (lambda: Window(40, 0.5), "width"),
        (lambda: Window(40, float("inf")), "width"),
        (lambda: Window(40, 80, "CUBIC"), "function"),  # type: ignore[arg-type]
        (lambda: window(np.array(["x"]), 40, 80), "values"),
        (lambda: window(np.array([1j]), 40, 80), "values"),
        (lambda: display(np.zeros((2, 2)), [Display()]), "how"),
        (lambda: display(np.zeros(4, np.int16), Display(), out=np.zeros(4)), "out"),  # type: ignore[arg-type]
        (lambda: display_table("int16", Display()), "voi"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
