"""One association we accepted, from its request to its end: one thread, one loop.

C-STORE data go from the socket's buffer to the file, fragment by fragment; every other message is
gathered whole. A service gets the messages of its operation from `Association.next_message`.
"""

import logging
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dicom_node.archive.archive import Archive
from dicom_node.archive.reception import Reception
from dicom_node.contexts import Service
from dicom_node.events import NodeEvent
from dicom_node.peers import Peers
from dicom_node.records import Channel, Origin
from dicom_node.scp.command import (
    NO_DATASET,
    Command,
    CommandError,
    Field,
    decode,
    encode,
)
from dicom_node.scp.negotiation import (
    APPLICATION_CONTEXT,
    Context,
    Request,
    accept,
    read_request,
)
from dicom_node.scp.secure_wire import HandshakeFailed
from dicom_node.scp.wire import Closed, Pdu, ProtocolError, Wire
from dicom_node.settings import NodeSettings

__all__ = ["Association", "Message"]

logger = logging.getLogger(__name__)

# A request with 128 contexts and every transfer syntax in each has 230 KB.
_LONGEST_REQUEST = 1 << 20
_LONGEST_COMMAND = 1 << 16
_LONGEST_DATASET = 1 << 24  # of anything but C-STORE
_CLOSING_SECONDS = 2.0
_PDV = struct.Struct(">IBB")
_IS_COMMAND, _IS_LAST = 1, 2

_BY_PROVIDER = 2
_NO_REASON, _UNEXPECTED_PDU, _INVALID_PARAMETER = 0, 2, 6


@dataclass(slots=True)
class Message:
    """One DIMSE message. ``reception`` holds a C-STORE's data set, ``dataset`` any other's."""

    context: Context
    command: Command
    dataset: bytes = b""
    reception: Reception | None = None

    @property
    def is_response(self) -> bool:
        return bool(self.command["CommandField"] & Field.RESPONSE)


class _Released(Exception):
    """The peer asked for the association's release."""


