"""Templates of pathology: what they ask, and that they are filled only by what was confirmed."""

from datetime import UTC, datetime

import pytest

from plugins import testing
from plugins.builtin import pathology
from plugins.builtin.pathology import mitoses, templates
from plugins.contributions import Analysis, ReportTemplate
from plugins.nouns import Person
from plugins.reader import use_language
from plugins.results import ConfirmedResult
from tests.plugins.builtin.pathology.slides import Bench, study_of
from tests.plugins.builtin.pathology.test_mitoses import SLIDE, box, marks

NEEDED = {
    "specimen", "adequacy", "gross", "microscopy", "diagnosis", "classification", "invasion",
    "mitoses", "ki67", "ihc", "differential", "confidence", "defer_to_glass", "stains",
    "recommendation",
}  # fmt: skip


def test_guest_brings_three_analyses_and_four_templates() -> None:
    brought = list(pathology.contribute())
    assert [one.id for one in brought if isinstance(one, Analysis)] == [
        "slide_adequacy",
        "nuclei_count",
        "mitoses",
    ]
    found = [one for one in brought if isinstance(one, ReportTemplate)]
    assert [one.id for one in found] == [
        "pathology",
        "pathology_breast",
        "pathology_gastric",
        "pathology_prostate",
    ]
    assert found[0].precedence == max(one.precedence for one in found) == 10


@pytest.mark.parametrize("template", templates.TEMPLATES, ids=lambda one: one.id)
def test_every_template_asks_for_everything(template: ReportTemplate) -> None:
    assert {section.key for section in template.sections} == NEEDED
    for section in template.sections:
        assert section.placeholder is not None
        assert section.placeholder.vi.strip()
        assert section.placeholder.en.strip()
    assert template.wants(study_of(SLIDE))
    assert not template.wants(testing.ct_study())


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("breast", ["Nottingham", "DCIS", "HER2", "vôi hóa"]),
        ("gastric", ["H. pylori", "OLGA", "loạn sản", "Laurén"]),
        ("prostate", ["Gleason", "ISUP", "PNI", "số lõi"]),
    ],
)
def test_synoptic_elements_are_listed(key: str, words: list[str]) -> None:
    template = next(one for one in templates.TEMPLATES if one.id == f"pathology_{key}")
    said = " ".join(one.placeholder.vi for one in template.sections if one.placeholder)
    for word in words:
        assert word in said


def test_draft_is_empty_until_something_is_confirmed() -> None:
    assert not any(templates.draft(testing.case()).values())


def test_confirmed_mitoses_are_per_mm2_with_their_area() -> None:
    form = {"boxes": [box(100, 100)], "counters": [marks((200, 200), (900, 900), (950, 950))]}
    result = mitoses.ANALYSIS.compute(study_of(SLIDE), {"form": form}, Bench())
    confirmed = ConfirmedResult(
        "r1", result, {}, Person("p", "BS P", "HUB"), datetime(2026, 11, 23, tzinfo=UTC)
    )
    case = testing.case(results=(confirmed,))
    use_language("vi")
    said = templates.draft(case)
    assert "Số phân bào 3" in said["mitoses"]
    assert "2,00 mm²" in said["mitoses"]
    assert "1,5 /mm²" in said["mitoses"]
    assert not any(text for key, text in said.items() if key != "mitoses")
    rejected = ConfirmedResult(
        "r1", result, {"rejected": ["box 0"]}, confirmed.confirmed_by, confirmed.confirmed_at
    )
    assert not any(templates.draft(testing.case(results=(rejected,))).values())


def test_only_counters_without_a_box_say_nothing() -> None:
    form = {"counters": [marks((1, 1))]}
    result = mitoses.ANALYSIS.compute(study_of(SLIDE), {"form": form}, Bench())
    confirmed = ConfirmedResult(
        "r1", result, {}, Person("p", "BS P", "HUB"), datetime(2026, 11, 23, tzinfo=UTC)
    )
    assert not any(templates.draft(testing.case(results=(confirmed,))).values())
