"""C-STORE into our node, from DCMTK and pynetdicom."""

import shutil
import subprocess
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)
from pynetdicom import AE, build_context

from dicom_node import scu
from dicom_node.archive import Archive, Query
from dicom_node.node import Node
from dicom_node.part10 import read_meta
from dicom_node.peers import Peer
from dicom_node.records import QuarantineReason
from tests.factories import (
    EVERYTHING,
    FixedPeers,
    ct_image,
    ct_series,
    dataset_bytes,
    file_bytes,
    open_archive,
    running_node,
)
from tests.peers import run_dcmtk, storescp


def peer(node: Node) -> Peer:
    return Peer("HOICHAN", "127.0.0.1", node.port)


def dcmsend(node: Node, *files: Path, calling: str = "DEMO_A", port: int = 0) -> str:
    result = run_dcmtk(
        "dcmsend",
        "-v",
        "-aet",
        calling,
        "-aec",
        "HOICHAN",
        "127.0.0.1",
        str(port or node.port),
        *files,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def kept_files(archive: Archive) -> dict[str, Path]:
    """SOP Instance UID → file of everything held, wherever it went."""
    shown = {one.sop_instance_uid: one.path for one in archive.instances(Query(), scope=EVERYTHING)}
    apart = {one.sop_instance_uid: one.path for one in archive.quarantined(1000)}
    return shown | apart


def test_every_transfer_syntax_is_kept_byte_for_byte(
    node: Node, archive: Archive, test_data: Path
) -> None:
    """The raw sender gives the data set of the file, and that is what must be on our disk."""
    syntaxes = set()
    for path in sorted((test_data / "transfer_syntaxes").rglob("*")):
        if not path.is_file() or path.read_bytes()[128:132] != b"DICM":
            continue
        meta = read_meta(path.read_bytes())
        if meta.transfer_syntax_uid == "1.2.840.10008.1.2.4.111":
            continue  # pynetdicom's SCU does not know JPEG XL; sent below
        (sent,) = scu.store(peer(node), "DEMO_A", [path])
        assert sent.status == 0, f"{path.name}: {sent.error}"
        syntaxes.add(meta.transfer_syntax_uid)
        # Variants of one image share their SOP Instance UID: the first is shown, all are kept.
        files = [one.path for one in archive.instances(Query(), scope=EVERYTHING)]
        files += [one.path for one in archive.conflicts(1000)]
        files += [one.path for one in archive.quarantined(1000)]
        expected = dataset_bytes(path)
        assert any(dataset_bytes(one) == expected for one in files), path
    assert len(syntaxes) >= 17, syntaxes
    assert not list(archive.verify())


def test_a_syntax_pydicom_does_not_know_is_kept(
    node: Node, archive: Archive, test_data: Path
) -> None:
    (path,) = (
        one
        for one in (test_data / "transfer_syntaxes" / "newer_and_color").iterdir()
        if read_meta(one.read_bytes()).transfer_syntax_uid == "1.2.840.10008.1.2.4.111"
    )
    meta = read_meta(path.read_bytes())
    ae = AE(ae_title="DEMO_A")
    association = ae.associate(
        "127.0.0.1", node.port, [build_context(meta.sop_class_uid, meta.transfer_syntax_uid)]
    )
    try:
        assert association.accepted_contexts[0].transfer_syntax == [meta.transfer_syntax_uid]
        assert association.send_c_store(str(path)).Status == 0
    finally:
        association.release()
    (kept,) = kept_files(archive).values()
    assert dataset_bytes(kept) == dataset_bytes(path)


def test_dcmtk_leaves_the_same_bytes_with_us_and_with_dcmtk(
    node: Node, archive: Archive, test_data: Path, tmp_path: Path
) -> None:
    files = sorted((test_data / "ct_head" / "ge_tilt_infarct").iterdir())
    files += sorted((test_data / "ct_body" / "chest_lidc_ffs").iterdir())[:5]
    dcmsend(node, *files)
    with storescp(tmp_path / "judge", "+B", "--max-pdu", "131072") as judge:
        dcmsend(node, *files, port=judge.port)
    judged = [path.read_bytes() for path in (tmp_path / "judge").iterdir()]
    ours = kept_files(archive)
    assert len(ours) == len(judged) == len(files)
    for data in judged:
        meta = read_meta(data)
        assert dataset_bytes(ours[meta.sop_instance_uid]) == data[meta.dataset_offset :]
    study = archive.studies(Query(), scope=EVERYTHING)
    assert sum(one.instance_count for one in study) == len(files)


def test_our_files_open_in_dcmtk_and_pydicom(
    node: Node, archive: Archive, test_data: Path, tmp_path: Path
) -> None:
    files = sorted((test_data / "ct_head" / "ge_tilt_infarct").iterdir())[:2]
    dcmsend(node, *files)
    for path in kept_files(archive).values():
        assert run_dcmtk("dcmftest", path).returncode == 0
        dataset = dcmread(path)
        assert (
            dataset.file_meta.FileMetaInformationGroupLength
            == len(path.read_bytes()) - len(dataset_bytes(path)) - 144
        )
        assert dataset.pixel_array.shape == (512, 512)


def test_nasty_files_are_kept(node: Node, archive: Archive, test_data: Path) -> None:
    sent = []
    for path in sorted((test_data / "nasty").rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if data[128:132] != b"DICM" or path.name == "meta_missing_tsyntax.dcm":
            continue
        if not read_meta(data).sop_class_uid:
            continue  # no C-STORE could bring it
        (result,) = scu.store(peer(node), "DEMO_A", [path])
        if result.sop_class_uid:
            assert result.status in (0x0000, 0xA900), f"{path.name}: {result.error}"
            if result.status == 0:
                sent.append(dataset_bytes(path))
    assert len(sent) > 20
    files = list(archive.settings.folder.glob("objects/*/*.dcm"))
    held = {dataset_bytes(path) for path in files}
    assert set(sent) <= held
    assert not list(archive.verify())


def test_empty_uids_are_held_with_the_reason(node: Node, archive: Archive, test_data: Path) -> None:
    files = sorted((test_data / "ct_body" / "abdomen_j2k_empty_uids").iterdir())
    results = scu.store(peer(node), "DEMO_A", files)
    assert {result.status for result in results} == {0}
    held = archive.quarantined(100)
    assert {one.reason for one in held} == {QuarantineReason.NO_STUDY_UID}
    assert {one.sop_instance_uid for one in held} == {one.sop_instance_uid for one in results}
    assert {dataset_bytes(one.path) for one in held} == {dataset_bytes(one) for one in files}


def test_an_unknown_ae_is_held(node: Node, archive: Archive, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(file_bytes(ct_image()))
    assert "with status SUCCESS  : 1" in dcmsend(node, path, calling="STRANGER")
    (held,) = archive.quarantined()
    assert (held.reason, held.origin.ae_title, held.origin.site) == (
        QuarantineReason.UNKNOWN_SENDER,
        "STRANGER",
        None,
    )
    assert held.origin.host == "127.0.0.1"


def test_duplicates_and_conflicts_are_successes(
    node: Node, archive: Archive, tmp_path: Path
) -> None:
    dataset = ct_image()
    first, other = tmp_path / "first.dcm", tmp_path / "other.dcm"
    first.write_bytes(file_bytes(dataset))
    dataset.PatientWeight = "70"
    other.write_bytes(file_bytes(dataset))
    for path in (first, first, other, other, first):
        (result,) = scu.store(peer(node), "DEMO_A", [path])
        assert result.status == 0
    (held,) = archive.instances(Query(), scope=EVERYTHING)
    assert dataset_bytes(held.path) == dataset_bytes(first)
    assert len(archive.conflicts()) == 1


def send_as(node: Node, dataset: Dataset, path: Path, **meta: str) -> int:
    """Send a file raw under other SOP UIDs than those of its data set."""
    path.write_bytes(file_bytes(dataset))
    written = dcmread(path)
    for keyword, value in meta.items():
        setattr(written.file_meta, keyword, value)
    written.save_as(path)
    (result,) = scu.store(peer(node), "DEMO_A", [path])
    assert result.status is not None
    return result.status


@pytest.mark.parametrize("keyword", ["MediaStorageSOPInstanceUID", "MediaStorageSOPClassUID"])
def test_a_mismatch_of_command_and_data_set_is_refused(
    node: Node, archive: Archive, tmp_path: Path, keyword: str
) -> None:
    value = generate_uid() if "Instance" in keyword else "1.2.840.10008.5.1.4.1.1.4"
    assert send_as(node, ct_image(), tmp_path / "a.dcm", **{keyword: value}) == 0xA900
    assert kept_files(archive) == {}
    assert not list(archive.settings.folder.glob("objects/*/*"))
    assert not list(archive.settings.folder.glob("tmp/*/[0-9]*"))


def test_a_private_sop_class_is_kept(node: Node, archive: Archive, tmp_path: Path) -> None:
    private = "1.3.46.670589.11.0.0.12.4"
    dataset = ct_image(SOPClassUID=private)
    path = tmp_path / "a.dcm"
    path.write_bytes(file_bytes(dataset))
    (result,) = scu.store(peer(node), "DEMO_A", [path])
    assert result.status == 0
    assert archive.instance(dataset.SOPInstanceUID, scope=EVERYTHING).sop_class_uid == private


def test_the_requestors_first_syntax_wins(node: Node) -> None:
    for syntaxes in (
        [ExplicitVRLittleEndian, ImplicitVRLittleEndian],
        [ImplicitVRLittleEndian, ExplicitVRLittleEndian],
        ["1.2.840.10008.1.2.4.90", ExplicitVRLittleEndian],
        ["1.2.3.4.5", ImplicitVRLittleEndian],
    ):
        association = AE().associate(
            "127.0.0.1", node.port, [build_context(CTImageStorage, syntaxes)]
        )
        chosen = association.accepted_contexts[0].transfer_syntax
        association.release()
        assert chosen == [next(one for one in syntaxes if one != "1.2.3.4.5")]


def test_what_is_no_storage_is_refused(node: Node) -> None:
    contexts = [
        build_context("1.2.840.10008.3.1.2.3.3"),  # MPPS
        build_context("1.2.840.10008.5.1.4.31"),  # modality worklist
        build_context(CTImageStorage, "1.2.840.10008.1.2.6.2"),  # XML
        build_context("1.2.840.10008.1.1"),
    ]
    association = AE().associate("127.0.0.1", node.port, contexts)
    assert [context.abstract_syntax for context in association.accepted_contexts] == [
        "1.2.840.10008.1.1"
    ]
    results = {context.abstract_syntax: context.result for context in association.rejected_contexts}
    association.release()
    assert results == {
        "1.2.840.10008.3.1.2.3.3": 3,
        "1.2.840.10008.5.1.4.31": 3,
        CTImageStorage: 4,
    }


def test_an_object_in_many_small_pdus(archive: Archive, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(file_bytes(ct_image(Rows=200, Columns=200)))
    with running_node(archive, maximum_pdu=4096) as node:
        dcmsend(node, path)
    (kept,) = kept_files(archive).values()
    assert dataset_bytes(kept) == dataset_bytes(path)


def test_an_object_too_large_is_refused_and_the_next_taken(
    archive: Archive, tmp_path: Path
) -> None:
    large, small = tmp_path / "1.dcm", tmp_path / "2.dcm"
    large.write_bytes(file_bytes(ct_image(Rows=512, Columns=512)))
    small.write_bytes(file_bytes(ct_image()))
    with running_node(archive, maximum_object_bytes=100_000) as node:
        results = scu.store(peer(node), "DEMO_A", [large, small])
    assert [result.status for result in results] == [0xA700, 0]


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], check=False
        ).returncode
    ):
        pytest.skip("a small disk needs the right to mount one")
    return folder


def test_a_full_disk_refuses_and_recovers(
    small_disk: Path, tmp_path: Path, peers: FixedPeers
) -> None:
    files = []
    for number, dataset in enumerate(ct_series(16, Rows=512, Columns=512)):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(file_bytes(dataset))
    try:
        with open_archive(small_disk / "archive") as archive, running_node(archive, peers) as node:
            results = scu.store(peer(node), "DEMO_A", files)
            statuses = [result.status for result in results]
            assert set(statuses) == {0, 0xA700}  # one association, never aborted
            stored = [path for path, status in zip(files, statuses, strict=True) if status == 0]
            held = kept_files(archive)
            assert sorted(dataset_bytes(path) for path in held.values()) == sorted(
                dataset_bytes(path) for path in stored
            )
            assert not list(archive.verify())
            assert not list(archive.settings.folder.glob("tmp/*/[0-9]*"))
            # An operator makes room; nothing is restarted.
            subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
            again = scu.store(peer(node), "DEMO_A", files)
            assert {result.status for result in again} == {0}
            assert len(kept_files(archive)) == 16
    finally:
        subprocess.run(["umount", "-l", str(small_disk)], check=False)
