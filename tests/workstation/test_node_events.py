"""Events of the DICOM listener end in the audit log."""

import pytest

from dicom_node import CommitmentReported, InstancesSent, NodeEvent, Queried
from dicom_node.scu import CommitmentReport
from workstation import audit
from workstation.context import Context
from workstation.node_events import take_event
from workstation.roles import SYSTEM


@pytest.mark.parametrize(
    ("event", "name", "subject"),
    [
        (
            InstancesSent("DEMO_A", "10.0.0.1", "PACS_A", "1.2.3", 28),
            "instances sent",
            {
                "study": "1.2.3",
                "instances": 28,
                "ae_title": "DEMO_A",
                "peer_host": "10.0.0.1",
                "destination": "PACS_A",
            },
        ),
        (
            Queried("DEMO_A", "10.0.0.1", "STUDY", 2),
            "query",
            {"level": "STUDY", "matches": 2, "ae_title": "DEMO_A", "peer_host": "10.0.0.1"},
        ),
    ],
)
def test_queries_and_retrievals_are_audited(
    context: Context, event: NodeEvent, name: str, subject: dict[str, object]
) -> None:
    take_event(context, event)
    row = next(row for row in audit.list_events(context, SYSTEM) if row.event == name)
    assert row.subject == subject
    assert audit.verify(context) is None


def test_a_report_nobody_waits_for_is_harmless(context: Context) -> None:
    report = CommitmentReport("1.2.3", frozenset({"1.2"}), {})
    take_event(context, CommitmentReported("DEMO_A", "10.0.0.1", report))
