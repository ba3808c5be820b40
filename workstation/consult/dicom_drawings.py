"""Drawings of DICOM annotations, reports and segmentations, in pixels of level 0 of the slide they
name."""

import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import DeflatedExplicitVRLittleEndian, MicroscopyBulkSimpleAnnotationsStorage

from dicom_node.errors import NotFound as NotHeld
from dicom_node.headers import header_dataset
from dicom_node.objects import AnnotationGroup, GraphicType, read_bulk_annotations
from dicom_node.objects.bulk_annotations import IMAGE_REGION, BulkAnnotations
from dicom_node.objects.slide_masks import (
    SEGMENTATIONS,
    MaskRegion,
    SlideMasks,
    TooLargeMask,
    read_slide_masks,
)
from dicom_node.objects.slide_regions import SlideRegion, read_slide_regions
from dicom_node.records import ReadScope
from dicom_node.slides.shelf import slide_index
from plugins.interchange import Drawing, InterchangeError, bridge
from plugins.interchange.drawing import FARTHEST_PX, NO_COLOUR
from plugins.nouns import AnnotationKind as Kind
from workstation.consult.slides import Slide
from workstation.context import Context

__all__ = ["Found", "read_dicom_drawings"]

Found = tuple[Slide, list[Drawing | AnnotationGroup]]

ANOTHER_SLIDE = InterchangeError(
    "Tệp này thuộc về một tiêu bản khác, không có trong ca.",
    "The file is of another slide, which is not in the case.",
)
NOT_THE_SLIDE = InterchangeError(
    "Tệp này thuộc về một tiêu bản khác của ca; hãy mở tiêu bản ấy rồi nhập.",
    "The file is of another slide of the case; open that slide, then import.",
)
TOO_LARGE = InterchangeError(
    "Tệp này quá lớn hoặc có quá nhiều vùng vụn; hãy xuất lại ở độ phân giải thấp hơn.",
    "The file is too large, or has too many small regions; export it again at a lower resolution.",
)
# what 64 MB of a deflated file may become
MOST_INFLATED_BYTES = 512_000_000
UNREADABLE = InterchangeError("Tệp DICOM này không đọc được.", "This DICOM file cannot be read.")


def read_dicom_drawings(
    context: Context, slides: Sequence[Slide], data: bytes, series_instance_uid: str
) -> Found:
    """Drawings of the file, and the slide it names among `slides`.

    Groups of more than one annotation stay groups, with points in pixels of level 0.

    Raises
    ------
    InterchangeError
        It cannot be read, names another slide, or not the one that was chosen.
    """
    try:
        _require_modest(data)
        ds = pydicom.dcmread(BytesIO(data), stop_before_pixels=True)
        if ds.get("SOPClassUID") == MicroscopyBulkSimpleAnnotationsStorage:
            annotations = read_bulk_annotations(ds)
            slide = _slide_of(context, slides, annotations)
            groups = list(_in_pixels(context, slide, annotations))
            found: Found = slide, [*groups]
        elif ds.get("SOPClassUID") in SEGMENTATIONS:
            masks = read_slide_masks(pydicom.dcmread(BytesIO(data)))
            slide = _slide_of_masks(context, slides, masks)
            found = slide, list(_of_masks(context, slide, masks))
        else:
            found = _of_report(slides, ds)
    except InterchangeError:
        raise
    except TooLargeMask as error:
        raise TOO_LARGE from error
    except Exception as error:  # pydicom raises anything on a spoiled file
        raise UNREADABLE from error
    if series_instance_uid and found[0].series_instance_uid != series_instance_uid:
        raise NOT_THE_SLIDE
    return found


def _require_modest(data: bytes) -> None:
    """A deflated file says nothing of how long it becomes; the reader would inflate all of it."""
    start = 144 + int.from_bytes(data[140:144], "little")  # after the file meta (PS3.10 7.1)
    if DeflatedExplicitVRLittleEndian.encode() in data[132:start]:
        inflating = zlib.decompressobj(-zlib.MAX_WBITS)
        inflating.decompress(data[start:], MOST_INFLATED_BYTES)
        if inflating.unconsumed_tail:
            raise TOO_LARGE


def _slide_of(context: Context, slides: Sequence[Slide], said: BulkAnnotations) -> Slide:
    for slide in slides:
        if said.in_space and said.frame_of_reference_uid:
            if said.frame_of_reference_uid == slide.frame_of_reference_uid:
                return slide
        elif any(image in _levels(context, slide) for image in said.images):
            return slide
    raise ANOTHER_SLIDE


def _slide_of_masks(context: Context, slides: Sequence[Slide], masks: SlideMasks) -> Slide:
    """The slide of that Frame of Reference; or the one a level of which was segmented, since some
    scanners give every level a Frame of Reference of its own."""
    for slide in slides:
        scope = ReadScope(studies=frozenset({slide.study_instance_uid}))
        for image in masks.images:
            if image in _levels(context, slide):
                level = header_dataset(context.archive.header(image, scope=scope))
                if masks.frame_of_reference_uid in ("", level.get("FrameOfReferenceUID")):
                    return slide
        if masks.frame_of_reference_uid == slide.frame_of_reference_uid != "":
            return slide
    raise ANOTHER_SLIDE


