"""What becomes of what is stored, and who sees it."""

import errno
import os
import threading
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, generate_uid

from dicom_node.archive import Archive, ArchiveSettings, ProblemKind, Query, files
from dicom_node.archive.arrival import Arrival
from dicom_node.archive.ingest import Ingest
from dicom_node.errors import CannotUnderstand, DicomNodeError, NotFound, OutOfResources
from dicom_node.records import (
    ChangeKind,
    Channel,
    Origin,
    QuarantineReason,
    ReadScope,
    StoreOutcome,
    StoreResult,
)
from tests.factories import (
    EVERYTHING,
    ct_image,
    ct_series,
    dataset_bytes,
    file_bytes,
    from_site,
    open_archive,
)

SITE_A = ReadScope(sites=frozenset({"DEMO_A"}))
SITE_B = ReadScope(sites=frozenset({"DEMO_B"}))


def test_a_stored_instance_is_found_and_unchanged(archive: Archive) -> None:
    dataset = ct_image()
    data = file_bytes(dataset)
    result = archive.store_bytes(data, from_site())
    assert result.outcome is StoreOutcome.STORED
    record = archive.instance(dataset.SOPInstanceUID, scope=SITE_A)
    assert data.endswith(dataset_bytes(record.path))
    assert record.size == record.path.stat().st_size
    assert (record.rows, record.columns, record.number_of_frames) == (16, 16, 1)
    assert record.received_at.tzinfo is not None
    assert record.path.stat().st_mode & 0o777 == 0o640
    study = archive.study(dataset.StudyInstanceUID, scope=SITE_A)
    assert (study.series_count, study.instance_count, study.size) == (1, 1, record.size)
    assert study.modalities == ("CT",)
    assert study.patient_name == "NGUYEN^VAN A"
    header = archive.header(dataset.SOPInstanceUID, scope=SITE_A)
    assert header["00081030"] == {"vr": "LO", "Value": ["CT so nao"]}


def test_counters_follow_every_instance(archive: Archive) -> None:
    first = ct_series(3)
    second = ct_series(2, StudyInstanceUID=first[0].StudyInstanceUID, Modality="SR", SeriesNumber=2)
    for dataset in first + second:
        archive.store_bytes(file_bytes(dataset), from_site())
    study = archive.study(first[0].StudyInstanceUID, scope=SITE_A)
    assert (study.series_count, study.instance_count) == (2, 5)
    assert study.modalities == ("CT", "SR")
    series = archive.study_series(study.study_instance_uid, scope=SITE_A)
    assert [one.instance_count for one in series] == [3, 2]
    numbers = [
        one.instance_number
        for one in archive.study_instances(
            study.study_instance_uid, scope=SITE_A, series_instance_uid=first[0].SeriesInstanceUID
        )
    ]
    assert numbers == ["1", "2", "3"]


def test_identical_bytes_again_change_nothing(archive: Archive) -> None:
    data = file_bytes(ct_image())
    archive.store_bytes(data, from_site())
    before = archive.last_change()
    # Another sender, another preamble and meta: still the same data set.
    again = archive.store_bytes(b"II*\x00" + data[4:], from_site("DEMO_A", "OTHER_AE"))
    assert again.outcome is StoreOutcome.DUPLICATE
    assert archive.last_change() == before
    assert len(list(archive.settings.folder.glob("objects/*/*"))) == 1


