"""Arrays on disk: whole or not there, once for each content, for ever when signed."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from workstation.consult.result_files import (
    copy_layers,
    drop_older,
    folder_of,
    is_intact,
    keep_signed,
    layer_path,
    read_layer,
    signed_path,
    write_layer,
)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(64, dtype=np.uint8).reshape(4, 4, 4),
        np.linspace(-1, 1, 60, dtype=np.float32).reshape(3, 4, 5),
        np.zeros((2, 300, 700, 3), np.uint8),
        np.asfortranarray(np.arange(24, dtype=np.float32).reshape(2, 3, 4)),
        np.arange(24, dtype=">f4").reshape(2, 3, 4),
        np.arange(64, dtype=np.uint8).reshape(4, 4, 4)[::2, :, ::-1],
    ],
)
def test_an_array_comes_back_as_it_was(tmp_path: Path, array: np.ndarray) -> None:
    said = write_layer(tmp_path, "r", 1, array)
    path = layer_path(tmp_path, "r", 1, said["sha256"])
    again = read_layer(path, said)
    np.testing.assert_array_equal(again, array)
    plain = array.astype(array.dtype.newbyteorder("<")).tobytes()
    assert gzip.decompress(path.read_bytes()) == plain  # what a viewer gets
    assert said["sha256"] == hashlib.sha256(plain).hexdigest()
    assert is_intact(path, said["sha256"])


def test_what_an_earlier_revision_has_is_not_written_again(tmp_path: Path) -> None:
    array = np.ones((2, 4, 4), np.uint8)
    first, second = (write_layer(tmp_path, "r", number, array) for number in (1, 2))
    assert first == second
    paths = [layer_path(tmp_path, "r", number, first["sha256"]) for number in (1, 2)]
    assert paths[0].samefile(paths[1])
    drop_older(tmp_path, "r", 2)
    assert not paths[0].exists()
    assert is_intact(paths[1], first["sha256"])
    drop_older(tmp_path, "nobody", 2)


def test_a_copy_and_a_signature_outlive_the_original(tmp_path: Path) -> None:
    said = write_layer(tmp_path, "shared", 1, np.ones((2, 4, 4), np.uint8))
    sha256 = said["sha256"]
    copy_layers(tmp_path, ("shared", 1), ("own", 1), [sha256])
    copy_layers(tmp_path, ("shared", 1), ("own", 1), [sha256])
    keep_signed(tmp_path, "own", 1, [sha256])
    keep_signed(tmp_path, "own", 1, [sha256])
    drop_older(tmp_path, "shared", 9)
    drop_older(tmp_path, "own", 9)
    assert list(folder_of(tmp_path, "own", 1).parent.iterdir()) == []
    assert is_intact(signed_path(tmp_path, sha256), sha256)


def test_a_missing_file_is_not_signed(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        keep_signed(tmp_path, "r", 1, ["0" * 64])


def test_a_disk_without_room_keeps_nothing_half(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        write_layer(tmp_path, "r", 1, np.ones((2, 4, 4), np.uint8), 1 << 62)
    assert list(folder_of(tmp_path, "r", 1).iterdir()) == []


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    folder = folder_of(tmp_path, "r", 1)
    folder.mkdir(parents=True)
    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="Input/output"):
        write_layer(tmp_path, "r", 1, np.ones((2, 4, 4), np.uint8))
    assert list(folder.iterdir()) == []
