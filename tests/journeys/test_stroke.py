"""A stroke all the way: computed by itself, corrected, confirmed, signed, landed as DICOM objects.

The far sides are DCMTK and Orthanc; the scan is the demo's phantom.
"""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest

from tests.journeys.test_consult import ask, draft_case, judged, landed, push, sign, until
from tests.peers import orthanc
from tests.product import Product, product
from workstation.demo.studies import PHANTOMS, write_phantom

pytestmark = pytest.mark.journey

(STROKE,) = (phantom for phantom in PHANTOMS if phantom.key == "stroke")
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"
COLOUR_CAPTURE = "1.2.840.10008.5.1.4.1.1.7.4"
COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"
REGIONS = ("C", "L", "IC", "I", "M1", "M2", "M3", "M4", "M5", "M6")


def results(running: Product, case_id: str, user: str = "radiologist") -> dict[str, dict[str, Any]]:
    answer = running.clients[user].get(f"/api/v1/cases/{case_id}/results")
    assert answer.status_code == 200, answer.text
    return {item["analysis"]: item for item in answer.json()["items"]}


def settled(running: Product, case_id: str, analysis: str, *states: str) -> dict[str, Any]:
    """The result once it is in one of those states."""

    def look() -> dict[str, Any] | None:
        found = results(running, case_id).get(analysis)
        if found is None or found["state"] not in states:
            assert found is None or found["state"] != "failed", found["error"]
            return None
        return found

    return until(look, 240)


def edited(running: Product, case_id: str, result: dict[str, Any], **edits: Any) -> dict[str, Any]:
    """Correct a result and wait for its numbers."""
    answer = running.clients["radiologist"].put(
        f"/api/v1/cases/{case_id}/results/{result['id']}/edits",
        json={"edits": {**result["edits"], **edits}, "revision": result["revision"]},
    )
    assert answer.status_code == 200, answer.text
    return settled(running, case_id, result["analysis"], "edited")


