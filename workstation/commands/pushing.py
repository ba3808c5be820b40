"""``hoichan push``: DICOM objects and slides, in files, folders or zips, over C-STORE."""

import argparse
import re
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from dicom_node import scu
from dicom_node.conversion import ConversionRefused
from dicom_node.conversion.contents import SLIDE_SUFFIXES, find_contents
from dicom_node.conversion.unpacking import is_archive, unpack
from dicom_node.errors import PeerError
from dicom_node.peers import Peer
from dicom_node.scu import SendResult
from dicom_node.tls import ClientTls, TlsFault, TlsUnusable
from workstation.certificates import unusable
from workstation.commands.console import Console
from workstation.commands.files import dicom_files
from workstation.commands.slides import convert_slides, smallest_first
from workstation.settings import SettingsError, ae_title

__all__ = ["destination", "pinned", "push"]

SHOWN_FAILURES = 10


def push(options: argparse.Namespace, console: Console) -> int:
    """Send what is at a path; 0 when everything was stored."""
    peer = replace(destination(options.to, options.called), tls=called_inside(options))
    calling = checked_ae_title(options.calling, "--calling")
    source = Path(options.path).expanduser()
    if not source.exists():
        raise SettingsError(f"Không có {source}.", f"There is no {source}.")
    with tempfile.TemporaryDirectory(prefix="hoichan-push-") as scratch:
        try:
            files = gathered(source, Path(scratch), options, console)
        except ConversionRefused as refusal:
            console.complain(refusal.vi, refusal.en)
            return 1
        console.say(
            f"Gửi {len(files)} tệp tới {peer.ae_title} ({peer.host}:{peer.port})…",
            f"Sending {len(files)} files to {peer.ae_title} ({peer.host}:{peer.port})…",
        )
        try:
            results = scu.store(peer, calling, smallest_first(files))
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


def called_inside(options: argparse.Namespace) -> ClientTls | None:
    """How ``--tls`` and what goes with it say to call; None in clear.

    A file for TLS means TLS: whoever names one must not be sent in clear for want of a word.
    """
    files = {
        name: Path(value).expanduser()
        for name in ("tls_ca", "tls_certificate", "tls_key", "tls_pin")
        if (value := getattr(options, name))
    }
    if not (options.tls or files):
        return None
    tls = ClientTls(
        files.get("tls_ca"),
        pinned(options.tls_pin),
        files.get("tls_certificate"),
        files.get("tls_key"),
    )
    try:
        tls.context()
    except TlsUnusable as error:
        raise unusable(error) from None
    return tls


def pinned(value: str) -> str:
    """What the file of ``--tls-pin`` says."""
    try:
        return Path(value).expanduser().read_text(encoding="ascii") if value else ""
    except (OSError, ValueError):
        raise unusable(TlsUnusable(Path(value), TlsFault.UNREADABLE)) from None


def checked_ae_title(value: str, option: str) -> str:
    try:
        return ae_title(value)
    except ValueError:
        raise SettingsError(
            f"{option}: giá trị {value!r} không hợp lệ, cần AE title gồm 1-16 ký tự ASCII.",
            f"{option}: {value!r} is not valid; expected an AE title of 1-16 ASCII characters.",
        ) from None


def gathered(
    source: Path, scratch: Path, options: argparse.Namespace, console: Console
) -> list[Path]:
    """The DICOM files to send: those that are there, and those made of slides.

    Raises SettingsError, ConversionRefused.
    """
    place = source
    if source.is_file() and is_archive(source):
        place = scratch / "unpacked"
        place.mkdir()
        unpack(source, place)
    files = dicom_files(place)
    # Pictures beside DICOM files are slides only for one who says whose they are.
    if not files or options.patient_id:
        slides = [path for path in find_slides(place) if path.suffix.lower() in SLIDE_SUFFIXES]
        files += convert_slides(slides, scratch, options, console) if slides else []
    if not files:
        raise SettingsError(
            f"Không có tệp DICOM hay tiêu bản số nào trong {source}.",
            f"There is no DICOM file and no slide in {source}.",
        )
    return files


def find_slides(place: Path) -> list[Path]:
    """Slides at or below a path; none where there are only other files."""
    try:
        return find_contents(place).slides
    except ConversionRefused:
        return []
