"""What was found when something was looked at: one line for who administers."""

from dataclasses import dataclass

from plugins.nouns import Text

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at. A warning does not keep the workstation from working."""

    good: bool
    text: Text
    warning: bool = False