def _of_masks(context: Context, slide: Slide, masks: SlideMasks) -> Iterator[Drawing]:
    """Regions on the grid of a level lie as that level does, whatever origin was copied into the
    file; on a grid of its own a segmentation lies where it says itself."""
    if not masks.regions:
        raise InterchangeError("Tệp SEG không có vùng nào.", "The segmentation has no region.")
    levels = _levels(context, slide)
    scale = next(
        (
            scale
            for image in masks.images
            if (scale := levels.get(image))
            and abs(slide.width / scale[0] - masks.width) < 1
            and abs(slide.height / scale[1] - masks.height) < 1
        ),
        None,
    )
    if scale is None and masks.frame_of_reference_uid != slide.frame_of_reference_uid:
        raise ANOTHER_SLIDE
    for region in masks.regions:
        points, counts = bridge(region.rings)
        if scale is None:
            points = slide.to_pixels(masks.geometry.to_slide_mm(points))
        else:
            points = points * scale
        if not (np.abs(points) <= FARTHEST_PX).all():
            raise UNREADABLE
        origin: dict[str, Any] = {"imported": "dicom"}
        if region.algorithm:
            origin["algorithm"] = region.algorithm[:64]
        yield Drawing(
            Kind.POLYGON,
            points,
            classification=_segment_class(region),
            rings=counts,
            origin=origin,
        )


def _segment_class(region: MaskRegion) -> dict[str, Any]:
    """A segment is a class: its label is the name, its property type the code."""
    said = coded_class(region.type, region.colour)
    label = region.label.strip()[:64]
    return {"colour": region.colour or NO_COLOUR, **said, "name": label} if label else said


def _levels(context: Context, slide: Slide) -> dict[str, tuple[float, float]]:
    """How many pixels of level 0 a pixel of each level of the slide covers, by its UID."""
    scope = ReadScope(studies=frozenset({slide.study_instance_uid}))
    try:
        facts = slide_index(context.archive, slide.series_instance_uid, scope).facts
    except NotHeld:
        return {}
    return {
        level["sop_instance_uid"]: (float(level["downsample"][0]), float(level["downsample"][1]))
        for level in facts["levels"]
    } | {slide.sop_instance_uid: (1.0, 1.0)}


def _in_pixels(context: Context, slide: Slide, said: BulkAnnotations) -> Iterator[AnnotationGroup]:
    if said.of_frames:
        raise InterchangeError(
            "Tọa độ trong tệp tính theo từng khung ảnh, không theo cả tiêu bản.",
            "The coordinates of the file are a frame's, not the slide's.",
        )
    levels = _levels(context, slide)
    scale = next((levels[image] for image in said.images if image in levels), (1.0, 1.0))
    for group in said.groups:
        if said.in_space:
            points: NDArray[Any] = slide.to_pixels(group.points)
        elif scale == (1.0, 1.0):
            points = group.points
        else:
            points = np.asarray(group.points, np.float64) * scale
        if not (np.abs(points) <= FARTHEST_PX).all():
            raise UNREADABLE
        yield AnnotationGroup(
            uid=group.uid,
            label=group.label,
            graphic_type=group.graphic_type,
            points=points,
            starts=group.starts,
            type=group.type,
            colour=group.colour,
            description=group.description,
            algorithm=group.algorithm,
        )


def _of_report(slides: Sequence[Slide], ds: Dataset) -> Found:
    regions = read_slide_regions(ds)
    if not regions:
        raise InterchangeError(
            "Tệp DICOM không có nét vẽ nào trên tiêu bản.",
            "The DICOM file has no drawing on a slide.",
        )
    for slide in slides:
        here = [
            one for one in regions if one.frame_of_reference_uid == slide.frame_of_reference_uid
        ]
        if here and slide.frame_of_reference_uid:
            return slide, [_drawing(region, slide) for region in here]
    raise ANOTHER_SLIDE


def _drawing(region: SlideRegion, slide: Slide) -> Drawing:
    points = slide.to_pixels(region.points_mm)
    if not (np.abs(points) <= FARTHEST_PX).all():
        raise UNREADABLE
    return Drawing(
        _kind(region.graphic_type, points),
        _opened(points) if region.graphic_type == "POLYGON" else points,
        name=region.text or region.label,
        classification=coded_class(region.finding) if region.finding else {},
        origin={"imported": "dicom"},
    )


def _kind(graphic: str, points: NDArray[np.float64]) -> Kind:
    match graphic:
        case "POINT":
            return Kind.POINT
        case "MULTIPOINT":
            return Kind.COUNTER if len(points) > 1 else Kind.POINT
        case "ELLIPSE":
            return Kind.ELLIPSE
        case "POLYGON":
            return Kind.POLYGON
        case _:
            return Kind.LENGTH if len(points) == 2 else Kind.POLYLINE


def _opened(points: NDArray[np.float64]) -> NDArray[np.float64]:
    closed = len(points) > 3 and np.array_equal(points[0], points[-1])
    return points[:-1] if closed else points


def coded_class(code: Code, colour: str = "") -> dict[str, Any]:
    """A class named by a code; none for the code that says no more than “a region”."""
    if code == IMAGE_REGION or not code.meaning.strip():
        return {}
    name = code.meaning.strip()[:64]
    whole = 0 < len(code.value) <= 16 and 0 < len(code.scheme_designator) <= 16
    said: dict[str, Any] = {"name": name, "colour": colour or NO_COLOUR}
    if whole and not code.scheme_designator.startswith("99"):
        said["code"] = {
            "value": code.value,
            "scheme_designator": code.scheme_designator,
            "meaning": name,
        }
    return said


def group_kind(graphic: GraphicType, count: int) -> Kind:
    """What one annotation of a group is as a mark."""
    return {
        GraphicType.POINT: Kind.COUNTER if count > 1 else Kind.POINT,
        GraphicType.POLYGON: Kind.POLYGON,
        GraphicType.ELLIPSE: Kind.ELLIPSE,
        GraphicType.RECTANGLE: Kind.RECTANGLE,
        GraphicType.POLYLINE: Kind.LENGTH if count == 2 else Kind.POLYLINE,
    }[graphic]
