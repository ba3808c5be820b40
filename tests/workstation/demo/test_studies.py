"""The demo's phantoms: valid CT instances whose numbers are known."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from scipy import ndimage

from workstation.demo.studies import PHANTOMS, Phantom, write_phantom

NOW = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)


PLAIN = [phantom for phantom in PHANTOMS if phantom.key != "stroke"]
(STROKE,) = (phantom for phantom in PHANTOMS if phantom.key == "stroke")


@pytest.fixture(scope="module", params=PLAIN, ids=lambda phantom: phantom.key)
def written(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Phantom, list[Path]]:
    phantom = request.param
    return phantom, write_phantom(phantom, tmp_path_factory.mktemp("phantom"), NOW)


def test_dciodvfy_finds_no_error(written: tuple[Phantom, list[Path]]) -> None:
    for path in (written[1][0], written[1][-1]):
        run = subprocess.run(
            ["/usr/bin/dciodvfy", str(path)], capture_output=True, text=True, check=False
        )
        errors = [line for line in run.stderr.splitlines() if line.startswith("Error")]
        assert errors == []
        assert "CTImage" in run.stderr


def test_the_study_happened_today_in_vietnam(written: tuple[Phantom, list[Path]]) -> None:
    dataset = pydicom.dcmread(written[1][0])
    assert (dataset.StudyDate, dataset.StudyTime) == ("20261124", "033000")


def test_slices_are_apart_along_their_normal(written: tuple[Phantom, list[Path]]) -> None:
    phantom, files = written
    datasets = [pydicom.dcmread(path, stop_before_pixels=True) for path in files]
    row, column = np.split(np.array(datasets[0].ImageOrientationPatient, float), 2)
    normal = np.cross(row, column)
    places = [np.dot(np.array(d.ImagePositionPatient, float), normal) for d in datasets]
    assert np.allclose(np.diff(places), 5.0, atol=1e-3)
    assert len({d.SOPInstanceUID for d in datasets}) == len(files) == 30
    tilt = np.degrees(np.arcsin(abs(column[2])))
    assert tilt == pytest.approx(18.0 if phantom.key == "tilt" else 0.0, abs=0.01)


def test_the_bleeding_has_its_volume_in_the_files(written: tuple[Phantom, list[Path]]) -> None:
    phantom, files = written
    if phantom.key != "haemorrhage":
        return
    volume = []
    for path in files:
        dataset = pydicom.dcmread(path)
        volume.append(dataset.pixel_array.astype(float) + float(dataset.RescaleIntercept))
    bright = ndimage.gaussian_filter(np.array(volume), (0, 1.5, 1.5))
    parts, _ = ndimage.label((bright > 50) & (bright < 90))
    largest = np.bincount(parts.ravel())[1:].max()
    millilitres = largest * 0.46 * 0.46 * 5.0 / 1000
    assert millilitres == pytest.approx(30.0, rel=0.1)


def test_writing_again_gives_the_same_bytes(
    written: tuple[Phantom, list[Path]], tmp_path: Path
) -> None:
    phantom, files = written
    if phantom.key != "normal":
        return
    again = write_phantom(phantom, tmp_path, NOW)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in files]


@pytest.fixture(scope="module")
def stroke(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_phantom(STROKE, tmp_path_factory.mktemp("stroke"), NOW)


def test_the_stroke_is_two_valid_series(stroke: list[Path]) -> None:
    datasets = [pydicom.dcmread(path, stop_before_pixels=True) for path in stroke]
    series = {d.SeriesInstanceUID: d.SeriesDescription for d in datasets}
    assert list(series.values()) == ["Head 5.0", "Perfusion 5.0"]
    assert len({d.SOPInstanceUID for d in datasets}) == len(stroke) == 32 + 300
    for path in (stroke[0], stroke[-1]):
        run = subprocess.run(
            ["/usr/bin/dciodvfy", str(path)], capture_output=True, text=True, check=False
        )
        assert not [line for line in run.stderr.splitlines() if line.startswith("Error")]


def test_the_perfusion_was_taken_every_two_seconds_everywhere(stroke: list[Path]) -> None:
    times: dict[float, list[float]] = {}
    for path in stroke[32:]:
        d = pydicom.dcmread(path, stop_before_pixels=True)
        clock = str(d.AcquisitionTime)
        seconds = int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + float(clock[4:])
        times.setdefault(float(d.ImagePositionPatient[2]), []).append(seconds)
    assert len(times) == 10
    assert all(np.allclose(np.diff(sorted(each)), 2.0) for each in times.values())
