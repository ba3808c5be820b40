"""Our SCU calls inside TLS: DCMTK's storescp on the other side, good and bad."""

from datetime import timedelta
from pathlib import Path

import pytest

from dicom_node.errors import PeerUnreachable, TlsFailed
from dicom_node.peers import Peer
from dicom_node.scu import echo, store
from dicom_node.tls import ClientTls, TlsProblem
from tests.certificates import Authority, Identity
from tests.factories import ct_image, dataset_bytes, file_bytes
from tests.peers import storescp


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Identity:
    return authority.issue("server")


def secured(identity: Identity, authority: Authority, *options: str) -> list[str]:
    files = [str(identity.key), str(identity.certificate)]
    return ["+tls", *files, "+cf", str(authority.certificate), *options]


def over_tls(peer: Peer, **tls: object) -> Peer:
    return Peer(peer.ae_title, peer.host, peer.port, ClientTls(**tls))  # type: ignore[arg-type]


def test_what_we_send_arrives_whole(authority: Authority, server: Identity, tmp_path: Path) -> None:
    image = tmp_path / "image.dcm"
    image.write_bytes(file_bytes(ct_image(Rows=512, Columns=512)))
    us = authority.issue("us", "hoichan.example")
    there = tmp_path / "there"
    with storescp(there, *secured(server, authority), "+B") as plain:
        tls = {"ca": authority.certificate, "certificate": us.certificate, "key": us.key}
        peer = over_tls(plain, **tls)
        assert echo(peer, "HOICHAN") > 0
        (answer,) = store(peer, "HOICHAN", [image])
    assert answer.stored
    (received,) = there.iterdir()
    assert dataset_bytes(received) == dataset_bytes(image)


@pytest.mark.parametrize("pinned", ["its own certificate", "its CA"])
def test_a_pinned_certificate_needs_no_host_name(
    authority: Authority, tmp_path: Path, pinned: str
) -> None:
    elsewhere = authority.issue("elsewhere", "scanner.example")
    pem = (authority if pinned == "its CA" else elsewhere).certificate.read_text()
    with storescp(tmp_path / "in", *secured(elsewhere, authority), "-ic") as plain:
        assert echo(over_tls(plain, pinned=pem), "HOICHAN") > 0


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("expired", TlsProblem.EXPIRED),
        ("not yet valid", TlsProblem.EXPIRED),
        ("unknown CA", TlsProblem.UNKNOWN_CA),
        ("another is pinned", TlsProblem.UNKNOWN_CA),
        ("another host", TlsProblem.WRONG_HOST),
    ],
)
def test_who_cannot_prove_who_it_is_gets_nothing(
    authority: Authority, server: Identity, tmp_path: Path, bad: str, problem: TlsProblem
) -> None:
    day = timedelta(days=1)
    identity, tls = server, {"ca": authority.certificate}
    match bad:
        case "expired":
            identity = authority.issue("expired", begins=-3 * day, ends=-day)
        case "not yet valid":
            identity = authority.issue("early", begins=day, ends=2 * day)
        case "unknown CA":
            tls = {"ca": Authority(tmp_path, "other").certificate}
        case "another is pinned":
            tls = {"pinned": authority.issue("other").certificate.read_text()}
        case "another host":
            identity = authority.issue("elsewhere", "scanner.example", "10.0.0.5")
    with (
        storescp(tmp_path / "in", *secured(identity, authority), "-ic") as plain,
        pytest.raises(TlsFailed) as caught,
    ):
        echo(over_tls(plain, **tls), "HOICHAN")
    assert caught.value.problem == problem
    assert str(caught.value) == f"No TLS with {over_tls(plain)}: {problem}."


def test_a_peer_may_ask_for_our_certificate(
    authority: Authority, server: Identity, tmp_path: Path
) -> None:
    with (
        storescp(tmp_path / "in", *secured(server, authority)) as plain,
        pytest.raises(TlsFailed) as caught,
    ):
        echo(over_tls(plain, ca=authority.certificate), "HOICHAN")
    assert caught.value.problem == TlsProblem.CERTIFICATE_WANTED


def test_a_plain_peer_is_never_spoken_to_in_clear(tmp_path: Path) -> None:
    with storescp(tmp_path / "in") as plain, pytest.raises(TlsFailed) as caught:
        echo(over_tls(plain), "HOICHAN")
    assert caught.value.problem in (TlsProblem.NOT_TLS, TlsProblem.CLOSED)


def test_nobody_there_is_not_a_matter_of_tls(deaf_port: int) -> None:
    with pytest.raises(PeerUnreachable):
        echo(over_tls(Peer("NOBODY", "127.0.0.1", deaf_port)), "HOICHAN")


def test_files_that_cannot_be_used_are_named(server: Identity, tmp_path: Path) -> None:
    peer = Peer("NOBODY", "127.0.0.1", 9)
    for tls, said in (
        ({"ca": tmp_path / "absent.pem"}, "absent.pem cannot be read"),
        ({"ca": server.key}, "server.key is no PEM file"),
        ({"pinned": "nonsense"}, "the pinned certificate is no PEM file"),
        ({"certificate": server.key, "key": server.key}, "server.key is no PEM file"),
    ):
        with pytest.raises(TlsFailed, match=said):
            echo(over_tls(peer, **tls), "HOICHAN")
