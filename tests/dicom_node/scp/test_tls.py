"""Associations inside TLS: DCMTK and Orthanc on the other side, and those who mean no good."""

import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import build_context, build_role, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet as GET

from dicom_node import scu
from dicom_node.archive import Archive, Query
from dicom_node.errors import TlsFailed
from dicom_node.node import Node
from dicom_node.peers import Peer
from dicom_node.scu.association import associate
from dicom_node.tls import ClientTls, ServerTls, TlsProblem
from tests.certificates import Authority, Identity
from tests.dicom_node.scp.test_hostile import receive, request_pdu
from tests.factories import (
    EVERYTHING,
    FixedPeers,
    ct_image,
    dataset_bytes,
    file_bytes,
    from_site,
    running_node,
)
from tests.peers import orthanc, run_dcmtk, storescp

Start = Callable[..., AbstractContextManager[Node]]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def server(authority: Authority) -> Identity:
    return authority.issue("server")


@pytest.fixture(scope="session")
def client(authority: Authority) -> Identity:
    return authority.issue("client", "pacs.example")


@pytest.fixture
def start(archive: Archive, peers: FixedPeers, server: Identity) -> Start:
    def with_tls(client_ca: Path | None = None, **settings: Any) -> AbstractContextManager[Node]:
        tls = ServerTls(0, server.certificate, server.key, client_ca)
        return running_node(archive, peers, tls=tls, **settings)

    return with_tls


@pytest.fixture
def node(start: Start) -> Iterator[Node]:
    with start() as running:
        yield running


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.dcm"
    path.write_bytes(file_bytes(ct_image()))
    return path


def ours(node: Node, **tls: Any) -> Peer:
    assert node.tls_port is not None
    return Peer("HOICHAN", "127.0.0.1", node.tls_port, ClientTls(**tls))


