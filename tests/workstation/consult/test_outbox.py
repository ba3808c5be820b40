"""A signed opinion comes home, to PACS that are not ours."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest
from sqlalchemy import select

from dicom_node.errors import NotFound
from dicom_node.peers import Peer
from plugins.nouns import Opinion, State
from tests.certificates import Authority
from tests.peers import dcmqrscp, free_ports, orthanc, storescp
from tests.workstation.cases import arrive, brought_to, signed
from tests.workstation.conftest import Clock
from workstation import access, sites
from workstation.accounts import Principal
from workstation.consult import case as cases
from workstation.consult import outbox
from workstation.consult.outbox import deliver, due_deliveries
from workstation.context import Context
from workstation.database import ae_titles, deliveries
from workstation.roles import SYSTEM

People = dict[str, Principal]


def receives(context: Context, peer: Peer) -> None:
    """Let the asking hospital's results go to `peer`."""
    sites.add_ae_title(
        context,
        SYSTEM,
        "DEMO_A",
        ae_title=peer.ae_title,
        host=peer.host,
        port=peer.port,
        sends=False,
        receives=True,
    )


def opinion_signed(context: Context, people: People) -> tuple[str, Opinion]:
    case = brought_to(context, people, State.READING)
    return case.id, signed(context, people, case)


def rows(context: Context) -> list[Any]:
    with context.database.read() as connection:
        return list(connection.execute(select(deliveries).order_by(deliveries.c.exporter)))


def deliver_all(context: Context) -> set[str]:
    """Work off what is due; a peer that promised a report and stays silent is asked itself."""
    states = _deliver_due(context)
    if "sent" in states:
        context.clock.move(seconds=outbox.REPORT_SECONDS + 1)  # type: ignore[attr-defined]
        states = _deliver_due(context)
    return states


def _deliver_due(context: Context) -> set[str]:
    # None: no row any more, as for key images of an opinion without any.
    return {deliver(context, row) for row in due_deliveries(context)} - {None}  # type: ignore[return-value]


def test_orthanc_gets_every_object_and_is_asked_for_them(
    context: Context, people: People, tmp_path: Path
) -> None:
    with orthanc(tmp_path / "orthanc") as far:
        receives(context, far.peer)
        case_id, opinion = opinion_signed(context, people)
        assert deliver_all(context)
        landed = rows(context)
        assert {row.state for row in landed} == {"landed"}
        # It promises to report, and then does so only to AEs it knows.
        assert {row.proof for row in landed} == {"query"}
        held = far.instances()
    study = cases.get(context, people["requester.a"], case_id).study_instance_uids[0]
    assert {one["StudyInstanceUID"] for one in held} == {study}
    assert {one["Modality"] for one in held} == {"SR", "DOC"}
    sent = {o["sop_instance_uid"] for row in landed for o in row.objects}
    assert {one["SOPInstanceUID"] for one in held} == sent
    assert cases.get(context, people["requester.a"], case_id).state is State.DELIVERED
    assert opinion.version == 1


def test_an_opinion_comes_home_inside_mutual_tls(
    context: Context, people: People, clock: Clock, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "certificates")
    us, server = authority.issue("us", "hoichan.example"), authority.issue("server")
    settings = replace(context.settings, dicom_tls_certificate=us.certificate, dicom_tls_key=us.key)
    context = replace(context, settings=settings)
    with orthanc(tmp_path / "orthanc", identity=server, authority=authority) as far:
        receives(context, far.peer)
        sites.change_ae_title(context, SYSTEM, "DEMO_A", far.peer.ae_title, tls=True)
        case_id, _ = opinion_signed(context, people)
        assert deliver_all(context) == {"due"}
        assert {row.last_error["vi"].split(": ")[-1] for row in rows(context)} == {
            "chứng chỉ không do CA được tin cậy ở đây ký."
        }
        pinned = server.certificate.read_text()
        sites.change_ae_title(context, SYSTEM, "DEMO_A", far.peer.ae_title, tls_pinned=pinned)
        clock.move(seconds=15)
        assert deliver_all(context) == {"landed"}
        assert {one["Modality"] for one in far.instances()} == {"SR", "DOC"}
    assert cases.get(context, people["requester.a"], case_id).state is State.DELIVERED


