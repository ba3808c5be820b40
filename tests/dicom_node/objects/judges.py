"""Judges that know nothing of us: dciodvfy (dicom3tools), dsrdump (DCMTK), poppler.

dciodvfy lets illegal relationships pass, dsrdump lets a verified document without an observer
pass; a report must please both.
"""

import io
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

DCIODVFY = "/usr/bin/dciodvfy"
DSRDUMP = "/usr/bin/dsrdump"


@dataclass(frozen=True)
class Verdict:
    errors: tuple[str, ...]
    text: str


def encoded(ds: Dataset) -> bytes:
    """The Part 10 file."""
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def written(ds: Dataset, folder: Path, name: str = "object.dcm") -> Path:
    path = folder / name
    path.write_bytes(encoded(ds))
    return path


def dciodvfy(path: Path) -> Verdict:
    run = subprocess.run([DCIODVFY, "-new", str(path)], capture_output=True, check=False)
    text = (run.stdout + run.stderr).decode("utf-8", "replace")
    return Verdict(tuple(line for line in text.splitlines() if line.startswith("Error")), text)


def dsrdump(path: Path) -> Verdict:
    """Long texts in full (+Pl), values of codes (+Pc)."""
    run = subprocess.run([DSRDUMP, "+Pl", "+Pc", str(path)], capture_output=True, check=False)
    said = run.stderr.decode("utf-8", "replace")
    errors = [line for line in said.splitlines() if line.startswith(("E:", "F:"))]
    if run.returncode:
        errors.append(f"exit status {run.returncode}: {said}")
    return Verdict(tuple(errors), run.stdout.decode("utf-8", "replace"))


def assert_valid(ds: Dataset, folder: Path, *, report: bool = True) -> str:
    """Both judges have no error; return what dsrdump reads (empty for other objects)."""
    path = written(ds, folder)
    verdict = dciodvfy(path)
    assert not verdict.errors, verdict.text
    if not report:
        return ""
    reading = dsrdump(path)
    assert not reading.errors, reading.errors
    return reading.text


def pdf_text(pdf: bytes, folder: Path) -> str:
    path = folder / "page.pdf"
    path.write_bytes(pdf)
    run = subprocess.run(
        ["/usr/bin/pdftotext", "-layout", str(path), "-"], capture_output=True, check=True
    )
    return run.stdout.decode("utf-8")
