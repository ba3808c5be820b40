"""Basic Text SR with the words of an opinion, for any PACS that shows reports (TID 2000)."""

from highdicom.sr import RelationshipTypeValues
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.coding import Code
from pydicom.uid import BasicTextSRStorage

from dicom_node.objects import codes, context, modules
from dicom_node.objects.content import Identity, Passage, SignedOpinion
from dicom_node.objects.text import code_meaning
from dicom_node.objects.values import describe_mark
from dicom_node.objects.words import ADVISORY, KIND_TITLES, SERIES_DESCRIPTION, revision

__all__ = ["basic_text"]


def basic_text(opinion: SignedOpinion, identity: Identity) -> Dataset:
    """Encode sections, answers, measurements as text, and key images by reference.

    References
    ----------
    PS3.3 A.35.1, PS3.16 TID 2000
    """
    ds = modules.common(
        opinion,
        identity,
        sop_class_uid=BasicTextSRStorage,
        modality="SR",
        series_description=SERIES_DESCRIPTION.in_language(opinion.language),
    )
    modules.add_verification(ds, opinion)
    modules.add_evidence(ds, opinion.references, opinion.study_instance_uid)
    language = opinion.language
    items = [
        *context.language_items(language),
        *context.observer_items(opinion.author),
        _heading(opinion),
    ]
    if opinion.request.reason.strip():
        name = codes.localized(codes.REQUEST, language)
        items.append(context.container(name, [context.text_item(name, opinion.request.reason)]))
    if opinion.answers:
        items.append(_questions(opinion))
    items += [_section(passage, language) for passage in opinion.passages if passage.text.strip()]
    items += _assessment(opinion)
    if opinion.marks:
        lines = [
            context.text_item(
                codes.localized(codes.FINDING, language), describe_mark(mark, language)
            )
            for mark in opinion.marks
        ]
        items.append(context.container(codes.localized(codes.MEASUREMENTS, language), lines))
    if opinion.key_images:
        items.append(_key_images(opinion))
    root = context.container(
        codes.localized(codes.DIAGNOSTIC_IMAGING_REPORT, language),
        items,
        template_id="2000",
        root=True,
    )
    for element in root:
        ds[element.tag] = element
    return ds


def _heading(opinion: SignedOpinion) -> Dataset:
    language = opinion.language
    kind = KIND_TITLES[opinion.kind].in_language(language)
    said = {
        codes.ADVISORY: ADVISORY.in_language(language),
        codes.CASE_NUMBER: opinion.request.number,
        codes.VERSION: f"{opinion.version} — {kind}",
        codes.REVISION: revision(opinion.kind, opinion.version, opinion.reason, language),
        codes.CONTENT_HASH: opinion.content_hash,
    }
    return context.container(
        codes.localized(codes.ADVISORY, language),
        [
            context.text_item(codes.localized(name, language), value)
            for name, value in said.items()
            if value.strip()
        ],
    )


def _questions(opinion: SignedOpinion) -> Dataset:
    language = opinion.language
    issues = []
    for pair in opinion.answers:
        issues += [
            context.text_item(codes.localized(codes.QUESTION, language), pair.question),
            context.text_item(codes.localized(codes.ANSWER, language), pair.answer),
        ]
    return context.container(codes.localized(codes.QUESTIONS, language), issues)


def _section(passage: Passage, language: str) -> Dataset:
    """A section under its own title; the code says what it is in every language."""
    code = passage.code or codes.SECTION
    heading = Code(code.value, code.scheme_designator, code_meaning(passage.title or code.meaning))
    name = codes.localized(codes.SECTION_TEXT.get(code, heading), language)
    return context.container(heading, [context.text_item(name, passage.text)])


def _assessment(opinion: SignedOpinion) -> list[Dataset]:
    language = opinion.language
    answers = [
        context.coded_item(codes.localized(name, language), codes.assessment(name, key, language))
        for name, key in (
            (codes.CONCORDANCE, opinion.concordance),
            (codes.TRANSFER, opinion.transfer),
        )
        if key.strip()
    ]
    if not answers:
        return []
    return [context.container(codes.localized(codes.ASSESSMENT, language), answers)]


def _key_images(opinion: SignedOpinion) -> Dataset:
    items: list[Dataset] = []
    for image in opinion.key_images:
        if image.caption.strip():
            # the caption speaks of the image that it is inferred from (TID 2000, CID 7003)
            caption = context.text_item(
                codes.localized(codes.COMMENT, opinion.language), image.caption
            )
            picture = context.image_item(image.reference, RelationshipTypeValues.INFERRED_FROM)
            caption.ContentSequence = Sequence([picture])
            items.append(caption)
        else:
            items.append(context.image_item(image.reference))
    return context.container(codes.localized(codes.KEY_IMAGES, opinion.language), items)
