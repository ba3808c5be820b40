"""``hoichan doctor``: looks at everything that could keep a workstation from working."""

import argparse
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.metadata import packages_distributions
from pathlib import Path

import httpx

from dicom_node import scu
from dicom_node.errors import PeerError
from dicom_node.objects.typeface import FAMILIES, FONTS
from dicom_node.peers import Peer
from dicom_node.tls import ClientTls, TlsUnusable
from plugins.nouns import Text
from viewers import BundleMissing, asset
from workstation import sites
from workstation.certificates import examined
from workstation.commands.console import Console, settings_of
from workstation.context import Context, open_context
from workstation.findings import Finding
from workstation.peers import explain, peer_of
from workstation.roles import SYSTEM
from workstation.settings import Settings, unknown_variables

__all__ = ["doctor", "findings", "foreign_packages"]

DISTRIBUTION = "hoichan"
PACKAGES = ("dicom_node", "kernels", "plugins", "viewers", "workstation", "hoichan")
ENTRIES = ("radiology", "report", "worklist")
FACES = ("Regular", "Bold", "Italic")
GIB = 1024**3


def doctor(options: argparse.Namespace, console: Console) -> int:
    """Print one line a finding; 0 when nothing is wrong."""
    settings = settings_of(options)
    wrong = 0
    for finding in findings(settings):
        mark = "✓" if finding.good else "!" if finding.warning else "✗"
        print(f"{mark} {finding.text.in_language(console.language)}", flush=True)
        wrong += not finding.good and not finding.warning
    return 1 if wrong else 0


def findings(settings: Settings) -> Iterator[Finding]:
    """Everything looked at, one after the other."""
    yield Finding(
        sys.version_info >= (3, 11),
        Text(f"Python {sys.version.split()[0]}", f"Python {sys.version.split()[0]}"),
    )
    yield from packages()
    yield from bundle()
    yield fonts()
    for name in unknown_variables():
        yield Finding(
            False,
            Text(f"Biến môi trường {name} không được dùng.", f"Nothing reads {name}."),
            warning=True,
        )
    usable = data_folder(settings)
    yield usable
    yield disk(settings)
    yield http_port(settings)
    yield dicom_port(settings)
    yield from examined(settings)
    if settings.dicom_tls_certificate is not None:
        yield tls_port(settings, settings.dicom_tls_certificate)
    if usable.good:
        with closing(open_context(settings)) as context:
            yield from guests(context)
            yield from peers(context)


def foreign_packages() -> dict[str, list[str]]:
    """Our top-level names that another installed distribution has, too, and which."""
    owners = packages_distributions()
    found = {name: sorted(set(owners.get(name, ())) - {DISTRIBUTION}) for name in PACKAGES}
    return {name: others for name, others in found.items() if others}


def packages() -> Iterator[Finding]:
    foreign = foreign_packages()
    if not foreign:
        yield Finding(True, Text("Tên gói Python không bị trùng.", "Package names are ours alone."))
    for name, others in foreign.items():
        whose = ", ".join(others)
        yield Finding(
            False,
            Text(
                f"Gói {name} cũng thuộc {whose}; hãy gỡ {whose}.",
                f"The package {name} also belongs to {whose}; uninstall {whose}.",
            ),
        )


def bundle() -> Iterator[Finding]:
    for entry in ENTRIES:
        try:
            asset(entry)
        except BundleMissing as error:
            yield Finding(False, Text(f"Thiếu gói giao diện {entry}.", str(error)))
            return
    yield Finding(True, Text("Gói giao diện đầy đủ.", "The front-end bundle is complete."))


def fonts() -> Finding:
    """The PDF takes its fonts from the package, never from the machine."""
    lacking = [
        face
        for face in FACES
        if not (FONTS / f"{FAMILIES[0].replace(' ', '')}-{face}.ttf").is_file()
    ]
    if lacking:
        which = ", ".join(lacking)
        return Finding(
            False,
            Text(
                f"Thiếu phông chữ của bản kết quả: {FAMILIES[0]} {which}; hãy cài lại.",
                f"Fonts of the report are missing: {FAMILIES[0]} {which}; install again.",
            ),
        )
    return Finding(True, Text("Phông chữ của bản kết quả đầy đủ.", "The report's fonts are there."))


