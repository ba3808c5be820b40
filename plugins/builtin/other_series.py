"""Display sets of what is neither a stack of slices nor a slide: images, documents, the rest."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pydicom._uid_dict import UID_dictionary
from pydicom.uid import VLWholeSlideMicroscopyImageStorage

from plugins.contributions import Contribution, DisplaySetHandler
from plugins.frames import frames_of_instance
from plugins.nouns import DisplaySet, DisplaySetKind, Instance, Series, Text

__all__ = ["contribute"]

NO_VIEWER: Final = Text(
    "Loại đối tượng này chưa có trình xem; tệp vẫn được lưu và chuyển nguyên vẹn.",
    "There is no viewer for this kind of object; the file is kept and passed on as it is.",
)


def _named(*words: str) -> frozenset[str]:
    """Storage SOP Classes whose names in PS3.6 hold one of the words."""
    return frozenset(
        uid
        for uid, entry in UID_dictionary.items()
        if entry[1] == "SOP Class" and "Storage" in entry[0] and any(w in entry[0] for w in words)
    )


# "Image Storage" is in the name of every image class; the others hold frames under other names
IMAGES: Final = _named("Image Storage", "Video", "Multi-frame")
SLIDES: Final = frozenset({str(VLWholeSlideMicroscopyImageStorage)})
DOCUMENTS: Final = _named(
    "Encapsulated PDF", "Encapsulated CDA", " SR", "Report", "Key Object Selection"
)


def show_images(series: Series) -> Sequence[DisplaySet]:
    """One stack of all frames, by instance and frame number; a long clip stands alone."""
    clips = [instance for instance in series.instances if instance.number_of_frames > 1]
    stills = [instance for instance in series.instances if instance.number_of_frames <= 1]
    parts = [[instance] for instance in sorted(clips, key=_rank)]
    if stills:
        parts.insert(0, sorted(stills, key=_rank))
    return [
        _display_set(series, part, DisplaySetKind.STACK, number, alone=len(parts) == 1)
        for number, part in enumerate(parts, start=1)
    ]


def show_as(kind: DisplaySetKind, *problems: Text) -> Callable[[Series], Sequence[DisplaySet]]:
    """A handler that shows each instance as one thing of that kind."""

    def split(series: Series) -> Sequence[DisplaySet]:
        instances = sorted(series.instances, key=_rank)
        return [
            _display_set(series, [one], kind, number, problems, alone=len(instances) == 1)
            for number, one in enumerate(instances, start=1)
        ]

    return split


def _display_set(
    series: Series,
    instances: Sequence[Instance],
    kind: DisplaySetKind,
    number: int,
    problems: tuple[Text, ...] = (),
    *,
    alone: bool,
) -> DisplaySet:
    title = series.series_description or f"{series.modality} {series.series_number}".strip()
    if kind is DisplaySetKind.DOCUMENT:
        title = str(instances[0].header.get("DocumentTitle") or "") or title
    frames = tuple(
        (instance.sop_instance_uid, frame)
        for instance in instances
        for frame in range(1, max(1, instance.number_of_frames) + 1)
    )
    return DisplaySet(
        id=series.series_instance_uid if alone else f"{series.series_instance_uid}:{number}",
        kind=kind,
        study_instance_uid=series.study_instance_uid,
        series_instance_uid=series.series_instance_uid,
        modality=series.modality,
        title=title,
        frames=frames,
        problems=problems,
    )


def _rank(instance: Instance) -> tuple[int, str]:
    return frames_of_instance(instance)[0].instance_number, instance.sop_instance_uid


def contribute() -> Iterator[Contribution]:
    yield DisplaySetHandler(
        "images", Text("Ảnh", "Images"), sop_class_uids=IMAGES - SLIDES, split=show_images
    )
    yield DisplaySetHandler(
        "documents",
        Text("Tài liệu", "Documents"),
        sop_class_uids=DOCUMENTS - IMAGES,
        split=show_as(DisplaySetKind.DOCUMENT),
    )
    yield DisplaySetHandler(
        "unsupported",
        Text("Chưa có trình xem", "No viewer"),
        sop_class_uids=frozenset(),
        split=show_as(DisplaySetKind.UNSUPPORTED, NO_VIEWER),
    )
