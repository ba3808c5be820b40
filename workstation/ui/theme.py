"""How Streamlit looks here: its options, and the style sheet that goes over every page.

The colours are those of ``viewers/common/theme.css``; a test compares the two.
"""

from functools import cache
from pathlib import Path

__all__ = ["OPTIONS", "style_sheet"]

FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif"

# For streamlit.config.set_option, before the app is made.
OPTIONS: dict[str, object] = {
    "theme.base": "dark",
    "theme.primaryColor": "#4fb3d9",
    "theme.backgroundColor": "#0b0d10",
    "theme.secondaryBackgroundColor": "#14181d",
    "theme.textColor": "#e7ecf1",
    "theme.borderColor": "#2b333c",
    "theme.linkColor": "#4fb3d9",
    "theme.redColor": "#f2736b",
    "theme.redTextColor": "#ffb4ae",
    "theme.redBackgroundColor": "#3d1c1d",
    "theme.orangeTextColor": "#ffd88f",
    "theme.orangeBackgroundColor": "#3a2c10",
    "theme.yellowTextColor": "#ffd88f",
    "theme.yellowBackgroundColor": "#3a2c10",
    "theme.greenTextColor": "#a9ecc6",
    "theme.greenBackgroundColor": "#10301f",
    "theme.blueTextColor": "#b4def2",
    "theme.blueBackgroundColor": "#12374a",
    "theme.font": FONT,
    "theme.headingFont": FONT,
    "theme.baseFontSize": 14,
    "theme.baseRadius": "6px",
    "theme.showWidgetBorder": True,
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.disableDataExport": True,
    "ui.hideTopBar": False,
}


@cache
def style_sheet() -> str:
    """The CSS of every page, as one ``<style>`` element."""
    css = Path(__file__).with_name("theme.css").read_text(encoding="utf-8")
    return f"<style>{css}</style>"
