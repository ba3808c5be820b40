"""Who acts: roles, and the principal that every domain function takes."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["READER_AREAS", "SYSTEM", "Principal", "Role"]


class Role(StrEnum):
    """What a user does; a user may have several."""

    REQUESTER = "requester"
    TECHNICIAN = "technician"
    RADIOLOGIST = "radiologist"
    PATHOLOGIST = "pathologist"
    COORDINATOR = "coordinator"
    ADMINISTRATOR = "administrator"


# The area of cases each kind of expert reads.
READER_AREAS = {Role.RADIOLOGIST: "radiology", Role.PATHOLOGIST: "pathology"}


@dataclass(frozen=True, slots=True)
class Principal:
    """The one on whose behalf something is done.

    ``session`` is the reference of a browser session (`accounts.principal_for_reference` finds
    it again), or None for a token or a command. ``host`` is the address for the audit.
    """

    username: str
    name: str
    site: str
    roles: frozenset[Role]
    language: str = "vi"
    session: str | None = None
    host: str = ""

    def has(self, *roles: Role) -> bool:
        """Whether the principal has any of `roles`."""
        return not self.roles.isdisjoint(roles)

    @property
    def is_system(self) -> bool:
        return self is SYSTEM

    @property
    def areas(self) -> frozenset[str]:
        """The areas whose cases the principal may read as an expert."""
        return frozenset(area for role, area in READER_AREAS.items() if role in self.roles)


# Workers and the command line. Its name is refused to users; identity, not name, gives its rights.
SYSTEM = Principal("system", "Hệ thống", "", frozenset())
