"""The demo's studies, pushed as a scanner would, and the cases opened on them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydicom import dcmread

from dicom_node import scu
from dicom_node.errors import PeerError
from dicom_node.peers import Peer
from plugins.nouns import State
from workstation import accounts
from workstation.consult import case
from workstation.consult.rows import CaseRecord
from workstation.context import Context

__all__ = [
    "BIOPSY",
    "EMERGENCY",
    "ROUTINE",
    "STROKE",
    "PushFailed",
    "open_case",
    "push",
    "study_uids",
]

EMERGENCY: Mapping[str, Any] = {
    "area": "radiology",
    "priority": "P0",
    "consulted_site": "DEMO_HUB",
    "reason": "Đột ngột yếu nửa người phải, nói khó 50 phút trước; GCS 13; HA 190/100.",
    "questions": [
        "Có xuất huyết nội sọ không? Vị trí và thể tích?",
        "Có chỉ định chuyển tuyến khẩn cấp hay can thiệp không?",
    ],
    "clinical": {"history": "Tăng huyết áp 10 năm, điều trị không đều."},
    "consent_basis": "emergency_art61",
    "share_scope": "expert",
    "requesting_department": "Khoa Cấp cứu",
}
STROKE: Mapping[str, Any] = {
    "area": "radiology",
    "priority": "P0",
    "consulted_site": "DEMO_HUB",
    "reason": "Liệt nửa người phải, nói ngọng 2 giờ trước; NIHSS 14; HA 160/90; rung nhĩ.",
    "questions": [
        "Có nhồi máu sớm không? ASPECTS bao nhiêu điểm?",
        "Tưới máu: thể tích lõi và vùng giảm tưới máu?",
    ],
    "clinical": {"history": "Rung nhĩ, chưa dùng chống đông.", "nihss": "14"},
    "consent_basis": "emergency_art61",
    "share_scope": "expert",
    "requesting_department": "Khoa Cấp cứu",
}
ROUTINE: Mapping[str, Any] = {
    "area": "radiology",
    "priority": "P3",
    "consulted_site": "DEMO_HUB",
    "reason": "Headache for three weeks, no neurological deficit.",
    "questions": ["Is there an intracranial mass or haemorrhage?"],
    "clinical": {"history": "No known illness."},
    "consent_basis": "written",
    "share_scope": "expert",
    "requesting_department": "Internal Medicine",
}
BIOPSY: Mapping[str, Any] = {
    "area": "pathology",
    "priority": "PP",
    "consulted_site": "DEMO_HUB",
    "reason": "Đại tiện ra máu 2 tháng; nội soi: polyp 8 mm đại tràng sigma, sinh thiết 3 mảnh.",
    "questions": [
        "Có loạn sản không, độ thấp hay độ cao? Ở mảnh nào?",
        "Có cần cắt thêm lát hay nhuộm thêm không?",
    ],
    "clinical": {"history": "Mẹ mắc ung thư đại trực tràng ở tuổi 61."},
    "consent_basis": "written",
    "share_scope": "expert",
    "requesting_department": "Khoa Giải phẫu bệnh",
}


class PushFailed(Exception):
    """Our own node did not take what the demo sent."""


def push(
    node: Peer, calling_ae: str, files: Sequence[Path], progress: Callable[[int], None]
) -> None:
    """C-STORE `files` to `node`.

    Raises
    ------
    PushFailed
    """
    sent = 0

    def count(result: scu.SendResult) -> None:
        nonlocal sent
        sent += 1
        progress(sent)

    try:
        results = scu.store(node, calling_ae, files, progress=count)
    except PeerError as error:
        raise PushFailed(str(error)) from error
    failed = [result for result in results if not result.stored]
    if len(failed) == len(files):
        raise PushFailed(failed[0].error if failed else "nothing was sent")


def study_uids(files: Sequence[Path]) -> list[str]:
    """The studies the files belong to, in the order of the files."""
    found = {
        str(dcmread(path, specific_tags=["StudyInstanceUID"]).get("StudyInstanceUID", "")): None
        for path in files
    }
    return [uid for uid in found if uid]


def open_case(
    context: Context, username: str, study_instance_uid: str, request: Mapping[str, Any]
) -> CaseRecord:
    """Send the request for a consult on a study, unless that was done before."""
    principal = accounts.principal_of(context, username)
    for view in case.list_cases(context, principal, study_instance_uid=study_instance_uid).rows:
        if view.record.state is not State.DRAFT:
            return view.record
    return case.create(
        context,
        principal,
        {**request, "study_instance_uids": [study_instance_uid]},
        submit=True,
    )
