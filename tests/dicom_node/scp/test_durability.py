"""Nothing is acknowledged before it is durable: the order of system calls, as strace saw them."""

import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from dicom_node import scu
from dicom_node.archive import Query
from dicom_node.peers import Peer
from tests.factories import EVERYTHING, ct_image, ct_series, file_bytes, open_archive
from tests.peers import free_ports
from tests.process_node import running_process

CALL = re.compile(r"^(?P<thread>\d+) +\S+ (?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>.*)$")


def system_calls(trace: Path) -> list[tuple[str, str]]:
    """Return (name, arguments) of the completed calls, in the order of their completion."""
    calls, unfinished = [], {}
    for line in trace.read_text(errors="replace").splitlines():
        thread, _, rest = line.partition(" ")
        if rest.endswith("<unfinished ...>"):
            unfinished[thread] = line.removesuffix("<unfinished ...>").rstrip()
            continue
        resumed = re.search(r"<\.\.\. \w+ resumed>(.*)$", rest)
        if resumed:
            line = unfinished.pop(thread, "") + resumed.group(1)
        match = CALL.match(line)
        if match:
            calls.append((match["name"], match["arguments"]))
    return calls


def test_file_rename_folder_index_and_only_then_the_answer(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is absent (Debian package strace)")
    files = []
    for number, dataset in enumerate(ct_series(8)):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(file_bytes(dataset))
    (port,) = free_ports(1)
    trace = tmp_path / "trace"
    with running_process(tmp_path / "archive", port) as process:
        tracer = subprocess.Popen(
            [
                strace,
                "-f",
                "-tt",
                "-y",
                "-e",
                "trace=fsync,fdatasync,rename,sendto,sendmsg",
                "-o",
                str(trace),
                "-p",
                str(process.pid),
            ],
            stderr=subprocess.PIPE,
        )
        try:
            assert tracer.stderr is not None
            if b"attached" not in tracer.stderr.readline():
                pytest.skip("strace may not attach to processes here")
            results = scu.store(Peer("HOICHAN", "127.0.0.1", port), "DEMO_A", files)
        finally:
            tracer.terminate()
            tracer.wait()
    assert {result.status for result in results} == {0}
    steps = []
    for name, arguments in system_calls(trace):
        if name in ("sendto", "sendmsg") and '"\\4\\0' in arguments:
            steps.append("answer")
        elif name == "rename":
            steps.append("rename")
        elif re.search(r"archive/tmp/", arguments):
            steps.append("sync file")
        elif re.search(r"/objects/..>", arguments):
            steps.append("sync folder")
        elif "index.sqlite-wal>" in arguments:
            steps.append("sync index")
    assert steps.count("answer") == 8
    # A file or log may be synced more often; the order is what counts.
    rounds = " ".join(steps).split("answer")[:-1]
    order = re.compile(r"(sync file )+rename (sync folder )+(sync index )+$")
    assert all(order.match(one.strip() + " ") for one in rounds), steps


def test_an_index_lost_before_the_answer_is_rebuilt(tmp_path: Path) -> None:
    """What the order above is for: files alone are enough."""
    (port,) = free_ports(1)
    path = tmp_path / "a.dcm"
    path.write_bytes(file_bytes(ct_series(1)[0]))
    folder = tmp_path / "archive"
    with running_process(folder, port):
        scu.store(Peer("HOICHAN", "127.0.0.1", port), "DEMO_A", [path])
    for name in folder.glob("index.sqlite*"):
        name.unlink()
    with running_process(folder, port):
        dump = subprocess.run(
            [sys.executable, "-m", "tests.process_node", str(folder), "--list"],
            capture_output=True,
            text=True,
            check=True,
        )
    assert len(dump.stdout.splitlines()) == 1


def test_a_slide_passes_through_without_staying_in_memory(tmp_path: Path) -> None:
    """64 MB in 800 frames: received, hashed and searched without being held."""
    frames = [bytes([number % 251]) * 80_000 for number in range(800)]
    dataset = ct_image(NumberOfFrames=len(frames), PixelData=encapsulate(frames))
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    path = tmp_path / "slide.dcm"
    path.write_bytes(file_bytes(dataset, JPEGBaseline8Bit))
    (port,) = free_ports(1)
    with running_process(tmp_path / "archive", port) as process:
        node = psutil.Process(process.pid)
        before = peak = node.memory_info().rss
        sending = threading.Thread(
            target=scu.store, args=(Peer("HOICHAN", "127.0.0.1", port), "DEMO_A", [path])
        )
        sending.start()
        while sending.is_alive():
            peak = max(peak, node.memory_info().rss)
            time.sleep(0.002)
        sending.join()
    with open_archive(tmp_path / "archive") as archive:
        (record,) = archive.instances(Query(), scope=EVERYTHING)
        assert (record.size, len(archive.frame_offsets(record))) == (
            record.path.stat().st_size,
            800,
        )
    assert peak - before < 24 << 20
