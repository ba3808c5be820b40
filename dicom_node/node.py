"""The DICOM listener: accepts connections, gives each a thread, and serves what peers ask."""

import logging
import socket
import threading
from collections import Counter
from collections.abc import Callable

from dicom_node.archive.archive import Archive
from dicom_node.contexts import Service
from dicom_node.events import NodeEvent
from dicom_node.peers import Peers
from dicom_node.scp.association import Association, Message, rejection
from dicom_node.scp.command import Field
from dicom_node.scp.commitment import (
    CommitmentWorker,
    serve_action,
    serve_report,
)
from dicom_node.scp.echo import serve_echo
from dicom_node.scp.find import serve_find
from dicom_node.scp.get import serve_get
from dicom_node.scp.move import serve_move
from dicom_node.scp.secure_wire import SecureWire
from dicom_node.scp.store import serve_store
from dicom_node.scp.wire import Wire
from dicom_node.settings import NodeSettings
from dicom_node.status import Status
from dicom_node.tls import ServerCredentials, ServerTls, TlsUnusable

__all__ = ["Node"]

logger = logging.getLogger(__name__)

_BACKLOG = 128
_STOPPING_SECONDS = 10.0

Serve = Callable[[Association, Message], None]
MakeWire = Callable[[socket.socket], Wire]

_REQUESTS: dict[tuple[Service, int], Serve] = {
    (Service.ECHO, Field.ECHO): serve_echo,
    (Service.STORE, Field.STORE): serve_store,
    (Service.FIND, Field.FIND): serve_find,
    (Service.MOVE, Field.MOVE): serve_move,
    (Service.GET, Field.GET): serve_get,
    (Service.COMMITMENT, Field.ACTION): serve_action,
    (Service.COMMITMENT, Field.EVENT_REPORT): serve_report,
}


class Node:
    """Our AE as SCP.

    Parameters
    ----------
    archive : Archive
        Call its `recover` first.
    settings : NodeSettings
    peers : Peers
    on_event : callable or None
        Called in an association's thread with what happened. A `CommitmentReported` is answered
        with success only when the call returned; other errors are logged and go no further.
    """

    def __init__(
        self,
        archive: Archive,
        settings: NodeSettings,
        peers: Peers,
        on_event: Callable[[NodeEvent], None] | None = None,
    ) -> None:
        self._archive = archive
        self._settings = settings
        self._peers = peers
        self._on_event = on_event or _nobody
        self._commitments: CommitmentWorker | None = None
        self._listener: socket.socket | None = None
        self._secure_listener: socket.socket | None = None
        self._accepting: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._open: dict[Wire, tuple[threading.Thread, str]] = {}
        self._per_host: Counter[str] = Counter()

    @property
    def port(self) -> int:
        """The port we listen on; the real one when the settings say 0."""
        return _port(self._listener, self._settings.port)

    @property
    def tls_port(self) -> int | None:
        """The port for TLS, likewise; None without one."""
        tls = self._settings.tls
        return None if tls is None else _port(self._secure_listener, tls.port)

    def start(self) -> None:
        """Listen; return at once. Raises OSError when an address is taken."""
        self._listener = self._listen(self._settings.port)
        tls = self._settings.tls
        if tls is not None:
            try:
                self._secure_listener = self._listen(tls.port)
            except OSError:
                self._listener.close()
                self._listener = None
                raise
        self._accept_from(self._listener, self._plain_wire)
        if tls is not None and self._secure_listener is not None:
            self._accept_from(self._secure_listener, self._secure_wires(tls))
        self._commitments = CommitmentWorker(self._archive, self._peers, self._settings.ae_title)
        self._commitments.start()
        logger.info("%s listens on port %d", self._settings.ae_title, self.port)
        if tls is not None:
            logger.info("%s listens with TLS on port %d", self._settings.ae_title, self.tls_port)

    def stop(self) -> None:
        """Stop listening and end every association; instances being committed are finished."""
        listeners = [each for each in (self._listener, self._secure_listener) if each is not None]
        self._listener = self._secure_listener = None
        if not listeners:
            return
        for listener in listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        while self._accepting:
            self._accepting.pop().join()
        if self._commitments is not None:
            self._commitments.stop(_STOPPING_SECONDS)
        with self._lock:
            running = dict(self._open)
        for wire in running:
            wire.interrupt()
        for thread, _ in running.values():
            thread.join(_STOPPING_SECONDS)

    def _listen(self, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._settings.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._settings.host, port))
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
        return listener

    def _plain_wire(self, connection: socket.socket) -> Wire:
        return Wire(connection, self._settings.pdu_deadline)

    def _secure_wires(self, tls: ServerTls) -> MakeWire:
        credentials = ServerCredentials(tls)

        def secure_wire(connection: socket.socket) -> Wire:
            return SecureWire(connection, self._settings.pdu_deadline, credentials.context())

        return secure_wire

    def _accept_from(self, listener: socket.socket, make_wire: MakeWire) -> None:
        thread = threading.Thread(
            target=self._accept, args=(listener, make_wire), name="dicom accept", daemon=True
        )
        self._accepting.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket, make_wire: MakeWire) -> None:
        while True:
            try:
                connection, address = listener.accept()
            except OSError as error:
                if self._listener is None:
                    return
                # Out of descriptors: those in use come back, the listener stays.
                logger.error("cannot accept a connection: %s", error)
                threading.Event().wait(0.1)
                continue
            try:
                self._admit(connection, address[0], make_wire)
            except (OSError, RuntimeError, TlsUnusable) as error:
                logger.error("cannot serve %s: %s", address[0], error)
                connection.close()

    def _admit(self, connection: socket.socket, host: str, make_wire: MakeWire) -> None:
        with self._lock:
            is_full = (
                len(self._open) >= self._settings.maximum_associations
                or self._per_host[host] >= self._settings.maximum_associations_per_host
            )
        if is_full:
            logger.warning("too many connections; one from %s is turned away", host)
            if make_wire == self._plain_wire:
                connection.setblocking(False)
                connection.send(rejection(permanent=False, source=3, reason=2))
            connection.close()
            return
        wire = make_wire(connection)
        thread = threading.Thread(
            target=self._run, args=(wire, host), name=f"dicom {host}", daemon=True
        )
        with self._lock:
            self._open[wire] = (thread, host)
            self._per_host[host] += 1
        try:
            thread.start()
        except RuntimeError:
            self._forget(wire, host)
            wire.close()
            raise

    def _run(self, wire: Wire, host: str) -> None:
        association = Association(
            wire, host, self._archive, self._peers, self._settings, self._serve, self._on_event
        )
        try:
            association.run()
        finally:
            self._forget(wire, host)

    def _forget(self, wire: Wire, host: str) -> None:
        with self._lock:
            del self._open[wire]
            self._per_host[host] -= 1
            if not self._per_host[host]:
                del self._per_host[host]

    def _serve(self, association: Association, message: Message) -> None:
        field, service = message.command["CommandField"], message.context.service
        if message.is_response or field == Field.CANCEL:
            return  # late, and of no use any more
        serve = _REQUESTS.get((service, field))
        if serve is None:
            association.answer(message, Status.UNRECOGNIZED_OPERATION)
            return
        serve(association, message)
        if serve is serve_action and self._commitments is not None:
            self._commitments.wake()


def _port(listener: socket.socket | None, wanted: int) -> int:
    if listener is None:
        return wanted
    port: int = listener.getsockname()[1]
    return port


def _nobody(event: NodeEvent) -> None:
    """Hear what nobody waits for."""
