from .basic_text import basic_text
from .bulk_annotations import (
    IMAGE_REGION,
    AnnotationGroup,
    BulkAnnotations,
    GraphicType,
    bulk_annotations,
    read_bulk_annotations,
)
from .codes import class_code
from .color_capture import color_capture
from .content import (
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
from .derived import Slices
from .encapsulated_pdf import encapsulated_pdf
from .key_images import key_images
from .measurement_report import measurement_report
from .pages import opinion_pdf, opinion_pictures
from .parametric_map import parametric_map
from .secondary_capture import secondary_captures
from .segmentation import Segment, present_segments, segmentation
from .slide_groups import annotation_groups
from .slide_segmentation import SlideSegment, slide_segmentation
from .slide_space import slide_geometry, tiles_of_region
from .values import drawn_value

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
