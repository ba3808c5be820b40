"""The supervisor with real parts: what dies comes back, what stops leaves nothing."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from dicom_node import scu
from dicom_node.errors import PeerError
from dicom_node.peers import Peer
from tests.peers import free_ports
from workstation import supervisor as module
from workstation.processes import decode_settings, encode_settings
from workstation.settings import Settings
from workstation.supervisor import Part, Supervisor

STATUS = Path("run") / "test.json"


def wait_for(condition: Callable[[], object], seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


def answers(peer: Peer) -> bool:
    try:
        scu.echo(peer, "TEST")
    except PeerError:
        return False
    return True


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (port,) = free_ports(1)
    return Settings(
        data=tmp_path / "data", dicom_host="127.0.0.1", dicom_port=port, minimum_free_bytes=0
    )


@pytest.fixture
def running(settings: Settings) -> Iterator[Supervisor]:
    supervisor = Supervisor(settings, [Part("node", "node")], settings.data / STATUS)
    supervisor.start()
    watching = threading.Event()

    def watch() -> None:
        while not watching.wait(0.05):
            supervisor.watch()

    thread = threading.Thread(target=watch)
    thread.start()
    yield supervisor
    watching.set()
    thread.join()
    supervisor.end()


def test_settings_survive_the_way_to_a_part(tmp_path: Path) -> None:
    settings = replace(
        Settings(), data=tmp_path, plugins_dir=tmp_path, trusted_proxies=("10.0.0.1",)
    )
    assert decode_settings(json.loads(json.dumps(encode_settings(settings)))) == settings
    assert decode_settings(json.loads(json.dumps(encode_settings(Settings())))) == Settings()


def test_a_killed_part_is_started_again(running: Supervisor, settings: Settings) -> None:
    peer = Peer("HOICHAN", "127.0.0.1", settings.dicom_port)
    assert running.wait_ready(60)
    assert answers(peer)
    first = running.states[0].pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: running.states[0].restarts == 1)
    wait_for(lambda: answers(peer))
    status = json.loads((settings.data / STATUS).read_text())
    assert status["parts"] == [
        {"name": "node", "part": "node", "pid": running.states[0].pid, "restarts": 1}
    ]
    assert running.states[0].pid != first


def test_secrets_are_neither_in_arguments_nor_environment(settings: Settings) -> None:
    part = Part("node", "node", {"ui_secret": "s3cr3t"})
    supervisor = Supervisor(settings, [part])
    supervisor.start()
    try:
        process = psutil.Process(supervisor.states[0].pid)
        assert "s3cr3t" not in " ".join(process.cmdline())
        assert "s3cr3t" not in json.dumps(process.environ())
    finally:
        supervisor.end()


def test_a_part_that_keeps_dying_waits_longer_each_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHORTEST_WAIT_SECONDS", 100.0)
    monkeypatch.setattr(module, "LONGEST_WAIT_SECONDS", 300.0)
    supervisor = Supervisor(settings, [Part("no such part", "nonsense")])
    supervisor.start()
    state = supervisor.states[0]
    waits = []
    try:
        for _ in range(3):
            assert state.process is not None
            state.process.wait(120)
            before = time.monotonic()
            supervisor.watch()
            after = time.monotonic()
            waits.append((state.next_start_at - after, state.next_start_at - before))
            assert state.process is None, "it waits"
            state.next_start_at = 0.0
            supervisor.watch()
    finally:
        supervisor.end()
    # Each wait is between the two, however long they are apart.
    for (least, most), (low, high) in zip(waits, ((99, 101), (159, 241), (239, 361)), strict=True):
        assert least <= high
        assert most >= low


def test_what_a_dead_part_had_started_ends_too() -> None:
    part = subprocess.Popen(["/bin/sh", "-c", "sleep 600 & wait"], start_new_session=True)
    wait_for(lambda: psutil.Process(part.pid).children())
    (child,) = psutil.Process(part.pid).children()
    part.kill()
    part.wait()
    assert child.is_running()
    module._sweep(part)
    assert psutil.wait_procs([child], timeout=60)[1] == []
    module._sweep(part)  # nothing left is no error


PROGRAM = """
import sys
from pathlib import Path
from workstation.settings import Settings
from workstation.supervisor import Part, Supervisor
settings = Settings(data=Path(sys.argv[1]), dicom_host="127.0.0.1", dicom_port=int(sys.argv[2]))
parts = [Part("node", "node"), Part("worker", "worker")]
Supervisor(settings, parts, settings.data / "run" / "test.json").run(
    lambda: print("ready", flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_however_it_ends_no_process_is_left(settings: Settings, number: signal.Signals) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(settings.data), str(settings.dicom_port)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        assert select.select([program.stdout], [], [], 120)[0], "it did not become ready"
        assert program.stdout.readline() == "ready\n"
        family = psutil.Process(program.pid).children(recursive=True)
        assert len(family) >= 2
        program.send_signal(number)
        status = program.wait(60)
        assert status == (-signal.SIGKILL if number == signal.SIGKILL else 0)
        _, left = psutil.wait_procs(family, timeout=60)
        assert left == []
        assert not answers(Peer("HOICHAN", "127.0.0.1", settings.dicom_port))
    finally:
        program.kill()
        program.wait()
