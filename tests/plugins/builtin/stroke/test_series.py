"""Which series serves which purpose, by headers alone."""

from pathlib import Path

import numpy as np
import pytest

from kernels.stroke_phantom import stroke_phantom
from plugins.builtin.stroke.scan import read_scan
from plugins.builtin.stroke.series import Role, candidates, chosen
from plugins.nouns import Series
from tests.plugins.builtin.stroke.studies import Pixels, phantom_series, real_head, study_of
from tests.plugins.real_series import real_study


def head(
    name: str, thickness_mm: float = 5.0, slices: int = 28, **elements: object
) -> tuple[Series, Pixels]:
    phantom = stroke_phantom(
        shape=(slices, 8, 8), spacing_mm=(thickness_mm, 28.0, 28.0), noise_hu=0, head_holder=False
    )
    return phantom_series(phantom, name, **elements)  # type: ignore[arg-type]


def test_the_soft_kernel_is_preferred_to_bone() -> None:
    study = study_of(head("bone", ConvolutionKernel="H60s"), head("soft", ConvolutionKernel="H31s"))

    best = chosen(candidates(study, Role.NON_CONTRAST))

    assert best is not None
    assert best.series.instances[0].header.ConvolutionKernel == "H31s"
    assert any("H31s" in merit.en for merit in best.merits)


def test_the_reader_may_choose_another() -> None:
    bone, soft = head("bone", ConvolutionKernel="BONE"), head("soft")

    found = candidates(study_of(bone, soft), Role.NON_CONTRAST)

    named = chosen(found, bone[0].series_instance_uid)
    assert named is not None
    assert named.series is bone[0]
    assert chosen(found, "1.2.3") is found[0]


@pytest.mark.parametrize(
    "elements",
    [
        {"ContrastBolusAgent": "IOHEXOL"},
        {"ProtocolName": "CTA Head"},
        {"description": "Mạch não"},
    ],
)
def test_contrast_makes_an_angiography(elements: dict[str, str]) -> None:
    study = study_of(head("cta", 0.8, 160, **elements))

    assert not candidates(study, Role.NON_CONTRAST)
    assert len(candidates(study, Role.ANGIOGRAPHY)) == 1


@pytest.mark.parametrize("agent", ["", "NONE", "C-", "KHÔNG"])
def test_words_for_no_contrast(agent: str) -> None:
    assert candidates(study_of(head("plain", ContrastBolusAgent=agent)), Role.NON_CONTRAST)


def test_a_chest_is_no_head() -> None:
    chest = head("chest", BodyPartExamined="CHEST", description="Ngực")
    series = chest[0].__class__(**{**vars(chest[0]), "body_part_examined": "CHEST"})
    header_words = [
        instance.header.update({"StudyDescription": "NGUC"}) for instance in series.instances
    ]
    assert len(header_words) == 28

    assert not candidates(study_of((series, chest[1])), Role.NON_CONTRAST)


def test_localizers_and_few_slices_do_not_count() -> None:
    assert not candidates(study_of(head("two", slices=2)), Role.NON_CONTRAST)
    localizer = head("scout", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    assert not candidates(study_of(localizer), Role.NON_CONTRAST)


def test_of_a_real_study_with_a_scout_and_summaries_the_brain_is_chosen(test_data: Path) -> None:
    study = real_study(test_data / "ct_head" / "philips_phantom_study")

    found = candidates(study, Role.NON_CONTRAST)

    assert [one.series.series_description for one in found] == ["STD BRAIN 5MM"]
    assert not candidates(study, Role.ANGIOGRAPHY)
    assert not candidates(study, Role.PERFUSION)


def test_real_bodies_are_no_heads(test_data: Path) -> None:
    for place in ("ct_body/chest_lidc_ffs", "ct_body/liver_3slices_with_seg"):
        study = real_study(test_data / place)
        assert not any(candidates(study, role) for role in Role)


def test_millimetres_and_voxels_of_a_tilted_uneven_scan(test_data: Path) -> None:
    """Both ways within a thousandth of a millimetre, against the headers' own positions."""
    part = real_head(test_data / "ct_head" / "ge_tilt_infarct")
    study = study_of(part)
    (candidate,) = candidates(study, Role.NON_CONTRAST)
    scan = read_scan(study, candidate.series.series_instance_uid, candidate.stack)
    headers = {i.sop_instance_uid: i.header for i in part[0].instances}

    for number, (sop_instance_uid, _) in enumerate(scan.frames):
        header = headers[sop_instance_uid]
        position = np.array([float(v) for v in header.ImagePositionPatient])
        rows, columns = (
            np.array([float(v) for v in header.ImageOrientationPatient[a:b]])
            for a, b in ((3, 6), (0, 3))
        )
        spacing = [float(v) for v in header.PixelSpacing]
        expected = position + 100 * spacing[0] * rows + 37 * spacing[1] * columns
        placed = scan.to_mm(np.array([[number, 100.0, 37.0]]))[0]
        assert np.allclose(placed, expected, atol=2e-3)
        assert np.allclose(scan.to_indices(expected)[0], [number, 100, 37], atol=2e-3)
    assert scan.tilt_deg == pytest.approx(18.5, abs=0.05)  # as the viewer says it
    assert not scan.valid.all()
    assert scan.hu.min() == -1024
