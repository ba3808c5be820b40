"""A file that comes smallest level first: what is wanted, what is shown, and that it holds."""

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from pydicom import dcmread

from benchmarks.slides.scene import write_svs
from dicom_node.archive import Archive, ArchiveSettings
from dicom_node.conversion import ConversionRefused
from dicom_node.conversion.blocks import Absent, Blocks, SparseFile, block_bytes_for
from dicom_node.conversion.build import Built, build
from dicom_node.conversion.partial import build_partial
from dicom_node.conversion.priority import Plan, make_plan, with_wishes
from dicom_node.records import ReadScope
from dicom_node.slides import Shelf
from dicom_node.slides.announced import announce, set_arrived_share, withdraw
from dicom_node.slides.problems import RESAMPLED
from tests.dicom_node.conversion.conftest import dciodvfy_errors, facts
from tests.factories import from_site

BLOCK = 16_384


class Arrival:
    """A file that comes block by block, in the order the plan wants."""

    def __init__(self, whole: Path, folder: Path, block_bytes: int = BLOCK) -> None:
        self.data = whole.read_bytes()
        self.path = folder / f"arriving{whole.suffix}"
        self.path.touch()
        os.truncate(self.path, len(self.data))
        self.blocks = Blocks(folder / "blocks", len(self.data), block_bytes)
        self.blocks.begin()

    def take(self, number: int) -> None:
        at = number * self.blocks.block_bytes
        with self.path.open("r+b") as file:
            file.seek(at)
            file.write(self.data[at : at + self.blocks.length(number)])
        self.blocks.take(number)

    def plan(self, mpp: float = 0.0) -> Plan:
        with SparseFile(self.path, self.blocks) as file:
            return make_plan(file, mpp)

    def settle(self) -> Plan:
        """Bring what the plan needs to be made."""
        for _ in range(40):
            plan = self.plan()
            if plan.is_settled:
                return plan
            here = self.blocks.here
            missing = [int(one) for one in plan.order if not here[one]]
            assert missing
            self.take(missing[0])
        raise AssertionError("the plan never settles")

    def become_readable(self) -> Plan:
        plan = self.settle()
        for number in plan.order[: plan.readable]:
            self.take(int(number))
        return plan

    def build(self, folder: Path) -> Built:
        folder.mkdir()
        return build_partial(self.path, folder, facts(), lambda *_: None, self.blocks)


@pytest.fixture(scope="module")
def svs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("svs") / "slide.svs"
    write_svs(path, 4096)
    return path


def test_levels_up_to_10x_come_after_a_small_part(svs: Path, tmp_path: Path) -> None:
    arrival = Arrival(svs, tmp_path)
    plan = arrival.become_readable()
    assert sorted(plan.order) == list(range(arrival.blocks.count))
    # The quarter and what is smaller are about a tenth of such a file.
    assert 0.03 < plan.readable / arrival.blocks.count < 0.25
    here = arrival.blocks.here
    with tifffile.TiffFile(svs) as tiff:
        pages = [page for page in tiff.pages if page.is_tiled]  # type: ignore[union-attr]
        for page in pages:
            blocks = arrival.blocks.of(np.array(page.dataoffsets), np.array(page.databytecounts))
            assert here[blocks].all() == (page.imagewidth <= 1024)
        # Of those, the smaller one first.
        places = {int(block): at for at, block in enumerate(plan.order)}
        last = [
            max(
                places[int(one)]
                for one in arrival.blocks.of(
                    np.array(page.dataoffsets[1:]), np.array(page.databytecounts[1:])
                )
            )
            if len(page.dataoffsets) > 1
            else 0
            for page in pages
        ]
        assert last[2] <= last[1] < last[0]


