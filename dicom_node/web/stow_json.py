"""Store from JSON metadata and bulk data parts (PS3.18 10.5.2, F)."""

import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit

from dicom_node.errors import CannotUnderstand, DatasetMismatch, DicomNodeError, OutOfResources
from dicom_node.pixels.syntaxes import NATIVE, default_syntax
from dicom_node.records import Origin
from dicom_node.web.media import DICOM_JSON, parse_media_type
from dicom_node.web.multipart import Part, PartData, PartEnd
from dicom_node.web.report import Report
from dicom_node.web.service import Service

__all__ = ["store_json"]

_PIXEL_DATA = "7FE00010"
_AVAILABLE_TRANSFER_SYNTAX = "00083002"


async def store_json(
    service: Service,
    events: AsyncIterator[Part | PartData | PartEnd],
    origin: Origin,
    study: str,
    report: Report,
) -> None:
    """Gather the parts, build each instance, store it.

    The parts are held in memory up to ``maximum_json_bytes`` in all: an instance can only be
    written once its last part is here. Larger ones come as application/dicom.
    """
    bulk: dict[str, tuple[str, bytes]] = {}
    metadata: list[bytes] = []
    headers: dict[str, str] = {}
    data, total = bytearray(), 0
    async for event in events:
        if isinstance(event, Part):
            headers, data = event.headers, bytearray()
        elif isinstance(event, PartData):
            total += len(event.data)
            if total <= service.settings.maximum_json_bytes:
                data += event.data
        elif parse_media_type(headers.get("content-type", ""))[0] == DICOM_JSON:
            metadata.append(bytes(data))
        else:
            location = headers.get("content-location", "")
            bulk[location] = (headers.get("content-type", ""), bytes(data))
    if total > service.settings.maximum_json_bytes:
        report.fail("", "", OutOfResources.dimse_status)
        return
    items = _items(metadata, report)

    def store_all() -> None:
        for item in items:
            _store(service, item, bulk, origin, study, report)

    await service.workers.read(store_all)


def _items(texts: list[bytes], report: Report) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    for text in texts:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            report.fail("", "", CannotUnderstand.dimse_status)
            continue
        for item in found if isinstance(found, list) else [found]:
            if isinstance(item, dict):
                items.append(item)
            else:
                report.fail("", "", CannotUnderstand.dimse_status)
    return items


def _store(
    service: Service,
    item: dict[str, Any],
    bulk: dict[str, tuple[str, bytes]],
    origin: Origin,
    study: str,
    report: Report,
) -> None:
    uids = (_text(item, "00080016"), _text(item, "00080018"))
    try:
        if study and _text(item, "0020000D") != study:
            raise DatasetMismatch("the instance is of another study than the address says")
        result = service.archive.store_bytes(_part10(item, bulk), origin)
        report.add(result, service.location(result, report.base))
    except DicomNodeError as error:
        report.fail(*uids, error.dimse_status)


def _text(item: dict[str, Any], tag: str) -> str:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    value = values[0] if isinstance(values, list) and values else ""
    return value if isinstance(value, str) else ""


def _part10(item: dict[str, Any], bulk: dict[str, tuple[str, bytes]]) -> bytes:
    """Write one instance as a Part 10 file. Raises CannotUnderstand."""
    item = {tag: element for tag, element in item.items() if not tag.startswith("0002")}
    syntax = _syntax(item, bulk)
    item.pop(_AVAILABLE_TRANSFER_SYNTAX, None)

    def fetch(tag: str, vr: str, uri: str) -> bytes:
        if uri not in bulk:
            raise CannotUnderstand("the metadata name bulk data that no part brings")
        return bulk[uri][1]

    out = BytesIO()
    try:
        dataset = Dataset.from_json(item, bulk_data_uri_handler=fetch)
        if syntax not in NATIVE and "PixelData" in dataset:
            dataset.PixelData = encapsulate([dataset.PixelData])
            dataset["PixelData"].is_undefined_length = True
            dataset["PixelData"].VR = "OB"
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dcmwrite(out, dataset, enforce_file_format=True)
    except CannotUnderstand:
        raise
    except Exception as error:
        # pydicom raises whatever a wrong value makes of it.
        raise CannotUnderstand("the metadata are not a DICOM JSON data set") from error
    return out.getvalue()


def _syntax(item: dict[str, Any], bulk: dict[str, tuple[str, bytes]]) -> UID:
    """The transfer syntax of the pixel data's part, else the one the metadata name."""
    element = item.get(_PIXEL_DATA)
    uri = element.get("BulkDataURI", "") if isinstance(element, dict) else ""
    media_type, parameters = parse_media_type(bulk.get(uri, ("", b""))[0])
    named = dict(parameters).get("transfer-syntax") or _text(item, _AVAILABLE_TRANSFER_SYNTAX)
    if named and UID(named).is_transfer_syntax:
        return UID(named)
    if media_type == "image/jpeg":
        return JPEGBaseline8Bit  # what cameras and scanners make
    return default_syntax(media_type) or ExplicitVRLittleEndian
