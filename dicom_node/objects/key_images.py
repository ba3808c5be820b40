"""Key Object Selection of an opinion's key images (PS3.16 TID 2010)."""

from pydicom.dataset import Dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage

from dicom_node.objects import codes, context, modules
from dicom_node.objects.content import Identity, SignedOpinion
from dicom_node.objects.text import long_string
from dicom_node.objects.words import KEY_IMAGES

__all__ = ["key_images"]


def key_images(opinion: SignedOpinion, identity: Identity) -> Dataset | None:
    """Encode the key images of the opinion's own study; None when there are none.

    Images of other studies would need a copy of the document in each of those (Identical
    Documents Sequence); the other documents name them.

    References
    ----------
    PS3.3 A.35.4, PS3.16 TID 2010
    """
    images = [
        image
        for image in opinion.key_images
        if image.reference.study_instance_uid == opinion.study_instance_uid
    ]
    if not images:
        return None
    language = opinion.language
    ds = modules.common(
        opinion,
        identity,
        sop_class_uid=KeyObjectSelectionDocumentStorage,
        modality="KO",
        series_description=KEY_IMAGES.in_language(language),
    )
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.ReferencedRequestSequence = [modules.request_item(ds, opinion)]
    unique = {image.reference.sop_instance_uid: image.reference for image in images}
    ds.CurrentRequestedProcedureEvidenceSequence = modules.reference_tree(tuple(unique.values()))
    captions = [f"{n}. {image.caption}" for n, image in enumerate(images, 1) if image.caption]
    description = "\n".join([f"{long_string(opinion.request.number)}", *captions])
    root = context.container(
        codes.OF_INTEREST,
        [
            *context.language_items(language),
            *context.observer_items(opinion.author),
            context.text_item(codes.KEY_OBJECT_DESCRIPTION, description),
            *(context.image_item(image.reference) for image in images),
        ],
        template_id="2010",
        root=True,
    )
    for element in root:
        ds[element.tag] = element
    return ds