def confirmed(running: Product, case_id: str, result: dict[str, Any]) -> None:
    answer = running.clients["radiologist"].post(
        f"/api/v1/cases/{case_id}/results/{result['id']}/confirm",
        json={"revision": result["revision"]},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "confirmed"


def values(result: dict[str, Any]) -> dict[str, Any]:
    return {value["key"]: value["value"] for value in result["content"]["values"]}


def layer_keys(result: dict[str, Any]) -> set[str]:
    return {layer["key"] for layer in result["content"]["layers"]}


def read(**states: str) -> dict[str, Any]:
    left = {**dict.fromkeys(REGIONS, "normal"), **states}
    return {
        "by": "radiologist",
        "at": "2026-11-23T05:00:00Z",
        "seconds": 41,
        "regions": {"aspects": {"right": dict.fromkeys(REGIONS, "normal"), "left": left}},
    }


def test_a_stroke_from_scanner_to_pacs(tmp_path: Path) -> None:
    files = write_phantom(STROKE, tmp_path / "files", datetime.now(UTC))
    for name in ("head", "perfusion"):
        (tmp_path / name).mkdir()
        for path in files:
            if path.name.startswith(name):
                path.rename(tmp_path / name / path.name)
    study = str(STROKE.study_instance_uid)
    with (
        orthanc(tmp_path / "orthanc", ae_title="PACS_A") as far,
        product(tmp_path / "data", {"DEMO_A": far.peer}) as running,
    ):
        # The head alone is enough to begin with; perfusion is not there yet.
        push(running, tmp_path / "head", "DEMO_A")
        draft_case(running, 32)
        case = ask(running, study)["id"]
        plain = settled(running, case, "stroke_ncct", "computed")
        assert "stroke_ctp" not in results(running, case)
        scores = settled(running, case, "stroke_aspects", "computed")
        push(running, tmp_path / "perfusion", "DEMO_A")
        perfusion = settled(running, case, "stroke_ctp", "computed")

        # Nobody else sees them; nothing is given away before the reader's own score.
        stranger = running.clients["requester.b"]
        assert stranger.get(f"/api/v1/cases/{case}/results").status_code == 404
        for result in (plain, perfusion):
            assert stranger.get(f"/api/v1/results/{result['id']}").status_code == 404
        assert scores["content"]["detail"]["aid"] is None
        assert not scores["content"]["layers"]
        assert {"haemorrhage", "brain"} <= layer_keys(plain)
        assert not {"hypodensity", "difference"} & layer_keys(plain)
        dark = f"/api/v1/results/{plain['id']}/layers/hypodensity"
        reader = running.clients["radiologist"]
        assert reader.get(dark, params={"case": case}).status_code == 404

        # The reader opens the case, corrects, and every number follows.
        assert reader.post(f"/api/v1/cases/{case}/start", json={}).status_code == 200
        before = values(perfusion)
        perfusion = edited(running, case, perfusion, parameters={"late_s": 8.0})
        assert values(perfusion)["hypoperfused"] <= before["hypoperfused"]
        own_read = read(M2="early")
        scores = edited(running, case, scores, reads={"independent": own_read})
        assert scores["content"]["detail"]["aid"] is not None
        plain = results(running, case)["stroke_ncct"]
        assert {"hypodensity", "difference"} <= layer_keys(plain)
        assert reader.get(dark, params={"case": case}).status_code == 200
        seen = scores["edits"]["reads"]["independent"]["seen"]
        assert {"hypodensity", "difference"} <= set(seen["stroke_ncct"]["withheld"])
        scores = edited(
            running,
            case,
            scores,
            reads={
                "independent": own_read,
                "aided": own_read,
                "final": read(M2="early", I="early"),
            },
        )
        assert values(scores)["aspects_left_final"] == 8

        # What no named reader confirmed stays here.
        for result in (perfusion, scores):
            confirmed(running, case, result)
        suggestions = reader.get(f"/api/v1/cases/{case}/draft").json()["suggestions"]
        assert "ASPECTS" in suggestions["ischaemia"]
        assert "Tmax" in suggestions["perfusion"]
        assert not suggestions.get("haemorrhage")

        key = key_image(running, study)
        sign(running, case, [], key)
        until(landed(running, case), 120)

        held = judged(tmp_path, far)
        assert {SEGMENTATION, PARAMETRIC_MAP, COLOUR_CAPTURE, COMPREHENSIVE_3D_SR} <= set(held)
        kinds = [instance["SOPClassUID"] for instance in far.instances()]
        assert kinds.count(PARAMETRIC_MAP) == kinds.count(COLOUR_CAPTURE) == 5
        numbers = reported(held[COMPREHENSIVE_3D_SR])
        assert numbers["ASPECTS"] == {10, 8}
        volumes = [values(perfusion)[name] for name in ("core", "hypoperfused")]
        assert sorted(numbers["118565006"]) == pytest.approx(sorted(volumes), rel=1e-5)
        check_map(running, perfusion, [far.file(i["SOPInstanceUID"]) for i in far.instances()])


def key_image(running: Product, study: str) -> dict[str, Any]:
    client = running.clients["radiologist"]
    found = client.get(f"/api/v1/studies/{study}/display-sets").json()["items"][0]
    uid, number = found["frames"][10]
    return {
        "study_instance_uid": study,
        "series_instance_uid": found["series_instance_uid"],
        "sop_instance_uid": uid,
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
        "frame_number": number,
        "window_center": 40,
        "window_width": 40,
        "caption": "",
    }


def reported(path: Path) -> dict[str, set[float]]:
    """Numbers of the measurement report by the code of their concept."""
    found: dict[str, set[float]] = {}
    content = highdicom.sr.srread(path).content
    groups = [
        *content.get_image_measurement_groups(),
        *content.get_volumetric_roi_measurement_groups(),
    ]
    for group in groups:
        for measurement in group.get_measurements():
            found.setdefault(measurement.name.value, set()).add(measurement.value)
    return found


def check_map(running: Product, result: dict[str, Any], sent: list[bytes]) -> None:
    """The Tmax that came home is the Tmax on the screen, float for float."""
    layer = next(one for one in result["content"]["layers"] if one["key"] == "tmax")
    answer = running.clients["radiologist"].get(layer["url"])
    data = answer.content
    raw = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    shown = np.frombuffer(raw, "<f4").reshape(layer["shape"])
    maps = [pydicom.dcmread(pydicom.filebase.DicomBytesIO(one)) for one in sent]
    home = next(
        ds
        for ds in maps
        if ds.SOPClassUID == PARAMETRIC_MAP and ds.SeriesDescription.startswith("Tmax")
    )
    back = np.frombuffer(home.FloatPixelData, "<f4").reshape(shown.shape)
    order = np.argsort(
        [
            float(frame.PlanePositionSequence[0].ImagePositionPatient[2])
            for frame in home.PerFrameFunctionalGroupsSequence
        ]
    )
    assert np.array_equal(back[order], shown)
