"""Which files of a folder are DICOM objects."""

from pathlib import Path

__all__ = ["dicom_files"]

# A Part 10 file has "DICM" after 128 bytes (PS3.10 7.1).
PREAMBLE, MAGIC = 128, b"DICM"


def dicom_files(path: Path) -> list[Path]:
    """Part 10 files at or below `path`, by name."""
    candidates = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return [candidate for candidate in candidates if is_dicom(candidate)]


def is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(PREAMBLE + len(MAGIC))
    except OSError:
        return False
    # A DICOMDIR is an index of a medium, not an object to store (PS3.10 8.6).
    return head[PREAMBLE:] == MAGIC and path.name.upper() != "DICOMDIR"
