"""Series as viewports can show them."""

from dataclasses import replace
from pathlib import Path

import pytest

from plugins import DisplaySet, DisplaySetHandler, DisplaySetKind, Registry, Series, display_sets
from plugins.testing import ct_header, ct_series, ct_study, offer, uid
from tests.plugins.real_series import real_series


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def test_a_ct_is_one_volume(registry: Registry) -> None:
    (series,) = ct_study(slices=6).series

    (shown,) = display_sets(registry, series)

    assert shown.kind is DisplaySetKind.STACK
    assert shown.id == series.series_instance_uid
    assert shown.frames == tuple((uid(f"instance {n}"), 1) for n in range(1, 7))
    assert shown.is_volume
    assert shown.problems == ()


def test_problems_are_said_in_both_languages(registry: Registry, test_data: Path) -> None:
    (series,) = real_series(test_data / "ct_head/ge_tilt_infarct")

    (shown,) = display_sets(registry, series)

    assert shown.tilt_deg == pytest.approx(18.5, abs=0.05)  # the sign of the scanner's own tag
    vietnamese = " ".join(problem.vi for problem in shown.problems)
    english = " ".join(problem.en for problem in shown.problems)
    assert "Giàn máy nghiêng 18,5°" in vietnamese
    assert "Gantry tilt of 18.5°" in english
    assert "1,08–7 mm" in vietnamese
    assert "1.08–7 mm" in english


def test_a_gap_is_told_with_its_place(registry: Registry, test_data: Path) -> None:
    (series,) = real_series(test_data / "ct_geometry/missing_slice_4slices")

    (shown,) = display_sets(registry, series)

    assert any("after slice 3" in problem.en for problem in shown.problems)


def test_a_study_of_mixed_series(registry: Registry, test_data: Path) -> None:
    shown = [
        one
        for series in real_series(test_data / "ct_head/philips_phantom_study")
        for one in display_sets(registry, series)
    ]

    sizes = sorted(len(one.frames) for one in shown)
    assert sum(sizes) == 35
    assert max(sizes) == 28
    assert [one for one in shown if one.is_volume and len(one.frames) == 28]
    scout = next(one for one in shown if "Localizer: no reformatting." in _english(one))
    assert not scout.is_volume


@pytest.mark.parametrize(
    ("name", "kinds", "frames"),
    [
        ("modalities/us/us_8frames_jpeg_fragmented.dcm", ["stack"], 8),
        ("modalities/us/US-RGB-8-epicard.dcm", ["stack"], 1),
        ("modalities/xa/xa_75frames_jpeg_philips_cathsample.dcm", ["stack"], 75),
        ("modalities/cr_dx/CR-MONO1-10-chest.dcm", ["stack"], 1),
        ("modalities/encapsulated/sample-pdf.dcm", ["document"], 1),
        ("modalities/encapsulated/encapsulated_stl.dcm", ["unsupported"], 1),
        ("modalities/ecg/ecg_12lead.dcm", ["unsupported"], 1),
        ("modalities/rt/rtdose.dcm", ["unsupported"], 15),
        ("wsi/dicom_cmu1_pyramid", ["slide"], 12),
        ("nasty/huge_private", ["unsupported"], 1),
    ],
)
def test_every_kind_of_object_is_shown_or_said_not_to_be(
    name: str, kinds: list[str], frames: int, registry: Registry, test_data: Path
) -> None:
    (series,) = real_series(test_data / name)

    shown = display_sets(registry, series)

    assert [one.kind for one in shown] == kinds
    assert len(shown[0].frames) == frames


def test_every_real_file_ends_in_some_display_set(registry: Registry, test_data: Path) -> None:
    for place in ("modalities", "transfer_syntaxes/ct_same_image", "ct_body"):
        for series in real_series(test_data / place):
            shown = display_sets(registry, series)
            held = {uid for one in shown for uid, _ in one.frames}
            assert held == {instance.sop_instance_uid for instance in series.instances}
            assert len({one.id for one in shown}) == len(shown)
    assert registry.failures == ()


def test_an_unknown_class_is_said_to_have_no_viewer(registry: Registry) -> None:
    (shown,) = display_sets(registry, ct_series([ct_header(SOPClassUID="1.2.3.4")]))

    assert shown.kind is DisplaySetKind.UNSUPPORTED
    assert "no viewer" in shown.problems[0].en


def one_set(series: Series) -> list[DisplaySet]:
    return [
        DisplaySet(
            id="mine",
            kind=DisplaySetKind.STACK,
            study_instance_uid=series.study_instance_uid,
            series_instance_uid=series.series_instance_uid,
            modality=series.modality,
            title="mine",
            frames=tuple((instance.sop_instance_uid, 1) for instance in series.instances),
        )
    ]


def broken(series: Series) -> list[DisplaySet]:
    raise RuntimeError("no")


CT = frozenset({"1.2.840.10008.5.1.4.1.1.2"})


def test_the_most_particular_handler_is_asked_first() -> None:
    wide = DisplaySetHandler("wide", "Wide", frozenset({*CT, "1.2.3"}), broken)
    narrow = DisplaySetHandler("narrow", "Narrow", CT, one_set)
    anything = DisplaySetHandler("anything", "Anything", frozenset(), broken)
    registry = offer(anything, wide, narrow)

    (shown,) = display_sets(registry, ct_series([ct_header()]))

    assert shown.id == "mine"
    assert registry.failures == ()


def test_a_handler_that_fails_hands_on_to_the_next() -> None:
    narrow = DisplaySetHandler("narrow", "Narrow", CT, broken)
    anything = DisplaySetHandler("anything", "Anything", frozenset(), one_set)
    registry = offer(narrow, anything)

    (shown,) = display_sets(registry, ct_series([ct_header()]))

    assert shown.id == "mine"
    assert registry.failures[0].contribution_id == "narrow"


def test_ids_differ_when_a_series_holds_several_classes(registry: Registry) -> None:
    headers = [ct_header(1), ct_header(2, SOPClassUID="1.2.3.4")]
    series = ct_series(headers)

    shown = display_sets(registry, replace(series, instances=series.instances))

    assert len({one.id for one in shown}) == 2


def _english(one: DisplaySet) -> list[str]:
    return [problem.en for problem in one.problems]
