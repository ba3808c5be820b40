"""Every text a user meets exists in both languages."""

import ast
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from workstation import i18n
from workstation.i18n import LANGUAGES, LOCALE, _, catalogue, moment, number, use_language

WORKSTATION = LOCALE.parent
PAGES = WORKSTATION / "ui"
# Streamlit calls whose first words are shown to the user.
SHOWN = {
    "button",
    "caption",
    "checkbox",
    "error",
    "expander",
    "form_submit_button",
    "header",
    "info",
    "link_button",
    "markdown",
    "number_input",
    "paragraph",
    "popover",
    "radio",
    "section",
    "selectbox",
    "subheader",
    "success",
    "text_area",
    "text_input",
    "title",
    "toast",
    "toggle",
    "warning",
    "write",
}
SHOWN_KEYWORDS = {"label", "placeholder", "help", "search", "empty"}
# The same in every language.
EXAMPLES = {"BVDK_LAO_CAI", "10.0.0.0/24", "-----BEGIN CERTIFICATE-----"}
VIETNAMESE = re.compile(
    r"[ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ]", re.I
)


def messages() -> set[str]:
    found = extract_from_dir(
        str(WORKSTATION), [("**.py", "python")], keywords={"_": None, "N_": None}
    )
    return {str(message) for _file, _line, message, _comments, _context in found}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_has_every_message_and_no_other(language: str) -> None:
    translated = catalogue(language)
    assert messages() - translated.keys() == set()
    assert translated.keys() - messages() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_fuzzy_and_places_to_fill_are_the_same(language: str) -> None:
    path = LOCALE / language / "LC_MESSAGES" / "hoichan.po"
    with path.open("rb") as file:
        for message in read_po(file, locale=language):
            assert not (message.id and message.fuzzy), message.id
            places = re.findall(r"\{\w+\}", str(message.id))
            assert sorted(re.findall(r"\{\w+\}", str(message.string))) == sorted(places)


def test_vietnamese_is_vietnamese() -> None:
    # Texts that are the same in both languages: names and abbreviations, no sentences.
    same = {message for message, text in catalogue("vi").items() if text == message}
    assert same == {"AE title", "NIHSS", "SOP Instance UID"}
    without_marks = [text for text in catalogue("vi").values() if not VIETNAMESE.search(text)]
    assert len(without_marks) < 25, without_marks


def shown_words(call: ast.Call) -> list[ast.expr]:
    """The arguments of a call that a user reads."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    first = call.args[:1] if name in SHOWN else []
    return [*first, *(word.value for word in call.keywords if word.arg in SHOWN_KEYWORDS)]


def bare_strings(expression: ast.expr) -> list[str]:
    """String constants that stand for themselves: not arguments, not keys."""
    if isinstance(expression, ast.Call | ast.Subscript):
        return []
    if isinstance(expression, ast.Constant):
        words = isinstance(expression.value, str) and re.search(r"[^\W\d_]{2,}", expression.value)
        return [expression.value] if words else []
    children = ast.iter_child_nodes(expression)
    return [
        text for child in children if isinstance(child, ast.expr) for text in bare_strings(child)
    ]


@pytest.mark.parametrize("path", sorted(PAGES.rglob("*.py")), ids=lambda path: path.name)
def test_no_page_shows_words_that_were_not_looked_up(path: Path) -> None:
    calls = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]
    bare = [
        f"{path.name}:{call.lineno} {text!r}"
        for call in calls
        for words in shown_words(call)
        for text in bare_strings(words)
        if text not in EXAMPLES
    ]
    assert bare == []


def test_a_page_speaks_the_language_of_its_user() -> None:
    use_language("en")
    assert _("Worklist") == "Worklist"
    assert number(1234.5, 1) == "1,234.5"
    use_language("vi")
    assert _("Worklist") == "Danh sách ca"
    assert number(1234.5, 1) == "1.234,5"
    assert _("Missing: {what}", what="CTA") == "Còn thiếu: CTA"


def test_times_are_told_in_vietnam() -> None:
    from datetime import UTC, datetime

    assert moment(datetime(2026, 11, 23, 20, 5, tzinfo=UTC)) == "24/11/2026 03:05"
    assert moment(None) == ""
    assert i18n.dicom_date("19640512") == "12/05/1964"
    assert i18n.dicom_date("1964") == "1964"


@pytest.mark.parametrize("path", sorted(PAGES.rglob("*.py")), ids=lambda path: path.name)
def test_texts_are_looked_up_where_they_can_be_extracted(path: Path) -> None:
    # Babel does not look inside f-strings, nor at anything but a plain string.
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = [
        f"{path.name}:{call.lineno}"
        for string in ast.walk(tree)
        if isinstance(string, ast.JoinedStr)
        for call in ast.walk(string)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in ("_", "N_")
        and isinstance(call.args[0], ast.Constant)
    ]
    assert hidden == []


def test_no_select_offers_to_filter() -> None:
    # While one filters, Streamlit says "No results", in English only.
    offering = [
        f"{path.name}:{call.lineno}"
        for path in sorted(PAGES.rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("selectbox", "multiselect")
        and "filter_mode" not in {word.arg for word in call.keywords}
    ]
    assert offering == []


def test_every_code_of_the_domain_has_words() -> None:
    from plugins.nouns import Priority, State
    from plugins.registry import KINDS as GIFTS
    from workstation.audit import AuditEvent
    from workstation.consult.course import DECISIONS
    from workstation.consult.draft import CONCORDANCES, TRANSFERS
    from workstation.consult.request import AREAS, CONSENT_BASES, SHARE_SCOPES
    from workstation.consult.transitions import Event
    from workstation.roles import Role
    from workstation.sites.hospitals import TIERS
    from workstation.ui import labels
    from workstation.ui.screens import audit_log, guests
    from workstation.ui.summary import EVENTS

    for codes, words in (
        (State, labels.STATES),
        (Priority, labels.PRIORITIES),
        (Role, labels.ROLES),
        (AREAS, labels.AREAS),
        (TIERS, labels.TIERS),
        (CONSENT_BASES, labels.CONSENT),
        (SHARE_SCOPES, labels.SHARE),
        (CONCORDANCES, labels.CONCORDANCE),
        (TRANSFERS, labels.TRANSFER),
        (DECISIONS, labels.DECISIONS),
        (AuditEvent, audit_log.EVENTS),
        (GIFTS, guests.KINDS),
    ):
        assert set(codes) == set(words)
    assert {str(event) for event in Event} <= set(EVENTS)