def test_what_was_shown_early_is_what_stays(svs: Path, tmp_path: Path) -> None:
    """Byte for byte, and on the same millimetres."""
    arrival = Arrival(svs, tmp_path)
    arrival.become_readable()
    early = arrival.build(tmp_path / "early")
    whole_folder = tmp_path / "whole"
    whole_folder.mkdir()
    whole = build(svs, whole_folder, facts(), lambda *_: None)
    announced = [path for path in early.files if path.suffix == ".json"]
    shown = [path for path in early.files if path.suffix == ".dcm"]
    assert [path.name for path in announced] == ["01-volume.json"]
    assert len(shown) == len(whole.files) - 1 >= 2
    for path in shown:
        assert path.read_bytes() == (whole_folder / path.name).read_bytes()
    assert early.notes == whole.notes
    for path in shown:
        assert dciodvfy_errors(path) == []
    # The announced header is that of the instance to come.
    header = json.loads(announced[0].read_text())
    base = dcmread(whole.files[0], stop_before_pixels=True)
    for keyword in ("SOPInstanceUID", "TotalPixelMatrixColumns", "FrameOfReferenceUID"):
        element = base[keyword]
        assert header[f"{element.tag:08X}"]["Value"] == [element.value]

    archive = Archive.open(ArchiveSettings(tmp_path / "archive", minimum_free_bytes=0))
    folder = archive.settings.folder
    series = str(base.SeriesInstanceUID)
    announce(folder, [header])
    set_arrived_share(folder, series, 0.125)
    shelf, everything = Shelf(archive), ReadScope(everything=True)
    for path in shown:
        archive.store_bytes(path.read_bytes(), from_site())
    (before,) = shelf.of_study(str(base.StudyInstanceUID), everything)
    assert before.facts["levels"][0]["received"] == 0
    assert not before.facts["levels"][0]["complete"]
    assert all(level["complete"] for level in before.facts["levels"][1:])
    assert before.facts["received"]["frames"] < before.facts["received"]["expected"]
    assert shelf.arriving(before) == 0.125
    # Of a slide nobody sends any more nothing is said of arriving; it is not complete for that.
    (share,) = (folder / "slides" / "announced").glob("*.share")
    os.utime(share, (0, 0))
    assert shelf.arriving(before) is None
    archive.store_bytes(whole.files[0].read_bytes(), from_site())
    withdraw(folder, series)
    (after,) = shelf.of_study(str(base.StudyInstanceUID), everything)
    same = ("width", "height", "mpp", "to_slide_mm", "z_mm", "frame_of_reference_uid")
    for key in (*same, "sop_instance_uid", "objective_power", "specimens", "photometric"):
        assert before.facts[key] == after.facts[key], key
    assert [one["downsample"] for one in before.facts["levels"]] == [
        one["downsample"] for one in after.facts["levels"]
    ]
    assert after.facts["received"]["frames"] == after.facts["received"]["expected"]
    assert shelf.arriving(after) is None
    assert before.version != after.version
    archive.close()


def test_a_level_nobody_announced_is_not_waited_for(svs: Path, tmp_path: Path) -> None:
    """As `hoichan push` sends over C-STORE: smallest first, and no word of what is to come."""
    folder = tmp_path / "whole"
    folder.mkdir()
    whole = build(svs, folder, facts(), lambda *_: None)
    archive = Archive.open(ArchiveSettings(tmp_path / "archive", minimum_free_bytes=0))
    shelf, everything = Shelf(archive), ReadScope(everything=True)
    for path in reversed(whole.files):
        archive.store_bytes(path.read_bytes(), from_site())
        (index,) = shelf.of_study(facts().study_instance_uid, everything)
        received = index.facts["received"]
        is_base = path == whole.files[0]
        assert received["frames"] == received["expected"]
        assert index.facts["resampled"] != is_base
        assert (RESAMPLED in [(one["vi"], one["en"]) for one in index.facts["problems"]]) != is_base
        assert all(level["complete"] for level in index.facts["levels"])
    archive.close()


def test_larger_levels_are_shown_as_they_come(tmp_path: Path) -> None:
    """Of a pyramid that halves: 10x, then 20x, and all of it at the end."""
    path = tmp_path / "slide.tif"
    write_pyramid(path, 4096)
    arrival = Arrival(path, tmp_path, 4096)
    plan = arrival.settle()
    assert len(plan.steps) == 2
    for reached, step in enumerate(plan.steps, start=1):
        for number in plan.order[:step]:
            arrival.take(int(number))
        assert plan.reached(arrival.blocks.here) == reached
        early = arrival.build(tmp_path / f"step-{reached}")
        coming = [one for one in early.files if one.suffix == ".json"]
        made = [one for one in early.files if one.suffix == ".dcm"]
        sizes = [dcmread(one, stop_before_pixels=True).TotalPixelMatrixColumns for one in made]
        assert max(sizes) == 1024 * 2 ** (reached - 1)
    assert [one.name for one in coming] == ["01-volume.json"]
    assert arrival.plan(mpp=1.0).steps == ()  # the sender says that all of it is 10x


def write_pyramid(path: Path, size: int) -> None:
    """A tiled TIFF at 0.25 µm whose levels halve and lie in SubIFDs, as Bio-Formats writes them."""
    random = np.random.default_rng(3)
    picture = random.integers(0, 255, (size, size, 3), np.uint8)
    options: dict[str, Any] = {
        "tile": (256, 256),
        "photometric": "rgb",
        "compression": "jpeg",
        "metadata": None,
        "resolutionunit": "CENTIMETER",
    }
    with tifffile.TiffWriter(path) as tiff:
        for number in range(4):
            part = picture[:: 2**number, :: 2**number]
            per_cm = 10_000 / (0.25 * 2**number)
            tiff.write(
                part,
                subfiletype=1 if number else 0,
                subifds=0 if number else 3,
                resolution=(per_cm, per_cm),
                **options,
            )


