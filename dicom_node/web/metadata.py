"""Metadata: the headers made at ingest, passed on unread (PS3.18 10.4.1.1.2)."""

import json

from starlette.requests import Request
from starlette.responses import Response

from dicom_node.archive import Query
from dicom_node.errors import NotFound
from dicom_node.slides.roles import LABEL_TAGS, without_label_text
from dicom_node.web.media import accepted
from dicom_node.web.responses import dicom_json, json_type
from dicom_node.web.service import Target, base_url, instance_url, service_of, target_of

__all__ = ["matching", "retrieve_metadata"]

# As the archive writes it. Within a text value the quotes would be escaped.
_BULK = b'"BulkDataURI":"bulk/'
_LABEL_TAGS = [f'"{tag}"'.encode() for tag in LABEL_TAGS]


async def retrieve_metadata(request: Request) -> Response:
    """``GET …/metadata`` of a study, a series or an instance."""
    service, target = service_of(request), target_of(request)
    media_type, base = json_type(accepted(request)), base_url(request)

    def work() -> Response:
        found = service.archive.header_texts(matching(target), scope=service.read_scope(request))
        shown = _as_it_is if service.sees_labels(request) else _without_label_text
        # BulkDataURIs must be absolute: clients resolve relative ones in three different ways.
        texts = [
            shown(text).replace(
                _BULK, f'"BulkDataURI":"{instance_url(base, record)}/bulk/'.encode()
            )
            for record, text in found
        ]
        if not texts:
            raise NotFound("nothing is held under these UIDs")
        service.accessed(request, "metadata", target.study, len(texts))
        return dicom_json(request, b"[" + b",".join(texts) + b"]", media_type)

    return await service.workers.read(work)


def _as_it_is(text: bytes) -> bytes:
    return text


def _without_label_text(text: bytes) -> bytes:
    """A header without what is written on a slide's glass; most have nothing of it."""
    if not any(tag in text for tag in _LABEL_TAGS):
        return text
    return json.dumps(without_label_text(json.loads(text)), separators=(",", ":")).encode()


def matching(target: Target) -> Query:
    """The query that finds what a path names."""
    named = {
        "StudyInstanceUID": target.study,
        "SeriesInstanceUID": target.series,
        "SOPInstanceUID": target.instance,
    }
    return Query({key: [uid] for key, uid in named.items() if uid})
