"""File Meta Information: what we write, and what we make of others'."""

import hashlib
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_node.errors import CannotUnderstand
from dicom_node.part10 import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    FileMeta,
    encode_meta,
    meta_is_complete,
    read_meta,
)
from tests.factories import ct_image, file_bytes


@pytest.mark.parametrize("uid", ["1.2.3", "1.2.34", "1." * 31 + "22", ""])
def test_pydicom_reads_what_we_write(uid: str) -> None:
    encoded = encode_meta(FileMeta(CTImageStorage, uid, ExplicitVRLittleEndian))
    meta = dcmread(BytesIO(encoded)).file_meta
    assert meta.MediaStorageSOPClassUID == CTImageStorage
    assert meta.MediaStorageSOPInstanceUID == uid
    assert meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert meta.ImplementationVersionName == IMPLEMENTATION_VERSION_NAME
    assert meta.FileMetaInformationGroupLength == len(encoded) - 144
    assert read_meta(encoded) == FileMeta(CTImageStorage, uid, ExplicitVRLittleEndian, len(encoded))


def test_our_meta_never_changes() -> None:
    """It is part of every file's hash, and so of every file's name."""
    encoded = encode_meta(FileMeta("1.2", "1.3", "1.2.840.10008.1.2"))
    assert (
        hashlib.sha256(encoded).hexdigest()
        == "37194866b168f1aff13481beea814f173e39311a095a227fc64c77df5975530b"
    )


def test_meta_without_group_length_is_read() -> None:
    data = file_bytes(ct_image())
    without = data[:132] + data[144:]
    assert not meta_is_complete(without[:200])
    expected = read_meta(data)
    assert read_meta(without) == FileMeta(
        expected.sop_class_uid,
        expected.sop_instance_uid,
        expected.transfer_syntax_uid,
        expected.dataset_offset - 12,
    )


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_a_bare_data_set_tells_its_encoding(syntax: str) -> None:
    dataset = ct_image()
    if syntax == ExplicitVRBigEndian:
        dataset["PixelData"].VR = "OB"
    data = file_bytes(dataset, syntax)  # type: ignore[arg-type]
    bare = data[read_meta(data).dataset_offset :]
    assert read_meta(bare) == FileMeta("", "", syntax, 0)


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 8, b"%PDF-1.7 and so on", b"<!DOCTYPE html>", b"\xff\xd8\xff\xe0" * 40]
)
def test_what_is_no_dicom_is_not_understood(data: bytes) -> None:
    with pytest.raises(CannotUnderstand):
        read_meta(data)


def test_a_stream_is_complete_when_its_meta_is() -> None:
    data = file_bytes(ct_image())
    offset = read_meta(data).dataset_offset
    complete = [meta_is_complete(data[:length]) for length in range(offset + 10)]
    assert complete.index(True) == offset
    assert meta_is_complete(b"x" * 144)  # no prefix will come
    assert meta_is_complete(bytes(128) + b"DICM" + b"\x02" * 70_000)  # no end will come
