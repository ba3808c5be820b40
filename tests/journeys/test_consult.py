"""One study all the way, with nobody's own code on the far sides."""

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from dicom_node.peers import Peer
from tests.peers import Orthanc, orthanc, run_dcmtk
from tests.product import PASSWORD, Product, product

pytestmark = pytest.mark.journey

T = TypeVar("T")

FINDINGS = "Ổ giảm tỷ trọng thái dương – chẩm trái, không thấy chảy máu."
ANSWER = "Nhồi máu vùng động mạch não sau trái, đã qua giai đoạn tối cấp."


def until(what: Callable[[], T | None], seconds: float = 240) -> T:
    """Ask until there is an answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = what()
        if answer:
            return answer
        time.sleep(0.2)
    raise AssertionError(f"nothing within {seconds} s")


def push(running: Product, folder: Path, calling: str) -> None:
    """DCMTK's storescu sends a folder, as a modality would."""
    node = running.node
    sent = run_dcmtk(
        "storescu",
        "-aet",
        calling,
        "-aec",
        node.ae_title,
        "+sd",
        "+r",
        node.host,
        node.port,
        folder,
    )
    assert sent.returncode == 0, sent.stderr


def draft_case(running: Product, count: int) -> dict[str, Any]:
    """The draft that the pushed study became, once all its images are counted."""

    def look() -> dict[str, Any] | None:
        items = running.clients["requester.a"].get("/api/v1/cases").json()["items"]
        return next((c for c in items if c["instance_count"] == count), None)

    return until(look)


