"""Stored values to HU and to the screen, statistics."""

import cv2
import numpy as np

import kernels
from benchmarks.contest import Contest, Peer, within
from benchmarks.scenes import ct_stack
from kernels import Display, Rescale, Window

CENTER, WIDTH = 40.0, 80.0


def window_stack() -> Contest:
    stored = ct_stack(300)
    how = Display(modality=Rescale(1, -24), voi=Window(CENTER, WIDTH))
    ours = np.zeros(stored.shape, np.uint8)
    theirs = np.zeros(stored.shape, np.uint8)
    gain = 255 / (WIDTH - 1)
    offset = gain * (-24 - (CENTER - 0.5)) + 127.5
    lowest = int(np.floor(-offset / gain))
    raised = np.empty(stored.shape[1:], np.int16)
    codes = np.arange(65536, dtype=np.uint16).view(np.int16)
    table = kernels.display(codes, how)
    grey = np.clip(np.rint(codes * gain + offset), 0, 255).astype(np.uint8)[None]
    unsigned = stored.view(np.uint16)
    real = np.empty(stored.shape[1:], np.float32)

    def opencv_scale() -> np.ndarray:
        for source, target in zip(stored, theirs, strict=True):
            np.maximum(source, lowest, out=raised)  # convertScaleAbs would mirror what is below 0
            cv2.convertScaleAbs(raised, target, gain, offset)
        return theirs

    def opencv_multiply() -> np.ndarray:
        for source, target in zip(stored, theirs, strict=True):
            cv2.addWeighted(source, gain, source, 0, offset, target, cv2.CV_8U)
        return theirs

    def opencv_table() -> np.ndarray:
        for source, target in zip(unsigned, theirs, strict=True):
            cv2.LUT(source, grey, target)
        return theirs

    def numpy_table() -> np.ndarray:
        np.take(table, unsigned, out=theirs)
        return theirs

    def numpy_steps() -> np.ndarray:
        for source, target in zip(stored, theirs, strict=True):
            np.multiply(source, np.float32(gain), out=real)
            np.add(real, np.float32(offset + 0.5), out=real)
            np.clip(real, 0, 255, out=real)
            np.copyto(target, real, casting="unsafe")
        return theirs

    near = within(1)
    return Contest(
        "stored value to window to uint8, 300 x 512 x 512 int16",
        lambda: kernels.display(stored, how, out=ours),
        [
            Peer("OpenCV convertScaleAbs, slice by slice", opencv_scale, near, bar=8),
            Peer("OpenCV LUT of 16 bits, slice by slice", opencv_table, near, bar=8),
            Peer("OpenCV addWeighted, slice by slice", opencv_multiply, near, bar=8),
            Peer("NumPy multiply, add, clip, slice by slice", numpy_steps, near),
            Peer("NumPy take from a table", numpy_table, within(0)),
        ],
        bytes_moved=3 * stored.size,
        threads=2,
        bandwidth_bar=0.6,
        why_lost="Where the bar of 8 is missed: ours runs as fast as memory is copied here, so a "
        "recipe that takes less than eight copies' time cannot be beaten eightfold.",
    )


def modality_to_hu() -> Contest:
    stored = ct_stack(100)
    slopes = [Rescale(1.0 + 0.01 * (index % 2), -1000.0) for index in range(len(stored))]
    ours = np.zeros(stored.shape, np.float32)
    theirs = np.zeros(stored.shape, np.float32)

    def numpy_slices() -> np.ndarray:
        for source, target, pair in zip(stored, theirs, slopes, strict=True):
            np.multiply(source, np.float32(pair.slope), out=target)
            np.add(target, np.float32(pair.intercept), out=target)
        return theirs

    return Contest(
        "stored value to HU with a slope per slice, 100 x 512 x 512 int16 to float32",
        lambda: kernels.modality_values(stored, slopes, out=ours),
        [Peer("NumPy multiply, add, in place", numpy_slices, within(1e-3))],
        bytes_moved=6 * stored.size,
        threads=2,
    )


def histogram_of_hu() -> Contest:
    stored = ct_stack(20)
    real = stored.astype(np.float32)
    return Contest(
        "histogram of 256 bins, 20 x 512 x 512 int16",
        lambda: kernels.histogram(stored, -1024.0, 3072.0, 256),
        [
            Peer(
                "NumPy histogram",
                lambda: np.histogram(stored, 256, (-1024.0, 3072.0))[0],
                within(0),
            ),
            Peer(
                "OpenCV calcHist (float32 only)",
                lambda: cv2.calcHist(
                    [real.reshape(-1, 512)], [0], None, [256], [-1024.0, 3072.0]
                ).reshape(-1),
                within(0),
            ),
        ],
        bytes_moved=2 * stored.size,
        threads=1,
        why_lost="OpenCV bins float32; ours compares with NumPy's own float64 edges, so that the "
        "counts are NumPy's to the last.",
    )


ALL = [window_stack, modality_to_hu, histogram_of_hu]
