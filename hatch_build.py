"""The build hook of wheel, sdist and editable installs: makes the front-end bundle when stale."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def bundle_builder(root: str) -> ModuleType:
    """Load ``viewers/build.py`` by path: the package itself is not importable here."""
    path = Path(root) / "viewers" / "build.py"
    specification = importlib.util.spec_from_file_location("hoichan_viewers_build", path)
    if specification is None or specification.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class FrontEndHook(BuildHookInterface[Any]):
    """Asks for Node only when there is something to build and the machine has none."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        builder = bundle_builder(self.root)
        if builder.is_fresh() or builder.machine_node() is not None:
            return []
        return [builder.NODE_REQUIREMENT]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        builder = bundle_builder(self.root)
        if not builder.is_fresh():
            self.app.display_info("building the front-end bundle (npm ci, vite build)")
            builder.build()
