"""What every route shares: the archive, the doorkeeper, threads and caches."""

import re
from dataclasses import dataclass

from starlette.requests import Request

from dicom_node.archive import Archive
from dicom_node.errors import NotFound
from dicom_node.pixels.cache import DerivedCache
from dicom_node.records import InstanceRecord, ReadScope, StoreOutcome, StoreResult
from dicom_node.web.doorkeeper import Doorkeeper
from dicom_node.web.errors import BadRequest
from dicom_node.web.holdings import Holding, Holdings
from dicom_node.web.settings import WebSettings
from dicom_node.web.workers import Workers

__all__ = ["Service", "Target", "base_url", "instance_url", "service_of", "target_of"]

_UID = re.compile(r"[0-9.]{1,64}")


@dataclass(frozen=True)
class Service:
    archive: Archive
    doorkeeper: Doorkeeper
    holdings: Holdings
    workers: Workers
    cache: DerivedCache
    settings: WebSettings

    def read_scope(self, request: Request) -> ReadScope:
        return self.doorkeeper.read_scope(request.scope)

    def holding(self, request: Request, target: "Target") -> Holding:
        """The instance a request names, for its pixels and other long values. Raises NotFound."""
        scope = self.read_scope(request)
        found = self.holdings.get(target.study, target.series, target.instance, scope)
        return self.checked(request, found)

    def checked(self, request: Request, holding: Holding) -> Holding:
        """The holding, if the caller may see its pixels. Raises NotFound."""
        if holding.shows_label and not self.sees_labels(request):
            raise NotFound("the label is not the caller's to see")
        return holding

    def sees_labels(self, request: Request) -> bool:
        """Whether the caller may see what is written on a slide's glass."""
        return self.doorkeeper.may_see_labels(request.scope)

    def location(self, result: StoreResult, base: str) -> str:
        """Where an instance just stored is retrieved; "" when it is not visible."""
        if result.outcome not in (StoreOutcome.STORED, StoreOutcome.DUPLICATE):
            return ""
        everything = ReadScope(everything=True)
        return instance_url(base, self.archive.instance(result.sop_instance_uid, scope=everything))

    def accessed(self, request: Request, event: str, study: str, count: int) -> None:
        self.doorkeeper.accessed(request.scope, event, study, count)


@dataclass(frozen=True, slots=True)
class Target:
    """The UIDs in a path; "" where the path names none."""

    study: str = ""
    series: str = ""
    instance: str = ""


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def target_of(request: Request) -> Target:
    """Read and check the UIDs in the path. Raises BadRequest."""
    parts = [request.path_params.get(name, "") for name in ("study", "series", "instance")]
    for part in parts:
        if part and not _UID.fullmatch(part):
            raise BadRequest("a UID has digits and dots only, 64 at most")
    return Target(*parts)


def instance_url(base: str, record: InstanceRecord) -> str:
    """Where an instance is retrieved."""
    return (
        f"{base}/studies/{record.study_instance_uid}/series/{record.series_instance_uid}"
        f"/instances/{record.sop_instance_uid}"
    )


def base_url(request: Request) -> str:
    """The absolute URL of this service as the client sees it, without a slash at the end."""
    # Not `request.base_url`, which knows nothing of where we are mounted.
    return f"{request.url.scheme}://{_authority(request)}{request.scope.get('root_path', '')}"


def _authority(request: Request) -> str:
    """Host and port the client reached us by.

    dicomweb-client leaves the port out of its Host header. Where the host named is the very
    socket the request came in by, no proxy stands between, and the socket knows the port.
    """
    host = request.url.netloc
    server = request.scope.get("server")
    if request.url.port is None and server and server[1] not in (None, 80, 443):
        names = {server[0], "localhost" if server[0] in ("127.0.0.1", "::1") else server[0]}
        if host.strip("[]") in names:
            return f"{host}:{server[1]}"
    return host
