"""Content items every report shares, and what opens it (PS3.16 TID 1204, 1001, 1002)."""

from collections.abc import Iterable

from highdicom.sr import (
    CodeContentItem,
    CodedConcept,
    ContainerContentItem,
    ImageContentItem,
    LanguageOfContentItemAndDescendants,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    RelationshipTypeValues,
    TextContentItem,
)
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import UID

from dicom_node.objects import text
from dicom_node.objects.codes import SOURCE
from dicom_node.objects.content import Author, Reference

__all__ = [
    "coded_item",
    "container",
    "frame_numbers",
    "image_item",
    "language_items",
    "observer_items",
    "text_item",
]

_LANGUAGES = {
    "vi": CodedConcept("vi", "RFC5646", "Vietnamese"),
    "en": CodedConcept("en", "RFC5646", "English"),
}

# SOP Classes whose instances may hold several frames, by their names in PS3.6; only a reference
# to one of them may name a frame
_MULTI_FRAME = (
    "Multi-frame",
    "Enhanced",
    "Legacy Converted",
    "Whole Slide",
    "Tomosynthesis",
    "Video",
    "Angiographic",
    "Radiofluoroscopic",
    "Nuclear Medicine",
    "Segmentation",
    "Parametric Map",
    "Breast Projection",
)


def language_items(language: str) -> list[Dataset]:
    """TID 1204."""
    return list(LanguageOfContentItemAndDescendants(_LANGUAGES.get(language, _LANGUAGES["vi"])))


def observer_items(author: Author) -> list[Dataset]:
    """TID 1002 with a person (TID 1003)."""
    name = text.person_name_of(author.name or author.username) or "-"
    if "^" not in name:
        name += "^"  # a name of one word is a family name (PS3.5 6.2.1.2)
    return list(
        ObserverContext(
            observer_type=codes.DCM.Person,
            observer_identifying_attributes=PersonObserverIdentifyingAttributes(
                name=name,
                login_name=text.unlimited_text(author.username) or None,
                organization_name=text.unlimited_text(author.organization) or None,
            ),
        )
    )


def container(
    name: Code, items: Iterable[Dataset], *, template_id: str | None = None, root: bool = False
) -> ContainerContentItem:
    """A heading with what stands below it."""
    item = ContainerContentItem(
        name=name,
        template_id=template_id,
        # each item is read by itself, with its name; continuous ones are run together as prose
        is_content_continuous=False,
        relationship_type=None if root else RelationshipTypeValues.CONTAINS,
    )
    item.ContentSequence = Sequence(items)
    return item


def text_item(name: Code, value: str) -> TextContentItem:
    """A paragraph; a dash where there is nothing, since Text Value may not be empty (C.18.3)."""
    return TextContentItem(
        name=name,
        value=text.unlimited_text(value) or "-",
        relationship_type=RelationshipTypeValues.CONTAINS,
    )


def coded_item(name: Code, value: Code) -> CodeContentItem:
    """A coded answer."""
    return CodeContentItem(
        name=name, value=value, relationship_type=RelationshipTypeValues.CONTAINS
    )


def image_item(
    reference: Reference,
    relationship: RelationshipTypeValues = RelationshipTypeValues.CONTAINS,
) -> ImageContentItem:
    """An image, or one frame of it."""
    return ImageContentItem(
        name=SOURCE,
        referenced_sop_class_uid=reference.sop_class_uid,
        referenced_sop_instance_uid=reference.sop_instance_uid,
        referenced_frame_numbers=frame_numbers(reference),
        relationship_type=relationship,
    )


def frame_numbers(reference: Reference) -> list[int] | None:
    """The frames to name, or None where an instance of that class has only one."""
    if reference.frames:
        return list(reference.frames)
    if reference.frame_number is None:
        return None
    name = UID(reference.sop_class_uid).name
    if reference.frame_number > 1 or any(word in name for word in _MULTI_FRAME):
        return [reference.frame_number]
    return None
