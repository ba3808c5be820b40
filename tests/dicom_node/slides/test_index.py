"""The index file, and the shelf it stands on."""

import logging
import os
import time
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import generate_uid

from dicom_node.archive import Archive
from dicom_node.errors import NotFound
from dicom_node.records import ReadScope
from dicom_node.slides import Shelf, SlideIndex, index_slides, slide_id, slide_index
from dicom_node.slides.index import FRAME, write_index
from tests.dicom_node.slides.glass import Glass, put, slide_of
from tests.factories import EVERYTHING, ct_image

OF_A = ReadScope(sites=frozenset({"DEMO_A"}))
OF_B = ReadScope(sites=frozenset({"DEMO_B"}))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    frames = np.array([(1 << 40, 7, 1, 2), (3, 9, 2, 0)], FRAME)
    grid = np.arange(24, dtype=np.int32).reshape(2, 1, 3, 4)
    path = tmp_path / "deep" / "it.idx"
    facts = {"levels": [{"title": "tầng"}], "slide": "s"}
    pieces = np.array([[5, 6]], np.uint64)
    write_index(path, facts, {"frames": frames, "pieces": pieces, "grid 0": grid})
    index = SlideIndex(path)
    assert index.facts["levels"] == [{"title": "tầng"}]
    np.testing.assert_array_equal(index.frames, frames)
    np.testing.assert_array_equal(index.grids[0], grid)
    np.testing.assert_array_equal(index.pieces, pieces)
    assert index.frame(0, 1, 0, 3, 2) == 23
    assert [one.name for one in path.parent.iterdir()] == ["it.idx"]


def test_it_is_small(archive: Archive) -> None:
    """At most 24 bytes a frame, beside the facts."""
    assert FRAME.itemsize + np.dtype(np.int32).itemsize <= 24


@pytest.mark.parametrize(
    "damage", [b"", b"HOICHAN1", b"NOTHING!" + bytes(64), b"HOICHAN1" + bytes(64)]
)
def test_a_damaged_index_is_made_again(archive: Archive, damage: bytes) -> None:
    glass = Glass()
    put(archive, glass.level())
    index = slide_of(archive, glass)
    path = archive.settings.folder / "slides" / index.slide / f"{index.version}.idx"
    path.unlink()
    path.write_bytes(damage)
    again = slide_of(archive, glass)
    assert again.facts == index.facts


def test_names_are_opaque_and_last(archive: Archive) -> None:
    glass = Glass()
    put(archive, glass.level())
    index = slide_of(archive, glass)
    uid = glass.shared["SeriesInstanceUID"]
    assert index.slide == slide_id(uid)
    assert len(index.slide) == 32
    assert uid not in str(archive.settings.folder / "slides" / index.slide)
    assert slide_of(archive, glass).version == index.version


