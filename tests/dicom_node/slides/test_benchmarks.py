"""The benchmark of slides compares before it times, and writes what it prints."""

import json
from pathlib import Path

import pytest

from benchmarks.slides import __main__ as benchmark
from benchmarks.slides.outcome import Line, Times, rivals, show


def test_a_quick_run_says_what_it_must(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "lines.json"
    asked = ["--quick", "--only", "B1,B5,B8,B11,B13", "--json", str(file)]
    assert benchmark.main([*asked, "--folder", str(tmp_path)]) == 0
    lines = json.loads(file.read_text(encoding="utf-8"))["lines"]
    printed = capsys.readouterr().out
    assert {line["bar"] for line in lines} == {"B1", "B5", "B8", "B11", "B12", "B13"}
    for line in lines:
        assert line["what"] in printed
    # What no machine's load excuses.
    certain = {
        "coded tiles byte-identical",
        "dciodvfy",
        "mm to GeoJSON to mm, worst",
        "mm to point set (float32) to mm, worst",
    }
    held = {line["what"] for line in lines if line["met"]}
    assert certain <= held
    assert not list(tmp_path.glob("tmp*"))


def test_every_bar_is_measured_or_named() -> None:
    options = benchmark.argparse.Namespace(quick=True, rounds=1, wsidicomizer=None)
    measured = set(benchmark.contests(options)) | {"B10", "B12"}
    assert measured == {f"B{number}" for number in range(1, 14)}


def test_losses_and_missed_bars_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    times = {"ours": Times([2.0, 4.0], [2.0, 4.0]), "peer": Times([1.0, 3.0], [1.0, 3.0])}
    (line,) = rivals("B1", "a tile", times, 1, {"peer": 2.0})
    assert line.ratio == 0.5
    assert line.median_ratio == pytest.approx(2 / 3)
    assert line.met is False
    show([line, Line("B5", "peer", "not installed")])
    printed = capsys.readouterr().out
    assert "we lose" in printed
    assert "MISSED" in printed
    assert "not installed" in printed
