"""Geometry measured on arrival, and shown."""

from dataclasses import replace
from pathlib import Path

import pytest

from plugins import Case, Measurement, PreprocessStep, Registry, Study, ViewerPanel
from plugins.reader import use_language
from plugins.testing import case, ct_study, uid
from tests.plugins.real_series import real_study


@pytest.fixture(scope="module")
def step() -> PreprocessStep:
    found = Registry.load().get(PreprocessStep, "geometry")
    assert found is not None
    return found


def by_name(found: list[Measurement]) -> dict[str, float]:
    return {measurement.name.value: measurement.value for measurement in found}


def test_a_tilted_stack_is_measured(step: PreprocessStep) -> None:
    found = list(step.run(ct_study(slices=10, spacing_mm=4.0, tilt_deg=12.0)))

    numbers = by_name(found)
    assert numbers["SLICES"] == 10
    assert abs(numbers["TILT"]) == pytest.approx(12.0)
    assert numbers["112226"] == pytest.approx(4.0)
    assert numbers["MISSING"] == 0
    assert {measurement.series_instance_uid for measurement in found} == {uid("series")}
    assert {measurement.unit.scheme_designator for measurement in found} == {"UCUM"}


def test_a_real_tilted_head(step: PreprocessStep, test_data: Path) -> None:
    study = real_study(test_data / "ct_head/ge_tilt_infarct")

    assert step.wants(study)
    numbers = by_name(list(step.run(study)))
    assert numbers["TILT"] == pytest.approx(18.5, abs=0.05)
    assert numbers["SPACINGMIN"] == pytest.approx(1.08, abs=0.01)
    assert numbers["SPACINGMAX"] == pytest.approx(7.0, abs=0.01)


def test_missing_slices_are_counted(step: PreprocessStep, test_data: Path) -> None:
    study = real_study(test_data / "ct_geometry/missing_slice_4slices")

    assert by_name(list(step.run(study)))["MISSING"] == 1


def test_ultrasound_is_not_wanted(step: PreprocessStep, test_data: Path) -> None:
    study = real_study(test_data / "modalities/us/US-RGB-8-epicard.dcm")

    assert not step.wants(study)
    assert list(step.run(study)) == []


@pytest.fixture
def measured(step: PreprocessStep) -> Case:
    study: Study = ct_study(slices=10, spacing_mm=4.0, tilt_deg=12.0)
    made = (replace(m, algorithm="geometry", algorithm_version="1.2") for m in step.run(study))
    return replace(case(), measurements=tuple(made))


@pytest.mark.parametrize(
    ("language", "words"),
    [("vi", ["Hình học", "Độ nghiêng", "12,0°", "4,00 mm"]), ("en", ["Tilt", "12.0°", "4.00 mm"])],
)
def test_the_panel_shows_them(language: str, words: list[str], measured: Case) -> None:
    """Drawn by Streamlit itself, without a browser."""
    from streamlit.testing.v1 import AppTest

    def page() -> None:
        import streamlit as st

        from plugins import Registry as Guests
        from plugins import ViewerPanel as Panel
        from plugins.reader import spoken, use_language

        use_language(st.session_state["language"])
        panel = Guests.load().get(Panel, "geometry")
        assert panel is not None
        st.subheader(spoken(panel.title))
        panel.render(st.session_state["case"])

    app = AppTest.from_function(page, default_timeout=60)
    app.session_state["language"] = language
    app.session_state["case"] = measured
    app.run()

    assert not app.exception
    table = app.table[0].value
    shown = " ".join([app.subheader[0].value, *table.columns, *map(str, table.iloc[0])])
    assert all(word in shown for word in words), shown
    assert app.caption[0].value == "geometry 1.2"


def test_the_panel_without_numbers_says_so() -> None:
    panel = Registry.load().get(ViewerPanel, "geometry")

    assert panel is not None
    assert panel.wants(ct_study())
    use_language("vi")