def test_other_bytes_are_kept_apart_and_reported(archive: Archive) -> None:
    dataset = ct_image()
    archive.store_bytes(file_bytes(dataset), from_site())
    first = archive.instance(dataset.SOPInstanceUID, scope=SITE_A)
    kept = first.path.read_bytes()
    dataset.WindowCenter = "40"
    for _ in range(2):
        result = archive.store_bytes(file_bytes(dataset), from_site())
        assert result.outcome is StoreOutcome.CONFLICT
    assert archive.instance(dataset.SOPInstanceUID, scope=SITE_A) == first
    assert first.path.read_bytes() == kept
    (conflict,) = archive.conflicts()
    assert conflict.sop_instance_uid == dataset.SOPInstanceUID
    assert conflict.kept_sha256 == first.sha256
    assert file_bytes(dataset).endswith(dataset_bytes(conflict.path))
    kinds = [change.kind for change in archive.changes(0)]
    assert kinds == [ChangeKind.INSTANCE_STORED, ChangeKind.INSTANCE_CONFLICT]


def test_changes_are_numbered_without_gaps_or_returns(archive: Archive) -> None:
    for dataset in ct_series(5):
        archive.store_bytes(file_bytes(dataset), from_site())
    changes = archive.changes(0)
    assert [change.number for change in changes] == [1, 2, 3, 4, 5]
    assert changes[0].site == "DEMO_A"
    assert [change.number for change in archive.changes(2, limit=2)] == [3, 4]
    assert archive.last_change() == 5


def test_nothing_exists_outside_the_scope(archive: Archive) -> None:
    dataset = ct_image()
    archive.store_bytes(file_bytes(dataset), from_site("DEMO_A"))
    study, instance = dataset.StudyInstanceUID, dataset.SOPInstanceUID
    for blind in (ReadScope(), SITE_B, ReadScope(studies=frozenset({"1.2.3"}))):
        assert archive.studies(Query(), scope=blind) == []
        assert archive.series(Query(), scope=blind) == []
        assert archive.instances(Query(), scope=blind) == []
        assert archive.count_studies(Query(), scope=blind) == 0
        assert archive.study_series(study, scope=blind) == []
        assert archive.study_instances(study, scope=blind) == []
        assert list(archive.headers(study, scope=blind)) == []
        for read in (archive.instance, archive.header):
            with pytest.raises(NotFound):
                read(instance, scope=blind)
        with pytest.raises(NotFound):
            archive.study(study, scope=blind)
    for seeing in (EVERYTHING, SITE_A, ReadScope(studies=frozenset({study}))):
        assert archive.study(study, scope=seeing).study_instance_uid == study
        assert len(list(archive.headers(study, scope=seeing))) == 1
    with pytest.raises(NotFound):
        archive.instance(instance, scope=SITE_A, study_instance_uid="1.2.3")


def test_an_unknown_sender_goes_to_quarantine(archive: Archive) -> None:
    dataset = ct_image()
    for _ in range(2):  # sent again, still one entry
        result = archive.store_bytes(file_bytes(dataset), from_site(None, "STRANGER"))
        assert result.outcome is StoreOutcome.QUARANTINED
    assert archive.studies(Query(), scope=EVERYTHING) == []
    (held,) = archive.quarantined()
    assert held.reason is QuarantineReason.UNKNOWN_SENDER
    assert held.origin.ae_title == "STRANGER"
    assert file_bytes(dataset).endswith(dataset_bytes(held.path))
    released = archive.release(held.id, "DEMO_A")
    assert released.outcome is StoreOutcome.STORED
    assert archive.quarantined() == []
    assert archive.instance(dataset.SOPInstanceUID, scope=SITE_A).source_ae == "STRANGER"


def test_a_study_belongs_to_the_first_site(archive: Archive) -> None:
    first, second = ct_series(2)
    archive.store_bytes(file_bytes(first), from_site("DEMO_A"))
    result = archive.store_bytes(file_bytes(second), from_site("DEMO_B"))
    assert (result.outcome, result.reason) == (
        StoreOutcome.QUARANTINED,
        QuarantineReason.OTHER_SITE,
    )
    # Not even the very same bytes tell the other site that they are here.
    same = archive.store_bytes(file_bytes(first), from_site("DEMO_B"))
    assert same.outcome is StoreOutcome.QUARANTINED
    assert archive.studies(Query(), scope=SITE_B) == []
    held = {one.sop_instance_uid: one for one in archive.quarantined()}
    still = archive.release(held[second.SOPInstanceUID].id, "DEMO_B")
    assert still.outcome is StoreOutcome.QUARANTINED
    assert archive.release(held[second.SOPInstanceUID].id, "DEMO_A").outcome is StoreOutcome.STORED
    # Discarding the copy of what A sent leaves A's own alone.
    archive.discard(held[first.SOPInstanceUID].id)
    assert archive.instance(first.SOPInstanceUID, scope=SITE_A).path.exists()
    assert archive.quarantined() == []


