"""Builders of valid instances: what a signed opinion becomes when it goes home.

Each builder takes a `SignedOpinion` and an `Identity` and returns a whole data set with file
meta, in UTF-8, of the same study; the same arguments give the same bytes.
"""

from dicom_node.objects.basic_text import basic_text
from dicom_node.objects.bulk_annotations import (
    IMAGE_REGION,
    AnnotationGroup,
    BulkAnnotations,
    GraphicType,
    bulk_annotations,
    read_bulk_annotations,
)
from dicom_node.objects.codes import class_code
from dicom_node.objects.color_capture import color_capture
from dicom_node.objects.content import (
    Algorithm,
    Author,
    Classification,
    DocumentKind,
    Identity,
    KeyImage,
    Mark,
    MarkKind,
    Passage,
    QuestionAnswer,
    Reference,
    Request,
    SegmentReference,
    SignedOpinion,
    Value,
)
from dicom_node.objects.derived import Slices
from dicom_node.objects.encapsulated_pdf import encapsulated_pdf
from dicom_node.objects.key_images import key_images
from dicom_node.objects.measurement_report import measurement_report
from dicom_node.objects.pages import opinion_pdf, opinion_pictures
from dicom_node.objects.parametric_map import parametric_map
from dicom_node.objects.secondary_capture import secondary_captures
from dicom_node.objects.segmentation import Segment, present_segments, segmentation
from dicom_node.objects.slide_groups import annotation_groups
from dicom_node.objects.slide_segmentation import SlideSegment, slide_segmentation
from dicom_node.objects.slide_space import slide_geometry, tiles_of_region
from dicom_node.objects.values import drawn_value

__all__ = [
    "IMAGE_REGION",
    "Algorithm",
    "AnnotationGroup",
    "Author",
    "BulkAnnotations",
    "Classification",
    "DocumentKind",
    "GraphicType",
    "Identity",
    "KeyImage",
    "Mark",
    "MarkKind",
    "Passage",
    "QuestionAnswer",
    "Reference",
    "Request",
    "Segment",
    "SegmentReference",
    "SignedOpinion",
    "Slices",
    "SlideSegment",
    "Value",
    "annotation_groups",
    "basic_text",
    "bulk_annotations",
    "class_code",
    "color_capture",
    "drawn_value",
    "encapsulated_pdf",
    "key_images",
    "measurement_report",
    "opinion_pdf",
    "opinion_pictures",
    "parametric_map",
    "present_segments",
    "read_bulk_annotations",
    "secondary_captures",
    "segmentation",
    "slide_geometry",
    "slide_segmentation",
    "tiles_of_region",
]
