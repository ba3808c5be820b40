"""The benchmark compares before it times, and says what it must."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import groups
from benchmarks import kernels as benchmark
from benchmarks.contest import Contest, Peer, hold, within

BARS = {
    "window_stack": [8, 8, 8],
    "unshear_stack": [30],
    "oblique_reslice": [2.5, 2.5],
    "slab_maximum": [1.5],
    "halve_tile": [8, 2.5],
    "separate_stains": [6, 6],
    "macenko": [20],
    "focus": [8],
    "tissue": [3],
}


def test_a_peer_that_differs_is_not_timed() -> None:
    contest = Contest("x", lambda: np.zeros(3), [Peer("y", lambda: np.ones(3), within(0.5))], 24, 1)
    with pytest.raises(AssertionError, match=r"results differ by 1\.0"):
        hold(contest, lambda: None, 1, 1)


def test_a_run_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "results.json"
    assert benchmark.main(["--rounds", "1", "--only", "halve", "--json", str(file)]) == 0
    report = json.loads(file.read_text(encoding="utf-8"))
    (result,) = report["results"]
    peer = result["peers"][0]
    assert peer["ratio"] == pytest.approx(peer["seconds"] / result["ours_seconds"])
    assert peer["met"] == (min(peer["ratio"], peer["processor_ratio"]) >= peer["bar"])
    printed = capsys.readouterr().out
    for found in result["peers"]:
        assert found["name"] in printed
    assert "GB/s" in printed


@pytest.mark.parametrize("make", groups.ALL, ids=lambda make: make.__name__)
def test_everybody_gives_the_same(make) -> None:  # type: ignore[no-untyped-def]
    contest = make()
    ours = contest.ours()
    for peer in contest.peers:
        assert peer.agrees(ours, peer.run())
    bars = [peer.bar for peer in contest.peers if peer.bar is not None]
    assert bars == BARS.get(make.__name__, [])


def test_every_bar_has_its_contest() -> None:
    assert set(BARS) <= {make.__name__ for make in groups.ALL}