def logged(caplog: pytest.LogCaptureFixture, problem: TlsProblem) -> bool:
    """Whether the node says so, soon."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if any(f"no TLS with 127.0.0.1: {problem}" in each.message for each in caplog.records):
            return True
        time.sleep(0.02)
    return False


def with_identity(identity: Identity, authority: Authority) -> list[str]:
    return ["+tls", str(identity.key), str(identity.certificate), "+cf", str(authority.certificate)]


@pytest.mark.parametrize("profile", ["+py", "+px"])
def test_dcmtk_sends_inside_mutual_tls(
    start: Start,
    archive: Archive,
    authority: Authority,
    client: Identity,
    image: Path,
    profile: str,
) -> None:
    with start(authority.certificate) as node:
        options = [*with_identity(client, authority), profile, "-aet", "DEMO_A", "127.0.0.1"]
        done = run_dcmtk("echoscu", *options, str(node.tls_port))
        assert done.returncode == 0, done.stderr
        done = run_dcmtk("storescu", *options, str(node.tls_port), image)
        assert done.returncode == 0, done.stderr
    (record,) = archive.instances(Query(), scope=EVERYTHING)
    assert record.site == "DEMO_A"
    assert dataset_bytes(record.path) == dataset_bytes(image)


def test_a_caller_without_a_certificate_is_served_where_none_is_asked_for(
    node: Node, authority: Authority, image: Path
) -> None:
    done = run_dcmtk(
        "storescu", "+tla", "-ic", "-aet", "DEMO_A", "127.0.0.1", str(node.tls_port), image
    )
    assert done.returncode == 0, done.stderr


def test_who_is_not_asked_for_tls_needs_none(node: Node, image: Path) -> None:
    done = run_dcmtk("storescu", "-aet", "DEMO_A", "127.0.0.1", str(node.port), image)
    assert done.returncode == 0, done.stderr


def test_a_large_object_comes_and_goes_whole(
    node: Node, archive: Archive, authority: Authority, client: Identity, tmp_path: Path
) -> None:
    """Longer than one TLS record and one PDU, both ways; C-GET asks between for a C-CANCEL."""
    image = ct_image(Rows=1024, Columns=1024)
    path = tmp_path / "large.dcm"
    path.write_bytes(file_bytes(image))
    options = [*with_identity(client, authority), "-aet", "DEMO_A", "127.0.0.1"]
    assert run_dcmtk("storescu", *options, str(node.tls_port), path).returncode == 0
    us = ours(node, ca=authority.certificate)
    assert all(answer.stored for answer in scu.store(us, "DEMO_A", [path] * 3))
    received: list[bytes] = []

    def take(event: Any) -> int:
        received.append(event.request.DataSet.getvalue())
        return 0x0000

    wanted = Dataset()
    wanted.QueryRetrieveLevel, wanted.StudyInstanceUID = "STUDY", image.StudyInstanceUID
    contexts = [build_context(GET), build_context(CTImageStorage, ExplicitVRLittleEndian)]
    roles = [build_role(CTImageStorage, scp_role=True)]
    handlers = [(evt.EVT_C_STORE, take)]
    with associate(us, "DEMO_A", contexts, handlers=handlers, roles=roles) as association:
        *_, (last, _) = association.send_c_get(wanted, GET)
    assert last.Status == 0x0000
    assert received == [dataset_bytes(path)]


@pytest.mark.parametrize("how", ["unknown CA", "expired", "none"])
def test_mutual_tls_refuses_who_cannot_prove_who_they_are(
    start: Start,
    authority: Authority,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    how: str,
    client: Identity,
    image: Path,
) -> None:
    if how == "none":
        options, problem = ["+tla", "-ic"], TlsProblem.NO_CERTIFICATE
    elif how == "expired":
        begins, ends = timedelta(days=-3), timedelta(days=-1)
        expired = authority.issue("expired", begins=begins, ends=ends)
        options, problem = with_identity(expired, authority), TlsProblem.EXPIRED
    else:
        stranger = Authority(tmp_path, "stranger").issue("client")
        options, problem = with_identity(stranger, authority), TlsProblem.UNKNOWN_CA
    with start(authority.certificate) as node, caplog.at_level(logging.WARNING):
        address = ["-aet", "DEMO_A", "127.0.0.1", str(node.tls_port)]
        assert run_dcmtk("storescu", *options, *address, image).returncode != 0
        assert logged(caplog, problem), caplog.text
        good = run_dcmtk("echoscu", *with_identity(client, authority), *address)
        assert good.returncode == 0, good.stderr


def test_a_plain_caller_is_told_off(
    node: Node, image: Path, caplog: pytest.LogCaptureFixture, authority: Authority
) -> None:
    with caplog.at_level(logging.WARNING):
        done = run_dcmtk("storescu", "-aet", "DEMO_A", "127.0.0.1", str(node.tls_port), image)
        assert done.returncode != 0
        assert logged(caplog, TlsProblem.NOT_TLS), caplog.text
    assert scu.echo(ours(node, ca=authority.certificate), "DEMO_A") > 0


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(
    node: Node, version: ssl.TLSVersion, caplog: pytest.LogCaptureFixture
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = context.maximum_version = version
    plain = socket.create_connection(("127.0.0.1", node.tls_port or 0), timeout=20)
    with caplog.at_level(logging.WARNING), plain, pytest.raises(ssl.SSLError, match=r"(?i)version"):
        context.wrap_socket(plain)
    assert logged(caplog, TlsProblem.OLD_VERSION), caplog.text


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_new_tls_is_spoken_with_forward_secrecy(
    node: Node, authority: Authority, version: ssl.TLSVersion
) -> None:
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", node.tls_port or 0), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False) as tls,
    ):
        name, _, bits = tls.cipher() or ("", "", 0)
        assert name.startswith(("ECDHE-", "TLS_"))
        assert "GCM" in name or "CHACHA20" in name
        assert bits >= 128
        tls.sendall(request_pdu())
        assert receive(tls)[0] == 0x02
        tls.sendall(b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00")
        assert receive(tls)[0] == 0x06
        tls.settimeout(20)
        assert tls.recv(1) == b"", "the end is announced, not just there"


def test_the_silent_wait_alone(start: Start, authority: Authority) -> None:
    with start(request_deadline=3600.0) as node:
        address = ("127.0.0.1", node.tls_port or 0)
        silent = [socket.create_connection(address) for _ in range(5)]
        half = socket.create_connection(address)
        half.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        for _ in range(3):
            assert scu.echo(ours(node, ca=authority.certificate), "DEMO_A") > 0
        for one in (*silent, half):
            one.close()


def test_the_silent_do_not_wait_for_ever(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    with start(request_deadline=0.3) as node, caplog.at_level(logging.WARNING):
        with socket.create_connection(("127.0.0.1", node.tls_port or 0), timeout=20) as silent:
            assert silent.recv(1) == b""
        assert logged(caplog, TlsProblem.SILENT)


def test_stopping_ends_what_is_open(start: Start, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.certificate))
    with start() as node:
        plain = socket.create_connection(("127.0.0.1", node.tls_port or 0), timeout=20)
        tls = context.wrap_socket(plain, server_hostname="localhost")
        tls.sendall(request_pdu())
        assert receive(tls)[0] == 0x02
        shaking = socket.create_connection(("127.0.0.1", node.tls_port or 0), timeout=20)
        node.stop()
        assert not node._open
        tls.close()
        shaking.close()


def test_a_renewed_certificate_is_taken_while_we_run(
    archive: Archive, peers: FixedPeers, authority: Authority, tmp_path: Path
) -> None:
    first = authority.issue("first")
    certificate, key = tmp_path / "node.crt", tmp_path / "node.key"
    certificate.write_bytes(first.certificate.read_bytes())
    key.write_bytes(first.key.read_bytes())
    with running_node(archive, peers, tls=ServerTls(0, certificate, key)) as node:
        pinned = first.certificate.read_text()
        assert scu.echo(ours(node, pinned=pinned), "DEMO_A") > 0
        certificate.write_text("half a certifica")
        assert scu.echo(ours(node, pinned=pinned), "DEMO_A") > 0, "the old one stays meanwhile"
        second = authority.issue("second")
        certificate.write_bytes(second.certificate.read_bytes())
        key.write_bytes(second.key.read_bytes())
        assert scu.echo(ours(node, pinned=second.certificate.read_text()), "DEMO_A") > 0
        with pytest.raises(TlsFailed):
            scu.echo(ours(node, pinned=pinned), "DEMO_A")


def test_unusable_files_leave_the_plain_port_alone(
    archive: Archive, peers: FixedPeers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tls = ServerTls(0, tmp_path / "absent.crt", tmp_path / "absent.key")
    with running_node(archive, peers, tls=tls) as node:
        with pytest.raises(TlsFailed):
            scu.echo(ours(node), "DEMO_A")
        assert "absent.crt cannot be read" in caplog.text
        assert scu.echo(Peer("HOICHAN", "127.0.0.1", node.port), "DEMO_A") > 0


def test_a_study_is_moved_inside_tls(
    node: Node,
    archive: Archive,
    peers: FixedPeers,
    authority: Authority,
    server: Identity,
    tmp_path: Path,
) -> None:
    image = ct_image()
    archive.store_bytes(file_bytes(image), from_site())
    there = tmp_path / "there"
    with storescp(there, *with_identity(server, authority), "+B", "-ic") as far:
        tls = ClientTls(ca=authority.certificate)
        peers.destinations["THERE"] = Peer(far.ae_title, far.host, far.port, tls)
        keys = [
            "-k",
            "QueryRetrieveLevel=STUDY",
            "-k",
            f"StudyInstanceUID={image.StudyInstanceUID}",
        ]
        options = ["-S", "-aet", "DEMO_A", "-aem", "THERE", *keys]
        done = run_dcmtk("movescu", *options, "127.0.0.1", str(node.port))
        assert done.returncode == 0, done.stderr
    assert len(list(there.iterdir())) == 1


def test_orthanc_sends_and_receives_inside_tls(
    start: Start,
    archive: Archive,
    authority: Authority,
    server: Identity,
    client: Identity,
    image: Path,
    tmp_path: Path,
) -> None:
    with start(authority.certificate) as node:
        listener = Peer("HOICHAN", "127.0.0.1", node.tls_port or 0, ClientTls())
        with orthanc(
            tmp_path / "orthanc", {"us": listener}, "DEMO_A", identity=server, authority=authority
        ) as far:
            tls = ClientTls(authority.certificate, "", client.certificate, client.key)
            there = Peer(far.peer.ae_title, far.peer.host, far.peer.port, tls)
            assert scu.echo(there, "HOICHAN") > 0
            assert all(answer.stored for answer in scu.store(there, "HOICHAN", [image]))
            far.send("us")
            with pytest.raises(TlsFailed):
                scu.echo(Peer(there.ae_title, there.host, there.port, ClientTls()), "HOICHAN")
    (record,) = archive.instances(Query(), scope=EVERYTHING)
    assert record.site == "DEMO_A"
