"""Peers that mean no good, or have lost theirs."""

import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest
from pydicom.uid import CTImageStorage
from pynetdicom import AE, build_context
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)

from dicom_node import scu
from dicom_node.archive import Archive
from dicom_node.node import Node
from dicom_node.peers import Peer
from dicom_node.scp.command import Field, encode
from tests.factories import FixedPeers, ct_image, file_bytes, running_node

DEADLINE = 1.0
# A loaded machine is late; what waits for no deadline, or for another one, is later still.
PATIENCE = 60.0
FOREVER = 3600.0

Start = Callable[..., AbstractContextManager[Node]]


@pytest.fixture
def start(archive: Archive, peers: FixedPeers) -> Start:
    """Start a node whose patience never ends, save where it is told to be short."""

    def start(**settings: float) -> AbstractContextManager[Node]:
        patience = dict.fromkeys(("request_deadline", "pdu_deadline", "idle_deadline"), FOREVER)
        return running_node(archive, peers, **{**patience, **settings})

    return start


@pytest.fixture
def node(start: Start) -> Iterator[Node]:
    with start() as running:
        yield running


def request_pdu(calling: str = "DEMO_A") -> bytes:
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.calling_ae_title, primitive.called_ae_title = calling, "HOICHAN"
    context = build_context(CTImageStorage)
    context.context_id = 1
    echo = build_context("1.2.840.10008.1.1")
    echo.context_id = 3
    primitive.presentation_context_definition_list = [context, echo]
    maximum, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    maximum.maximum_length_received = 16384
    implementation.implementation_class_uid = "1.2.3"
    primitive.user_information = [maximum, implementation]
    pdu = A_ASSOCIATE_RQ(primitive)
    encoded: bytes = pdu.encode()
    return encoded


def connect(node: Node) -> socket.socket:
    return socket.create_connection(("127.0.0.1", node.port), timeout=PATIENCE)


def establish(node: Node) -> socket.socket:
    connection = connect(node)
    connection.sendall(request_pdu())
    assert receive(connection)[0] == 0x02
    return connection


def receive(connection: socket.socket) -> tuple[int, bytes]:
    """Return the next PDU; (0, b"") at the end of the stream."""
    head = b""
    while len(head) < 6:
        piece = connection.recv(6 - len(head))
        if not piece:
            return 0, b""
        head += piece
    kind, length = struct.unpack(">BxI", head)
    value = b""
    while len(value) < length:
        value += connection.recv(length - len(value))
    return kind, value


def pdv(data: bytes, context_id: int = 1, flags: int = 0) -> bytes:
    body = struct.pack(">IBB", len(data) + 2, context_id, flags) + data
    return struct.pack(">BxI", 0x04, len(body)) + body


def store_command(uid: str = "1.2.3") -> bytes:
    return encode(
        {
            "AffectedSOPClassUID": CTImageStorage,
            "CommandField": Field.STORE,
            "MessageID": 1,
            "Priority": 0,
            "AffectedSOPInstanceUID": uid,
        },
        has_dataset=True,
    )


def ends(connection: socket.socket) -> bool:
    try:
        while receive(connection)[0] != 0:
            pass
    except (TimeoutError, IndexError):
        return False
    except ConnectionError:
        pass
    return True


def echo_works(node: Node) -> bool:
    return scu.echo(Peer("HOICHAN", "127.0.0.1", node.port), "DEMO_A") > 0


SILENCES = {
    "nothing": b"",
    "half a request": request_pdu()[:100],
    "a header only": b"\x01\x00\x00\x00\xff\xff",
}


@pytest.mark.parametrize("sent", SILENCES.values(), ids=SILENCES.keys())
def test_half_an_association_is_closed(start: Start, sent: bytes) -> None:
    with start(request_deadline=DEADLINE) as node, connect(node) as connection:
        connection.sendall(sent)
        assert ends(connection)


HALVES = {
    "idle": b"",
    "half a PDU": pdv(store_command(), flags=3)[:20],
    "half an object": pdv(store_command(), flags=3) + pdv(b"\x08\x00\x16\x00" * 10),
    "half a command": pdv(store_command()[:20], flags=1),
}


@pytest.mark.parametrize("sent", HALVES.values(), ids=HALVES.keys())
def test_half_a_message_is_closed_and_leaves_nothing(
    start: Start, archive: Archive, sent: bytes
) -> None:
    short = {"pdu_deadline": DEADLINE, "idle_deadline": DEADLINE}
    with start(**short) as node, establish(node) as connection:
        connection.sendall(sent)
        assert ends(connection)
    deadline = time.monotonic() + PATIENCE
    while list(archive.settings.folder.glob("tmp/*/[0-9]*")):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_refused(connection: socket.socket, pieces: Iterable[bytes]) -> bool:
    """Send pieces, 50 ms apart, until the peer takes no more."""
    try:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.05)
    except OSError:
        return True
    return ends(connection)


def test_a_drip_is_closed(start: Start) -> None:
    drops = (bytes([byte]) for byte in pdv(store_command(), flags=3))
    with start(pdu_deadline=DEADLINE) as node, establish(node) as connection:
        assert is_refused(connection, drops)