def test_nothing_is_parsed_once_it_is_made(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    glass = Glass()
    put(archive, glass.level())
    index_slides(archive, [glass.shared["StudyInstanceUID"]])
    monkeypatch.setattr(Archive, "header", None)
    monkeypatch.setattr(Archive, "frame_offsets", None)
    shelf = Shelf(archive)
    assert shelf.current(slide_id(glass.shared["SeriesInstanceUID"]), OF_A).facts["width"] == 40


def test_who_looks_at_an_old_version_goes_on_with_it(archive: Archive) -> None:
    glass = Glass()
    put(archive, glass.level())
    shelf = Shelf(archive)
    old = slide_of(archive, glass)
    put(archive, glass.level(20, 12, spacing=0.001, InstanceNumber=2))
    new = shelf.current(old.slide, OF_A)
    assert new.version != old.version
    assert len(shelf.version(old.slide, old.version, OF_A).facts["levels"]) == 1
    assert len(shelf.version(old.slide, new.version, OF_A).facts["levels"]) == 2


def test_versions_of_long_ago_are_cleared_away(archive: Archive) -> None:
    glass = Glass()
    put(archive, glass.level())
    old = slide_of(archive, glass)
    path = archive.settings.folder / "slides" / old.slide / f"{old.version}.idx"
    long_ago = time.time() - 2 * 86_400
    os.utime(path, (long_ago, long_ago))
    put(archive, glass.level(20, 12, spacing=0.001, InstanceNumber=2))
    new = slide_of(archive, glass)
    assert [one.stem for one in path.parent.iterdir()] == [new.version]


def test_a_slide_of_another_site_does_not_exist(archive: Archive) -> None:
    glass = Glass()
    put(archive, glass.level(), site="DEMO_A")
    index = slide_of(archive, glass)
    shelf = Shelf(archive)
    assert shelf.current(index.slide, OF_A).version == index.version
    for ask in (
        lambda: shelf.current(index.slide, OF_B),
        lambda: shelf.version(index.slide, index.version, OF_B),
        lambda: shelf.of_series(index.series_instance_uid, OF_B),
        lambda: slide_index(archive, index.series_instance_uid, OF_B),
    ):
        with pytest.raises(NotFound):
            ask()
    assert shelf.of_study(index.study_instance_uid, OF_B) == []


def test_two_sites_that_claim_one_series_see_each_their_own(archive: Archive) -> None:
    of_a = Glass()
    of_b = Glass(SeriesInstanceUID=of_a.shared["SeriesInstanceUID"])
    put(archive, of_a.level(), site="DEMO_A")
    put(archive, of_b.level(80, 24), site="DEMO_B")
    shelf = Shelf(archive)
    slide = slide_id(of_a.shared["SeriesInstanceUID"])
    for _ in range(2):  # made, and found
        assert shelf.current(slide, OF_A).facts["width"] == 40
        assert shelf.current(slide, OF_B).facts["width"] == 80
    of_other = shelf.current(slide, OF_B)
    with pytest.raises(NotFound):
        shelf.version(slide, of_other.version, OF_A)


@pytest.mark.parametrize("name", ["", "..", "x" * 32, "0" * 31, "../../../etc/passwd"])
def test_strange_names_are_nothing(archive: Archive, name: str) -> None:
    shelf = Shelf(archive)
    with pytest.raises(NotFound):
        shelf.current(name, EVERYTHING)
    with pytest.raises(NotFound):
        shelf.version(name, "0" * 16, EVERYTHING)
    with pytest.raises(NotFound):
        shelf.version("0" * 32, name, EVERYTHING)


def test_slides_of_a_study_that_is_none(archive: Archive) -> None:
    put(archive, ct_image(StudyInstanceUID="1.2.3"))
    assert Shelf(archive).of_study("1.2.3", EVERYTHING) == []


def test_what_fails_is_told_and_stops_nothing(
    archive: Archive, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    glass, other = Glass(), Glass()
    put(archive, glass.level())
    put(archive, other.level())
    made = Shelf.of_study

    def failing(self: Shelf, study: str, scope: ReadScope) -> list[SlideIndex]:
        if study == glass.shared["StudyInstanceUID"]:
            raise OSError("the disk is gone")
        return made(self, study, scope)

    monkeypatch.setattr(Shelf, "of_study", failing)
    studies = [one.shared["StudyInstanceUID"] for one in (glass, other)]
    with caplog.at_level(logging.ERROR):
        index_slides(archive, studies)
    assert "cannot index the slides" in caplog.text
    assert (
        archive.settings.folder / "slides" / slide_id(other.shared["SeriesInstanceUID"])
    ).exists()


def test_an_unreadable_image_costs_the_slide_one_level(archive: Archive) -> None:
    glass = Glass(PyramidUID=generate_uid())
    put(archive, glass.level(), glass.level(20, 12, Rows=0, InstanceNumber=2))
    index = slide_of(archive, glass)
    assert len(index.facts["levels"]) == 1
    assert any("left out" in problem["en"] for problem in index.facts["problems"])


def test_a_lone_label_is_a_slide_that_has_not_come(archive: Archive) -> None:
    glass = Glass()
    put(archive, glass.level(role="LABEL"))
    facts = slide_of(archive, glass).facts
    assert (facts["width"], facts["levels"]) == (0, [])
    assert facts["container_id"] == "26-1234 A1"
