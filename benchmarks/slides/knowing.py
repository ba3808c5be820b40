"""B8 to B12: the index of a sparse slide, kernels beside libraries, and marks there and back."""

import json
import time
from collections.abc import Callable

import numpy as np
import pydicom
from pydicom.uid import JPEGBaseline8Bit

from benchmarks import kernels as kernel_benchmarks
from benchmarks.contest import hold
from benchmarks.groups import slides as groups
from benchmarks.slides.outcome import Line, Times, rivals
from benchmarks.slides.scene import Scene
from dicom_node.records import ReadScope
from dicom_node.slides import Shelf, SlideGeometry
from dicom_node.slides.build import Build
from dicom_node.slides.images import SlideImage
from dicom_node.slides.places import frame_places, parsed_places
from plugins.interchange import Drawing, read_geojson, write_geojson
from plugins.nouns import AnnotationKind
from tests.dicom_node.slides.glass import Glass, image_of, jpeg, put

__all__ = ["kernels", "marks", "sparse_index"]

_EVERYTHING = ReadScope(everything=True)


def sparse_index(scene: Scene, rounds: int, frames: int) -> list[Line]:
    """B8: where the tiles of a sparse slide lie, and its whole index."""
    edge = int(np.ceil(np.sqrt(frames)))
    places = [(0, 0, number // edge, number % edge) for number in range(frames)]
    picture = jpeg(np.full((8, 8, 3), 200, np.uint8))
    glass = Glass(StudyInstanceUID="1.2.826.0.1.3680043.8.498.78")
    level = glass.level(
        edge * 8,
        edge * 8,
        (8, 8),
        sparse=places,
        pixels=lambda *_: picture,  # type: ignore[arg-type, return-value]
        syntax=JPEGBaseline8Bit,
        PhotometricInterpretation="YBR_FULL_422",
    )
    put(scene.archive, level)
    image = image_of(scene.archive, level)
    scanned, parsed = frame_places(image), parsed_places(image)
    for name in ("row", "column", "path", "z_um"):
        np.testing.assert_array_equal(getattr(scanned, name), getattr(parsed, name))
    walked = _walked(image)
    assert np.array_equal(np.stack([scanned.column, scanned.row], 1) * 8 + 1, walked)

    records = [image.record]
    made = scene.folder / "sparse.idx"
    ours, whole, theirs = Times(), Times(), Times()
    for turn in range(rounds + 1):
        for times, work in (
            (ours, lambda: frame_places(image)),
            (whole, lambda: Build(scene.archive, records).write(made)),
            (theirs, lambda: _walked(image)),
        ):
            # The slow one is steady enough to be asked once.
            if turn and not (times is theirs and theirs.cpu):
                _timed(times, work)
    # What a viewer does instead of all that.
    (index,) = Shelf(scene.archive).of_study(str(level.StudyInstanceUID), _EVERYTHING)
    assert len(index.frames) == frames
    name = f"positions of {frames:,} sparse frames"
    lines = rivals("B8", name, {"ours": ours, "pydicom": theirs}, 1, {"pydicom": 100})
    lines.append(
        Line(
            "B8",
            f"whole index of {frames:,} sparse frames, synced",
            f"{1000 * whole.best:.0f} ms CPU ({1000 * min(whole.wall):.0f} by the clock)",
            target="≤ 50 ms",
            met=whole.best <= 0.05,
        )
    )
    return lines


def _walked(image: SlideImage) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    """The positions as one reads them with pydicom."""
    ds = pydicom.dcmread(image.record.path, stop_before_pixels=True)
    found = []
    for group in ds.PerFrameFunctionalGroupsSequence:
        place = group.PlanePositionSlideSequence[0]
        found.append(
            (
                place.ColumnPositionInTotalImagePixelMatrix,
                place.RowPositionInTotalImagePixelMatrix,
            )
        )
    return np.array(found)


def _timed(times: Times, work: Callable[[], object]) -> None:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    times.cpu.append(time.process_time() - cpu)
    times.wall.append(time.perf_counter() - wall)


def kernels(rounds: int) -> list[Line]:
    """B9 and B10, by the contests of ``benchmarks.kernels``; results are compared there."""
    copy, copied = kernel_benchmarks.copier()
    lines = []
    for bar, make in (
        ("B9", groups.halve_tile),
        ("B10", groups.separate_stains),
        ("B10", groups.macenko),
        ("B10", groups.focus),
        ("B10", groups.tissue),
    ):
        contest = make()
        kernel_benchmarks.pin(contest.threads)
        result = hold(contest, copy, copied, rounds)
        for peer in result.peers:
            target = peer["bar"]
            lines.append(
                Line(
                    bar,
                    result.name,
                    f"{1000 * result.ours_seconds:.2f} ms",
                    f"{peer['name']} {1000 * peer['seconds']:.2f} ms, {peer['agreement']}",
                    peer["processor_ratio"],
                    peer["median_ratio"],
                    "" if target is None else f"≥ {target:g}×",
                    None if target is None else peer["processor_ratio"] >= target,
                )
            )
    return lines


def marks(scene: Scene, points: int) -> list[Line]:
    """B11 and B12: millimetres there and back, and what a crowd of points weighs."""
    random = np.random.default_rng(6)
    size = float(scene.index.facts["width"])
    geometry = SlideGeometry(tuple(mpp / 1000 for mpp in scene.index.facts["mpp"]))
    corners = random.uniform(0, size, (min(points, 20_000), 2))
    place_mm = geometry.to_slide_mm(corners)
    drawing = Drawing(AnnotationKind.COUNTER, geometry.to_pixels(place_mm))
    (back,) = read_geojson(write_geojson([drawing])).items
    worst_um = 1000 * float(np.abs(geometry.to_slide_mm(back.points) - place_mm).max())
    single = geometry.to_slide_mm(corners.astype("<f4").astype(np.float64))
    worst_single_um = 1000 * float(np.abs(single - place_mm).max())
    crowd = random.uniform(0, size, (points, 2)).astype("<f4")
    text = json.dumps(
        {
            "type": "Feature",
            "geometry": {"type": "MultiPoint", "coordinates": np.round(crowd, 2).tolist()},
        }
    )
    weight, theirs = crowd.nbytes / 1e6, len(text.encode()) / 1e6
    ratio = theirs / weight
    return [
        Line(
            "B11",
            "mm to GeoJSON to mm, worst",
            f"{worst_um:.2g} µm",
            target="≤ 0.01 µm",
            met=worst_um <= 0.01,
        ),
        Line(
            "B11",
            "mm to point set (float32) to mm, worst",
            f"{worst_single_um:.2g} µm",
            target="≤ 0.05 µm",
            met=worst_single_um <= 0.05,
        ),
        Line(
            "B12",
            f"transfer of {points:,} points",
            f"{weight:.1f} MB",
            f"GeoJSON of the barest kind {theirs:.1f} MB",
            ratio,
            None,
            "≤ 8 MB a million",
            weight <= 8 * points / 1e6,
        ),
    ]