def data_folder(settings: Settings) -> Finding:
    folder = settings.data
    parent = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    good = parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)
    if good:
        return Finding(True, Text(f"Ghi được vào {folder}.", f"{folder} is writable."))
    return Finding(False, Text(f"Không ghi được vào {folder}.", f"{folder} is not writable."))


def disk(settings: Settings) -> Finding:
    folder = settings.data.absolute()
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(existing).free
    return Finding(
        free > settings.minimum_free_bytes,
        Text(
            f"Đĩa còn trống {free / GIB:.1f} GiB.",
            f"{free / GIB:.1f} GiB of disk are free.",
        ),
    )


def http_port(settings: Settings) -> Finding:
    url = f"http://{reachable(settings.http_host)}:{settings.http_port}{settings.base_path}/healthz"

    def ours() -> bool:
        answer = httpx.get(url, timeout=5, trust_env=False)
        return "checks" in answer.json()

    return port("HTTP", settings.http_host, settings.http_port, ours)


def dicom_port(settings: Settings) -> Finding:
    peer = Peer(settings.ae_title, reachable(settings.dicom_host), settings.dicom_port)
    return port(
        "DICOM",
        settings.dicom_host,
        settings.dicom_port,
        lambda: scu.echo(peer, settings.ae_title) is not None,
    )


def tls_port(settings: Settings, certificate: Path) -> Finding:
    def ours() -> bool:
        address = (reachable(settings.dicom_host), settings.dicom_tls_port)
        context = ClientTls(pinned=certificate.read_text()).context()
        # Our own certificate need not be one that our port admits: the handshake is enough.
        with (
            socket.create_connection(address, timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=address[0]),
        ):
            return True

    return port("DICOM TLS", settings.dicom_host, settings.dicom_tls_port, ours)


def port(name: str, host: str, number: int, ours: Callable[[], bool]) -> Finding:
    """A port is free for us, or it is us who listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError:
            pass
        else:
            return Finding(
                True, Text(f"Cổng {name} {number} còn trống.", f"{name} port {number} is free.")
            )
    try:
        good = ours()
    except (PeerError, TlsUnusable, httpx.HTTPError, OSError, ValueError):
        good = False
    if good:
        return Finding(
            True,
            Text(
                f"Hội chẩn trả lời ở cổng {name} {number}.", f"We answer on {name} port {number}."
            ),
        )
    return Finding(
        False,
        Text(
            f"Chương trình khác đang giữ cổng {name} {number}.",
            f"Another program holds {name} port {number}.",
        ),
    )


def reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def guests(context: Context) -> Iterator[Finding]:
    for guest in context.plugins.guests:
        if guest.error:
            yield Finding(
                False,
                Text(
                    f"Phần bổ trợ {guest.name} không nạp được: {guest.error}",
                    f"The plugin {guest.name} did not load: {guest.error}",
                ),
                warning=True,
            )


def peers(context: Context) -> Iterator[Finding]:
    """Each AE says where it calls from; each with an address answers C-ECHO."""
    for site in sites.list_sites(context):
        for ae in sites.list_ae_titles(context, SYSTEM, site.code):
            if not ae.allowed_hosts:
                # An AE title is no secret, and DICOM asks for nothing else.
                yield Finding(
                    False,
                    Text(
                        f"Bất kỳ máy nào tự xưng {ae.ae_title} đều gửi được ảnh vào {site.code}; "
                        "hãy khai báo địa chỉ được phép.",
                        f"Any machine that calls itself {ae.ae_title} can send images into "
                        f"{site.code}; give its allowed addresses.",
                    ),
                    warning=True,
                )
            peer = peer_of(context.settings, ae)
            if peer is None:
                continue
            where = f"{ae.ae_title} ({ae.host}:{ae.port}{', TLS' if ae.tls else ''})"
            try:
                scu.echo(peer, context.settings.ae_title)
            except PeerError as error:
                why = explain(error, peer)
                yield Finding(
                    False,
                    Text(f"{where} không trả lời: {why.vi}", f"{where} does not answer: {why.en}"),
                    warning=True,
                )
            else:
                yield Finding(True, Text(f"{where} trả lời.", f"{where} answers."))