def test_nothing_is_shown_of_what_has_not_come(tmp_path: Path) -> None:
    path = tmp_path / "base.svs"
    write_svs(path, 2048, base_only=True)
    arrival = Arrival(path, tmp_path)
    assert arrival.settle().readable == 0
    with pytest.raises(ConversionRefused):
        arrival.build(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("name", "early"),
    [
        ("wsi/svs_cmu1_small_region/CMU-1-Small-Region.svs", False),  # one level only
        ("wsi/tiny_openslide/boxes.tiff", False),  # no scale, and no larger than a block or two
        ("wsi/bad/corrupted.svs", False),
    ],
)
def test_real_files_are_asked_for_whole(
    name: str, early: bool, test_data: Path, tmp_path: Path
) -> None:
    arrival = Arrival(test_data / name, tmp_path)
    plan = arrival.settle()
    assert sorted(plan.order) == list(range(arrival.blocks.count))
    assert (plan.readable > 0) == early
    for number in plan.order:
        arrival.take(int(number))
    assert arrival.path.read_bytes() == (test_data / name).read_bytes()


def test_what_is_no_tiff_comes_front_to_back(tmp_path: Path) -> None:
    path = tmp_path / "slide.mrxs"
    path.write_bytes(os.urandom(100_000))
    arrival = Arrival(path, tmp_path)
    arrival.take(0)
    assert arrival.plan().order.tolist() == list(range(7))


def tiff(*directories: tuple[list[tuple[int, int, int, int]], int]) -> bytes:
    """A little-endian TIFF with these directories one after another, at 8 and so on."""
    data = b"II*\0" + struct.pack("<I", 8)
    for entries, following in directories:
        data += struct.pack("<H", len(entries))
        for entry in entries:
            data += struct.pack("<HHII", *entry)
        data += struct.pack("<I", following)
    return data + bytes(max(0, 400 - len(data)))


