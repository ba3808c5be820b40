"""Slides: one tile at a time on one thread, as a tile server works."""

from io import BytesIO

import cv2
import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from scipy import ndimage
from skimage.color import rgb2hed
from skimage.draw import polygon2mask
from skimage.filters import threshold_otsu
from torchstain.numpy.normalizers import NumpyMacenkoNormalizer, NumpyReinhardNormalizer

import kernels
from benchmarks.contest import Contest, Peer, on_average, overlap, within
from benchmarks.scenes import slide_tile, sparse_header

EDGE = 1024


def halve_tile() -> Contest:
    tile = slide_tile()
    picture = Image.fromarray(tile)

    def numpy() -> np.ndarray:
        total = tile[::2, ::2].astype(np.uint16)
        total += tile[::2, 1::2]
        total += tile[1::2, ::2]
        total += tile[1::2, 1::2]
        total += 2
        total >>= 2
        return total.astype(np.uint8)

    def opencv() -> np.ndarray:
        return np.asarray(cv2.resize(tile, (EDGE // 2, EDGE // 2), interpolation=cv2.INTER_AREA))

    return Contest(
        "reduce 2 x 2, 1024 x 1024 RGB",
        lambda: kernels.halve(tile),
        [
            Peer("NumPy uint16 slices", numpy, within(0), bar=8),
            Peer("Pillow reduce", lambda: np.asarray(picture.reduce(2)), within(1), bar=2.5),
            Peer("OpenCV INTER_AREA", opencv, within(1)),
        ],
        bytes_moved=tile.size * 5 // 4,
        threads=1,
    )


def separate_stains() -> Contest:
    tile = slide_tile()
    # scikit-image measures in units of log(1e-6); ours are decadic optical densities.
    single = tile.astype(np.float32) / np.float32(255)
    return Contest(
        "stain separation, 1024 x 1024 RGB to float32",
        lambda: kernels.separate_stains(tile),
        [
            Peer("scikit-image rgb2hed, uint8", lambda: rgb2hed(tile), scaled(1e-3), bar=6),
            Peer("scikit-image rgb2hed, float32", lambda: rgb2hed(single), scaled(1e-3), bar=6),
        ],
        bytes_moved=tile.size * 5,
        threads=1,
    )


def scaled(tolerance: float):  # type: ignore[no-untyped-def]
    compare = within(tolerance)
    return lambda ours, theirs: compare(ours, 6 * theirs)


def macenko() -> Contest:
    tile = slide_tile()
    normaliser = NumpyMacenkoNormalizer()
    return Contest(
        "Macenko, fit and apply, 1024 x 1024 RGB",
        lambda: kernels.normalise_macenko(tile),
        [
            Peer(
                "torchstain, NumPy",
                lambda: normaliser.normalize(tile, stains=False)[0],
                on_average(2),
                bar=20,
            )
        ],
        bytes_moved=tile.size * 2,
        threads=1,
    )


def reinhard() -> Contest:
    tile, like = slide_tile(), slide_tile(512, seed=5)
    normaliser = NumpyReinhardNormalizer()
    normaliser.fit(like)
    wanted = kernels.reinhard_statistics(like)
    return Contest(
        "Reinhard, 1024 x 1024 RGB",
        lambda: kernels.normalise_reinhard(tile, wanted),
        [Peer("torchstain, NumPy", lambda: normaliser.normalize(tile), on_average(3))],
        bytes_moved=tile.size * 2,
        threads=1,
    )


def focus() -> Contest:
    grey = np.ascontiguousarray(slide_tile()[..., 1])

    def scipy() -> np.ndarray:
        edges = ndimage.laplace(grey.astype(np.float32))
        blocks = edges.reshape(EDGE // 64, 64, EDGE // 64, 64)
        return np.asarray(blocks.var(axis=(1, 3)))

    def opencv() -> np.ndarray:
        edges = cv2.Laplacian(grey, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE)
        mean = cv2.resize(edges, None, fx=1 / 64, fy=1 / 64, interpolation=cv2.INTER_AREA)
        edges *= edges
        square = cv2.resize(edges, None, fx=1 / 64, fy=1 / 64, interpolation=cv2.INTER_AREA)
        return np.asarray(square - mean * mean)

    return Contest(
        "focus map, 1024 x 1024 in blocks of 64",
        lambda: kernels.focus_map(grey),
        [
            Peer("SciPy laplace, NumPy var", scipy, within(0.5), bar=8),
            Peer("OpenCV Laplacian, area means", opencv, within(0.5)),
        ],
        bytes_moved=grey.size,
        threads=1,
    )


def tissue() -> Contest:
    tile = slide_tile()

    def opencv_and_skimage() -> np.ndarray:
        saturation = cv2.cvtColor(tile, cv2.COLOR_RGB2HSV)[..., 1]
        return np.asarray(saturation > threshold_otsu(saturation))

    def opencv() -> np.ndarray:
        saturation = cv2.extractChannel(cv2.cvtColor(tile, cv2.COLOR_RGB2HSV), 1)
        return np.asarray(cv2.threshold(saturation, 0, 1, cv2.THRESH_OTSU)[1].view(np.bool_))

    return Contest(
        "tissue mask, 1024 x 1024 RGB",
        lambda: kernels.tissue_mask(tile).mask,
        [
            Peer("OpenCV HSV, scikit-image Otsu", opencv_and_skimage, overlap(0.95), bar=3),
            Peer("OpenCV HSV, OpenCV Otsu", opencv, overlap(0.95)),
        ],
        bytes_moved=tile.size * 4 // 3,
        threads=1,
    )


def fluorescence() -> Contest:
    generator = np.random.default_rng(2)
    channels = generator.integers(0, 5000, (4, 256, 256)).astype(np.uint16)
    ranges = np.array([[100, 4000], [0, 3000], [500, 2500], [50, 4500]], np.float32)
    colours = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 0]], np.float32)

    def numpy() -> np.ndarray:
        lows, highs = ranges[:, 0, None, None], ranges[:, 1, None, None]
        light = np.clip((channels.astype(np.float32) - lows) / (highs - lows), 0, 1) * 255
        total = np.tensordot(light, colours, axes=(0, 0))
        return np.minimum(total + 0.5, 255).astype(np.uint8)

    return Contest(
        "four fluorescence channels to RGB, 256 x 256 uint16",
        lambda: kernels.compose_channels(channels, ranges, colours),
        [Peer("NumPy clip, tensordot", numpy, within(1))],
        bytes_moved=channels.nbytes + 3 * 256 * 256,
        threads=1,
    )


def density() -> Contest:
    points = np.random.default_rng(3).uniform(0, 20, (1_000_000, 2)).astype(np.float32)
    edges = np.linspace(0, 20, 201)

    def numpy() -> np.ndarray:
        return np.histogram2d(points[:, 1], points[:, 0], (edges, edges))[0]

    def numpy_cells() -> np.ndarray:
        cells = (points * np.float32(10)).astype(np.intp)
        return np.bincount(cells[:, 1] * 200 + cells[:, 0], minlength=40000).reshape(200, 200)

    return Contest(
        "density grid of a million points",
        lambda: kernels.density_grid(points, (0, 0), 0.1, (200, 200)),
        [
            Peer("NumPy histogram2d", numpy, on_average(0.02)),
            Peer("NumPy bincount", numpy_cells, on_average(0.02)),
        ],
        bytes_moved=points.nbytes,
        threads=1,
    )


def sparse_scan() -> Contest:
    frames = 2000
    data = sparse_header(frames)
    header = np.frombuffer(data, np.uint8)

    def with_pydicom() -> np.ndarray:
        dataset = pydicom.dcmread(BytesIO(data), force=True)
        places = [
            group.PlanePositionSlideSequence[0]
            for group in dataset.PerFrameFunctionalGroupsSequence
        ]
        return np.array(
            [
                (
                    place.ColumnPositionInTotalImagePixelMatrix,
                    place.RowPositionInTotalImagePixelMatrix,
                )
                for place in places
            ],
            np.int32,
        )

    # pydicom wants a file: the same bytes behind a preamble and file meta.
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    head = BytesIO()
    blank = Dataset()
    blank.file_meta = meta
    pydicom.dcmwrite(head, blank, enforce_file_format=False, implicit_vr=False, little_endian=True)
    data = head.getvalue() + data

    return Contest(
        "positions of 2000 sparse frames",
        lambda: kernels.scan_positions(header, 0, len(header), frames),
        [Peer("pydicom, data set by data set", with_pydicom, within(0))],
        bytes_moved=len(header),
        threads=1,
    )


def polygon() -> Contest:
    generator = np.random.default_rng(4)
    angles = np.sort(generator.uniform(0, 2 * np.pi, 60))
    radii = generator.uniform(150, 480, 60)
    corners = np.stack([512.3 + radii * np.sin(angles), 511.7 + radii * np.cos(angles)], axis=1)
    flipped = np.rint(corners[:, ::-1] * 256).astype(np.int32)
    target = np.zeros((EDGE, EDGE), np.uint8)

    def opencv() -> np.ndarray:
        target[:] = 0
        cv2.fillPoly(target, [flipped], 1, shift=8)
        return target.view(np.bool_)

    return Contest(
        "polygon of 60 corners to a mask of 1024 x 1024",
        lambda: kernels.polygon_mask(corners, (EDGE, EDGE)),
        [
            Peer(
                "scikit-image polygon2mask",
                lambda: polygon2mask((EDGE, EDGE), corners),
                overlap(0.999),
            ),
            Peer("OpenCV fillPoly", opencv, overlap(0.99)),
        ],
        bytes_moved=EDGE * EDGE,
        threads=1,
        why_lost="OpenCV rounds corners to 1/256 pixel, takes in every pixel the outline touches, "
        "and keeps a list of active edges; ours asks every edge at every row, and is exact.",
    )


ALL = [
    halve_tile,
    separate_stains,
    macenko,
    reinhard,
    focus,
    tissue,
    fluorescence,
    density,
    sparse_scan,
    polygon,
]
