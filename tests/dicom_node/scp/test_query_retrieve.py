"""C-FIND, C-MOVE and C-GET, judged by DCMTK and pynetdicom."""

from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from dicom_node.archive import Archive
from dicom_node.events import InstancesSent, Queried
from dicom_node.node import Node
from dicom_node.peers import Peer
from tests.factories import (
    FixedPeers,
    ct_image,
    ct_series,
    dataset_bytes,
    file_bytes,
    from_site,
    running_node,
)
from tests.peers import run_dcmtk, storescp


def called(node: Node) -> list[str]:
    return ["-aet", "DEMO_A", "-aec", "HOICHAN", "127.0.0.1", str(node.port)]


def find(
    node: Node, keys: dict[str, Any], calling: str = "DEMO_A", patient_root: bool = False
) -> Any:
    """Return (matches, last status) as pynetdicom sees them."""
    model = (
        PatientRootQueryRetrieveInformationModelFind
        if patient_root
        else StudyRootQueryRetrieveInformationModelFind
    )
    identifier = Dataset()
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    association = AE(ae_title=calling).associate("127.0.0.1", node.port, [build_context(model)])
    answers = list(association.send_c_find(identifier, model))
    association.release()
    assert all(status.Status in (0xFF00, 0xFF01) for status, _ in answers[:-1])
    return [match for _, match in answers[:-1]], answers[-1][0].Status


@pytest.fixture
def stored(archive: Archive) -> list[Dataset]:
    """Two studies of DEMO_A (3 and 1 instances), one of DEMO_B."""
    datasets = ct_series(3, PatientID="P1", PatientName="NGUYỄN^Văn Ánh", StudyDate="20260110")
    datasets += [ct_image(PatientID="P2", PatientName="TRẦN^Thị Bé", StudyDate="20260112")]
    for dataset in datasets:
        archive.store_bytes(file_bytes(dataset), from_site("DEMO_A"))
    other = ct_image(PatientID="P3", PatientName="NGUYEN^OTHER SITE")
    archive.store_bytes(file_bytes(other), from_site("DEMO_B"))
    return [*datasets, other]


def test_studies_are_found(node: Node, stored: list[Dataset]) -> None:
    keys = {
        "QueryRetrieveLevel": "STUDY",
        "StudyInstanceUID": "",
        "PatientName": "nguyen*",
        "PatientID": "",
        "ModalitiesInStudy": "",
        "NumberOfStudyRelatedInstances": None,
        "NumberOfStudyRelatedSeries": None,
    }
    (match,), status = find(node, keys)
    assert status == 0x0000
    assert match.StudyInstanceUID == stored[0].StudyInstanceUID
    assert str(match.PatientName) == "NGUYỄN^Văn Ánh"
    assert match.SpecificCharacterSet == "ISO_IR 192"
    assert match.ModalitiesInStudy == "CT"
    assert (match.NumberOfStudyRelatedInstances, match.NumberOfStudyRelatedSeries) == (3, 1)
    assert match.RetrieveAETitle == "HOICHAN"


def test_another_site_finds_nothing_of_it(node: Node, stored: list[Dataset]) -> None:
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "PatientID": ""}
    matches, status = find(node, keys, calling="DEMO_B")
    assert ([match.PatientID for match in matches], status) == (["P3"], 0)
    by_uid = keys | {"StudyInstanceUID": stored[0].StudyInstanceUID}
    assert find(node, by_uid, calling="DEMO_B") == ([], 0)
    assert find(node, keys, calling="STRANGER") == ([], 0)


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        ({"QueryRetrieveLevel": "PATIENT", "PatientID": ""}, 2),
        ({"QueryRetrieveLevel": "PATIENT", "PatientName": "*Thi*"}, 1),
        ({"QueryRetrieveLevel": "STUDY", "StudyDate": "20260111-"}, 1),
        ({"QueryRetrieveLevel": "STUDY", "PatientID": "P1"}, 1),
        ({"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": "", "PatientID": "P1"}, 1),
        ({"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": ""}, 4),
        ({"QueryRetrieveLevel": "IMAGE", "InstanceNumber": "2"}, 1),
    ],
)
@pytest.mark.parametrize("patient_root", [False, True])
def test_every_level_is_answered(
    node: Node, stored: list[Dataset], keys: dict[str, str], count: int, patient_root: bool
) -> None:
    matches, status = find(node, keys, patient_root=patient_root)
    assert (len(matches), status) == (count, 0)
    assert {match.QueryRetrieveLevel for match in matches} == {keys["QueryRetrieveLevel"]}


