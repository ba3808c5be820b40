"""One set of colours: Streamlit's theme, our style sheet and the components agree."""

import re
from pathlib import Path

import viewers
from workstation.ui.theme import OPTIONS, style_sheet

COLOUR = re.compile(r"(--hc-[a-z-]+):\s*(#[0-9a-f]{6})", re.I)
COMPONENTS = Path(viewers.__file__).with_name("common") / "theme.css"


def test_pages_and_components_have_the_same_colours() -> None:
    components = dict(COLOUR.findall(COMPONENTS.read_text(encoding="utf-8")))
    pages = dict(COLOUR.findall(style_sheet()))
    assert pages
    assert {name: components.get(name) for name in pages} == pages
    assert OPTIONS["theme.backgroundColor"] == components["--hc-ground"]
    assert OPTIONS["theme.secondaryBackgroundColor"] == components["--hc-panel"]
    assert OPTIONS["theme.textColor"] == components["--hc-text"]
    assert OPTIONS["theme.primaryColor"] == components["--hc-accent"]


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.1, 1.4.3."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_every_text_colour_can_be_read() -> None:
    colours = dict(COLOUR.findall(style_sheet()))
    for text in ("text", "muted", "accent", "good", "warn", "bad"):
        for ground in ("ground", "panel"):
            assert contrast(colours[f"--hc-{text}"], colours[f"--hc-{ground}"]) >= 4.5, text
