"""PDUs on a socket (PS3.8 9.3), received with deadlines and without copies.

The receiving half of pynetdicom's upper layer costs two threads, three copies and a poll interval
per PDU; see ``docs/decisions/0001-own-store-path.md``. Nothing here knows DIMSE.
"""

import contextlib
import math
import socket
import ssl
import struct
import time

__all__ = ["Closed", "Pdu", "ProtocolError", "Wire"]

_HEADER = struct.Struct(">BxI")
_GROWN = 1 << 20
_SMALL = 1 << 14
# What a read that may not wait says when there is nothing to read, without and with TLS.
_NOTHING_YET = (BlockingIOError, TimeoutError, ssl.SSLWantReadError)


class Pdu:
    """PDU types (PS3.8 9.3.1)."""

    ASSOCIATE_RQ = 0x01
    ASSOCIATE_AC = 0x02
    ASSOCIATE_RJ = 0x03
    DATA = 0x04
    RELEASE_RQ = 0x05
    RELEASE_RP = 0x06
    ABORT = 0x07


class Closed(Exception):
    """The peer is gone, silent for too long, or has been told to go."""


class ProtocolError(Closed):
    """The peer broke the upper layer protocol. ``reason`` is that of the A-ABORT (PS3.8 9.3.8)."""

    def __init__(self, message: str, reason: int) -> None:
        super().__init__(message)
        self.reason = reason


class Wire:
    """One TCP connection as a stream of PDUs. One thread reads and writes.

    Parameters
    ----------
    connection : socket.socket
    pdu_seconds : float
        From the first byte of a PDU to its last.
    """

    def __init__(self, connection: socket.socket, pdu_seconds: float) -> None:
        self._socket = connection
        self._pdu_seconds = pdu_seconds
        # A sender with Nagle's algorithm waits for our ACK between header and body of each object,
        # and Linux delays ACKs by 40 ms: re-armed after every read.
        self._quick_ack = getattr(socket, "TCP_QUICKACK", None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._acknowledge()
        self._buffer = bytearray(_SMALL)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0

    def open(self, seconds: float) -> None:
        """Do what must be done before the first PDU: nothing on plain TCP."""

    def readable(self) -> bool:
        """True when the peer has sent something we have not read."""
        if self._end > self._start:
            return True
        self._start = self._end = 0
        self._socket.settimeout(0)
        try:
            return self._receive() > 0
        except _NOTHING_YET:
            return False
        except OSError as error:
            raise Closed(f"the connection broke: {error}") from error

    def read(
        self, longest: int, wait_seconds: float, whole_seconds: float = math.inf
    ) -> tuple[int, memoryview]:
        """Return type and value of the next PDU. The view is valid until the next read.

        Parameters
        ----------
        longest : int
            Bytes; a longer PDU is a ProtocolError.
        wait_seconds : float
            For its first byte.
        whole_seconds : float
            For all of it, where that is less than the deadline of any PDU.

        Raises
        ------
        Closed
        """
        begun = time.monotonic()
        if self._end == self._start:
            self._start = self._end = 0
            self._wait(begun + wait_seconds)
        deadline = min(time.monotonic() + self._pdu_seconds, begun + whole_seconds)
        while self._end - self._start < 6:
            self._make_room(6)
            self._wait(deadline)
        kind, length = _HEADER.unpack_from(self._buffer, self._start)
        if length > longest:
            raise ProtocolError(f"a PDU of {length} bytes, longer than agreed", 6)
        whole = 6 + length
        self._make_room(whole)
        while self._end - self._start < whole:
            self._wait(deadline)
        begin = self._start + 6
        self._start += whole
        return kind, self._view[begin : begin + length]

    def send(self, *parts: bytes | memoryview) -> None:
        """Send all bytes, within the deadline of a PDU. Raises Closed."""
        try:
            self._socket.settimeout(self._pdu_seconds)
            self._socket.sendall(b"".join(parts) if len(parts) > 1 else parts[0])
        except OSError as error:
            raise Closed(f"the peer takes nothing: {error}") from error

    def close(self) -> None:
        """End the connection from the thread that uses it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._socket.close()

    def interrupt(self) -> None:
        """End the connection from another thread: whatever waits on it gets Closed."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def wait_for_close(self, seconds: float) -> None:
        """Give the peer, who should now close, a little time; then close."""
        deadline = time.monotonic() + seconds
        with contextlib.suppress(Closed):
            while True:
                self._start = self._end = 0
                self._wait(deadline)

    def _wait(self, deadline: float) -> None:
        """Receive at least one byte behind what we have, until `deadline` (monotonic)."""
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise Closed("the peer was silent for too long")
        try:
            self._socket.settimeout(remaining)
            count = self._receive()
        except TimeoutError as error:
            raise Closed("the peer was silent for too long") from error
        except OSError as error:
            raise Closed(f"the connection broke: {error}") from error
        if not count:
            raise Closed("the peer closed the connection")

    def _receive(self) -> int:
        count = self._socket.recv_into(self._view[self._end :])
        self._end += count
        self._acknowledge()
        return count

    def _acknowledge(self) -> None:
        if self._quick_ack is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, self._quick_ack, 1)

    def _make_room(self, size: int) -> None:
        """Have room for `size` bytes from the start of the current PDU."""
        if self._start + size <= len(self._buffer):
            return
        held = self._view[self._start : self._end]
        if size > len(self._buffer) or len(self._buffer) == _SMALL:
            # Connections that never get beyond a request stay small.
            buffer = bytearray(max(_GROWN, size))
            buffer[: len(held)] = held
            self._buffer, self._view = buffer, memoryview(buffer)
        else:
            self._buffer[: len(held)] = bytes(held)
        self._start, self._end = 0, len(held)