def test_an_image_tells_more_than_its_row(node: Node, stored: list[Dataset]) -> None:
    keys = {
        "QueryRetrieveLevel": "IMAGE",
        "SOPInstanceUID": stored[1].SOPInstanceUID,
        "Rows": None,
        "ImagePositionPatient": None,
        "Manufacturer": "",
        "ContentDate": "",
    }
    (match,), _ = find(node, keys)
    assert match.Rows == 16
    assert match.ImagePositionPatient == [0, 0, 10]
    assert match.Manufacturer == "Hội chẩn tests"
    assert match.ContentDate == ""


@pytest.mark.parametrize("level", ["", "NONSENSE"])
def test_a_query_without_level_is_not_understood(node: Node, level: str) -> None:
    assert find(node, {"QueryRetrieveLevel": level, "PatientID": ""}) == ([], 0xC000)


def test_a_query_can_be_cancelled(node: Node, archive: Archive) -> None:
    for dataset in ct_series(40):
        archive.store_bytes(file_bytes(dataset), from_site("DEMO_A"))
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "IMAGE"
    identifier.SOPInstanceUID = ""
    model = StudyRootQueryRetrieveInformationModelFind
    association = AE(ae_title="DEMO_A").associate("127.0.0.1", node.port, [build_context(model)])
    answers = association.send_c_find(identifier, model, msg_id=7)
    association.send_c_cancel(7, query_model=model)
    statuses = [status.Status for status, _ in answers]
    association.release()
    assert statuses[-1] == 0xFE00
    assert len(statuses) < 40


def test_findscu_agrees(node: Node, stored: list[Dataset]) -> None:
    result = run_dcmtk(
        "findscu",
        "-S",
        "-k",
        "QueryRetrieveLevel=STUDY",
        "-k",
        "StudyInstanceUID",
        "-k",
        "PatientName",
        "-k",
        "NumberOfStudyRelatedInstances",
        *called(node),
    )
    assert result.returncode == 0, result.stderr
    output = result.stdout + result.stderr
    for dataset in (stored[0], stored[3]):
        assert f"[{dataset.StudyInstanceUID}" in output
    assert stored[4].StudyInstanceUID not in output


def test_movescu_brings_every_byte(
    node: Node, archive: Archive, peers: FixedPeers, test_data: Path, tmp_path: Path
) -> None:
    files = sorted((test_data / "ct_head" / "ge_tilt_infarct").iterdir())
    for path in files:
        archive.store_file(path, from_site("DEMO_A"))
    study = dcmread(files[0]).StudyInstanceUID
    with storescp(tmp_path / "there", "+B") as destination:
        peers.destinations["STORESCP"] = destination
        result = run_dcmtk(
            "movescu",
            "-v",
            "-S",
            "-aem",
            "STORESCP",
            "-k",
            "QueryRetrieveLevel=STUDY",
            "-k",
            f"StudyInstanceUID={study}",
            *called(node),
        )
    assert result.returncode == 0, result.stderr
    assert "Received Final Move Response (Success)" in result.stdout + result.stderr
    there = sorted(dataset_bytes(path) for path in (tmp_path / "there").iterdir())
    assert there == sorted(dataset_bytes(path) for path in files)


def move(node: Node, identifier: Dataset, destination: str, calling: str = "DEMO_A") -> Any:
    model = StudyRootQueryRetrieveInformationModelMove
    association = AE(ae_title=calling).associate("127.0.0.1", node.port, [build_context(model)])
    answers = list(association.send_c_move(identifier, destination, model))
    association.release()
    return answers


def study_of(dataset: Dataset) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = dataset.StudyInstanceUID
    return identifier


def test_a_move_tells_its_progress_and_its_origin(
    node: Node, stored: list[Dataset], peers: FixedPeers
) -> None:
    received = []

    def take(event: Any) -> int:
        request = event.request
        received.append(
            (request.MoveOriginatorApplicationEntityTitle, event.assoc.requestor.ae_title)
        )
        return 0x0000

    ae = AE(ae_title="THERE")
    ae.add_supported_context(CTImageStorage)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, take)])
    try:
        port = server.socket.getsockname()[1]
        peers.destinations["THERE"] = Peer("THERE", "127.0.0.1", port)
        answers = move(node, study_of(stored[0]), "THERE")
    finally:
        server.shutdown()
    assert received == [("DEMO_A", "HOICHAN")] * 3
    assert [status.Status for status, _ in answers] == [0xFF00, 0xFF00, 0x0000]
    assert [status.NumberOfCompletedSuboperations for status, _ in answers] == [1, 2, 3]


