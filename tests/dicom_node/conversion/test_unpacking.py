"""Archives that mean harm, and folders as people send them."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dicom_node.conversion import ConversionRefused
from dicom_node.conversion.contents import find_contents
from dicom_node.conversion.unpacking import UnpackLimits, is_archive, unpack

Fill = Callable[[zipfile.ZipFile], None]


def make_zip(path: Path, fill: Fill) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        fill(archive)
    return path


def make_tar(path: Path, *entries: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in entries:
            entry = tarfile.TarInfo(name)
            entry.size, entry.type, entry.linkname = len(data), kind, "/etc/passwd"
            archive.addfile(entry, io.BytesIO(data))
    return path


def a_link(archive: zipfile.ZipFile) -> None:
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(entry, "/etc/passwd")


@pytest.mark.parametrize(
    "fill",
    [
        lambda z: z.writestr("../x", b""),
        lambda z: z.writestr("a/../../x", b""),
        lambda z: z.writestr("/etc/x", b""),
        lambda z: z.writestr("..\\x", b""),
        lambda z: z.writestr("C:\\x", b""),
        lambda z: z.writestr("a\nb", b""),
        lambda z: z.writestr("x" * 300, b""),
        lambda z: z.writestr("/".join("a" * 40), b""),
        lambda z: z.writestr("bomb", bytes(50_000_000)),
        lambda z: [z.writestr(f"{n}", b"") for n in range(30)],
        lambda z: [z.writestr("a", b"1"), z.writestr("a/b", b"2")],
        a_link,
    ],
)
def test_what_is_not_safe_is_refused_and_stays_inside(tmp_path: Path, fill: Fill) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path = make_zip(tmp_path / "x.zip", fill)
    limits = UnpackLimits(entries=20, ratio=30, allowance_bytes=1_000_000)
    with pytest.raises(ConversionRefused) as refusal:
        unpack(path, folder, limits)
    assert refusal.value.code == "unsafe_archive"
    assert {each.name for each in tmp_path.iterdir()} == {"in", "x.zip"}
    assert sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()) < 5_000_000


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_tar_brings_neither_links_nor_devices(tmp_path: Path, kind: bytes) -> None:
    path = make_tar(tmp_path / "x.tar", ("x", b""), kind=kind)
    assert is_archive(path)
    (tmp_path / "in").mkdir()
    with pytest.raises(ConversionRefused, match="link or a device"):
        unpack(path, tmp_path / "in")


def test_a_broken_zip_is_called_damaged(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", lambda z: z.writestr("a", bytes(range(256)) * 100))
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    (tmp_path / "in").mkdir()
    with pytest.raises(ConversionRefused) as refusal:
        unpack(path, tmp_path / "in")
    assert refusal.value.code == "damaged"


def test_a_mirax_folder_is_one_slide_and_dicom_is_found(tmp_path: Path) -> None:
    dicom = bytes(128) + b"DICM" + bytes(20)
    path = make_tar(
        tmp_path / "x.tar",
        ("S1.mrxs", b"x"),
        ("S1/Slidedat.ini", b"x"),
        ("S1/preview.tif", b"x"),
        ("thư mục/IM1", dicom),
        ("thư mục/DICOMDIR", dicom),
        ("other.svs", b"x"),
    )
    (tmp_path / "in").mkdir()
    unpack(path, tmp_path / "in")
    found = find_contents(tmp_path / "in")
    assert [each.name for each in found.slides] == ["S1.mrxs", "other.svs"]
    assert [each.name for each in found.dicom] == ["IM1"]


def test_channels_and_large_tiffs_are_slides_by_their_names_too(tmp_path: Path) -> None:
    names = ["A.qptiff", "b.ome.btf", "c.OME.TIF", "d.tf8"]
    for name in names:
        (tmp_path / name).write_bytes(b"II*\0")
    assert sorted(each.name for each in find_contents(tmp_path).slides) == names


def test_a_folder_of_notes_holds_nothing_for_us(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ConversionRefused) as refusal:
        find_contents(tmp_path)
    assert refusal.value.code == "empty_archive"