class Association:
    """An association as acceptor.

    Parameters
    ----------
    wire : Wire
    host : str
        Address of the peer.
    archive : Archive
    peers : Peers
    settings : NodeSettings
    serve : callable
        Called with (association, message) for every request.
    tell : callable
        Called with what happened; may raise.
    """

    def __init__(
        self,
        wire: Wire,
        host: str,
        archive: Archive,
        peers: Peers,
        settings: NodeSettings,
        serve: Callable[["Association", Message], None],
        tell: Callable[[NodeEvent], None],
    ) -> None:
        self.wire = wire
        self.archive = archive
        self.peers = peers
        self.settings = settings
        self.host = host
        self.request = Request("", "", 0, "")
        self.origin = Origin(None, host=host)
        self.tell = tell
        self._serve = serve
        self._pdvs = self._read_pdvs()
        self._reception: Reception | None = None

    @property
    def calling_ae(self) -> str:
        return self.request.calling_ae

    def note(self, event: NodeEvent) -> None:
        """Tell of something that has happened already, whether or not anybody can take it."""
        try:
            self.tell(event)
        except Exception:
            logger.exception("an event was not taken")

    def run(self) -> None:
        """Serve until the peer releases, or either side gives up. Never raises."""
        try:
            if self._establish():
                while (message := self.next_message()) is not None:
                    self._serve(self, message)
        except _Released:
            self._answer_release()
        except HandshakeFailed as error:
            logger.warning("no TLS with %s: %s", self.host, error)
        except ProtocolError as error:
            logger.warning("aborting %s at %s: %s", self.calling_ae, self.host, error)
            self._abort(error.reason)
        except Closed as error:
            logger.info("association of %s at %s ended: %s", self.calling_ae, self.host, error)
            self._abort(_NO_REASON)
        except Exception:
            logger.exception("association of %s at %s failed", self.calling_ae, self.host)
            self._abort(_NO_REASON)
        finally:
            if self._reception is not None:
                self._reception.abort()
            self.wire.close()

    def next_message(self) -> Message:
        """Return the next message, whole. Raises Closed, or what `run` catches."""
        command_bytes = bytearray()
        dataset = bytearray()
        context: Context | None = None
        command: Command | None = None
        while True:
            pdv = next(self._pdvs)
            context_id, flags, data = pdv
            if context is None:
                context = self.request.contexts.get(context_id)
            if context is None or context.id != context_id:
                raise ProtocolError("data on a context that was not accepted", _INVALID_PARAMETER)
            if bool(flags & _IS_COMMAND) == (command is not None):
                raise ProtocolError("command and data set are mixed up", _INVALID_PARAMETER)
            if command is None:
                command_bytes += data
                if len(command_bytes) > _LONGEST_COMMAND:
                    raise ProtocolError("a command set that does not end", _INVALID_PARAMETER)
                if not flags & _IS_LAST:
                    continue
                command = _decode(command_bytes)
                if command["CommandDataSetType"] == NO_DATASET:
                    return Message(context, command)
                if command["CommandField"] == Field.STORE:
                    self._reception = self._receive(context, command)
            elif self._reception is not None:
                self._reception.write(data)
                if flags & _IS_LAST:
                    reception, self._reception = self._reception, None
                    return Message(context, command, reception=reception)
            else:
                dataset += data
                if len(dataset) > _LONGEST_DATASET:
                    raise ProtocolError("a data set that does not end", _INVALID_PARAMETER)
                if flags & _IS_LAST:
                    return Message(context, command, bytes(dataset))

    def is_cancelled(self, message: Message) -> bool:
        """True when the peer has sent a C-CANCEL for `message` by now."""
        while self.wire.readable():
            other = self.next_message()
            if other.command["CommandField"] != Field.CANCEL:
                raise ProtocolError("a request while another is being served", _NO_REASON)
            if other.command.get("MessageIDBeingRespondedTo") == message.command["MessageID"]:
                return True
        return False

    def answer(
        self,
        message: Message,
        status: int,
        dataset: bytes | None = None,
        more: Command | None = None,
    ) -> None:
        """Send a response to `message`; `more` are further elements of its command set."""
        request = message.command
        command: Command = {
            "CommandField": request["CommandField"] | Field.RESPONSE,
            "MessageIDBeingRespondedTo": request.get("MessageID", 0),
            "Status": status,
        }
        for what in ("SOPClassUID", "SOPInstanceUID"):
            uid = request.get(f"Affected{what}") or request.get(f"Requested{what}")
            if uid:
                command[f"Affected{what}"] = uid
        self.send(message.context, command | (more or {}), dataset)

    def refuse(self, message: Message, status: int, comment: str) -> None:
        """Send a failure with a word on why; only the first 64 characters travel (PS3.7 C)."""
        self.answer(message, status, more={"ErrorComment": comment[:64]})

    def send(self, context: Context, command: Command, dataset: bytes | None = None) -> None:
        """Send one message, in fragments the peer can take."""
        encoded = encode(command, dataset is not None)
        parts = [*self._fragments(context.id, _IS_COMMAND, memoryview(encoded), last=True)]
        if dataset is not None:
            parts += self._fragments(context.id, 0, memoryview(dataset), last=True)
        self.wire.send(*parts)

    def send_command(self, context: Context, command: Command, *, has_dataset: bool) -> None:
        """Send a command set; the data set may follow by `send_data`."""
        encoded = encode(command, has_dataset)
        self.wire.send(*self._fragments(context.id, _IS_COMMAND, memoryview(encoded), last=True))

    def send_data(self, context: Context, data: memoryview, *, last: bool) -> None:
        """Send the next piece of a data set."""
        self.wire.send(*self._fragments(context.id, 0, data, last=last))

    def _fragments(
        self, context_id: int, kind: int, data: memoryview, last: bool
    ) -> Iterator[bytes | memoryview]:
        """Yield header and body of each P-DATA-TF that carries `data`."""
        room = self.request.maximum_pdu - 6
        for offset in range(0, len(data) or 1, room):
            piece = data[offset : offset + room]
            is_last = last and offset + room >= len(data)
            yield struct.pack(">BxI", Pdu.DATA, len(piece) + 6)
            yield _PDV.pack(len(piece) + 2, context_id, kind | (_IS_LAST if is_last else 0))
            yield piece

    def _establish(self) -> bool:
        """Answer the association request; False when it was rejected."""
        seconds = self.settings.request_deadline
        self.wire.open(seconds)
        kind, value = self.wire.read(_LONGEST_REQUEST, seconds, seconds)
        if kind != Pdu.ASSOCIATE_RQ:
            raise ProtocolError("something other than an A-ASSOCIATE-RQ", _UNEXPECTED_PDU)
        header = struct.pack(">BxI", kind, len(value))
        raw = header + value
        try:
            self.request = read_request(raw)
        except ValueError as error:
            raise ProtocolError(str(error), _INVALID_PARAMETER) from error
        if self.request.application_context != APPLICATION_CONTEXT:
            self.wire.send(rejection(permanent=True, source=1, reason=2))
            self.wire.wait_for_close(_CLOSING_SECONDS)
            return False
        site = self.peers.site_of(self.calling_ae, self.host)
        self.origin = Origin(site, self.calling_ae, self.host, Channel.DIMSE)
        self.wire.send(accept(self.request, self.settings.maximum_pdu, raw[10:42]))
        return True

    def _read_pdvs(self) -> Iterator[tuple[int, int, memoryview]]:
        """Yield (context id, message control header, fragment) for the association's life."""
        while True:
            kind, value = self.wire.read(self.settings.maximum_pdu, self.settings.idle_deadline)
            if kind == Pdu.RELEASE_RQ:
                raise _Released
            if kind == Pdu.ABORT:
                raise Closed("aborted by the peer")
            if kind != Pdu.DATA:
                raise ProtocolError(f"an unexpected PDU of type {kind:#04x}", _UNEXPECTED_PDU)
            offset, end = 0, len(value)
            while offset < end:
                if offset + 6 > end:
                    raise ProtocolError("a broken P-DATA-TF", _INVALID_PARAMETER)
                length, context_id, flags = _PDV.unpack_from(value, offset)
                stop = offset + 4 + length
                if length < 2 or stop > end:
                    raise ProtocolError("a broken P-DATA-TF", _INVALID_PARAMETER)
                yield context_id, flags, value[offset + 6 : stop]
                offset = stop

    def _receive(self, context: Context, command: Command) -> Reception | None:
        """Begin to receive a C-STORE's data set; None when its context is not for that."""
        if context.service is not Service.STORE:
            return None
        return self.archive.receive(
            self.origin,
            sop_class_uid=command.get("AffectedSOPClassUID") or context.abstract_syntax,
            sop_instance_uid=command.get("AffectedSOPInstanceUID", ""),
            transfer_syntax_uid=context.transfer_syntax,
            maximum_bytes=self.settings.maximum_object_bytes,
        )

    def _answer_release(self) -> None:
        try:
            self.wire.send(struct.pack(">BxIxxxx", Pdu.RELEASE_RP, 4))
            self.wire.wait_for_close(_CLOSING_SECONDS)
        except Closed:
            pass

    def _abort(self, reason: int) -> None:
        try:
            self.wire.send(struct.pack(">BxIxxBB", Pdu.ABORT, 4, _BY_PROVIDER, reason))
        except Closed:
            pass


def rejection(*, permanent: bool, source: int, reason: int) -> bytes:
    """Return an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    return struct.pack(">BxIxBBB", Pdu.ASSOCIATE_RJ, 4, 1 if permanent else 2, source, reason)


def _decode(raw: bytearray) -> Command:
    try:
        return decode(raw)
    except CommandError as error:
        raise ProtocolError(str(error), _INVALID_PARAMETER) from error