def test_moves_that_cannot_be(node: Node, stored: list[Dataset], peers: FixedPeers) -> None:
    ((status, _),) = move(node, study_of(stored[0]), "UNKNOWN")
    assert status.Status == 0xA801
    peers.destinations["DOWN"] = Peer("DOWN", "127.0.0.1", 9)
    status, failures = move(node, study_of(stored[0]), "DOWN")[-1]
    assert (status.Status, status.NumberOfFailedSuboperations) == (0xA702, 3)
    assert sorted(failures.FailedSOPInstanceUIDList) == sorted(
        dataset.SOPInstanceUID for dataset in stored[:3]
    )
    # What is another site's is nothing at all.
    status, _ = move(node, study_of(stored[4]), "DOWN")[-1]
    assert (status.Status, status.NumberOfCompletedSuboperations) == (0x0000, 0)
    everything = Dataset()
    everything.QueryRetrieveLevel = "STUDY"
    everything.StudyDate = "20260110"
    assert move(node, everything, "DOWN")[-1][0].Status == 0xA900


def test_getscu_brings_every_byte(
    node: Node, archive: Archive, test_data: Path, tmp_path: Path
) -> None:
    files = sorted((test_data / "ct_head" / "ge_tilt_infarct").iterdir())[:5]
    for path in files:
        archive.store_file(path, from_site("DEMO_A"))
    there = tmp_path / "there"
    there.mkdir()
    result = run_dcmtk(
        "getscu",
        "-v",
        "-S",
        "+B",
        "-od",
        there,
        "-k",
        "QueryRetrieveLevel=STUDY",
        "-k",
        f"StudyInstanceUID={dcmread(files[0]).StudyInstanceUID}",
        *called(node),
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert sorted(dataset_bytes(path) for path in there.iterdir()) == sorted(
        dataset_bytes(path) for path in files
    )


def get(node: Node, dataset: Dataset, syntaxes: list[str]) -> tuple[Any, list[Dataset]]:
    received = []

    def take(event: Any) -> int:
        kept = event.dataset
        kept.file_meta = event.file_meta
        received.append(kept)
        return 0x0000

    model = StudyRootQueryRetrieveInformationModelGet
    association = AE(ae_title="DEMO_A").associate(
        "127.0.0.1",
        node.port,
        [build_context(model), build_context(CTImageStorage, syntaxes)],
        ext_neg=[build_role(CTImageStorage, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, take)],
    )
    answers = list(association.send_c_get(study_of(dataset), model))
    association.release()
    return answers, received


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_a_get_converts_for_those_who_know_only_native_syntaxes(
    node: Node, archive: Archive, test_data: Path, syntax: str
) -> None:
    folder = test_data / "transfer_syntaxes" / "ct_same_image"
    path = next(one for one in folder.iterdir() if one.name.endswith("4.90.dcm"))
    archive.store_file(path, from_site("DEMO_A"))
    original = dcmread(path)
    answers, (received,) = get(node, original, [syntax])
    assert answers[-1][0].Status == 0x0000
    assert received.file_meta.TransferSyntaxUID == syntax
    assert received.SOPInstanceUID == original.SOPInstanceUID
    assert (received.pixel_array == original.pixel_array).all()


def test_a_get_without_a_context_fails_instance_by_instance(
    node: Node, stored: list[Dataset]
) -> None:
    answers, received = get(node, stored[0], ["1.2.840.10008.1.2.4.50"])
    status, failures = answers[-1]
    assert (status.Status, status.NumberOfFailedSuboperations) == (0xA702, 3)
    assert len(failures.FailedSOPInstanceUIDList) == 3
    assert received == []


def test_audit_hears_who_asked_and_what_went(
    archive: Archive, stored: list[Dataset], peers: FixedPeers
) -> None:
    heard: list[Any] = []
    with running_node(archive, peers, on_event=heard.append) as node:
        find(node, {"QueryRetrieveLevel": "STUDY", "PatientID": "P1"})
        get(node, stored[0], [ExplicitVRLittleEndian])
    assert heard == [
        Queried("DEMO_A", "127.0.0.1", "STUDY", 1),
        InstancesSent("DEMO_A", "127.0.0.1", "DEMO_A", stored[0].StudyInstanceUID, 3),
    ]
