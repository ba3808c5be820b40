"""What the demo keeps from run to run: its PACS's place and name, and what it told last time."""

import json
from typing import Any

from workstation.settings import Settings

__all__ = ["MEMORY", "PACS_FOLDER", "RECEIVER", "remembered"]

MEMORY = "demo.json"
PACS_FOLDER = "pacs-demo-a"
RECEIVER = "DEMO_A"


def remembered(settings: Settings) -> dict[str, Any]:
    """What an earlier run told."""
    try:
        found: dict[str, Any] = json.loads((settings.data / MEMORY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found
