"""Vendor slides on this computer made DICOM, before they are sent."""

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from pydicom import dcmread
from pydicom.filereader import read_file_meta_info
from pydicom.uid import VLWholeSlideMicroscopyImageStorage

from dicom_node.conversion import SlideFacts, convert
from dicom_node.conversion.dataset import uid_of
from dicom_node.objects import text
from workstation.commands.console import Console
from workstation.settings import SettingsError
from workstation.uploads.facts import digest_of

__all__ = ["convert_slides", "smallest_first"]

_SIZE = ["TotalPixelMatrixColumns", "TotalPixelMatrixRows"]


def convert_slides(
    slides: list[Path], folder: Path, options: argparse.Namespace, console: Console
) -> list[Path]:
    """Convert slides into `folder` and return their instances.

    Raises
    ------
    SettingsError
        It was not said whose slide it is, or a value is not valid.
    ConversionRefused
    """
    if not options.patient_id.strip() or not options.patient_name.strip():
        raise SettingsError(
            "Tiêu bản số cần --patient-id và --patient-name.",
            "A slide needs --patient-id and --patient-name.",
        )
    files: list[Path] = []
    for number, path in enumerate(slides):
        target = folder / f"slide-{number}"
        target.mkdir()
        console.say(f"Chuyển đổi {path.name}…", f"Converting {path.name}…")
        progress = _Progress()
        try:
            made = convert(path, target, _facts(path, options, len(slides) > 1), progress.show)
        finally:
            progress.end()
        for vi, en in made.notes:
            console.say(f"{path.name}: {vi}", f"{path.name}: {en}")
        files += made.files
    return files


def smallest_first(files: list[Path]) -> list[Path]:
    """Files in the order they are sent: levels of slides by size, all else before them as it was.

    A reader far behind a slow line begins with the overview; the last level of a slide is most of
    its bytes.
    """
    return sorted(files, key=_level_pixels)


def _level_pixels(path: Path) -> int:
    """Pixels of the whole matrix of a slide's level; 0 of anything else."""
    try:
        if read_file_meta_info(path).MediaStorageSOPClassUID != VLWholeSlideMicroscopyImageStorage:
            return 0
        ds = dcmread(path, specific_tags=_SIZE, stop_before_pixels=True)
        return int(ds.get(_SIZE[0]) or 0) * int(ds.get(_SIZE[1]) or 0)
    except Exception:  # whoever sends it says what is wrong with it
        return 0


def _facts(path: Path, options: argparse.Namespace, several: bool) -> SlideFacts:
    name = options.patient_name.strip()
    patient_id = options.patient_id.strip()
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    container = options.container.strip()
    if several or not container:
        container = path.name.split(".")[0]
    which = options.accession.strip() or container
    study = options.study_uid.strip() or uid_of("study", options.calling, patient_id, which)
    if not re.fullmatch(r"[0-9.]{1,64}", study):
        raise SettingsError(
            f"--study-uid: {study!r} không phải UID.", f"--study-uid: {study!r} is no UID."
        )
    return SlideFacts(
        patient_id=patient_id,
        patient_name=name if "^" in name else text.person_name_of(name),
        patient_birth_date=options.birth_date.strip(),
        patient_sex=options.sex.strip().upper(),
        accession_number=options.accession.strip(),
        study_id=options.accession.strip(),
        study_date=f"{changed:%Y%m%d}",
        study_time=f"{changed:%H%M%S}",
        study_instance_uid=study,
        container_id=container,
        part_id=options.part,
        block_id=options.block,
        stain=options.stain,
        mpp=_mpp(options.mpp),
        # The same file for the same slide is the same series, however often it is sent.
        seed=f"{digest_of(path)}/{study}/{container}",
        received_at=f"{changed:%Y-%m-%dT%H:%M:%S}",
    )


def _mpp(value: str) -> float:
    try:
        number = float(value.replace(",", ".")) if value else 0.0
    except ValueError:
        number = -1.0
    if number and not 0.02 <= number <= 50:
        raise SettingsError(
            f"--mpp: {value!r} không hợp lệ, cần từ 0,02 đến 50.",
            f"--mpp: {value!r} is not valid; expected 0.02 to 50.",
        )
    return number


class _Progress:
    """Percent on one line of a terminal; nothing in a log."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def show(self, fraction: float, vi: str, en: str) -> None:
        if self._shown:
            print(f"\r{fraction:4.0%}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._shown:
            print("\r", end="", file=sys.stderr, flush=True)
