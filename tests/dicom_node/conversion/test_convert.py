"""The converter in its own process: progress, limits, an end when it is wanted."""

import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile

from dicom_node.conversion import ConversionRefused, Limits, convert
from tests.dicom_node.conversion.conftest import facts

SVS = "wsi/svs_cmu1_small_region/CMU-1-Small-Region.svs"


def test_a_slide_is_converted_with_progress(test_data: Path, tmp_path: Path) -> None:
    seen: list[tuple[float, str, str]] = []
    slide = convert(test_data / SVS, tmp_path, facts(), lambda *step: seen.append(step))
    assert len(slide.files) == 7
    assert all(path.is_file() for path in slide.files)
    fractions = [fraction for fraction, _, _ in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert sorted(path.name for path in tmp_path.iterdir()) == [p.name for p in slide.files]


def test_a_refusal_comes_out_of_the_child_in_words(test_data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConversionRefused) as refusal:
        convert(test_data / "wsi/bad/corrupted.svs", tmp_path, facts())
    assert refusal.value.code == "damaged"
    assert "32704" in refusal.value.vi
    assert list(tmp_path.iterdir()) == []


def test_it_ends_when_nobody_wants_it(test_data: Path, tmp_path: Path) -> None:
    wanted = threading.Event()
    wanted.set()
    with pytest.raises(ConversionRefused) as refusal:
        convert(test_data / SVS, tmp_path, facts(), cancelled=wanted.is_set)
    assert refusal.value.code == "cancelled"


def test_it_ends_at_its_limits(test_data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConversionRefused) as refusal:
        convert(test_data / SVS, tmp_path, facts(), limits=Limits(seconds=0.1))
    assert refusal.value.code == "limits"
    with pytest.raises(ConversionRefused) as refusal:
        convert(test_data / SVS, tmp_path, facts(), limits=Limits(file_bytes=100_000))
    assert refusal.value.code == "limits"


def test_memory_beyond_the_limit_is_not_had(tmp_path: Path) -> None:
    path = tmp_path / "one.tiff"
    tifffile.imwrite(path, np.zeros((4096, 4096, 3), np.uint8), tile=(4096, 4096))
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(ConversionRefused) as refusal:
        convert(path, folder, facts(mpp=0.25), limits=Limits(memory_bytes=64 << 20))
    assert refusal.value.code in ("limits", "failed")
