"""Users, as others see them."""

from dataclasses import dataclass

__all__ = ["Person"]


@dataclass(frozen=True, slots=True)
class Person:
    """A user as others see one."""

    username: str
    name: str
    site: str
    roles: tuple[str, ...] = ()
    licence_number: str = ""
