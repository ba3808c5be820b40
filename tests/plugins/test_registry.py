"""Guests enter whole or not at all; a failing guest never stops the host."""

import logging
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from plugins import Measurement, PreprocessStep, Registry, Study, ViewerPanel, WorklistColumn
from plugins.registry import KINDS, Guest

PANEL = """
from plugins import ViewerPanel

def contribute():
    yield ViewerPanel("{id}", "{id}", wants=lambda study: True, render=lambda case: None)
"""


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def load(folder: Path) -> Registry:
    return Registry.load(folder, installed=())


def test_a_lone_file_adds_a_panel(tmp_path: Path) -> None:
    write(tmp_path, "hello.py", PANEL.format(id="hello"))

    registry = load(tmp_path)

    assert [panel.id for panel in registry.of(ViewerPanel)] == ["hello"]
    (guest,) = registry.guests
    assert (guest.name, guest.source, guest.error) == ("hello", "file hello.py", "")
    assert guest.version.startswith("sha256:")


def test_a_lone_file_may_bear_the_name_of_a_library(tmp_path: Path) -> None:
    write(tmp_path, "json.py", '__version__ = "2.1"\n' + PANEL.format(id="json"))

    registry = load(tmp_path)

    import json

    assert json.loads("1") == 1
    assert registry.guests[0].version == "2.1"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("def contribute(:\n", "SyntaxError"),
        ("import no_such_module_anywhere\n", "ModuleNotFoundError"),
        ("x = 1\n", "no contribute()"),
        ("import sys\nsys.exit(3)\n", "SystemExit"),
        ("def contribute():\n    raise RuntimeError('too late')\n    yield\n", "too late"),
        ("def contribute():\n    yield 'panel'\n", "yielded a str"),
        (
            "from plugins import Contribution\n"
            "def contribute():\n    yield Contribution('a', 'a')\n",
            "yielded a Contribution",
        ),
        (PANEL.format(id=" "), "has no id"),
        (
            "from plugins import WorklistColumn\n"
            "def contribute():\n    yield WorklistColumn('a', 'a', value=3)\n",
            "value is not a function",
        ),
    ],
)
def test_a_broken_guest_is_listed_and_skipped(
    tmp_path: Path, text: str, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "a_broken.py", text)
    write(tmp_path, "b_good.py", PANEL.format(id="good"))

    with caplog.at_level(logging.ERROR):
        registry = load(tmp_path)

    broken = registry.guests[0]
    assert "good" in [panel.id for panel in registry.of(ViewerPanel)]
    assert part in broken.error
    assert broken.contributions == ()
    assert "a_broken" in caplog.text


def test_a_guest_enters_whole_or_not_at_all(tmp_path: Path) -> None:
    write(tmp_path, "a_first.py", PANEL.format(id="taken"))
    write(
        tmp_path,
        "b_second.py",
        "from plugins import ViewerPanel, WorklistColumn\n"
        "def contribute():\n"
        "    yield WorklistColumn('fine', 'fine', value=str)\n"
        "    yield ViewerPanel('taken', 'x', wants=bool, render=print)\n",
    )

    registry = load(tmp_path)

    assert registry.of(WorklistColumn) == ()
    assert "already given by guest 'a_first'" in registry.guests[1].error


def test_one_guest_may_not_give_an_id_twice() -> None:
    column = WorklistColumn("a", "a", value=lambda case: "")
    registry = Registry([Guest("g", "1", "test", contributions=(column, column))])

    assert "given twice" in registry.guests[0].error


def test_the_same_id_may_serve_several_kinds(tmp_path: Path) -> None:
    write(
        tmp_path,
        "both.py",
        "from plugins import ViewerPanel, WorklistColumn\n"
        "def contribute():\n"
        "    yield WorklistColumn('x', 'x', value=str)\n"
        "    yield ViewerPanel('x', 'x', wants=bool, render=print)\n",
    )

    registry = load(tmp_path)

    assert registry.guests[0].error == ""
    assert len(registry.guests[0].contributions) == 2


def test_an_entry_point_that_cannot_be_imported_is_listed() -> None:
    registry = Registry.load(
        installed=[EntryPoint("gone", "no_such_package.gone", "hoichan.plugins")]
    )

    assert "no_such_package" in registry.guests[0].error


def test_a_missing_plugins_dir_is_no_error(tmp_path: Path) -> None:
    assert load(tmp_path / "absent").guests == ()


def fail(*_: object) -> str:
    raise ValueError("Nguyễn Văn A")


def test_a_guest_that_fails_at_work_is_recorded_and_the_host_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    column = WorklistColumn("bad", "Bad", value=fail)
    registry = Registry([Guest("g", "1", "test", contributions=(column,))])

    with caplog.at_level(logging.ERROR):
        answer = registry.call(column, column.value, None, default="—")

    assert answer == "—"
    (failure,) = registry.failures
    assert (failure.guest, failure.kind, failure.contribution_id) == ("g", "WorklistColumn", "bad")
    assert "ValueError" in failure.error
    assert "Nguyễn" not in caplog.text, "a guest's message may hold a name: never log it"


def test_a_generator_that_fails_half_way_is_caught() -> None:
    def run(_: Study) -> Iterator[Measurement]:
        yield from ()
        raise RuntimeError("half way")

    step = PreprocessStep("s", "S", wants=lambda study: True, run=run)
    registry = Registry([Guest("g", "1", "test", contributions=(step,))])

    assert registry.call(step, step.run, None, default=()) == ()
    assert "half way" in registry.failures[0].error


def test_streamlit_control_flow_passes_through() -> None:
    from streamlit.runtime.scriptrunner_utils.exceptions import StopException

    def stop(_: object) -> None:
        raise StopException

    panel = ViewerPanel("p", "P", wants=lambda study: True, render=stop)
    registry = Registry([Guest("g", "1", "test", contributions=(panel,))])

    with pytest.raises(StopException):
        registry.call(panel, panel.render, None)
    assert registry.failures == ()


def test_every_kind_is_kept() -> None:
    import plugins.contributions as contributions

    declared = {
        getattr(contributions, name) for name in contributions.__all__ if name != "Contribution"
    }
    assert set(KINDS) == declared
