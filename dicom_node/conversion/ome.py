"""What OME-XML says of the pictures of a TIFF: channels, focal planes, and which page is which.

The words of the file are counted before anything is made after them: a few bytes may claim
billions of planes, name other files, or define entities that grow without end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from dicom_node.conversion.refusals import ConversionRefused, refuse
from dicom_node.conversion.source import Channel

__all__ = ["LARGEST_XML", "MOST_LAYERS", "OmeFile", "OmeImage", "read_ome", "read_xml"]

LARGEST_XML = 16 << 20
# Channels times focal planes; imaging of a hundred markers exists, of a thousand does not.
MOST_LAYERS = 512
_PLAUSIBLE_MPP = (0.02, 50.0)
_PLAUSIBLE_STEP_UM = (0.01, 1000.0)
_PLAUSIBLE_NM = (200.0, 2000.0)
_MICROMETRES = {"µm": 1.0, "μm": 1.0, "um": 1.0, "mm": 1e3, "cm": 1e4, "nm": 1e-3}
_WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class OmeImage:
    """One Image of OME-XML. `pages` are numbers of TIFF pages by channel, then by focal plane."""

    width: int
    height: int
    scanned_at: datetime | None
    mpp: tuple[float, float]
    channels: tuple[Channel, ...]
    planes: int
    plane_step_um: float
    pages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OmeFile:
    """The first image of a file, name and first page of the others, and the microscope."""

    image: OmeImage
    others: tuple[tuple[str, int], ...]
    creator: str
    manufacturer: str
    model: str
    objective_power: float


def read_ome(text: str, samples: int, bits: int) -> OmeFile:
    """Read OME-XML.

    Parameters
    ----------
    samples, bits : int
        Of the file's first page, which the text may not contradict.

    Raises
    ------
    ConversionRefused
        Also for a series in time, which is no slide.
    """
    root = read_xml(text, "OME-XML")
    if _first(root, "BinaryOnly") is not None:
        raise refuse("damaged", "its OME-XML is in another file", "OME-XML nằm ở tệp khác")
    images = [
        each for each in root if _local(each) == "Image" and _first(each, "Pixels") is not None
    ]
    if not images:
        raise refuse("damaged", "its OME-XML names no image", "OME-XML không ghi ảnh nào")
    objective, microscope = _anywhere(root, "Objective"), _anywhere(root, "Microscope")
    others = []
    for image in images[1:]:
        data = next((each for each in image.iter() if _local(each) == "TiffData"), None)
        others.append((image.get("Name", ""), _whole(data, "IFD", 0)))
    return OmeFile(
        image=_image(images[0], root.get("UUID", ""), samples, bits),
        others=tuple(others),
        creator=root.get("Creator", ""),
        manufacturer=microscope.get("Manufacturer", "") if microscope is not None else "",
        model=microscope.get("Model", "") if microscope is not None else "",
        objective_power=_number(objective, "NominalMagnification", (0.1, 200.0)),
    )


def read_xml(text: str, what: str) -> Element:
    """Parse XML that defines no entities. Raises ConversionRefused."""
    if len(text) > LARGEST_XML:
        raise refuse("too_large", what)
    try:
        root: Element = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise refuse("damaged", f"its {what} cannot be read", f"{what} không đọc được") from error
    return root


def _image(image: Element, file_uuid: str, samples: int, bits: int) -> OmeImage:
    pixels = _first(image, "Pixels")
    assert pixels is not None
    sizes = {axis: _whole(pixels, f"Size{axis}", 0) for axis in "XYZCT"}
    if min(sizes.values()) < 1:
        raise _lies("an image without extent", "ảnh không có kích thước")
    if sizes["T"] > 1:
        raise refuse("timelapse", str(sizes["T"]))
    if sizes["C"] % samples:
        raise _lies(f"{sizes['C']} channels", f"{sizes['C']} kênh")
    count, planes = sizes["C"] // samples, sizes["Z"]
    if count * planes > MOST_LAYERS:
        what = f"{count} × {planes}"
        raise refuse("too_large", f"{what} channels and planes", f"{what} kênh và mặt tiêu")
    if samples > 1 and count > 1:
        raise refuse("pixels", f"{count} colour pictures", f"{count} ảnh màu chồng nhau")
    is_deep = count > 1 or bits > 8
    elements = [each for each in pixels if _local(each) == "Channel"]
    found = [_channel(each, samples == 1, is_deep) for each in elements[:count]]
    found += [Channel(fluorescence=samples == 1 and is_deep)] * (count - len(found))
    return OmeImage(
        width=sizes["X"],
        height=sizes["Y"],
        scanned_at=_time(_first(image, "AcquisitionDate")),
        mpp=(_length(pixels, "X", _PLAUSIBLE_MPP), _length(pixels, "Y", _PLAUSIBLE_MPP)),
        channels=tuple(found),
        planes=planes,
        plane_step_um=_length(pixels, "Z", _PLAUSIBLE_STEP_UM),
        pages=_pages(pixels, file_uuid, {"C": count, "Z": planes, "T": 1}),
    )


def _pages(pixels: Element, file_uuid: str, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Which page holds each channel and plane (OME-TIFF specification, TiffData)."""
    order = pixels.get("DimensionOrder", "")[2:]
    if sorted(order) != ["C", "T", "Z"]:
        raise _lies("no order of its planes", "không rõ thứ tự mặt phẳng")
    strides, total = {}, 1
    for axis in order:
        strides[axis] = total
        total *= sizes[axis]
    pages: dict[int, int] = {}
    uuids = {file_uuid} - {""}
    for data in pixels:
        if _local(data) != "TiffData":
            continue
        uuid = _first(data, "UUID")
        if uuid is not None and (uuid.text or "").strip():
            uuids.add((uuid.text or "").strip())
        if len(uuids) > 1:
            raise refuse(
                "damaged", "some of its planes are in other files", "một số mặt phẳng ở tệp khác"
            )
        start = sum(_whole(data, f"First{axis}", 0) * strides[axis] for axis in order)
        page = _whole(data, "IFD", 0)
        planes = _whole(data, "PlaneCount", 1 if "IFD" in data.attrib else total)
        for step in range(min(planes, total - start)):
            pages[start + step] = page + step
    if len(pages) < total or len(set(pages.values())) < total:
        known = len(set(pages.values()))
        raise refuse(
            "damaged",
            f"it names {known} of {total} planes",
            f"tệp chỉ ghi vị trí của {known}/{total} mặt phẳng",
        )
    return tuple(
        pages[channel * strides["C"] + plane * strides["Z"]]
        for channel in range(sizes["C"])
        for plane in range(sizes["Z"])
    )


