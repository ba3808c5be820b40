"""The stroke benchmark runs, compares before it times, and says what was met."""

import json
from pathlib import Path

import pytest

from benchmarks import stroke, stroke_accuracy
from benchmarks.groups import strokes


def test_a_quick_run_prints_wholes_and_stages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "stroke.json"
    assert stroke.main(["--quick", "--json", str(file)]) == 0
    report = json.loads(file.read_text(encoding="utf-8"))
    printed = capsys.readouterr().out
    assert [one["bar"] for one in report["wholes"]] == [6, 10, 3]
    for one in report["wholes"]:
        assert one["name"] in printed
        assert one["steps"]
        assert 0 < one["best"] <= one["median"]
    assert [len(one["peers"]) for one in report["stages"]] == [2, 2]


@pytest.mark.parametrize(
    "make",
    [one for one in strokes.ALL if one is not strokes.motion],
    ids=lambda make: make.__name__,
)
def test_everybody_gives_the_same(make) -> None:  # type: ignore[no-untyped-def]
    contest = make()
    ours = contest.ours()
    for peer in contest.peers:
        assert peer.agrees(ours, peer.run())


def test_a_slow_whole_misses_its_bar() -> None:
    slow = stroke.Whole("x", 1.0, 3.0, 3.0, 2.0, 2.0, 2.0, [])
    busy = stroke.Whole("x", 1.0, 3.0, 3.0, 2.0, 2.0, 0.5, [])
    assert "MISSED" in slow.lines()[0]
    assert "processor time is below" not in slow.lines()[0]
    assert "MISSED by the clock; processor time is below it" in busy.lines()[0]


def test_the_table_of_accuracy_is_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert stroke_accuracy.main(quick=True) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "| | What | Measured | Bar | |"
    assert {row.split("|")[1].strip() for row in rows[2:]} >= {"A5", "A7", "A9", "A10", "C1", "C7"}
    assert all(row.count("|") == 6 for row in rows)
    assert all(row.endswith(("met |", "**MISSED** |")) for row in rows[2:])
