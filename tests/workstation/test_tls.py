"""TLS as an installation configures it: settings, AE titles, commands, doctor."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dicom_node import scu
from dicom_node.errors import TlsFailed
from dicom_node.node import Node
from dicom_node.peers import Peer
from dicom_node.tls import ClientTls, ServerTls, TlsProblem
from tests.certificates import Authority, Identity
from tests.factories import ct_image, file_bytes, open_archive, running_node
from tests.peers import free_ports, storescp
from workstation import audit, cli, sites
from workstation.audit import AuditEvent
from workstation.certificates import examined
from workstation.commands.parts import with_free_dicom_ports
from workstation.context import Context
from workstation.doctor import findings
from workstation.errors import InvalidRequest
from workstation.peers import explain
from workstation.roles import SYSTEM
from workstation.settings import Settings, SettingsError
from workstation.sites import SitePeers
from workstation.supervisor import Part, Supervisor


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Identity:
    return authority.issue("server")


@pytest.fixture
def settings(tmp_path: Path, server: Identity) -> Settings:
    plain, secure = free_ports(2)
    return Settings(
        data=tmp_path / "data",
        dicom_host="127.0.0.1",
        dicom_port=plain,
        dicom_tls_port=secure,
        dicom_tls_certificate=server.certificate,
        dicom_tls_key=server.key,
        minimum_free_bytes=0,
    )


@pytest.fixture
def node(tmp_path: Path, server: Identity) -> Iterator[Node]:
    tls = ServerTls(0, server.certificate, server.key)
    with open_archive(tmp_path / "archive") as archive, running_node(archive, tls=tls) as running:
        yield running


def test_an_ae_is_called_as_its_row_says(context: Context, authority: Authority) -> None:
    pem = authority.certificate.read_text()
    values = {"host": "10.0.0.5", "port": 2762}
    sites.add_ae_title(context, SYSTEM, "DEMO_A", ae_title="PACS_A", tls=True, **values)
    peers = SitePeers(context)
    assert peers.destination("PACS_A") == Peer("PACS_A", "10.0.0.5", 2762, ClientTls())
    changed = sites.change_ae_title(context, SYSTEM, "DEMO_A", "PACS_A", tls_pinned=f"\n{pem}\n")
    assert changed.tls
    assert changed.tls_pinned == pem.strip()
    found = peers.destination("PACS_A")
    assert found is not None
    assert found.tls == ClientTls(pinned=pem.strip())
    told = audit.list_events(context, SYSTEM, event=AuditEvent.CONFIGURATION_CHANGED)[0]
    assert len(told.subject["tls_pinned"]) == 64, "the hash, not the certificate"
    sites.change_ae_title(context, SYSTEM, "DEMO_A", "PACS_A", tls=False)
    assert peers.destination("PACS_A") == Peer("PACS_A", "10.0.0.5", 2762)


def test_what_is_no_certificate_is_not_pinned(
    context: Context, server: Identity, authority: Authority
) -> None:
    both = server.key.read_text() + server.certificate.read_text()
    for text, code in (
        ("nonsense", "invalid_certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "invalid_certificate"),
        ("chứng chỉ", "invalid_certificate"),
        (authority.certificate.read_text() * 100, "invalid_certificate"),
        (server.key.read_text(), "private_key_given"),
        (both, "private_key_given"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            sites.add_ae_title(context, SYSTEM, "DEMO_A", ae_title="X", tls_pinned=text)
        assert caught.value.code == code


def test_an_echo_says_what_is_wrong_with_the_certificate(
    context: Context, authority: Authority, tmp_path: Path
) -> None:
    day = timedelta(days=1)
    expired = authority.issue("expired", begins=-3 * day, ends=-day)
    options = ["+tls", str(expired.key), str(expired.certificate), "-ic"]
    with storescp(tmp_path / "in", *options, "+cf", str(authority.certificate)) as far:
        sites.add_ae_title(
            context,
            SYSTEM,
            "DEMO_A",
            ae_title="CT_A",
            host=far.host,
            port=far.port,
            tls=True,
            tls_pinned=authority.certificate.read_text(),
        )
        told = sites.echo(context, SYSTEM, "DEMO_A", "CT_A")
    assert not told.answered
    assert "hết hạn" in told.message.vi
    assert "expired" in told.message.en


@pytest.mark.parametrize("problem", TlsProblem)
def test_every_problem_is_told_in_vietnamese(problem: TlsProblem) -> None:
    peer = Peer("CT_A", "10.0.0.5", 2762, ClientTls())
    said = explain(TlsFailed(f"No TLS with {peer}: {problem}.", problem), peer)
    assert "TLS:" in said.vi
    assert str(problem) not in said.vi
    assert str(problem) in said.en


def said(settings: Settings, now: datetime | None = None) -> list[tuple[bool, bool, str, str]]:
    return [(one.good, one.warning, one.text.vi, one.text.en) for one in examined(settings, now)]


def test_doctor_looks_at_certificates(
    settings: Settings, server: Identity, authority: Authority, tmp_path: Path
) -> None:
    ((good, _, vi, en),) = said(settings)
    assert good
    assert "còn hiệu lực đến" in vi
    assert "is valid until" in en
    now, day = datetime.now(UTC), timedelta(days=1)
    for when, warning, vietnamese, english in (
        (now + 100 * day, False, "đã hết hạn", "expired on"),
        (now - 40 * day, False, "chỉ có hiệu lực từ", "valid only from"),
        (now + 80 * day, True, "sắp hết hạn", "expires soon"),
    ):
        ((good, warned, vi, en),) = said(settings, when)
        assert (good, warned) == (False, warning)
        assert vietnamese in vi
        assert english in en
    assert list(examined(Settings())) == []
    other = authority.issue("other")
    locked = tmp_path / "locked.pem"
    locked.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n")
    for changes, vietnamese, english in (
        ({"dicom_tls_certificate": tmp_path / "no.crt"}, "không đọc được", "cannot be read"),
        ({"dicom_tls_key": other.key}, "không phải khóa của", "is not the key"),
        ({"dicom_tls_key": locked}, "locked.pem không phải tệp PEM", "locked.pem is no PEM"),
        ({"dicom_tls_key": None}, "không phải tệp PEM", "is no PEM"),
        ({"dicom_tls_client_ca": server.key}, "không phải tệp PEM", "is no PEM"),
        ({"dicom_tls_ca": tmp_path}, "không đọc được", "cannot be read"),
        ({"dicom_tls_certificate": None}, "cổng TLS không mở", "there is no TLS port"),
    ):
        ((good, warned, vi, en),) = said(replace(settings, **changes))  # type: ignore[arg-type]
        assert (good, warned) == (False, False)
        assert vietnamese in vi
        assert english in en


def test_a_start_says_what_cannot_be_used(settings: Settings, authority: Authority) -> None:
    assert with_free_dicom_ports(settings) == settings
    assert with_free_dicom_ports(replace(settings, dicom_tls_port=0)).dicom_tls_port > 0
    with pytest.raises(SettingsError, match="is not the key"):
        with_free_dicom_ports(replace(settings, dicom_tls_key=authority.issue("else").key))
    with pytest.raises(SettingsError, match="--dicom-tls-port"):
        with_free_dicom_ports(replace(settings, dicom_tls_port=settings.dicom_port))


def test_the_running_node_answers_and_doctor_knows_it(
    settings: Settings, authority: Authority
) -> None:
    supervisor = Supervisor(settings, [Part("node", "node")])
    supervisor.start()
    try:
        assert supervisor.wait_ready(60)
        tls = ClientTls(ca=authority.certificate)
        us = Peer("HOICHAN", "127.0.0.1", settings.dicom_tls_port, tls)
        assert scu.echo(us, "TEST") > 0
        texts = [one.text.en for one in findings(settings) if one.good]
        assert f"We answer on DICOM TLS port {settings.dicom_tls_port}." in texts
    finally:
        supervisor.end()
    texts = [one.text.en for one in findings(settings) if one.good]
    assert f"DICOM TLS port {settings.dicom_tls_port} is free." in texts


@pytest.mark.parametrize("trust", ["--tls-ca", "--tls-pin"])
def test_push_inside_tls(
    node: Node, authority: Authority, server: Identity, tmp_path: Path, trust: str
) -> None:
    image = tmp_path / "image.dcm"
    image.write_bytes(file_bytes(ct_image()))
    to = ["--to", f"127.0.0.1:{node.tls_port}", "--called", "HOICHAN", "--calling", "DEMO_A"]
    push = ["push", str(image), *to]
    assert cli.run([*push, "--tls"]) == 1, "the system knows no such CA"
    assert cli.run(push) == 1, "in clear nobody answers"
    file = authority.certificate if trust == "--tls-ca" else server.certificate
    assert cli.run([*push, trust, str(file)]) == 0
    assert cli.run([*push, trust, str(tmp_path / "absent")]) == 2
    assert cli.run([*push, trust, str(image)]) == 2


def test_an_ae_inside_tls_by_command(
    authority: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(tmp_path / "data")]
    assert cli.run(["site", "add", "BVA", "--name", "A", "--tier", "lower", *data]) == 0
    pin = ["--tls-pin", str(authority.certificate)]
    assert cli.run(["site", "ae", "BVA", "PACS_A", "--to", "10.0.0.5:2762", *pin, *data]) == 0
    assert cli.run(["site", "list", *data]) == 0
    assert "PACS_A@10.0.0.5:2762 (TLS)" in capsys.readouterr().out
