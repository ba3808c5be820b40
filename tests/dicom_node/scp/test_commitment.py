"""Storage commitment: Orthanc asks us; a scripted peer that comes and goes; reports from others."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from dicom_node import scu
from dicom_node.archive import Archive, Query
from dicom_node.archive.commitments import Commitments
from dicom_node.events import CommitmentReported
from dicom_node.node import Node
from dicom_node.peers import Peer
from dicom_node.scp import commitment
from tests.factories import (
    EVERYTHING,
    FixedPeers,
    ct_image,
    ct_series,
    file_bytes,
    from_site,
    open_archive,
    running_node,
)
from tests.peers import free_ports, orthanc

MODEL = StorageCommitmentPushModel
Report = tuple[int, Dataset]


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


class Requestor:
    """A peer that asks for commitment and listens for the report."""

    def __init__(self, port: int = 0) -> None:
        self.reports: list[Report] = []
        self.answer = 0x0000
        ae = AE(ae_title="DEMO_A")
        ae.add_supported_context(MODEL, scu_role=False, scp_role=True)
        self.server = ae.start_server(
            ("127.0.0.1", port),
            block=False,
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, self.take)],
        )
        self.peer = Peer("DEMO_A", "127.0.0.1", self.server.socket.getsockname()[1])

    def take(self, event: Any) -> tuple[int, None]:
        self.reports.append((event.request.EventTypeID, event.event_information))
        return self.answer, None

    def close(self) -> None:
        self.server.shutdown()


def ask(
    node: Node, references: list[tuple[str, str]], transaction_uid: str = "", wait: float = 0
) -> tuple[int, list[Report]]:
    """Send an N-ACTION; return its status and what was reported on the same association."""
    request = Dataset()
    request.TransactionUID = transaction_uid or generate_uid()
    request.ReferencedSOPSequence = []
    for sop_class_uid, sop_instance_uid in references:
        item = Dataset()
        item.ReferencedSOPClassUID = sop_class_uid
        item.ReferencedSOPInstanceUID = sop_instance_uid
        request.ReferencedSOPSequence.append(item)
    reports: list[Report] = []
    arrived = threading.Event()

    def take(event: Any) -> tuple[int, None]:
        reports.append((event.request.EventTypeID, event.event_information))
        arrived.set()
        return 0x0000, None

    association = AE(ae_title="DEMO_A").associate(
        "127.0.0.1",
        node.port,
        [build_context(MODEL)],
        evt_handlers=[(evt.EVT_N_EVENT_REPORT, take)],
    )
    status, _ = association.send_n_action(request, 1, MODEL, StorageCommitmentPushModelInstance)
    arrived.wait(wait)
    association.release()
    return status.Status, reports


def stored(archive: Archive, count: int = 2) -> list[tuple[str, str]]:
    datasets = ct_series(count)
    for dataset in datasets:
        archive.store_bytes(file_bytes(dataset), from_site("DEMO_A"))
    return [(dataset.SOPClassUID, dataset.SOPInstanceUID) for dataset in datasets]


def uids(sequence: Any) -> set[str]:
    return {str(item.ReferencedSOPInstanceUID) for item in sequence}


def test_what_is_on_the_disk_is_committed_and_nothing_else(
    node: Node, archive: Archive, peers: FixedPeers
) -> None:
    good, damaged, missing = stored(archive, 3)
    with archive.instance(damaged[1], scope=EVERYTHING).path.open("ab") as file:
        file.write(b"\x00")
    archive.instance(missing[1], scope=EVERYTHING).path.unlink()
    other = ct_image()
    archive.store_bytes(file_bytes(other), from_site("DEMO_B"))
    wrong_class = ("1.2.840.10008.5.1.4.1.1.4", stored(archive, 1)[0][1])
    unknown = ("1.2.840.10008.5.1.4.1.1.2", generate_uid())
    foreign = (str(other.SOPClassUID), str(other.SOPInstanceUID))
    requestor = Requestor()
    peers.destinations["DEMO_A"] = requestor.peer
    try:
        asked = [good, damaged, missing, wrong_class, unknown, foreign]
        assert ask(node, asked, "1.2.3.4") == (0x0000, [])
        ((event_type, report),) = wait_for(lambda: requestor.reports)
    finally:
        requestor.close()
    assert event_type == 2
    assert report.TransactionUID == "1.2.3.4"
    assert uids(report.ReferencedSOPSequence) == {good[1]}
    assert {
        item.ReferencedSOPInstanceUID: item.FailureReason for item in report.FailedSOPSequence
    } == {
        damaged[1]: 0x0110,
        missing[1]: 0x0110,
        wrong_class[1]: 0x0119,
        unknown[1]: 0x0112,
        foreign[1]: 0x0112,
    }


def test_a_report_is_tried_until_the_peer_takes_it(
    tmp_path: Path, peers: FixedPeers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peer is down, then we are restarted, then it refuses, then it listens."""
    monkeypatch.setattr(commitment, "_RETRY_SECONDS", (0.2,))
    (port,) = free_ports(1)
    peers.destinations["DEMO_A"] = Peer("DEMO_A", "127.0.0.1", port)
    with open_archive(tmp_path) as archive:
        references = stored(archive)
        with running_node(archive, peers) as node:
            assert ask(node, references, "1.2.3.4")[0] == 0x0000
            time.sleep(0.5)
    with open_archive(tmp_path) as archive, running_node(archive, peers):
        requestor = Requestor(port)
        requestor.answer = 0x0110
        try:
            wait_for(lambda: requestor.reports)
            requestor.answer = 0x0000
            wait_for(lambda: Commitments(archive.index).next_due() is None)
            count = len(requestor.reports)
            assert count >= 2
            time.sleep(0.5)
            assert len(requestor.reports) == count
        finally:
            requestor.close()
        assert requestor.reports[-1][0] == 1
        assert uids(requestor.reports[-1][1].ReferencedSOPSequence) == {
            uid for _, uid in references
        }


