"""What became of each instance of a store request (PS3.18 10.5.3, PS3.3 C.12.1.1.1)."""

import json
from dataclasses import dataclass, field
from typing import Any

from dicom_node.records import StoreOutcome, StoreResult

__all__ = ["DUPLICATE", "Report"]

OUT_OF_RESOURCES = 0xA700
DUPLICATE = 0x0111  # this UID is taken, by other content (PS3.7 C.5.5)
_KEPT_APART = 0xB000  # a warning: kept, but not visible until an administrator says so


@dataclass
class Report:
    """Gathered part by part; `status` and `body` are the answer."""

    base: str
    stored: list[StoreResult] = field(default_factory=list)
    locations: list[str] = field(default_factory=list)
    failed: list[tuple[str, str, int]] = field(default_factory=list)
    others: list[int] = field(default_factory=list)

    def add(self, result: StoreResult, location: str) -> None:
        """Note an instance that is durable; `location` is "" when it is not visible."""
        if result.outcome is StoreOutcome.CONFLICT:
            self.fail(result.sop_class_uid, result.sop_instance_uid, DUPLICATE)
        else:
            self.stored.append(result)
            self.locations.append(location)

    def fail(self, sop_class_uid: str, sop_instance_uid: str, reason: int) -> None:
        """Note a part that was not stored; without UIDs it can only be counted."""
        if sop_class_uid and sop_instance_uid:
            self.failed.append((sop_class_uid, sop_instance_uid, reason))
        else:
            self.others.append(reason)

    @property
    def is_empty(self) -> bool:
        return not (self.stored or self.failed or self.others)

    @property
    def status(self) -> int:
        """200 all stored, 202 some or with warnings, 409 none, 507 none for want of room."""
        reasons = [reason for _, _, reason in self.failed] + self.others
        if not reasons:
            return 200 if all(self.locations) else 202
        if self.stored:
            return 202
        return 507 if set(reasons) == {OUT_OF_RESOURCES} else 409

    @property
    def body(self) -> bytes:
        """The Store Instances Response Module in the DICOM JSON Model."""
        module: dict[str, Any] = {}
        places = zip(self.stored, self.locations, strict=True)
        visible = {one.study_instance_uid for one, location in places if location}
        if len(visible) == 1:
            module["00081190"] = _url(f"{self.base}/studies/{visible.pop()}")
        if self.failed:
            items = [
                _reference(sop_class, instance) | {"00081197": _reason(reason)}
                for sop_class, instance, reason in self.failed
            ]
            module["00081198"] = {"vr": "SQ", "Value": items}
        if self.stored:
            items = [_stored(*pair) for pair in zip(self.stored, self.locations, strict=True)]
            module["00081199"] = {"vr": "SQ", "Value": items}
        if self.others:
            items = [{"00081197": _reason(reason)} for reason in self.others]
            module["0008119A"] = {"vr": "SQ", "Value": items}
        return json.dumps(module, separators=(",", ":")).encode()


def _stored(result: StoreResult, location: str) -> dict[str, Any]:
    item = _reference(result.sop_class_uid, result.sop_instance_uid)
    return item | ({"00081190": _url(location)} if location else {"00081196": _reason(_KEPT_APART)})


def _reference(sop_class_uid: str, sop_instance_uid: str) -> dict[str, Any]:
    return {
        "00081150": {"vr": "UI", "Value": [sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [sop_instance_uid]},
    }


def _reason(code: int) -> dict[str, Any]:
    return {"vr": "US", "Value": [code]}


def _url(url: str) -> dict[str, Any]:
    return {"vr": "UR", "Value": [url]}
