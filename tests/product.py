"""The whole product in processes of its own, with a small network of hospitals."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from dicom_node.peers import Peer
from tests.peers import free_ports
from workstation import accounts, sites
from workstation.accounts import Role
from workstation.context import open_context
from workstation.roles import SYSTEM
from workstation.settings import Settings

__all__ = ["PASSWORD", "Product", "product"]

PASSWORD = "bảy con mèo ngủ ngon"
USERS = {
    "requester.a": ("DEMO_A", Role.REQUESTER),
    "technician.a": ("DEMO_A", Role.TECHNICIAN),
    "requester.b": ("DEMO_B", Role.REQUESTER),
    "radiologist": ("DEMO_HUB", Role.RADIOLOGIST),
    "radiologist.2": ("DEMO_HUB", Role.RADIOLOGIST),
    "pathologist": ("DEMO_HUB", Role.PATHOLOGIST),
    "coordinator": ("DEMO_HUB", Role.COORDINATOR),
    "admin": ("DEMO_HUB", Role.ADMINISTRATOR),
}


@dataclass
class Product:
    """A running ``hoichan serve``: where it listens, and a client for each user."""

    settings: Settings
    node: Peer
    clients: Mapping[str, httpx.Client]
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.http_port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [
            *(sys.executable, "-m", "hoichan", "serve", "--data", str(self.settings.data)),
            *("--http-port", str(self.settings.http_port), "--dicom-host", "127.0.0.1"),
            *("--dicom-port", str(self.settings.dicom_port), "--quiet-seconds", "1"),
            *("--ui-workers", str(self.settings.ui_workers), "--minimum-free-bytes", "0"),
        ]
        log = (self.settings.data / "serve.log").open("ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 120
        while True:
            try:
                if httpx.get(self.url + "/healthz", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.settings.data / "serve.log").read_text()[-4000:])
            time.sleep(0.2)

    def stop(self) -> None:
        """End it as its administrator does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it as a power cut does: every process at once."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def product(
    folder: Path, receiving: Mapping[str, Peer] | None = None, ui_workers: int = 1
) -> Iterator[Product]:
    """A running product; `receiving` maps a site to the AE where its opinions go."""
    http_port, dicom_port = free_ports(2)
    settings = Settings(
        data=folder,
        http_port=http_port,
        dicom_port=dicom_port,
        ui_workers=ui_workers,
        minimum_free_bytes=0,
    )
    tokens = _people(settings, receiving or {})
    clients = {
        username: httpx.Client(
            base_url=f"http://127.0.0.1:{http_port}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )
        for username, token in tokens.items()
    }
    running = Product(settings, Peer("HOICHAN", "127.0.0.1", dicom_port), clients)
    running.start()
    try:
        yield running
    finally:
        running.stop()
        for client in clients.values():
            client.close()


def _people(settings: Settings, receiving: Mapping[str, Peer]) -> dict[str, str]:
    context = open_context(settings)
    try:
        for code, tier in (("DEMO_A", "lower"), ("DEMO_B", "lower"), ("DEMO_HUB", "upper")):
            sites.create_site(context, SYSTEM, code=code, name=f"Bệnh viện {code}", tier=tier)
        for code in ("DEMO_A", "DEMO_B"):
            sites.add_ae_title(context, SYSTEM, code, ae_title=code)
        for code, peer in receiving.items():
            where = {"host": peer.host, "port": peer.port, "receives": True, "sends": False}
            sites.add_ae_title(context, SYSTEM, code, ae_title=peer.ae_title, **where)
        for username, (site, role) in USERS.items():
            accounts.create_user(
                context,
                SYSTEM,
                username=username,
                name=f"Bác sĩ {username}",
                site=site,
                roles=[role],
                password=PASSWORD,
            )
        return {name: accounts.issue_token(context, SYSTEM, name) for name in USERS}
    finally:
        context.close()