def test_discarding_frees_the_disk(archive: Archive) -> None:
    archive.store_bytes(file_bytes(ct_image()), from_site(None))
    (held,) = archive.quarantined()
    archive.discard(held.id)
    assert not held.path.exists()
    with pytest.raises(NotFound):
        archive.discard(held.id)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"StudyInstanceUID": ""}, QuarantineReason.NO_STUDY_UID),
        ({"StudyInstanceUID": None}, QuarantineReason.NO_STUDY_UID),
        ({"StudyInstanceUID": "abc"}, QuarantineReason.NO_STUDY_UID),
        ({"SeriesInstanceUID": ""}, QuarantineReason.NO_SERIES_UID),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_what_cannot_be_indexed_is_kept(
    archive: Archive, attributes: dict[str, str], reason: QuarantineReason
) -> None:
    result = archive.store_bytes(file_bytes(ct_image(**attributes)), from_site())
    assert (result.outcome, result.reason) == (StoreOutcome.QUARANTINED, reason)
    assert archive.release(archive.quarantined()[0].id, "DEMO_A").reason == reason


def test_empty_uids_of_real_uploads_are_quarantined(archive: Archive, test_data: Path) -> None:
    files = sorted((test_data / "ct_body" / "abdomen_j2k_empty_uids").iterdir())
    for path in files:
        result = archive.store_file(path, from_site())
        assert result.reason == QuarantineReason.NO_STUDY_UID
        assert result.sop_instance_uid  # the file's meta knows it
    held = archive.quarantined(limit=100)
    assert {one.size for one in held} == {one.path.stat().st_size for one in held}
    assert len(held) == len(files)


def test_every_nasty_file_is_kept_or_refused(archive: Archive, test_data: Path) -> None:
    refused = set()
    for path in sorted((test_data / "nasty").rglob("*")):
        if path.is_file():
            try:
                archive.store_file(path, from_site())
            except CannotUnderstand:
                refused.add(path.name)
    # One is nothing but meta; in the other a stray byte comes before the data set.
    assert refused == {"meta_missing_tsyntax.dcm", "no_meta.dcm"}
    assert not list(archive.verify())


def test_a_text_file_is_refused(archive: Archive) -> None:
    for data in (b"", b"Xin chao" * 1000, b"\x00" * 132 + b"DICM"):
        with pytest.raises(CannotUnderstand):
            archive.store_bytes(data, from_site())
    assert not list(archive.settings.folder.glob("objects/*/*"))
    assert not list(archive.settings.folder.glob("tmp/*/[0-9]*"))


def test_a_file_without_meta_gets_one(archive: Archive) -> None:
    data = file_bytes(ct_image(SOPInstanceUID="1.2.3.4"))
    bare = data[144 + int.from_bytes(data[140:144], "little") :]
    result = archive.store_bytes(bare, from_site())
    assert (result.outcome, result.sop_instance_uid) == (StoreOutcome.STORED, "1.2.3.4")
    record = archive.instance("1.2.3.4", scope=EVERYTHING)
    assert dataset_bytes(record.path) == bare
    assert archive.store_bytes(data, from_site()).outcome is StoreOutcome.DUPLICATE


