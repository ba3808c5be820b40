"""Our SCU against DCMTK and Orthanc."""

from pathlib import Path
from threading import Event

import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_node.errors import AssociationRejected, PeerUnreachable
from dicom_node.peers import Peer
from dicom_node.scu import SendResult, echo, find, instances_held, store
from tests.peers import dcmqrscp, storescp


def data_set_bytes(path: Path) -> bytes:
    """What follows the file meta information: the part a sender must not touch."""
    meta = pydicom.filereader.read_file_meta_info(path)
    return path.read_bytes()[128 + 4 + 12 + meta.FileMetaInformationGroupLength :]


def test_echo_says_how_long_it_took(tmp_path: Path) -> None:
    with storescp(tmp_path / "in") as peer:
        assert echo(peer, "HOICHAN") > 0


def test_nobody_listens(deaf_port: int) -> None:
    with pytest.raises(PeerUnreachable, match=r"NOBODY at 127\.0\.0\.1"):
        echo(Peer("NOBODY", "127.0.0.1", deaf_port), "HOICHAN")


def test_stranger_is_rejected(tmp_path: Path) -> None:
    with dcmqrscp(tmp_path / "qr") as peer, pytest.raises(AssociationRejected):
        echo(Peer("OTHER", peer.host, peer.port), "HOICHAN")


def test_store_keeps_every_byte_of_the_data_set(tmp_path: Path, test_data: Path) -> None:
    files = sorted((test_data / "ct_head" / "ge_tilt_infarct").rglob("*.dcm"))[:3]
    files += sorted((test_data / "transfer_syntaxes" / "ct_same_image").glob("*"))
    seen: list[SendResult] = []
    # +xa lets storescp accept every transfer syntax it knows; +B keeps bytes as they came.
    with storescp(tmp_path / "in", "+xa", "+B") as peer:
        results = store(peer, "HOICHAN", files, progress=seen.append)
    assert [r.path for r in results] == files
    assert seen
    received = {data_set_bytes(p) for p in (tmp_path / "in").iterdir()}
    kept = [r for r in results if r.stored]
    assert len(kept) >= 3 + 10
    # The files are one image in many syntaxes under few UIDs, so the last of each UID is there.
    last_of = {r.sop_instance_uid: r.path for r in kept}
    assert {data_set_bytes(p) for p in last_of.values()} == received
    # storescp aborts on some syntaxes; what comes behind must still arrive.
    assert results[-1].stored


def test_refused_sop_class_and_no_dicom_file_are_told_apart(
    tmp_path: Path, test_data: Path
) -> None:
    text = tmp_path / "letter.dcm"
    text.write_text("not DICOM")
    ct = next((test_data / "ct_head" / "ge_tilt_infarct").rglob("*.dcm"))
    jpeg = test_data / "transfer_syntaxes" / "ct_same_image"
    compressed = next(p for p in sorted(jpeg.iterdir()) if "57" in p.name or "70" in p.name)
    with storescp(tmp_path / "in") as peer:  # accepts native syntaxes only
        results = store(peer, "HOICHAN", [text, compressed, ct])
    assert [r.stored for r in results] == [False, False, True]
    assert results[0].refused
    assert results[0].status is None
    assert results[1].refused
    assert "does not accept" in results[1].error


def test_cancelling_stops_between_files(tmp_path: Path, test_data: Path) -> None:
    files = sorted((test_data / "ct_head" / "ge_tilt_infarct").rglob("*.dcm"))[:6]
    stop = Event()
    with storescp(tmp_path / "in", "+B") as peer:
        results = store(peer, "HOICHAN", files, progress=lambda _: stop.set(), cancelled=stop)
    assert [r.stored for r in results] == [True] + [False] * 5


def test_find_proves_what_a_pacs_holds(tmp_path: Path, test_data: Path) -> None:
    files = sorted((test_data / "ct_head" / "ge_tilt_infarct").rglob("*.dcm"))[:2]
    first = pydicom.dcmread(files[0], stop_before_pixels=True)
    other = pydicom.dcmread(files[1], stop_before_pixels=True)
    with dcmqrscp(tmp_path / "qr") as peer:
        assert all(r.stored for r in store(peer, "HOICHAN", files[:1]))
        held = instances_held(
            peer,
            "HOICHAN",
            first.StudyInstanceUID,
            first.SeriesInstanceUID,
            [first.SOPInstanceUID, other.SOPInstanceUID],
        )
        assert held == {first.SOPInstanceUID}
        query = Dataset()
        query.QueryRetrieveLevel = "STUDY"
        query.StudyInstanceUID = first.StudyInstanceUID
        assert len(find(peer, "HOICHAN", query)) == 1