@pytest.mark.parametrize(
    "data",
    [
        tiff(([(256, 3, 1, 1)], 8)),  # the next directory is this one
        tiff(([(330, 4, 1, 8)], 8)),  # and so is the one within
        tiff(([(324, 4, 0xFFFFFFFF, 8), (325, 4, 0xFFFFFFFF, 8)], 0)),
        tiff(([(324, 16, 0x7FFFFFFF, 8)], 0)),
        tiff(([(256, 4, 1, 9), (257, 4, 1, 9), (324, 4, 1, 0xFFFFFFF0), (325, 4, 1, 100)], 0)),
        tiff(([(270, 2, 0xFFFFFFFF, 8)], 0)),
        tiff(([(270, 2, 50, 0xFFFFFFF0)], 0xFFFFFFF0)),
        b"II*\0\0\0\0\0" + bytes(100),
        b"II+\0\x08\0\0\0" + struct.pack("<Q", 1 << 63) + bytes(100),
        b"MM\0*",
        b"II",
    ],
)
def test_hostile_directories_end_and_ask_for_every_block(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hostile.tif"
    path.write_bytes(data)
    arrival = Arrival(path, tmp_path, 64)
    plan = arrival.settle()
    assert sorted(plan.order) == list(range(arrival.blocks.count))
    assert plan.readable == 0


def test_many_directories_that_claim_everything_end(tmp_path: Path) -> None:
    """400 levels of different sizes, each of 200 tiles that are the whole file."""
    count, tiles = 400, 200
    size = 1 << 20
    table = struct.pack("<I", 0) * tiles
    lengths = struct.pack("<I", size) * tiles
    at = 8 + len(table) + len(lengths)
    data = b"II*\0" + struct.pack("<I", at) + table + lengths
    for number in range(count):
        at += 2 + 12 * 4 + 4
        entries = [(256, 4, 1, 1000 + number), (257, 4, 1, 1000)]
        entries += [(324, 4, tiles, 8), (325, 4, tiles, 8 + 4 * tiles)]
        data += struct.pack("<H", 4) + b"".join(struct.pack("<HHII", *one) for one in entries)
        data += struct.pack("<I", at if number + 1 < count else 0)
    path = tmp_path / "many.tif"
    path.write_bytes(data.ljust(size, b"\0"))
    arrival = Arrival(path, tmp_path, 64)
    arrival.blocks.path.write_bytes(b"\1" * arrival.blocks.count)
    plan = arrival.plan()
    assert plan.is_settled
    assert len(plan.order) == arrival.blocks.count


def test_damaged_bytes_never_break_the_plan(svs: Path, tmp_path: Path) -> None:
    """Directories with bytes changed by chance: always every block once, or a few that are."""
    original = svs.read_bytes()
    with tifffile.TiffFile(svs) as file:
        places = [page.offset for page in file.pages]  # type: ignore[union-attr]
    random = np.random.default_rng(7)
    for number in range(60):
        data = bytearray(original)
        for _ in range(4):
            at = int(random.choice(places)) + int(random.integers(0, 200))
            data[min(at, len(data) - 1)] = int(random.integers(256))
        path = tmp_path / f"{number}.svs"
        path.write_bytes(data)
        blocks = Blocks(tmp_path / "here", len(data), BLOCK)
        blocks.path.write_bytes(b"\1" * blocks.count)
        with SparseFile(path, blocks) as sparse:
            plan = make_plan(sparse)
        assert plan.is_settled
        assert sorted(plan.order) == list(range(blocks.count))
        path.unlink()


def asked(planned: list[int], wishes: list[list[int]]) -> list[int]:
    """The order in which blocks come to who always sends the first one that is wanted."""
    come: list[int] = []
    while True:
        left = [[one for one in every if one not in come] for every in (planned, *wishes)]
        wanted = with_wishes(left[0][:8], [one for one in left[1:] if one], len(come), 8)
        if not wanted:
            return come
        assert len(set(wanted)) == len(wanted) <= 8
        come.append(wanted[0])


def test_without_wishes_blocks_come_as_planned() -> None:
    planned = list(range(30, 0, -1))
    assert asked(planned, []) == planned
    assert with_wishes(planned, [], 7, 8) == planned[:8]


def test_wishes_come_first_and_every_fourth_block_is_planned() -> None:
    order = asked(list(range(40)), [[20, 21, 22, 23, 24, 25]])
    assert order[:9] == [20, 21, 22, 0, 23, 24, 25, 1, 2]
    assert sorted(order) == list(range(40))


def test_readers_take_turns_and_starve_nobody() -> None:
    wishes = [list(range(first, first + 12)) for first in (100, 200, 300)]
    order = asked([*range(60), *wishes[0], *wishes[1], *wishes[2]], wishes)
    early = order[:24]
    assert [sum(one // 100 == reader for one in early) for reader in range(4)] == [6, 6, 6, 6]
    assert [one for one in early if one < 100] == list(range(6))
    # The same place under two readers' eyes is sent once.
    assert asked([1, 2, 3, 4], [[4, 3], [4, 3]]) == [4, 3, 1, 2]


def test_blocks_are_small_parts_of_a_file() -> None:
    sizes = {1: 65_536, 20 << 20: 65_536, 40 << 20: 131_072, 256 << 20: 1 << 20, 50 << 30: 1 << 20}
    assert {size: block_bytes_for(size) for size in sizes} == sizes


def test_blocks_know_their_bytes(tmp_path: Path) -> None:
    blocks = Blocks(tmp_path / "blocks", 250, 100)
    blocks.begin()
    assert blocks.count == 3
    assert [blocks.length(number) for number in range(3)] == [100, 100, 50]
    for wrong in (-1, 3, 1 << 40):
        with pytest.raises(IndexError):
            blocks.length(wrong)
    blocks.take(2)
    assert blocks.here.tolist() == [False, False, True]
    assert blocks.received_bytes(blocks.here) == 50
    path = tmp_path / "file"
    path.write_bytes(bytes(range(250)))
    with SparseFile(path, blocks) as file:
        assert file.read(200, 50) == bytes(range(200, 250))
        with pytest.raises(Absent):
            file.read(199, 2)
        for wrong in ((249, 2), (-1, 1), (0, -1)):
            with pytest.raises(ValueError, match="no such bytes"):
                file.read(*wrong)


def ranges(*pairs: tuple[int, int]) -> Any:
    offsets, lengths = np.array(pairs, np.int64).T
    return offsets, lengths


def test_ranges_become_blocks(tmp_path: Path) -> None:
    blocks = Blocks(tmp_path / "blocks", 1000, 100)
    assert blocks.of(*ranges((0, 1), (99, 2), (550, 300))).tolist() == [0, 1, 5, 6, 7, 8]
    outside = ranges((999, 2), (-5, 10), (3, 0), (5, -1), (2**62, 2**62), (-(2**62), 2**63 - 1))
    assert blocks.of(*outside).tolist() == []
    assert blocks.of(*ranges((0, 1000))).tolist() == list(range(10))