def test_a_pacs_that_is_down_gets_it_later(
    context: Context, people: People, clock: Clock, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    receives(context, Peer("QRSCP", "127.0.0.1", port))
    case_id, _ = opinion_signed(context, people)
    assert deliver_all(context) == {"due"}
    waiting = rows(context)
    assert all("không kết nối được" in row.last_error["vi"] for row in waiting)
    assert all("No connection" in row.last_error["en"] for row in waiting)
    assert due_deliveries(context) == []  # not before its hour
    assert cases.get(context, people["requester.a"], case_id).state is State.FINAL
    with dcmqrscp(tmp_path / "qr") as peer:
        sites.change_ae_title(context, SYSTEM, "DEMO_A", "QRSCP", host=peer.host, port=peer.port)
        clock.move(seconds=15)
        assert deliver_all(context) == {"landed"}
    assert cases.get(context, people["requester.a"], case_id).state is State.DELIVERED


def test_sent_twice_is_landed_once(
    context: Context, people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a crash between sending and writing it down: the same objects go again."""
    with orthanc(tmp_path / "orthanc") as far:
        receives(context, far.peer)
        opinion_signed(context, people)
        with monkeypatch.context() as patched:
            patched.setattr(outbox, "_save", lambda *_: None)  # the power goes before the commit
            deliver_all(context)
        first = {one["SOPInstanceUID"] for one in far.instances()}
        assert first
        outbox.free_leases(context)
        assert deliver_all(context) == {"landed"}
        assert {one["SOPInstanceUID"] for one in far.instances()} == first


def test_a_peer_that_proves_nothing_is_not_called_landed(
    context: Context, people: People, tmp_path: Path
) -> None:
    with storescp(tmp_path / "in") as peer:
        receives(context, peer)
        case_id, _ = opinion_signed(context, people)
        assert "landed" not in deliver_all(context)
        assert any((tmp_path / "in").iterdir())
    assert all("neither commits" in row.last_error["en"] for row in rows(context))
    assert cases.get(context, people["requester.a"], case_id).state is State.FINAL


def test_what_a_site_refuses_is_known_and_the_rest_lands(
    context: Context, people: People, tmp_path: Path
) -> None:
    # dcmqrscp of DCMTK 3.6.7 knows no Comprehensive 3D SR.
    with dcmqrscp(tmp_path / "qr") as peer:
        receives(context, peer)
        case_id, _ = opinion_signed(context, people)
        deliver_all(context)
        with context.database.read() as connection:
            query = select(ae_titles.c.capabilities).where(ae_titles.c.ae_title == peer.ae_title)
            capabilities = connection.scalar(query)
    by_exporter = {row.exporter: row for row in rows(context)}
    assert by_exporter["pdf"].state == "landed"
    assert capabilities[pydicom.uid.EncapsulatedPDFStorage] is True
    for row in by_exporter.values():
        assert row.state in ("landed", "refused"), row.last_error
    assert cases.get(context, people["requester.a"], case_id).state is State.DELIVERED


def test_without_a_receiving_ae_it_waits_for_one(
    context: Context, people: People, tmp_path: Path
) -> None:
    opinion_signed(context, people)
    assert deliver_all(context) == {"due"}
    assert all("no receiving AE" in row.last_error["en"] for row in rows(context))
    with orthanc(tmp_path / "orthanc") as far:
        receives(context, far.peer)
        assert deliver_all(context) == {"landed"}


def test_no_two_workers_take_the_same_row(context: Context, people: People) -> None:
    opinion_signed(context, people)
    first = due_deliveries(context)[0]
    assert outbox._lease(context, first) is not None
    assert deliver(context, first) is None
    assert first not in due_deliveries(context)


def test_arrived_study_keeps_its_site(context: Context, people: People, tmp_path: Path) -> None:
    """What we keep of an opinion is in the asking site's study: its people see it, others not."""
    study = arrive(context)
    assert study.site == "DEMO_A"
    with orthanc(tmp_path / "orthanc") as far:
        receives(context, far.peer)
        opinion_signed(context, people)
        deliver_all(context)
    sent = [o["sop_instance_uid"] for row in rows(context) for o in row.objects]
    own = access.read_scope(context, people["requester.a"])
    other = access.read_scope(context, people["requester.b"])
    for uid in sent:
        assert context.archive.instance(uid, scope=own)
        with pytest.raises(NotFound):
            context.archive.instance(uid, scope=other)
