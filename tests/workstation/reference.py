"""The parts of the reference pages that are made from the code.

``python -m tests.workstation.reference`` writes them anew; test_reference.py checks that they are
fresh.
"""

import re
from pathlib import Path

from fastapi import FastAPI

from plugins.nouns import Priority, State
from workstation.api import api_app
from workstation.consult.clocks import TARGETS, WorkingDays
from workstation.consult.transitions import TRANSITIONS
from workstation.context import Context

__all__ = ["FOLDER", "PAGES", "made_anew"]

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"


def states() -> str:
    """Every way from one state to another."""
    lines = ["| Event | From | To | Who | Reason |", "|---|---|---|---|---|"]
    for line in dict.fromkeys(TRANSITIONS.values()):
        sources = ", ".join(state for state in State if state in line.sources)
        people = ", ".join(sorted(line.parties))
        needed = "needed" if line.needs_reason else ""
        lines.append(f"| {line.event} | {sources} | {line.target} | {people} | {needed} |")
    return "\n".join(lines)


def clocks() -> str:
    """The targets of each priority class."""
    lines = [
        "| Class | Accept | Preliminary | Sign | Acknowledge |",
        "|---|---|---|---|---|",
    ]
    for priority in Priority:
        targets = TARGETS[priority]
        spans = (targets.accept, targets.preliminary, targets.sign, targets.acknowledge)
        lines.append(f"| {priority} | " + " | ".join(_span(span) for span in spans) + " |")
    return "\n".join(lines)


def routes(app: FastAPI | None = None) -> str:
    """Every route of the API."""
    app = app or api_app(_NO_CONTEXT)
    lines = ["| Route | What |", "|---|---|"]
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            lines.append(f"| `{method.upper()} {path}` | {operation['summary']} |")
    return "\n".join(lines)


PAGES = {"states.md": {"states": states, "clocks": clocks}, "api.md": {"routes": routes}}

# Describing the routes asks nothing of the workstation.
_NO_CONTEXT: Context = None  # type: ignore[assignment]


def made_anew(page: str) -> str:
    """The page with its made parts as the code has them now."""
    text = (FOLDER / page).read_text(encoding="utf-8")
    for name, make in PAGES[page].items():
        part = re.compile(rf"(<!-- made: {name} -->\n)(?:[^<].*\n)*(<!-- end -->)")
        assert part.search(text), f"{page} has no place for {name}"
        made = make()
        text = part.sub(lambda match, made=made: f"{match[1]}{made}\n{match[2]}", text)
    return text


def _span(span: object) -> str:
    if span is None:
        return "–"
    if isinstance(span, WorkingDays):
        return f"{span.days} working day{'s' if span.days > 1 else ''}"
    minutes = round(span.total_seconds() / 60)  # type: ignore[attr-defined]
    if minutes % (24 * 60) == 0:
        return f"{minutes // (24 * 60)} d"
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


if __name__ == "__main__":
    for each in PAGES:
        (FOLDER / each).write_text(made_anew(each), encoding="utf-8")
