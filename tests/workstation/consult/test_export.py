"""From a real study and a signed opinion to objects that strangers accept."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from dicom_node.records import Origin, ReadScope
from plugins import Exporter, Registry
from tests.dicom_node.objects.judges import dciodvfy, dsrdump, pdf_text
from tests.workstation.cases import asked, written
from tests.workstation.conftest import PASSWORD
from tests.workstation.results import computed, made_of, shared_result
from workstation.accounts import Principal
from workstation.consult import annotations, results
from workstation.consult import case as cases
from workstation.consult import draft as drafts
from workstation.consult import opinion as opinions
from workstation.consult.export import encode
from workstation.context import Context

EVERYTHING = ReadScope(everything=True)


def opinion_on(context: Context, people: dict[str, Principal], place: Path) -> tuple[str, str]:
    """A signed opinion with a length, a key image and a mask; (opinion id, Study Instance UID)."""
    files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
    study_uid = ""
    for path in files:
        study_uid = context.archive.store_file(path, Origin(site="DEMO_A")).study_instance_uid
    study = context.archive.study(study_uid, scope=EVERYTHING)
    images = context.archive.study_instances(study_uid, scope=EVERYTHING)
    image = images[len(images) // 2]
    header = pydicom.dcmread(image.path, stop_before_pixels=True)
    case = asked(context, people, study)
    radiologist = people["radiologist"]
    case = cases.start_reading(context, radiologist, case.id)
    here: dict[str, Any] = {
        "study_instance_uid": study_uid,
        "series_instance_uid": image.series_instance_uid,
        "sop_instance_uid": image.sop_instance_uid,
        "sop_class_uid": image.sop_class_uid,
        "frame_number": 1,
    }
    corner = [float(value) for value in header.ImagePositionPatient]
    column = [float(value) for value in header.ImageOrientationPatient[:3]]
    other = [a + 30 * b for a, b in zip(corner, column, strict=True)]
    mark = annotations.add(
        context,
        radiologist,
        case.id,
        {
            **here,
            "kind": "length",
            "frame_of_reference_uid": str(header.FrameOfReferenceUID),
            "points_mm": [corner, other],
            "text": "bề ngang",
            "measurements": [{"name": "length", "value": 30.0, "unit": "mm"}],
            "origin": {},
        },
    )
    shared = shared_result(context, study_uid)
    (layer,) = made_of(context, study_uid).layers
    mask = np.zeros((len(layer.frames), header.Rows, header.Columns), np.uint8)
    mask[:, 20:60, 30:50] = 1
    computed(context, shared, layers=(replace(layer, array=mask),))
    results.confirm(context, radiologist, case.id, shared, 1)
    _, revision = written(
        context,
        radiologist,
        case,
        key_images=[{**here, "window_center": 40, "window_width": 80, "caption": "Lát giữa"}],
        annotation_ids=[mark.id],
    )
    draft = drafts.get_draft(context, radiologist, case.id)
    opinion = opinions.sign(
        context,
        radiologist,
        case.id,
        kind="final",
        password=PASSWORD,
        draft_revision=revision,
        results={one.id: one.content_hash for one in draft.results},
    )
    return opinion.id, study_uid


# Of slides, and of maps: the opinion has none.
OF_OTHERS = {"bulk_annotations", "slide_segmentation", "parametric_map", "map_pictures"}


@pytest.mark.parametrize(
    "name", ["ct_head/ge_tilt_infarct", "ct_head/single_slices/J2K_pixelrep_mismatch.dcm"]
)
def test_every_object_of_a_real_study_pleases_strangers(
    name: str, context: Context, people: dict[str, Principal], test_data: Path, tmp_path: Path
) -> None:
    opinion_id, study_uid = opinion_on(context, people, test_data / name)

    for exporter in Registry.load().of(Exporter):
        made = encode(context, exporter, opinion_id, study_uid)
        assert bool(made) == (exporter.id not in OF_OTHERS), exporter.id
        assert [asdict(one) for one in made] == [
            asdict(one) for one in encode(context, exporter, opinion_id, study_uid)
        ]
        for one in made:
            path = context.archive.instance(one.sop_instance_uid, scope=EVERYTHING).path
            verdict = dciodvfy(path)
            assert not verdict.errors, verdict.text
            ds = pydicom.dcmread(path)
            assert ds.StudyInstanceUID == study_uid
            if ds.Modality in ("SR", "KO"):
                assert not dsrdump(path).errors
            if exporter.id == "comprehensive":
                assert "SCOORD:" in dsrdump(path).text
            if exporter.id == "pdf":
                text = pdf_text(bytes(ds.EncapsulatedDocument), tmp_path)
                assert "Độ dài 30,0 mm" in text
                assert "Lát giữa" in text
                assert "Loạt" in text
    assert context.plugins.failures == ()
