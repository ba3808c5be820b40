"""Stored values, the slow way: one number at a time, in exact fractions."""

from fractions import Fraction
from math import exp, floor


def sign_extended(word: int, bits: int, high_bit: int, signed: bool) -> int:
    code = (word >> (high_bit + 1 - bits)) & (2**bits - 1)
    return code - 2**bits if signed and code >= 2 ** (bits - 1) else code


def rescaled(stored: int, slope: float, intercept: float) -> Fraction:
    return Fraction(slope) * stored + Fraction(intercept)


def looked_up(value: float, first: int, data: list[int]) -> int:
    return data[min(max(floor(value) - first, 0), len(data) - 1)]


def linear(value: Fraction, center: float, width: float) -> int:
    """PS3.3 C.11.2.1.2.1, to the nearest of 0 to 255."""
    c, w = Fraction(center), Fraction(width)
    if value <= c - Fraction(1, 2) - (w - 1) / 2:
        return 0
    if value > c - Fraction(1, 2) + (w - 1) / 2:
        return 255
    return floor(((value - (c - Fraction(1, 2))) / (w - 1) + Fraction(1, 2)) * 255 + Fraction(1, 2))


def linear_exact(value: Fraction, center: float, width: float) -> int:
    """PS3.3 C.11.2.1.3.2."""
    c, w = Fraction(center), Fraction(width)
    if value <= c - w / 2:
        return 0
    if value > c + w / 2:
        return 255
    return floor(((value - c) / w + Fraction(1, 2)) * 255 + Fraction(1, 2))


def sigmoid(value: float, center: float, width: float) -> int:
    """PS3.3 C.11.2.1.3.1."""
    power = -4 * (value - center) / width
    return 0 if power > 700 else floor(255 / (1 + exp(power)) + 0.5)
