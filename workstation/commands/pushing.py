"""``hoichan push``: a file, folder or zip of DICOM objects to a node over C-STORE."""

import argparse
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dicom_node import scu
from dicom_node.errors import PeerError
from dicom_node.peers import Peer
from dicom_node.scu import SendResult
from workstation.commands.console import Console
from workstation.commands.files import dicom_files
from workstation.settings import SettingsError, ae_title

__all__ = ["destination", "push"]

LARGEST_UNPACKED_BYTES = 50_000_000_000
SHOWN_FAILURES = 10


def push(options: argparse.Namespace, console: Console) -> int:
    """Send what is at a path; 0 when everything was stored."""
    peer = destination(options.to, options.called)
    calling = checked_ae_title(options.calling, "--calling")
    source = Path(options.path).expanduser()
    if not source.exists():
        raise SettingsError(f"Không có {source}.", f"There is no {source}.")
    with unpacked(source) as folder:
        files = dicom_files(folder)
        if not files:
            raise SettingsError(
                f"Không có tệp DICOM nào trong {source}.", f"There is no DICOM file in {source}."
            )
        console.say(
            f"Gửi {len(files)} tệp tới {peer.ae_title} ({peer.host}:{peer.port})…",
            f"Sending {len(files)} files to {peer.ae_title} ({peer.host}:{peer.port})…",
        )
        try:
            results = scu.store(peer, calling, files)
        except PeerError as error:
            console.complain(f"Không gửi được: {error}", f"Nothing more was sent: {error}")
            return 1
    return report(results, console)


def report(results: list[SendResult], console: Console) -> int:
    failed = [result for result in results if not result.stored]
    stored = len(results) - len(failed)
    console.say(f"Đã nhận {stored}/{len(results)} tệp.", f"{stored} of {len(results)} stored.")
    reasons: Counter[str] = Counter()
    for result in failed:
        status = "" if result.status is None else f"0x{result.status:04X} "
        reasons[f"{status}{result.error}".strip()] += 1
    for reason, count in reasons.most_common(SHOWN_FAILURES):
        console.complain(f"{count} tệp: {reason}", f"{count} files: {reason}")
    return 1 if failed else 0


def destination(address: str, called: str) -> Peer:
    """The peer of ``--to HOST:PORT --called AET``."""
    match = re.fullmatch(r"\[?([^\[\]]+?)\]?:(\d{1,5})", address)
    if match is None or not 0 < int(match[2]) < 65536:
        raise SettingsError(
            f"--to: giá trị {address!r} không hợp lệ, cần HOST:PORT.",
            f"--to: {address!r} is not valid; expected HOST:PORT.",
        )
    return Peer(checked_ae_title(called, "--called"), match[1], int(match[2]))


def checked_ae_title(value: str, option: str) -> str:
    try:
        return ae_title(value)
    except ValueError:
        raise SettingsError(
            f"{option}: giá trị {value!r} không hợp lệ, cần AE title gồm 1-16 ký tự ASCII.",
            f"{option}: {value!r} is not valid; expected an AE title of 1-16 ASCII characters.",
        ) from None


@contextmanager
def unpacked(source: Path) -> Iterator[Path]:
    """`source` itself, or a folder with the content of a zip for as long as it is needed."""
    if not (source.is_file() and zipfile.is_zipfile(source)):
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="hoichan-push-") as folder:
        with zipfile.ZipFile(source) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_UNPACKED_BYTES:
                raise SettingsError(
                    f"Tệp nén {source} quá lớn khi giải nén.", f"{source} unpacks to too much."
                )
            archive.extractall(folder)
        yield Path(folder)
