from pathlib import Path

from dicom_node.pixels import DerivedCache


def test_keeps_the_latest_used_within_its_limit(tmp_path: Path) -> None:
    cache = DerivedCache(tmp_path / "derived", 1000)
    for number in range(4):
        cache.put(f"k{number}", bytes([number]) * 250)
    assert cache.get("k0") == b"\x00" * 250  # used: no longer the oldest
    cache.put("k4", b"\x04" * 250)
    assert cache.get("k1") is None
    assert cache.get("k0") is not None
    assert cache.size <= 1000
    assert sum(path.stat().st_size for path in (tmp_path / "derived").iterdir()) <= 1000


def test_finds_its_entries_after_a_restart_and_sweeps_halves(tmp_path: Path) -> None:
    DerivedCache(tmp_path, 1000).put("key", b"value")
    (tmp_path / "half.tmp").write_bytes(b"x")
    again = DerivedCache(tmp_path, 1000)
    assert again.get("key") == b"value"
    assert again.size == 5
    assert not (tmp_path / "half.tmp").exists()


def test_one_huge_entry_does_not_push_out_the_others(tmp_path: Path) -> None:
    cache = DerivedCache(tmp_path, 1000)
    cache.put("small", b"s")
    cache.put("huge", b"h" * 900)
    assert cache.get("huge") is None
    assert cache.get("small") == b"s"


def test_an_entry_another_process_removed_is_a_miss(tmp_path: Path) -> None:
    cache = DerivedCache(tmp_path, 1000)
    cache.put("key", b"value")
    for path in tmp_path.iterdir():
        path.unlink()
    assert cache.get("key") is None


def test_the_last_room_on_the_disk_is_for_instances(tmp_path: Path) -> None:
    cache = DerivedCache(tmp_path, 1000, floor_bytes=1 << 60)
    cache.put("key", b"value")
    assert cache.get("key") is None
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_no_error(tmp_path: Path, monkeypatch) -> None:
    cache = DerivedCache(tmp_path, 1000)

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    cache.put("key", b"value")
    assert cache.get("key") is None
    assert list(tmp_path.iterdir()) == []
