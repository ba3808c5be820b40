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
from dicom_node.scp.store import serve_store
from dicom_node.scp.wire import Wire
from dicom_node.settings import NodeSettings
from dicom_node.status import Status

__all__ = ["Node"]

logger = logging.getLogger(__name__)

_BACKLOG = 128
_STOPPING_SECONDS = 10.0

Serve = Callable[[Association, Message], None]

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
        self._accepting: threading.Thread | None = None
        self._lock = threading.Lock()
        self._open: dict[Wire, tuple[threading.Thread, str]] = {}
        self._per_host: Counter[str] = Counter()

    @property
    def port(self) -> int:
        """The port we listen on; the real one when the settings say 0."""
        if self._listener is None:
            return self._settings.port
        port: int = self._listener.getsockname()[1]
        return port

    def start(self) -> None:
        """Listen; return at once. Raises OSError when the address is taken."""
        family = socket.AF_INET6 if ":" in self._settings.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._settings.host, self._settings.port))
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
        self._listener = listener
        self._accepting = threading.Thread(
            target=self._accept, args=(listener,), name="dicom accept", daemon=True
        )
        self._accepting.start()
        self._commitments = CommitmentWorker(self._archive, self._peers, self._settings.ae_title)
        self._commitments.start()
        logger.info("%s listens on port %d", self._settings.ae_title, self.port)

    def stop(self) -> None:
        """Stop listening and end every association; instances being committed are finished."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        if self._accepting is not None:
            self._accepting.join()
        if self._commitments is not None:
            self._commitments.stop(_STOPPING_SECONDS)
        with self._lock:
            running = dict(self._open)
        for wire in running:
            wire.interrupt()
        for thread, _ in running.values():
            thread.join(_STOPPING_SECONDS)

    def _accept(self, listener: socket.socket) -> None:
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
                self._admit(connection, address[0])
            except (OSError, RuntimeError) as error:
                logger.error("cannot serve %s: %s", address[0], error)
                connection.close()

    def _admit(self, connection: socket.socket, host: str) -> None:
        with self._lock:
            is_full = (
                len(self._open) >= self._settings.maximum_associations
                or self._per_host[host] >= self._settings.maximum_associations_per_host
            )
        if is_full:
            logger.warning("too many connections; one from %s is turned away", host)
            connection.setblocking(False)
            connection.send(rejection(permanent=False, source=3, reason=2))
            connection.close()
            return
        wire = Wire(connection, self._settings.pdu_deadline)
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


def _nobody(event: NodeEvent) -> None:
    """Hear what nobody waits for."""