def test_two_patients_in_one_study_are_noted(archive: Archive) -> None:
    first, second = ct_series(2)
    second.PatientID = "P2"
    for dataset in (first, second):
        archive.store_bytes(file_bytes(dataset), from_site())
    assert [change.detail.get("differs") for change in archive.changes(0)] == [
        None,
        ["patient_id"],
    ]


def test_the_first_instance_may_be_a_poor_one(archive: Archive) -> None:
    first, second = ct_series(2)
    del first.AccessionNumber, first.PatientName
    for dataset in (first, second):
        archive.store_bytes(file_bytes(dataset), from_site())
    study = archive.study(first.StudyInstanceUID, scope=EVERYTHING)
    assert (study.accession_number, study.patient_name) == ("ACC1", "NGUYEN^VAN A")
    assert archive.studies(Query({"PatientName": "nguyen"}, fuzzy=True), scope=EVERYTHING)


def test_the_floor_of_free_disk_is_kept(tmp_path: Path) -> None:
    archive = Archive.open(ArchiveSettings(tmp_path, minimum_free_bytes=1 << 60))
    try:
        with pytest.raises(OutOfResources):
            archive.store_bytes(file_bytes(ct_image()), from_site())
    finally:
        archive.close()


def test_quarantine_cannot_fill_the_disk(tmp_path: Path) -> None:
    with open_archive(tmp_path, quarantine_bytes=4500) as archive:
        archive.store_bytes(file_bytes(ct_image()), from_site(None))
        archive.store_bytes(file_bytes(ct_image()), from_site(None))
        with pytest.raises(OutOfResources):
            archive.store_bytes(file_bytes(ct_image()), from_site(None))
        assert archive.store_bytes(file_bytes(ct_image()), from_site()).outcome == "stored"
        assert not list(archive.verify())


