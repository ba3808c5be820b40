"""Stored values, padding and the Modality LUT (bar A1: exact, 0 LSB)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut

from kernels import Lut, Rescale, modality_values, padding_mask, stored_values
from tests.kernels.arrays import guises
from tests.naive import values as naive

RANDOM = np.random.default_rng(11)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    ("kind", "bits", "high_bit"),
    [("u1", 8, 7), ("u1", 5, 6), ("u2", 16, 15), ("u2", 12, 11), ("u2", 12, 15), ("u4", 20, 19)],
)
def test_bits_stored_are_taken_out_and_sign_extended(
    kind: str, bits: int, high_bit: int, signed: bool
) -> None:
    words = RANDOM.integers(0, 2 ** (8 * np.dtype(kind).itemsize), 200).astype(kind)
    expected = [naive.sign_extended(int(word), bits, high_bit, signed) for word in words]
    for guise in guises(words):
        found = stored_values(guise, bits, high_bit, signed)
        assert found.tolist() == expected
    assert stored_values(words, bits, high_bit, signed).dtype.kind == ("i" if signed else "u")


def test_rubbish_above_the_high_bit_is_not_value() -> None:
    words = np.array([0xF001, 0x0801, 0x0FFF], np.uint16)
    assert stored_values(words, 12, 11, signed=True).tolist() == [1, -2047, -1]


@pytest.mark.parametrize(
    ("stored", "value", "limit", "expected"),
    [
        (np.array([-2000, -1999, 0], np.int16), -2000, None, [True, False, False]),
        (np.array([-2000, -1999, 0], np.int16), 63536, None, [True, False, False]),
        (np.array([63536, 0], np.uint16), 63536, None, [True, False]),
        (np.array([63536, 0], np.uint16), -2000, None, [True, False]),
        (np.array([-1500, -3024, 5], np.int16), -1500, -3024, [True, True, False]),
        (np.array([-1500, -3024, 5], np.int16), -3024, -1500, [True, True, False]),
        (np.array([-1500, -3024, 5], np.int16), 64036, 62512, [True, True, False]),
        (np.array([0, 1, 255], np.uint8), 0, 1, [True, True, False]),
    ],
)
def test_padding_is_found_whatever_sign_its_reader_gave_it(
    stored: np.ndarray, value: int, limit: int | None, expected: list[bool]
) -> None:
    assert padding_mask(stored, value, limit).tolist() == expected


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(["i1", "u1", "i2", "u2", "i4"]),
    st.sampled_from([1.0, 0.5, 2.0, 0.0625, -1.0]),
    st.sampled_from([0.0, -1024.0, -1000.5, 3.25]),
    st.sampled_from(["float32", "float64", "int16"]),
    st.integers(0, 40),
)
def test_rescale_is_exact(
    kind: str, slope: float, intercept: float, dtype: str, count: int
) -> None:
    limits = np.iinfo(kind)
    stored = RANDOM.integers(limits.min, limits.max, count, endpoint=True).astype(kind)
    exact = [naive.rescaled(int(code), slope, intercept) for code in stored]
    found = modality_values(stored, Rescale(slope, intercept), dtype=dtype)
    if dtype == "int16":
        assert found.tolist() == [min(max(round(float(value)), -32768), 32767) for value in exact]
    else:
        assert found.tolist() == np.array([float(value) for value in exact]).astype(dtype).tolist()


def test_a_slope_that_is_no_binary_fraction_is_right_to_the_last_digit() -> None:
    stored = RANDOM.integers(-32768, 32768, 500).astype(np.int16)
    exact = [float(naive.rescaled(int(code), 0.0123, -7.7)) for code in stored]
    assert np.allclose(modality_values(stored, Rescale(0.0123, -7.7)), exact, rtol=2e-7, atol=1e-6)


@pytest.mark.parametrize("kind", ["i2", "u2", "u1"])
def test_each_slice_has_its_own_slope_and_padding_is_filled(kind: str) -> None:
    stored = RANDOM.integers(0, 120, (3, 4, 5)).astype(kind)
    pairs = [Rescale(1, -1024), Rescale(2, 0), Rescale(0.5, 10)]
    for guise in guises(stored):
        found = modality_values(guise, pairs, padding=(0, 7), padded_value=-1024)
        for item, pair, values in zip(stored, pairs, found, strict=True):
            expected = np.where(item <= 7, -1024, item * np.float64(pair.slope) + pair.intercept)
            assert values.tolist() == expected.astype(np.float32).tolist()


def test_a_modality_lut_agrees_with_pydicom() -> None:
    table = RANDOM.integers(0, 4096, 300).astype(np.uint16)
    item = Dataset()
    item.LUTDescriptor = [300, 64, 16]
    item.LUTData = table.tolist()
    item["LUTDescriptor"].VR = "US"
    item["LUTData"].VR = "US"
    dataset = Dataset()
    dataset.ModalityLUTSequence = [item]
    stored = RANDOM.integers(0, 600, (20, 30)).astype(np.uint16)
    theirs = apply_modality_lut(stored, dataset)
    ours = modality_values(stored, Lut(64, table))
    assert np.array_equal(ours, theirs)
    assert ours[0, 0] == naive.looked_up(int(stored[0, 0]), 64, table.tolist())


def test_results_may_go_to_memory_that_is_there() -> None:
    stored = RANDOM.integers(-1000, 1000, (2, 3, 4)).astype(np.int16)
    target = np.empty(stored.shape, np.int16)
    found = modality_values(stored, Rescale(1, 5), dtype="int16", out=target)
    assert np.shares_memory(found, target)
    assert np.array_equal(target, stored + 5)


@pytest.mark.parametrize("shape", [(0,), (0, 4, 4), (3, 0, 4), (1,), (1, 1, 1), ()])
def test_empty_and_one_pixel(shape: tuple[int, ...]) -> None:
    assert modality_values(np.ones(shape, np.int16), Rescale(2, 1)).shape == shape


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: stored_values(np.zeros(3), 8), "container"),
        (lambda: stored_values(np.zeros(3, np.uint16), 17), "bits_stored"),
        (lambda: stored_values(np.zeros(3, np.uint16), 12, 16), "high_bit"),
        (lambda: padding_mask(np.zeros(3), 0), "stored"),
        (lambda: padding_mask(np.zeros(3, np.int16), 2**40), "padding_value"),
        (lambda: Rescale(float("nan"), 0), "slope"),
        (lambda: Rescale(1, float("inf")), "intercept"),
        (lambda: Lut(0, np.zeros(0, np.uint16)), "data"),
        (lambda: Lut(0, np.array([-1])), "data"),
        (lambda: Lut(0, np.array([1]), bits=17), "bits"),
        (lambda: modality_values(np.zeros((2, 2)), [Rescale()]), "modality"),
        (lambda: modality_values(np.zeros(2), Rescale(), dtype="int8"), "dtype"),
        (lambda: modality_values(np.zeros(2), Rescale(), padding=(0, 0)), "stored"),
        (lambda: modality_values(np.array([np.nan]), Rescale(), dtype="int16"), "stored"),
        (lambda: modality_values(np.zeros(2), Rescale(), out=np.zeros(3, np.float32)), "out"),
        (lambda: modality_values(np.array(["a"]), Rescale()), "stored"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
