"""What was sent: DICOM objects, slides, or neither."""

from dataclasses import dataclass, field
from pathlib import Path

from dicom_node.conversion.refusals import refuse

__all__ = ["SLIDE_SUFFIXES", "Contents", "find_contents", "is_dicom"]

# PS3.10 7.1
_PREAMBLE, _MAGIC = 128, b"DICM"
# Files that name the others of their slide; those beside them are not slides of their own.
_LEADERS = frozenset({".mrxs", ".vms", ".vmu"})
_TIFF = frozenset({".tif", ".tiff", ".qptiff", ".btf", ".tf2", ".tf8"})
_SINGLE = _TIFF | {".svs", ".ndpi", ".scn", ".bif", ".svslide", ".czi"}
SLIDE_SUFFIXES = _LEADERS | _SINGLE


@dataclass
class Contents:
    """Files by what they are."""

    dicom: list[Path] = field(default_factory=list)
    slides: list[Path] = field(default_factory=list)


def is_dicom(path: Path) -> bool:
    """Whether a file is a DICOM object; a DICOMDIR is an index of a medium (PS3.10 8.6)."""
    with path.open("rb") as file:
        head = file.read(_PREAMBLE + len(_MAGIC))
    return head[_PREAMBLE:] == _MAGIC and path.name.upper() != "DICOMDIR"


def find_contents(path: Path) -> Contents:
    """Look at a file, or at every file below a folder.

    Raises
    ------
    ConversionRefused
        There is neither DICOM nor a slide.
    """
    if path.is_file():
        if is_dicom(path):
            return Contents(dicom=[path])
        return Contents(slides=[path])
    files = sorted(each for each in path.rglob("*") if each.is_file() and not each.is_symlink())
    found = Contents(dicom=[each for each in files if is_dicom(each)])
    leaders = [each for each in files if each.suffix.lower() in _LEADERS]
    beside = {each.with_suffix("") for each in leaders}  # MIRAX keeps its data in such a folder
    # A VMS slide is many JPEG files, none of which has one of these suffixes.
    singles = [
        each
        for each in files
        if each.suffix.lower() in _SINGLE and not beside.intersection(each.parents)
    ]
    found.slides = leaders + singles
    if not found.dicom and not found.slides:
        raise refuse("empty_archive")
    return found
