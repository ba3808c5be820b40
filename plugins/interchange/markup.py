"""XML of strangers, read without what makes XML dangerous."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from plugins.interchange.drawing import InterchangeError

__all__ = ["read_xml"]


def read_xml(data: bytes, root: str) -> Element:
    """The root element; a document type, and so any entity or stranger's file, is refused.

    Raises
    ------
    InterchangeError
    """
    try:
        element: Element = ElementTree.fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise InterchangeError("Tệp XML không đọc được.", "The XML file cannot be read.") from error
    if element.tag != root:
        raise InterchangeError(
            f"Tệp XML này không có gốc {root}.", f"The root of this XML is not {root}."
        )
    return element
