"""Store: instances come in part by part and go to disk as they come (PS3.18 10.5)."""

from collections import Counter
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response

from dicom_node.archive import Reception
from dicom_node.archive.header import first_value, read_header
from dicom_node.errors import CannotUnderstand, DatasetMismatch, DicomNodeError
from dicom_node.part10 import read_meta
from dicom_node.records import Origin
from dicom_node.web.errors import BadRequest, Forbidden, UnsupportedMediaType
from dicom_node.web.media import DICOM, DICOM_JSON, MULTIPART, accepted, parse_media_type
from dicom_node.web.multipart import MalformedMultipart, Part, PartData, PartEnd, parse
from dicom_node.web.report import Report
from dicom_node.web.responses import json_type
from dicom_node.web.service import Service, base_url, service_of, target_of
from dicom_node.web.stow_json import store_json

__all__ = ["store_instances"]

# What is gathered before a thread writes it: a hop per network packet would cost more.
_BLOCK = 1 << 18


async def store_instances(request: Request) -> Response:
    """``POST /studies`` and ``POST /studies/{study}``"""
    service, target = service_of(request), target_of(request)
    media_type = json_type(accepted(request))
    content_type, boundary = _content_type(request)
    origin = await service.workers.read(lambda: service.doorkeeper.store_origin(request.scope))
    if origin is None:
        raise Forbidden("the caller may not store")
    report = Report(base_url(request))
    try:
        if content_type == DICOM_JSON:
            parts = parse(request.stream(), boundary)
            await store_json(service, parts, origin, target.study, report)
        elif boundary:
            parts = parse(request.stream(), boundary)
            await _store_parts(service, parts, origin, target.study, report)
        else:
            await _store_body(service, request, origin, target.study, report)
    except MalformedMultipart as error:
        # What came before is stored, and told.
        if report.is_empty:
            raise BadRequest(str(error)) from error
        report.fail("", "", CannotUnderstand.dimse_status)
    if report.is_empty:
        raise BadRequest("the request has no parts")
    studies = Counter(one.study_instance_uid for one in report.stored)

    def note() -> None:
        for uid, count in studies.items():
            service.accessed(request, "stored", uid, count)

    await service.workers.read(note)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(report.body, report.status, headers, media_type)


def _content_type(request: Request) -> tuple[str, str]:
    """The payload's type, and the boundary or "". Raises UnsupportedMediaType, BadRequest."""
    media_type, parameters = parse_media_type(request.headers.get("content-type", ""))
    if media_type == DICOM:
        return DICOM, ""
    if media_type != MULTIPART:
        raise UnsupportedMediaType("send multipart/related or application/dicom")
    named = dict(parameters)
    payload = named.get("type", DICOM).lower()
    if payload not in (DICOM, DICOM_JSON):
        raise UnsupportedMediaType("parts are application/dicom or application/dicom+json")
    if not named.get("boundary"):
        raise BadRequest("multipart/related needs a boundary")
    return payload, named["boundary"]


async def _store_parts(
    service: Service,
    events: AsyncIterator[Part | PartData | PartEnd],
    origin: Origin,
    study: str,
    report: Report,
) -> None:
    instance: _Incoming | None = None
    try:
        async for event in events:
            if isinstance(event, Part):
                instance = _Incoming(service, origin, study, report)
                kind, _ = parse_media_type(event.headers.get("content-type", DICOM))
                if kind not in (DICOM, "application/octet-stream"):
                    instance.refuse(CannotUnderstand("a part is not application/dicom"))
            elif instance is not None and isinstance(event, PartData):
                await instance.write(event.data)
            elif instance is not None:
                await instance.finish()
                instance = None
    finally:
        if instance is not None:
            instance.abort()


async def _store_body(
    service: Service, request: Request, origin: Origin, study: str, report: Report
) -> None:
    """A single instance, without parts around it."""
    instance = _Incoming(service, origin, study, report)
    try:
        async for chunk in request.stream():
            await instance.write(memoryview(chunk))
        await instance.finish()
    finally:
        instance.abort()


class _Incoming:
    """One instance on its way in."""

    def __init__(self, service: Service, origin: Origin, study: str, report: Report) -> None:
        self._service = service
        self._origin = origin
        self._study = study
        self._report = report
        self._block = bytearray()
        self._reception: Reception | None = None
        self._error: DicomNodeError | None = None
        self._uids = ("", "")

    def refuse(self, error: DicomNodeError) -> None:
        """Read the rest, store nothing."""
        self._error = self._error or error
        self._block = bytearray()
        self.abort()

    async def write(self, data: memoryview) -> None:
        if self._error is not None:
            return
        self._block += data
        if len(self._block) >= _BLOCK:
            await self._service.workers.read(self._flush)

    async def finish(self) -> None:
        """Make it durable, and note in the report what became of it."""
        await self._service.workers.read(self._finish)

    def abort(self) -> None:
        """Leave nothing behind; harmless after `finish`."""
        if self._reception is not None:
            self._reception.abort()
            self._reception = None

    def _flush(self) -> None:
        block, self._block = self._block, bytearray()
        if self._reception is None:
            self._look(block)
            if self._error is not None:
                return
            self._reception = self._service.archive.receive(
                self._origin, maximum_bytes=self._service.settings.maximum_part_bytes
            )
        self._reception.write(block)

    def _look(self, head: bytearray) -> None:
        """Take the UIDs from the first bytes: for the report, and against a wrong study."""
        try:
            meta = read_meta(head)
        except DicomNodeError as error:
            self.refuse(error)
            return
        found = read_header(bytes(head), meta.dataset_offset, meta.transfer_syntax_uid).dicom_json
        self._uids = (
            str(first_value(found, "00080016")) or meta.sop_class_uid,
            str(first_value(found, "00080018")) or meta.sop_instance_uid,
        )
        if self._study and str(first_value(found, "0020000D")) != self._study:
            self.refuse(DatasetMismatch("the instance is of another study than the address says"))

    def _finish(self) -> None:
        try:
            if self._error is None:
                self._flush()
            if self._error is not None:
                raise self._error
            assert self._reception is not None
            result = self._reception.finish()
            self._report.add(result, self._service.location(result, self._report.base))
        except DicomNodeError as error:
            self._report.fail(*self._uids, error.dimse_status)
