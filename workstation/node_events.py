"""What the DICOM listener tells us: to audit, and to the deliveries that wait for a report."""

from dicom_node import CommitmentReported, InstancesSent, NodeEvent, Queried
from workstation import audit
from workstation.audit import AuditEvent
from workstation.context import Context
from workstation.roles import SYSTEM

__all__ = ["take_event"]


def take_event(context: Context, event: NodeEvent) -> None:
    """Act on one event; when this returns, it is on record."""
    match event:
        case CommitmentReported():
            # Not before: what writes reports weighs more than all the listener needs.
            from workstation.consult.outbox import record_commitment

            record_commitment(context, event.report)
        case InstancesSent():
            with context.database.begin() as connection:
                audit.record(
                    connection,
                    AuditEvent.INSTANCES_SENT,
                    SYSTEM,
                    at=context.clock(),
                    study=event.study_instance_uid,
                    instances=event.count,
                    ae_title=event.calling_ae,
                    peer_host=event.host,
                    destination=event.destination_ae,
                )
        case Queried():
            with context.database.begin() as connection:
                audit.record(
                    connection,
                    AuditEvent.QUERY,
                    SYSTEM,
                    at=context.clock(),
                    level=event.level,
                    matches=event.count,
                    ae_title=event.calling_ae,
                    peer_host=event.host,
                )
