"""What vendors write into the Image Description of a TIFF: pairs, XML, pictures in Base64."""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime

from dicom_node.conversion import jpeg
from dicom_node.conversion.refusals import ConversionRefused

__all__ = [
    "aperio_facts",
    "aperio_time",
    "dicom_time",
    "philips_attributes",
    "philips_pictures",
    "positive",
]

_PHILIPS_PICTURES = {"LABELIMAGE": "LABEL", "MACROIMAGE": "OVERVIEW"}


def aperio_facts(description: str) -> dict[str, str]:
    """The pairs ``key = value`` between bars."""
    pairs = (part.split("=", 1) for part in description.split("|") if "=" in part)
    return {key.strip(): value.strip() for key, value in pairs}


def aperio_time(facts: Mapping[str, str]) -> datetime | None:
    """When Aperio's scanner scanned; its day comes after its month."""
    text = f"{facts.get('Date', '')} {facts.get('Time', '')}"
    for form in ("%m/%d/%y %H:%M:%S", "%m/%d/%Y %H:%M:%S"):
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 (the scanner knows no zone)
        except ValueError:
            continue
    return None


def dicom_time(text: str) -> datetime | None:
    """A time of which the digits are those of DICOM's DT."""
    digits = "".join(re.findall(r"\d", text))[:14]
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007 (likewise)
    except ValueError:
        return None


def philips_attributes(description: str) -> dict[str, str]:
    """The first value of each attribute; pictures are read elsewhere."""
    found: dict[str, str] = {}
    for match in re.finditer(
        r'<Attribute Name="(\w+)"[^>]*>([^<]{0,4000})</Attribute>', description
    ):
        found.setdefault(match[1], match[2].strip().strip('"'))
    return found


def philips_pictures(description: str) -> list[tuple[str, bytes]]:
    """Label and overview, JPEG each, by their role."""
    found = []
    pattern = (
        r'Name="PIM_DP_IMAGE_TYPE"[^>]*>(LABELIMAGE|MACROIMAGE)<'
        r'(?:(?!PIM_DP_IMAGE_TYPE).)*?Name="PIM_DP_IMAGE_DATA"[^>]*>([A-Za-z0-9+/=\s]+)<'
    )
    for match in re.finditer(pattern, description, re.DOTALL):
        try:
            data = base64.b64decode(match[2])
            jpeg.read_header(data)
        except (binascii.Error, ConversionRefused):
            continue
        found.append((_PHILIPS_PICTURES[match[1]], data))
    return found


def positive(text: str) -> float:
    """A number above 0; 0 for anything else."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 < value < 1e9 else 0.0
