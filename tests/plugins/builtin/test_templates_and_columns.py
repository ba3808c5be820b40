"""The general CT template and the images column."""

from plugins import Registry, ReportTemplate, WorklistColumn
from plugins.testing import case, ct_study, offer


def test_the_general_ct_template_is_whole() -> None:
    template = Registry.load().get(ReportTemplate, "general_ct")

    assert template is not None
    assert template.wants(ct_study())
    assert [section.key for section in template.sections] == [
        "technique",
        "findings",
        "conclusion",
        "recommendation",
    ]
    for section in template.sections:
        assert section.code is not None
        assert section.title.vi
        assert section.title.en
        assert section.title.vi != section.title.en
        assert section.placeholder is not None
    assert [section.key for section in template.sections if section.required] == [
        "findings",
        "conclusion",
    ]


def test_nothing_is_written_that_nobody_wrote() -> None:
    template = Registry.load().get(ReportTemplate, "general_ct")

    assert template is not None
    assert set(template.draft(case()).values()) == {""}


def test_the_images_column() -> None:
    column = Registry.load().get(WorklistColumn, "images")

    assert column is not None
    assert column.value(case()) == "CT · 20"
    assert column.value(case(modalities=("CT", "SR"), instance_count=3)) == "CT/SR · 3"
    assert column.value(case(modalities=(), instance_count=0)) == ""


def test_offer_makes_a_registry_for_a_guest_s_own_test() -> None:
    column = WorklistColumn("x", "X", value=lambda one: one.number)

    assert offer(column).call(column, column.value, case()) == "HC-2026-000001"
