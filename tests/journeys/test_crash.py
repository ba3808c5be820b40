"""``kill -9`` at any moment of a push: what the senders saw acknowledged is there, byte for byte.

A push of 300 instances over two associations goes on through at least thirty kills; each sender
connects again and goes on behind the last instance it saw acknowledged, as PACS do.
"""

import multiprocessing
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dicom_node import scu
from dicom_node.archive import Query
from dicom_node.errors import PeerError
from dicom_node.peers import Peer
from dicom_node.scu import SendResult
from tests.factories import EVERYTHING, ct_series, dataset_bytes, file_bytes, open_archive
from tests.peers import free_ports
from tests.process_node import serve_until_killed

KILLS = 30
INSTANCES = 300
# Of a start, and of the answers to wait for, on a machine that does other things too.
PATIENCE = 300


@dataclass
class Sender:
    """One association after another, until its half of the instances is acknowledged."""

    peer: Peer
    calling_ae: str
    files: list[Path]
    acknowledged: list[Path] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def push(self) -> None:
        rest = list(self.files)
        while rest and not self.stopped.is_set():
            done = set()

            def note(result: SendResult, done: set[Path] = done) -> None:
                if result.status == 0:
                    self.acknowledged.append(result.path)
                    done.add(result.path)

            try:
                # A few an association, so that new ones are opened at all moments too.
                scu.store(self.peer, self.calling_ae, rest[:25], progress=note)
            except PeerError:
                time.sleep(0.02)  # the node is down
            rest = [path for path in rest if path not in done]


@pytest.mark.journey
@pytest.mark.crash
def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    chance = random.Random(20260115)
    folder = tmp_path / "archive"
    (port,) = free_ports(1)
    peer = Peer("HOICHAN", "127.0.0.1", port)
    expected: dict[Path, bytes] = {}
    senders = []
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "tests.process_node"])
    receiving, sending = context.Pipe(duplex=False)
    kills = push = 0
    while kills < KILLS:
        # A push that is through before the last kill is followed by the next study.
        push += 1
        halves = []
        for half in range(2):
            paths = []
            for dataset in ct_series(INSTANCES // 2, Rows=160, Columns=160):
                path = tmp_path / f"{push}-{half}-{dataset.InstanceNumber}.dcm"
                path.write_bytes(file_bytes(dataset))
                expected[path] = dataset_bytes(path)
                paths.append(path)
            halves.append(Sender(peer, "DEMO_A", paths))
        senders += halves
        threads = [threading.Thread(target=sender.push, daemon=True) for sender in halves]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads) and kills < KILLS:
            # Forked from a process that has everything imported: a start takes no second.
            process = context.Process(target=serve_until_killed, args=(folder, port, sending))
            process.start()
            try:
                assert receiving.poll(PATIENCE)
                receiving.recv()
                before = sum(len(sender.acknowledged) for sender in halves)
                # Some kills strike before the first answer, most amid the stream.
                goal = before + chance.randrange(0, 20)
                deadline = time.monotonic() + PATIENCE
                while any(thread.is_alive() for thread in threads):
                    if sum(len(sender.acknowledged) for sender in halves) >= goal:
                        break
                    assert time.monotonic() < deadline, "the push does not go on"
                    time.sleep(0.001)
                time.sleep(chance.uniform(0, 0.01))
            finally:
                process.kill()
                process.join()
            kills += 1
        for sender in halves:
            sender.stopped.set()
        for thread in threads:
            thread.join()
    acknowledged = [path for sender in senders for path in sender.acknowledged]
    assert kills >= KILLS
    assert len(acknowledged) > INSTANCES // 2
    # A last start, and a look at everything that is left.
    with open_archive(folder) as archive:
        archive.recover()
        held = archive.instances(Query(), scope=EVERYTHING)
        kept = {dataset_bytes(record.path) for record in held}
        assert {expected[path] for path in acknowledged} <= kept
        # Whatever else is there was sent too, whole, and is indexed for its site.
        assert kept <= set(expected.values())
        assert {record.site for record in held} == {"DEMO_A"}
        assert not list(archive.verify())
        assert not archive.conflicts()
        assert not archive.quarantined()
        assert archive.recover().indexed == 0
        studies = archive.studies(Query(), scope=EVERYTHING)
        assert sum(study.instance_count for study in studies) == len(held)
        numbers = [change.number for change in archive.changes(0, limit=100_000)]
        assert len(numbers) == len(held)
        assert numbers == sorted(set(numbers))
    assert not list(folder.glob("tmp/*/[0-9]*"))
