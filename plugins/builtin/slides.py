"""Display sets of whole slides: all the images of one glass are one thing to look at."""

from collections.abc import Iterator, Sequence
from typing import Final

from pydicom.uid import VLWholeSlideMicroscopyImageStorage

from plugins.contributions import Contribution, DisplaySetHandler
from plugins.nouns import DisplaySet, DisplaySetKind, Instance, Series, Text

__all__ = ["contribute"]

SLIDES: Final = frozenset({str(VLWholeSlideMicroscopyImageStorage)})
# Value 3 of Image Type (PS3.3 C.8.12.4.1.1); tissue first, the label last.
ROLES: Final = ("VOLUME", "THUMBNAIL", "OVERVIEW", "LABEL")


def show_slide(series: Series) -> Sequence[DisplaySet]:
    """One display set; its frames are the first of every image, the largest level first.

    The slide viewer asks the node what the slide is and needs only the series; who cannot show
    slides has the levels here in their order.
    """
    ordered = sorted(series.instances, key=_rank)
    return [
        DisplaySet(
            id=series.series_instance_uid,
            kind=DisplaySetKind.SLIDE,
            study_instance_uid=series.study_instance_uid,
            series_instance_uid=series.series_instance_uid,
            modality=series.modality,
            title=_title(series, ordered[0]),
            frames=tuple((instance.sop_instance_uid, 1) for instance in ordered),
        )
    ]


def _rank(instance: Instance) -> tuple[int, int, int, str]:
    header = instance.header
    kinds = [str(kind).upper() for kind in header.get("ImageType") or []]
    role = kinds[2] if len(kinds) > 2 else ""
    columns = int(header.get("TotalPixelMatrixColumns") or header.get("Columns") or 0)
    part = int(header.get("InConcatenationNumber") or 0)
    place = ROLES.index(role) if role in ROLES else len(ROLES)
    return place, -columns, part, instance.sop_instance_uid


def _title(series: Series, first: Instance) -> str:
    """What the laboratory calls the glass, and what the scanner called the series."""
    container = str(first.header.get("ContainerIdentifier") or "").strip()
    named = [name for name in (container, series.series_description) if name]
    return " · ".join(named) or f"{series.modality} {series.series_number}".strip()


def contribute() -> Iterator[Contribution]:
    yield DisplaySetHandler(
        "slides", Text("Tiêu bản số", "Whole-slide images"), sop_class_uids=SLIDES, split=show_slide
    )
