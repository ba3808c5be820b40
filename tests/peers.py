"""Real far sides for tests: DCMTK and Orthanc as other people's PACS."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest

from dicom_node.peers import Peer
from tests.certificates import Authority, Identity

__all__ = ["Orthanc", "dcmqrscp", "free_ports", "orthanc", "run_dcmtk", "storescp"]

# pynetdicom installs scripts of the same names into a virtual environment.
DCMTK = Path("/usr/bin")
ORTHANC_PLUGINS = Path("/usr/share/orthanc/plugins")

# Below those that systems give to whoever asks for any port, and for each worker its own: what is
# free now is free still when the server has started. Two runs at once begin at different places.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 20
_PORTS = range(12_000 + 1_000 * _WORKER, 13_000 + 1_000 * _WORKER)
_CANDIDATES = cycle([*_PORTS[os.getpid() % 1_000 :], *_PORTS[: os.getpid() % 1_000]])


def free_ports(count: int) -> list[int]:
    """TCP ports for servers that are about to start."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port := next(_CANDIDATES)))
            found.append(port)
    return found


def _program(path: Path, package: str) -> str:
    if not path.exists():
        pytest.skip(f"{path} is absent (Debian package {package})")
    return str(path)


def run_dcmtk(
    tool: str, *arguments: str | Path, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a DCMTK tool without Nagle's delay and return what it said."""
    return subprocess.run(
        [_program(DCMTK / tool, "dcmtk"), *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        env={**os.environ, "TCP_NODELAY": "1"},
        check=False,
    )


@contextmanager
def _running(
    command: Sequence[str], port: int, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TCP_NODELAY": "1"},
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not listen on port {port}")
            time.sleep(0.05)
        yield process
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


@contextmanager
def storescp(folder: Path, *options: str, ae_title: str = "STORESCP") -> Iterator[Peer]:
    """DCMTK's storescp: keeps what it gets in `folder`, answers nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    (port,) = free_ports(1)
    command = [_program(DCMTK / "storescp", "dcmtk"), "--fork", *options]
    with _running([*command, "-aet", ae_title, "-od", str(folder), str(port)], port):
        yield Peer(ae_title, "127.0.0.1", port)


@contextmanager
def dcmqrscp(folder: Path, ae_title: str = "QRSCP") -> Iterator[Peer]:
    """DCMTK's dcmqrscp: a PACS with C-FIND and without storage commitment."""
    store = folder / "store"
    store.mkdir(parents=True)
    (port,) = free_ports(1)
    configuration = folder / "qr.cfg"
    configuration.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\n{ae_title} {store} RW (200, 1024mb) ANY\nAETable END\n"
    )
    with _running([_program(DCMTK / "dcmqrscp", "dcmtk"), "-c", str(configuration)], port):
        yield Peer(ae_title, "127.0.0.1", port)


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc: its DICOM side as a peer, its REST side for looking."""

    peer: Peer
    url: str

    def get(self, path: str) -> Any:
        answer = httpx.get(self.url + path, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def instances(self) -> list[dict[str, Any]]:
        """Simplified tags of everything it holds."""
        return [self.get(f"/instances/{i}/simplified-tags") for i in self.get("/instances")]

    def file(self, sop_instance_uid: str) -> bytes:
        found = httpx.post(self.url + "/tools/lookup", content=sop_instance_uid, timeout=60).json()
        return httpx.get(f"{self.url}/instances/{found[0]['ID']}/file", timeout=60).content

    def send(self, modality: str) -> None:
        """Send all it holds to one of its modalities."""
        body = {"Resources": self.get("/instances"), "Synchronous": True}
        httpx.post(
            f"{self.url}/modalities/{modality}/store", json=body, timeout=60
        ).raise_for_status()


@contextmanager
def orthanc(
    folder: Path,
    modalities: dict[str, Peer] | None = None,
    ae_title: str = "ORTHANC",
    *,
    identity: Identity | None = None,
    authority: Authority | None = None,
) -> Iterator[Orthanc]:
    """An Orthanc as the asking hospital's PACS; with `identity` it wants mutual TLS."""
    program = (
        shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/sbin") or "/usr/sbin/Orthanc"
    )
    folder.mkdir(parents=True, exist_ok=True)
    dicom_port, http_port = free_ports(2)
    known = {
        name: {"AET": p.ae_title, "Host": p.host, "Port": p.port, "UseDicomTls": p.tls is not None}
        for name, p in (modalities or {}).items()
    }
    configuration = {
        "Name": "asking hospital",
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "DicomAet": ae_title,
        "AuthenticationEnabled": False,
        "RemoteAccessAllowed": False,
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "Plugins": [str(p) for p in ORTHANC_PLUGINS.glob("libOrthancDicomWeb.so")],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "DicomModalities": known,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
    }
    if identity is not None and authority is not None:
        configuration |= {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(identity.certificate),
            "DicomTlsPrivateKey": str(identity.key),
            "DicomTlsTrustedCertificates": str(authority.certificate),
            "DicomTlsRemoteCertificateRequired": True,
        }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with _running(
        [_program(Path(program), "orthanc"), str(folder / "orthanc.json")], http_port, folder
    ):
        yield Orthanc(Peer(ae_title, "127.0.0.1", dicom_port), f"http://127.0.0.1:{http_port}")