def test_many_threads_share_commits_and_lose_nothing(archive: Archive) -> None:
    datasets = ct_series(64)
    files = [file_bytes(dataset) for dataset in datasets]
    failures: list[BaseException] = []

    def send(part: list[bytes]) -> None:
        try:
            for data in part:
                archive.store_bytes(data, from_site())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=send, args=(files[n::8],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    study = archive.study(datasets[0].StudyInstanceUID, scope=EVERYTHING)
    assert (study.series_count, study.instance_count) == (1, 64)
    assert not list(archive.verify())


def test_two_processes_may_open_one_folder(tmp_path: Path) -> None:
    with open_archive(tmp_path) as one, open_archive(tmp_path) as two:
        dataset = ct_image()
        assert one.store_bytes(file_bytes(dataset), from_site()).outcome is StoreOutcome.STORED
        assert two.store_bytes(file_bytes(dataset), from_site()).outcome is StoreOutcome.DUPLICATE
        half = one.receive(from_site())
        half.write(b"\x00" * 200)
        # The sweep of a starting node leaves the living alone.
        assert two.recover().swept == 0
        half.abort()


def test_recovery_sweeps_and_indexes(tmp_path: Path) -> None:
    datasets = ct_series(3)
    with open_archive(tmp_path) as archive:
        for dataset in datasets:
            archive.store_bytes(file_bytes(dataset), from_site())
        paths = sorted(
            one.path
            for one in archive.study_instances(datasets[0].StudyInstanceUID, scope=EVERYTHING)
        )
    # As after a crash between rename and commit, and in the middle of a transfer.
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    dead = tmp_path / "tmp" / "dead"
    dead.mkdir()
    (dead / "lock").touch()
    (dead / "7").write_bytes(b"half")
    with open_archive(tmp_path) as archive:
        report = archive.recover()
        assert (report.swept, report.indexed) == (1, 3)
        assert not dead.exists()
        # The site that sent them is known from the files alone.
        found = archive.instances(Query(), scope=SITE_A)
        assert sorted(one.path for one in found) == paths
        assert not list(archive.verify())
        assert archive.recover().indexed == 0


def test_verify_names_every_disagreement(archive: Archive) -> None:
    datasets = ct_series(3)
    for dataset in datasets:
        archive.store_bytes(file_bytes(dataset), from_site())
    damaged, missing, _ = archive.instances(Query(), scope=EVERYTHING)
    with damaged.path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    missing.path.unlink()
    stray = archive.settings.folder / "objects" / "00" / ("00" * 32 + ".dcm")
    stray.write_bytes(b"")
    problems = {problem.path: problem for problem in archive.verify()}
    assert {path: problem.kind for path, problem in problems.items()} == {
        damaged.path: ProblemKind.DAMAGED_FILE,
        missing.path: ProblemKind.MISSING_FILE,
        stray: ProblemKind.UNINDEXED_FILE,
    }
    assert problems[damaged.path].sop_instance_uid == damaged.sop_instance_uid


def test_bytes_of_a_deflated_instance_are_read_inflated(archive: Archive) -> None:
    dataset = ct_image()
    data = file_bytes(dataset, DeflatedExplicitVRLittleEndian)
    archive.store_bytes(data, Origin("DEMO_A", channel=Channel.STOW))
    record = archive.instance(dataset.SOPInstanceUID, scope=EVERYTHING)
    table = archive.frame_offsets(record)
    assert (len(table), table.deflated) == (1, True)
    ((offset, length),) = table.fragments(0)
    assert archive.read_range(record, offset, length) == dataset.PixelData
    with pytest.raises(NotFound):
        archive.read_range(record, offset, length + 10_000)


def test_an_unknown_instance_is_not_found(archive: Archive) -> None:
    for read in (archive.instance, archive.header):
        with pytest.raises(NotFound):
            read(generate_uid(), scope=EVERYTHING)
    with pytest.raises(NotFound):
        archive.study("1.2.3", scope=EVERYTHING)


def test_a_name_that_is_not_durable_is_no_success(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.store_bytes(file_bytes(ct_image()), from_site())
    dataset = ct_image()

    def fail(folder: object) -> None:
        raise OSError(errno.EIO, "the disk is going")

    with monkeypatch.context() as broken:
        broken.setattr(files, "sync_folder", fail)
        with pytest.raises(DicomNodeError):
            archive.store_bytes(file_bytes(dataset), from_site())
    assert archive.last_change() == 1
    with pytest.raises(NotFound):
        archive.instance(dataset.SOPInstanceUID, scope=EVERYTHING)
    # Sent again, it is stored and counted once.
    assert archive.store_bytes(file_bytes(dataset), from_site()).outcome is StoreOutcome.STORED
    study = archive.study(dataset.StudyInstanceUID, scope=EVERYTHING)
    assert (study.series_count, study.instance_count) == (1, 1)


def test_one_bad_row_does_not_fail_its_neighbours(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen at once, one of which the database will not take."""
    datasets = ct_series(16)
    bad = datasets[7].SOPInstanceUID
    add = Ingest.add

    def add_or_break(self: Ingest, arrival: Arrival) -> StoreResult:
        result = add(self, arrival)
        if arrival.meta.sop_instance_uid == bad:
            raise RuntimeError("not this one")
        return result

    monkeypatch.setattr(Ingest, "add", add_or_break)
    outcomes: dict[str, str] = {}

    def send(dataset: Dataset) -> None:
        try:
            outcome = archive.store_bytes(file_bytes(dataset), from_site()).outcome.value
        except DicomNodeError:
            outcome = "failed"
        outcomes[dataset.SOPInstanceUID] = outcome

    threads = [threading.Thread(target=send, args=(dataset,)) for dataset in datasets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {uid for uid, outcome in outcomes.items() if outcome == "failed"} == {bad}
    study = archive.study(datasets[0].StudyInstanceUID, scope=EVERYTHING)
    assert (study.series_count, study.instance_count) == (1, 15)
    assert len(archive.changes(0)) == 15
