"""The documentation is complete, and what it shows works."""

import re
from dataclasses import fields
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

import plugins
from dicom_node.objects import codes
from plugins import PreprocessStep, Registry, ViewerPanel, WorklistColumn
from plugins.builtin.stroke import codes as stroke_codes
from plugins.contributions import Contribution
from plugins.registry import KINDS
from plugins.testing import admit, case, ct_study

DOCS = Path(__file__).resolve().parents[2] / "docs"
REFERENCE = (DOCS / "reference/plugins.md").read_text(encoding="utf-8")
HOWTO = (DOCS / "howto/write-a-plugin.md").read_text(encoding="utf-8")
OBJECTS = (DOCS / "reference/opinion-objects.md").read_text(encoding="utf-8")
CONFORMANCE = (DOCS / "reference/conformance.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_and_each_of_its_fields_is_documented(kind: type[Contribution]) -> None:
    _, _, after = REFERENCE.partition(f"### `{kind.__name__}`\n")
    section = after.partition("\n## ")[0].partition("\n### ")[0]

    assert section, f"{kind.__name__} has no section"
    common = {field.name for field in fields(Contribution)}
    for field in fields(kind):
        if field.name not in common:
            assert f"| `{field.name}` |" in section, f"{kind.__name__}.{field.name}"
    assert "Built-in:" in section


def test_every_kind_has_a_built_in_that_is_named() -> None:
    registry = Registry.load()

    for kind in KINDS:
        gifts = registry.of(kind)
        assert gifts, f"no built-in gives a {kind.__name__}"
        for gift in gifts:
            assert f"`{gift.id}`" in REFERENCE, gift.id


@pytest.mark.parametrize("name", plugins.__all__)
def test_every_exported_name_is_documented(name: str) -> None:
    assert f"`{name}`" in REFERENCE


def code_blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_guest_of_the_how_to_works_as_a_lone_file(tmp_path: Path) -> None:
    guest = code_blocks(HOWTO)[0]
    (tmp_path / "thick_slices.py").write_text(guest, encoding="utf-8")

    registry = Registry.load(tmp_path)

    found = next(one for one in registry.guests if one.name == "thick_slices")
    assert (found.error, found.version) == ("", "1.0")
    assert registry.get(ViewerPanel, "thick_slices") is not None
    step = registry.get(PreprocessStep, "thick_slices")
    column = registry.get(WorklistColumn, "thick_slices")
    assert step is not None
    assert column is not None
    measured = case(measurements=tuple(step.run(ct_study())))
    assert column.value(measured) == "5.0 mm"


def test_the_test_of_the_how_to_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guest, test = code_blocks(HOWTO)
    (tmp_path / "thick_slices.py").write_text(guest, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    space: dict[str, object] = {}
    exec(compile(test, "how-to", "exec"), space)  # the documentation, run as it is printed

    run = space["test_the_thickest_slice_is_measured"]
    assert callable(run)
    run()


def test_the_host_s_reason_is_given_to_the_guest_s_author(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("def contribute():\n    yield 1\n", encoding="utf-8")
    spec = spec_from_file_location("bad", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)

    with pytest.raises(AssertionError, match="yielded a int"):
        admit(module)


def test_every_private_code_is_documented() -> None:
    private = {
        value.value
        for value in vars(codes).values()
        if isinstance(value, codes.Code) and value.scheme_designator == codes.PRIVATE_SCHEME
    }
    for of, keys in (
        (codes.CONCORDANCE, ("concordant", "minor", "major", "not_applicable", "?")),
        (codes.TRANSFER, ("none", "recommended", "urgent")),
    ):
        private |= {codes.assessment(of, key, "vi").value for key in keys}

    for code in private:
        assert re.search(rf"\b{re.escape(code)}\b", OBJECTS), code


def test_every_code_of_stroke_results_is_in_the_conformance_statement() -> None:
    own = [
        code
        for code in vars(stroke_codes).values()
        if isinstance(code, codes.Code) and code.scheme_designator == stroke_codes.PRIVATE
    ]

    assert own
    for code in own:
        assert f"| {code.value} | {code.meaning} |" in CONFORMANCE, code
