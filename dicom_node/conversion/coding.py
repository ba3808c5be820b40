"""How tiles are coded that cannot be copied, or are made by us."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from numpy.typing import NDArray
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from dicom_node.conversion import jpeg, runs, wavelet

__all__ = ["JPEG_QUALITY", "Coding", "codings"]

JPEG_QUALITY = 90


class Coding(NamedTuple):
    """A way to code tiles; `lossy` names the method (PS3.3 C.7.6.1.1.5.1), or is empty."""

    syntax: str
    encode: Callable[[NDArray[Any]], bytes]
    decode: Callable[[bytes, int], NDArray[Any]]  # of a square tile of this edge
    lossy: str
    colour: str  # photometric interpretation, where it is not grey


def codings(level: Any, steps: int, *, fluorescence: bool) -> list[Coding]:
    """The ways of a level itself and of each half of it; colour and 8 bits shrink as JPEG."""
    if level.bits > 8:
        return [_RUNS] * (steps + 1)
    own = not level.transfer_syntax_uid
    # Where chroma was never halved, or means a channel of its own, it stays whole.
    smaller = _jpeg(not (own or fluorescence))
    return [_WAVELET if own and level.lossless else _jpeg(False), *[smaller] * steps]


def _jpeg(subsampled: bool) -> Coding:
    encode = partial(jpeg.encode, quality=JPEG_QUALITY, subsampled=subsampled)
    return Coding(JPEGBaseline8Bit, encode, _of_jpeg, "ISO_10918_1", "YBR_FULL_422")


def _of_jpeg(frame: bytes, tile: int) -> NDArray[Any]:
    return jpeg.decode(frame)


def _of_wavelet(frame: bytes, tile: int) -> NDArray[Any]:
    return wavelet.decode(frame)


def _of_runs(frame: bytes, tile: int) -> NDArray[Any]:
    return runs.decode(frame, tile, tile)


_WAVELET = Coding(JPEG2000Lossless, wavelet.encode, _of_wavelet, "", "YBR_RCT")
_RUNS = Coding(RLELossless, runs.encode, _of_runs, "", "")
