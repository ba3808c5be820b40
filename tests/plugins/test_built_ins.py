"""Built-ins come in through the public door, all of them, and only there."""

import tomllib
from importlib.metadata import entry_points
from pathlib import Path

from plugins import Registry
from plugins.registry import GROUP

REPOSITORY = Path(__file__).resolve().parents[2]


def declared() -> dict[str, str]:
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        points: dict[str, str] = tomllib.load(file)["project"]["entry-points"][GROUP]
    return points


def test_every_module_of_builtin_is_declared() -> None:
    folder = REPOSITORY / "plugins/builtin"
    modules = {
        f"plugins.builtin.{path.stem}"
        for path in (*folder.glob("*.py"), *(each.parent for each in folder.glob("*/__init__.py")))
        if path.stem != "__init__"
    }

    assert set(declared().values()) == modules


def test_what_is_declared_is_installed() -> None:
    """A stale installation misses guests: install again (``pip install -e .``)."""
    installed = {
        point.name: point.value
        for point in entry_points(group=GROUP)
        if point.dist is not None and point.dist.name == "hoichan"
    }

    assert installed == declared()


def test_all_enter() -> None:
    registry = Registry.load()

    built_in = [guest for guest in registry.guests if guest.source == "built-in"]
    assert {guest.name for guest in built_in} == set(declared())
    assert [guest for guest in built_in if guest.error] == []
    assert all(guest.version for guest in built_in)


def test_a_foreign_guest_cannot_take_a_built_in_s_place(tmp_path: Path) -> None:
    (tmp_path / "a_thief.py").write_text(
        "from plugins import Exporter\n"
        "def contribute():\n    yield Exporter('pdf', 'mine', encode=lambda export: [])\n",
        encoding="utf-8",
    )

    registry = Registry.load(tmp_path)

    thief = next(guest for guest in registry.guests if guest.name == "a_thief")
    assert "already given by guest 'pdf'" in thief.error
