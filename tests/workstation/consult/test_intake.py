"""Studies in the archive become cases, once, whatever happens in between."""

from sqlalchemy import select

from dicom_node.records import Channel, Origin, StoreOutcome
from plugins.nouns import State
from tests.factories import ct_series, file_bytes, from_site
from tests.workstation.conftest import Clock
from workstation import audit
from workstation.consult import intake
from workstation.consult.intake import complete_quiet_studies, take_in
from workstation.context import Context
from workstation.database import audit_events, case_studies, cases, step_runs


def push(context: Context, count: int, site: str | None = "DEMO_A") -> str:
    datasets = ct_series(count)
    for dataset in datasets:
        context.archive.store_bytes(file_bytes(dataset), from_site(site))
    return str(datasets[0].StudyInstanceUID)


def rows(context: Context, table: object) -> list[object]:
    with context.database.read() as connection:
        return list(connection.execute(select(table)))


def test_a_study_nobody_asked_about_is_a_draft_of_its_site(context: Context) -> None:
    study = push(context, 3)
    assert take_in(context) == 3
    (case,) = rows(context, cases)
    assert (case.state, case.requesting_site, case.requester) == (State.DRAFT, "DEMO_A", None)
    (attached,) = rows(context, case_studies)
    assert (attached.study_instance_uid, attached.instance_count) == (study, 3)


def test_counts_grow_while_images_come(context: Context) -> None:
    datasets = ct_series(4)
    for number, dataset in enumerate(datasets, start=1):
        context.archive.store_bytes(file_bytes(dataset), from_site("DEMO_A"))
        assert take_in(context) == 1
        assert [row.instance_count for row in rows(context, case_studies)] == [number]
    assert len(rows(context, cases)) == 1


def test_a_batch_read_twice_changes_nothing(context: Context) -> None:
    push(context, 3)
    take_in(context)
    with context.database.begin() as connection:
        intake._advance(connection, 0)  # as after a crash before the cursor was written
    take_in(context)
    assert len(rows(context, cases)) == 1
    assert [row.instance_count for row in rows(context, case_studies)] == [3]


def test_steps_are_due_once_the_study_is_quiet(context: Context, clock: Clock) -> None:
    study = push(context, 2)
    take_in(context)
    clock.move(seconds=context.settings.quiet_seconds - 1)
    assert complete_quiet_studies(context) == []
    assert rows(context, step_runs) == []
    clock.move(seconds=2)
    assert complete_quiet_studies(context) == [study]
    planned = rows(context, step_runs)
    assert planned
    assert {(run.study_instance_uid, run.state) for run in planned} == {(study, "due")}
    assert complete_quiet_studies(context) == []


def test_late_images_make_the_steps_due_again(context: Context, clock: Clock) -> None:
    first, second = ct_series(2)
    for dataset in (first, second):
        context.archive.store_bytes(file_bytes(dataset), from_site("DEMO_A"))
        take_in(context)
        clock.move(seconds=context.settings.quiet_seconds + 1)
        complete_quiet_studies(context)
    runs = rows(context, step_runs)
    assert len({run.content_key for run in runs}) == 2


def test_quarantined_instances_make_no_case(context: Context) -> None:
    (dataset,) = ct_series(1)
    result = context.archive.store_bytes(file_bytes(dataset), from_site(None))
    assert result.outcome is StoreOutcome.QUARANTINED
    assert take_in(context) == 1
    assert rows(context, cases) == []
    assert rows(context, audit_events)[-1].event == audit.AuditEvent.QUARANTINE


def test_our_own_objects_are_no_new_images(context: Context) -> None:
    (dataset,) = ct_series(1)
    own = Origin("DEMO_A", context.settings.ae_title, channel=Channel.LOCAL)
    context.archive.store_bytes(file_bytes(dataset), own)
    assert take_in(context) == 1
    assert rows(context, cases) == []


def test_received_studies_are_in_the_audit_without_names(context: Context) -> None:
    study = push(context, 3)
    take_in(context)
    recorded = [row for row in rows(context, audit_events) if row.event == "instances received"]
    assert [row.subject["instances"] for row in recorded] == [3]
    assert recorded[0].subject["study"] == study
    assert audit.verify(context) is None
