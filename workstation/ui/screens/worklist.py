"""The worklist: a component that asks the API by itself; the page only opens what was chosen."""

from plugins.contributions import WorklistColumn
from plugins.nouns import State
from viewers import _component
from workstation import access
from workstation.access import Action
from workstation.consult import case as cases
from workstation.consult.transitions import Event
from workstation.context import Context
from workstation.i18n import current_language, in_language
from workstation.roles import Principal, Role
from workstation.ui import labels, parts

__all__ = ["render"]

READERS = (Role.RADIOLOGIST, Role.PATHOLOGIST)
ASKING_FILTERS = ["active", "todo", "mine", "overdue", "all"]
READING_FILTERS = ["active", "queue", "mine", "overdue", "all"]


def render(context: Context, principal: Principal) -> None:
    # Who reads at one hospital may ask another: reading comes first.
    reading = principal.has(*READERS, Role.COORDINATOR)
    data = {
        "base": context.settings.base_path,
        "language": current_language(),
        "height": "calc(100dvh - 60px)",
        "username": principal.username,
        "asking": not reading,
        "filters": READING_FILTERS if reading else ASKING_FILTERS,
        "columns": [
            {"id": column.id, "title": in_language(column.title)}
            for column in context.plugins.of(WorklistColumn)
        ],
        # What the next page needs is fetched while the list is being looked at.
        "preload": [
            f"/assets/{name}"
            for entry in ("radiology", "report")
            for name in _component.parts(entry)
        ],
        "labels": {
            "states": labels.translated(labels.STATES),
            "priorities": labels.translated(labels.PRIORITIES),
        },
    }
    result = _component.mount("worklist", data, key="worklist", on_open_change=lambda: None)
    if result.open:
        parts.go(page_of(context, principal, result.open), case=result.open)


def page_of(context: Context, principal: Principal, case_id: str) -> str:
    """Where a case is worked on by this user: written, read, or looked at."""
    record = cases.get(context, principal, case_id)
    if record.state is State.DRAFT and access.may(principal, Event.SUBMIT, record):
        return "request"
    return "reading" if access.may(principal, Action.WRITE, record) else "case"
