"""What the DICOMweb service and the slides ask of whoever knows the callers."""

from typing import Protocol

from starlette.types import Scope

from dicom_node.records import Origin, ReadScope

__all__ = ["Doorkeeper"]


class Doorkeeper(Protocol):
    """Who is calling, and what that caller may do. Called from worker threads."""

    def read_scope(self, scope: Scope) -> ReadScope:
        """What the caller may read; everything else does not exist (404)."""
        ...

    def known_scope(self, scope: Scope) -> ReadScope | None:
        """What `read_scope` would say, if that is known without asking anybody; else None.

        Called on the event loop: must not wait for anything.
        """
        ...

    def may_see_labels(self, scope: Scope) -> bool:
        """Whether the caller may see what is written on a slide's glass. Must be cheap.

        Labels bear names and numbers, and overviews show labels. Called on the event loop too.
        """
        ...

    def caller(self, scope: Scope) -> str:
        """A name that tells callers apart; it goes into nothing that is kept."""
        ...

    def store_origin(self, scope: Scope) -> Origin | None:
        """In whose name the caller stores; None when the caller may not (403)."""
        ...

    def accessed(self, scope: Scope, event: str, study_instance_uid: str, count: int) -> None:
        """Note that the caller saw or stored `count` instances of a study. Must be cheap.

        `event` is one of "query", "metadata", "instances", "frames", "bulkdata", "rendered" and
        "stored". For a query the UID is "" and `count` the number of rows. Called on the event
        loop too.
        """
        ...