def _channel(element: Element, is_grey: bool, is_deep: bool) -> Channel:
    """A Channel; what nobody calls transmitted light and is one of several grey ones glows."""
    emission = _number(element, "EmissionWavelength", _PLAUSIBLE_NM)
    excitation = _number(element, "ExcitationWavelength", _PLAUSIBLE_NM)
    light, contrast = element.get("IlluminationType", ""), element.get("ContrastMethod", "")
    if light in ("Transmitted", "Oblique") or contrast in ("Brightfield", "Phase", "DIC"):
        glows = False
    else:
        told = light == "Epifluorescence" or contrast == "Fluorescence" or element.get("Fluor")
        glows = bool(told or emission or excitation or is_deep)
    return Channel(
        name=(element.get("Name") or element.get("Fluor") or "").strip(),
        colour=_colour(element.get("Color", "")) if is_grey else None,
        excitation_nm=excitation,
        emission_nm=emission,
        fluorescence=is_grey and glows,
    )


def _colour(text: str) -> tuple[int, int, int] | None:
    """RGBA in one signed number; white is what writers put who know no colour."""
    try:
        value = int(text) & 0xFFFFFFFF
    except ValueError:
        return None
    found = value >> 24, value >> 16 & 255, value >> 8 & 255
    return None if found in (_WHITE, (0, 0, 0)) else found


def _time(element: Element | None) -> datetime | None:
    """Local time of the scanner; a zone, which few write, is left out."""
    try:
        found = datetime.fromisoformat((element.text or "").strip() if element is not None else "")
    except ValueError:
        return None
    return found.replace(tzinfo=None)


def _length(element: Element, axis: str, plausible: tuple[float, float]) -> float:
    """Micrometres; 0 when not given or not to be believed."""
    unit = _MICROMETRES.get(element.get(f"PhysicalSize{axis}Unit", "µm"), 0.0)
    found = _number(element, f"PhysicalSize{axis}", (0.0, 1e9)) * unit
    return found if plausible[0] <= found <= plausible[1] else 0.0


def _number(element: Element | None, name: str, plausible: tuple[float, float]) -> float:
    try:
        value = float(element.get(name, "")) if element is not None else 0.0
    except ValueError:
        return 0.0
    return value if plausible[0] <= value <= plausible[1] else 0.0


def _whole(element: Element | None, name: str, default: int) -> int:
    """A count; what is no number or below 0 contradicts the rest."""
    text = element.get(name) if element is not None else None
    if text is None:
        return default
    if not text.isdecimal() or len(text) > 12:
        raise _lies(f"{name} “{text[:20]}”", f"{name} “{text[:20]}”")
    return int(text)


def _lies(en: str, vi: str) -> ConversionRefused:
    return refuse("damaged", f"its OME-XML claims {en}", f"OME-XML ghi {vi}")


def _first(element: Element, name: str) -> Element | None:
    return next((each for each in element if _local(each) == name), None)


def _anywhere(element: Element, name: str) -> Any:
    return next((each for each in element.iter() if _local(each) == name), None)


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