def test_a_peer_without_address_hears_at_once(node: Node, archive: Archive) -> None:
    references = stored(archive)
    status, ((event_type, report),) = ask(node, references, "1.2.3.4", wait=60)
    assert (status, event_type) == (0x0000, 1)
    assert uids(report.ReferencedSOPSequence) == {uid for _, uid in references}
    assert "FailedSOPSequence" not in report


def test_a_request_for_nothing_is_refused(node: Node) -> None:
    assert ask(node, [])[0] == 0x0115


def test_our_own_client_understands_our_answer(node: Node, archive: Archive) -> None:
    references = stored(archive)
    report = scu.request_commitment(
        Peer("HOICHAN", "127.0.0.1", node.port), "DEMO_A", "1.2.3.4", references
    )
    assert report is not None
    assert report.committed == {uid for _, uid in references}


def test_orthanc_gets_its_commitment(tmp_path: Path, archive: Archive, peers: FixedPeers) -> None:
    with running_node(archive, peers) as node:
        us = Peer("HOICHAN", "127.0.0.1", node.port)
        with orthanc(tmp_path / "orthanc", {"node": us}, ae_title="DEMO_A") as judge:
            peers.destinations["DEMO_A"] = judge.peer
            for dataset in ct_series(3):
                httpx.post(judge.url + "/instances", content=file_bytes(dataset)).raise_for_status()
            ids = judge.get("/instances")
            httpx.post(judge.url + "/modalities/node/store", json=ids[:2]).raise_for_status()
            asked = httpx.post(
                judge.url + "/modalities/node/storage-commitment", json={"Resources": ids}
            ).json()
            answer = wait_for(
                lambda: (found := judge.get(asked["Path"]))["Status"] != "Pending" and found
            )
    assert len(archive.instances(Query(), scope=EVERYTHING)) == 2
    assert answer["Status"] == "Failure"
    assert len(answer["Success"]) == 2
    assert [failure["FailureReason"] for failure in answer["Failures"]] == [0x0112]


def test_a_report_of_anothers_reaches_us(archive: Archive) -> None:
    heard: list[CommitmentReported] = []
    report = Dataset()
    report.TransactionUID = "1.2.3.4"
    for keyword, uid, reason in (
        ("ReferencedSOPSequence", "1.1", None),
        ("FailedSOPSequence", "1.2", 0x0112),
    ):
        item = Dataset()
        item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.34"
        item.ReferencedSOPInstanceUID = uid
        if reason:
            item.FailureReason = reason
        setattr(report, keyword, [item])

    def send(node: Node) -> int:
        association = AE(ae_title="DEMO_A").associate(
            "127.0.0.1",
            node.port,
            [build_context(MODEL)],
            ext_neg=[build_role(MODEL, scu_role=False, scp_role=True)],
        )
        status, _ = association.send_n_event_report(
            report, 2, MODEL, StorageCommitmentPushModelInstance
        )
        association.release()
        return int(status.Status)

    with running_node(archive, on_event=heard.append) as node:
        assert send(node) == 0x0000
    (event,) = heard
    assert (event.calling_ae, event.report.transaction_uid) == ("DEMO_A", "1.2.3.4")
    assert event.report.committed == {"1.1"}
    assert event.report.failed == {"1.2": 0x0112}

    def fail(event: Any) -> None:
        raise RuntimeError("the database is away")

    with running_node(archive, on_event=fail) as node:
        assert send(node) == 0x0110