def ask(running: Product, study: str) -> dict[str, Any]:
    answer = running.clients["requester.a"].post(
        "/api/v1/cases",
        json={
            "area": "radiology",
            "priority": "P1",
            "consulted_site": "DEMO_HUB",
            "study_instance_uids": [study],
            "reason": "Liệt nửa người phải, nói khó",
            "questions": ["Có nhồi máu không, vùng nào?", "Có chảy máu không?"],
            "clinical": {"history": "Tăng huyết áp", "local_dx": "Đột quỵ"},
            "consent_basis": "written",
            "share_scope": "expert",
            "requesting_department": "Cấp cứu",
            "submit": True,
        },
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def measure(running: Product, case_id: str, study: str) -> dict[str, Any]:
    """A length of 30 mm along the row of the middle slice, in patient millimetres."""
    client = running.clients["radiologist"]
    display_set = client.get(f"/api/v1/studies/{study}/display-sets").json()["items"][0]
    uid, _ = display_set["frames"][len(display_set["frames"]) // 2]
    series = display_set["series_instance_uid"]
    where = f"/dicom-web/studies/{study}/series/{series}/instances/{uid}/metadata"
    header = client.get(where, headers={"Accept": "application/dicom+json"}).json()[0]
    x, y, z = header["00200032"]["Value"]
    cosines = header["00200037"]["Value"][:3]
    start = [x + 100 * cosines[0], y + 100 * cosines[1], z + 100 * cosines[2]]
    end = [c + 30 * d for c, d in zip(start, cosines, strict=True)]
    answer = client.post(
        f"/api/v1/cases/{case_id}/annotations",
        json={
            "kind": "length",
            "study_instance_uid": study,
            "series_instance_uid": series,
            "sop_instance_uid": uid,
            "sop_class_uid": header["00080016"]["Value"][0],
            "frame_number": 1,
            "frame_of_reference_uid": header["00200052"]["Value"][0],
            "points_mm": [start, end],
            "text": "ổ giảm tỷ trọng",
            "measurements": [{"name": "length", "value": 30.0, "unit": "mm"}],
            "origin": {"view": "stack"},
        },
    )
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


def sign(running: Product, case_id: str, annotation_ids: list[str], key: dict[str, Any]) -> Any:
    client = running.clients["radiologist"]
    assert client.post(f"/api/v1/cases/{case_id}/start", json={}).status_code == 200
    draft = client.get(f"/api/v1/cases/{case_id}/draft").json()
    content = {
        **draft["content"],
        "sections": {s["key"]: FINDINGS for s in draft["template"]["sections"]},
        "answers": {q["id"]: ANSWER for q in draft["questions"]},
        "annotation_ids": annotation_ids,
        "key_images": [key],
        "concordance": "concordant",
        "transfer": "none",
    }
    saved = client.put(
        f"/api/v1/cases/{case_id}/draft", json={"content": content, "revision": draft["revision"]}
    )
    assert saved.status_code == 200, saved.text
    body = {
        "kind": "final",
        "password": PASSWORD,
        "draft_revision": saved.json()["revision"],
        "results": {one["id"]: one["content_hash"] for one in draft["results"]},
    }
    answer = client.post(f"/api/v1/cases/{case_id}/opinions", json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def landed(running: Product, case_id: str) -> Callable[[], list[dict[str, Any]] | None]:
    def look() -> list[dict[str, Any]] | None:
        where = f"/api/v1/cases/{case_id}/deliveries"
        items = running.clients["requester.a"].get(where).json()["items"]
        return items if items and {i["state"] for i in items} == {"landed"} else None

    return look


def judged(folder: Path, far: Orthanc) -> dict[str, Path]:
    """What Orthanc holds, as files that both judges found clean; by SOP Class."""
    found = {}
    for held in far.instances():
        file = folder / f"{held['SOPInstanceUID']}.dcm"
        file.write_bytes(far.file(held["SOPInstanceUID"]))
        verdict = subprocess.run(
            ["dciodvfy", "-new", str(file)], capture_output=True, text=True, check=False
        )
        errors = [line for line in verdict.stderr.splitlines() if line.startswith("Error")]
        assert errors == [], held["SOPClassUID"]
        found[held["SOPClassUID"]] = file
    return found


COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"
BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
KEY_OBJECT = "1.2.840.10008.5.1.4.1.1.88.59"


def test_pushed_asked_signed_and_landed(tmp_path: Path, test_data: Path) -> None:
    study_folder = test_data / "ct_head" / "ge_tilt_infarct"
    with (
        orthanc(tmp_path / "orthanc", ae_title="PACS_A") as far,
        product(tmp_path / "data", {"DEMO_A": far.peer}) as running,
    ):
        push(running, study_folder, "DEMO_A")
        draft = draft_case(running, 28)
        (study,) = draft["study_instance_uids"]
        case = ask(running, study)
        assert case["id"] == draft["id"]  # the same consult, not a second one

        # Hospital B does not learn that the patient exists, by any door.
        stranger = running.clients["requester.b"]
        for door in (
            f"/api/v1/cases/{case['id']}",
            f"/api/v1/studies/{study}",
            f"/dicom-web/studies/{study}/metadata",
            f"/viewer?case={case['id']}",
        ):
            assert stranger.get(door).status_code == 404, door
        assert stranger.get(f"/dicom-web/studies?StudyInstanceUID={study}").status_code == 204

        mark = measure(running, case["id"], study)
        key = {
            **{k: mark[k] for k in ("study_instance_uid", "series_instance_uid")},
            **{k: mark[k] for k in ("sop_instance_uid", "sop_class_uid", "frame_number")},
            **{"window_center": 40, "window_width": 80, "caption": "ổ nhồi máu"},
        }
        opinion = sign(running, case["id"], [mark["id"]], key)
        assert len(opinion["content_hash"]) == 64
        until(landed(running, case["id"]))
        requester = running.clients["requester.a"]
        until(lambda: requester.get(f"/api/v1/cases/{case['id']}").json()["state"] == "delivered")
        assert {one["StudyInstanceUID"] for one in far.instances()} == {study}
        files = judged(tmp_path, far)

    assert set(files) == {COMPREHENSIVE_3D_SR, BASIC_TEXT_SR, ENCAPSULATED_PDF, KEY_OBJECT}
    for sop_class in (COMPREHENSIVE_3D_SR, BASIC_TEXT_SR, KEY_OBJECT):
        dump = run_dcmtk("dsrdump", "+Pl", files[sop_class])
        assert dump.returncode == 0, dump.stderr
        if sop_class == BASIC_TEXT_SR:
            assert FINDINGS in dump.stdout
            assert ANSWER in dump.stdout
        if sop_class == COMPREHENSIVE_3D_SR:
            assert re.search(r'NUM:.*Length.*="30(\.0+)?"', dump.stdout), dump.stdout
    pdf = tmp_path / "opinion.pdf"
    assert run_dcmtk("dcm2pdf", files[ENCAPSULATED_PDF], pdf).returncode == 0
    text = subprocess.run(["pdftotext", str(pdf), "-"], capture_output=True, text=True, check=True)
    words = " ".join(text.stdout.split())
    assert FINDINGS in words
    assert ANSWER in words


def test_a_kill_between_signing_and_sending_neither_loses_nor_doubles(
    tmp_path: Path, test_data: Path, deaf_port: int
) -> None:
    study_folder = test_data / "ct_head" / "ge_tilt_infarct"
    absent = Peer("PACS_A", "127.0.0.1", deaf_port)  # when the opinion is signed
    with product(tmp_path / "data", {"DEMO_A": absent}) as running:
        push(running, study_folder, "DEMO_A")
        draft = draft_case(running, 28)
        (study,) = draft["study_instance_uids"]
        case = ask(running, study)
        mark = measure(running, case["id"], study)
        key = {k: mark[k] for k in ("study_instance_uid", "series_instance_uid")}
        key |= {k: mark[k] for k in ("sop_instance_uid", "sop_class_uid", "frame_number")}
        sign(running, case["id"], [mark["id"]], key)
        running.kill()
        with orthanc(tmp_path / "orthanc", ae_title="PACS_A") as far:
            running.start()
            admin = running.clients["admin"]
            where = {"host": far.peer.host, "port": far.peer.port}
            moved = admin.patch("/api/v1/sites/DEMO_A/ae-titles/PACS_A", json=where)
            assert moved.status_code == 200, moved.text
            for item in (
                running.clients["requester.a"]
                .get(f"/api/v1/cases/{case['id']}/deliveries")
                .json()["items"]
            ):
                running.clients["coordinator"].post(
                    f"/api/v1/cases/{case['id']}/deliveries/{item['id']}/retry"
                )
            until(landed(running, case["id"]))
            once = sorted(one["SOPInstanceUID"] for one in far.instances())
            running.kill()
            running.start()
            time.sleep(5)
            assert sorted(one["SOPInstanceUID"] for one in far.instances()) == once
            assert len(once) == 4