BREACHES = {
    "a PDU longer than agreed": b"\x04\x00" + struct.pack(">I", 400_000_000),
    "an unknown PDU": b"\x42\x00\x00\x00\x00\x00",
    "a second request": request_pdu(),
    "a context never offered": pdv(store_command(), context_id=99, flags=3),
    "data before a command": pdv(b"data"),
    "a PDV longer than its PDU": b"\x04\x00\x00\x00\x00\x06\xff\xff\xff\xff\x01\x03",
    "a PDV shorter than its header": b"\x04\x00\x00\x00\x00\x06\x00\x00\x00\x00\x01\x03",
    "a command that is none": pdv(b"\xff" * 64, flags=3),
    "an empty command": pdv(b"", flags=3),
    "a command amid an object": pdv(store_command(), flags=3) + pdv(store_command(), flags=3),
}


@pytest.mark.parametrize("sent", BREACHES.values(), ids=BREACHES.keys())
def test_a_breach_is_aborted(node: Node, sent: bytes) -> None:
    with establish(node) as connection:
        connection.sendall(sent)
        kind, value = receive(connection)
        assert kind == 0x07
        assert value[2] == 2  # by the service provider
        assert ends(connection)
    assert echo_works(node)


def test_endless_commands_are_aborted(node: Node) -> None:
    pieces = (pdv(b"\x00" * 10_000, flags=1) for _ in range(100))
    with establish(node) as connection:
        assert is_refused(connection, pieces)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x01\x00\x00\x00\x00\x04\x00\x01\x00\x00",
        b"\x01\x00" + struct.pack(">I", 200) + b"\xff" * 200,
        b"\x01\x00" + struct.pack(">I", 900_000_000),
        b"\x04\x00\x00\x00\x00\x00",
    ],
)
def test_no_request_at_all_is_turned_away(node: Node, request_bytes: bytes) -> None:
    with connect(node) as connection:
        connection.sendall(request_bytes)
        assert ends(connection)
    assert echo_works(node)


def test_an_object_without_its_data_is_answered(node: Node) -> None:
    command = encode({"CommandField": Field.STORE, "MessageID": 9, "AffectedSOPClassUID": "1.2"})
    with establish(node) as connection:
        connection.sendall(pdv(command, flags=3))
        kind, value = receive(connection)
        assert kind == 0x04
        assert b"\x00\x00\x00\x09\x02\x00\x00\x00\x00\xc0" in value


def test_an_operation_on_the_wrong_context_is_answered(node: Node) -> None:
    command = encode({"CommandField": Field.FIND, "MessageID": 9, "AffectedSOPClassUID": "1.2"})
    with establish(node) as connection:
        connection.sendall(pdv(command, context_id=3, flags=3))
        kind, value = receive(connection)
        assert kind == 0x04
        assert b"\x00\x00\x00\x09\x02\x00\x00\x00\x11\x02" in value


def test_silent_crowds_cost_little_and_lock_nobody_out(start: Start) -> None:
    process = psutil.Process()

    def spent(seconds: float) -> float:
        """Processor time of the next so many seconds."""
        before = sum(process.cpu_times()[:2])
        time.sleep(seconds)
        return sum(process.cpu_times()[:2]) - before

    with start(maximum_associations_per_host=310) as node:
        assert echo_works(node)
        before = process.memory_info().rss
        crowd = [connect(node) for _ in range(300)]
        assert echo_works(node)
        # Other threads of this process may work at times; a node that waits by asking always does.
        assert min(spent(0.5) for _ in range(4)) < 0.2
        assert process.memory_info().rss - before < 32 << 20
    for connection in crowd:
        assert ends(connection)
        connection.close()


def test_connections_above_the_limit_are_rejected(start: Start) -> None:
    with start(maximum_associations_per_host=3) as node:
        held = [establish(node) for _ in range(3)]
        with connect(node) as fourth:
            kind, value = receive(fourth)
            assert (kind, value) == (0x03, b"\x00\x02\x03\x02")  # transient, local limit exceeded
        for connection in held:
            connection.close()
        deadline = time.monotonic() + PATIENCE
        while True:
            association = AE().associate(
                "127.0.0.1", node.port, [build_context("1.2.840.10008.1.1")]
            )
            if association.is_established:
                association.release()
                break
            assert time.monotonic() < deadline


def test_stopping_does_not_wait_for_peers(node: Node) -> None:
    connections = [establish(node), connect(node)]
    node.stop()
    assert not node._open
    for connection in connections:
        assert ends(connection)
        connection.close()


def test_a_kind_peer_afterwards_is_served(node: Node, archive: Archive, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(file_bytes(ct_image()))
    for sent in (*HALVES.values(), *BREACHES.values()):
        with establish(node) as connection:
            connection.sendall(sent)
    (result,) = scu.store(Peer("HOICHAN", "127.0.0.1", node.port), "DEMO_A", [path])
    assert result.status == 0
