"""PDUs inside TLS (PS3.15 B.12): a wire whose first act is a handshake."""

import contextlib
import socket
import ssl
import time

from dicom_node.scp.wire import Closed, Wire
from dicom_node.tls import problem_of

__all__ = ["HandshakeFailed", "SecureWire"]

_CLOSING_SECONDS = 2.0
_DRAINED_BYTES = 1 << 18


class HandshakeFailed(Closed):
    """No TLS with this peer; it has been told as far as TLS allows, and no PDU can be sent."""


class SecureWire(Wire):
    """One TLS connection as a stream of PDUs.

    Parameters
    ----------
    connection : socket.socket
        Accepted; this wire owns it from now on.
    pdu_seconds : float
    context : ssl.SSLContext
    """

    _socket: ssl.SSLSocket

    def __init__(
        self, connection: socket.socket, pdu_seconds: float, context: ssl.SSLContext
    ) -> None:
        secure = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        super().__init__(secure, pdu_seconds)

    def open(self, seconds: float) -> None:
        """Shake hands, in the thread of the association: who connects and says nothing waits alone.

        Raises
        ------
        HandshakeFailed
        """
        self._socket.settimeout(seconds)
        try:
            self._socket.do_handshake()
        except OSError as error:
            detail = getattr(error, "verify_message", "") or getattr(error, "reason", "")
            self._part()
            raise HandshakeFailed(
                f"{problem_of(error)}{f' ({detail})' if detail else ''}"
            ) from error

    def close(self) -> None:
        # Say that nothing more follows, and do not wait to be told the same.
        with contextlib.suppress(OSError, ValueError):
            self._socket.settimeout(0)
            self._socket.unwrap()
        super().close()

    def interrupt(self) -> None:
        # Not SSLSocket's: it takes the TLS state away from under the thread that reads.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _part(self) -> None:
        """Let the peer read why: closing on what it has sent already would destroy our alert."""
        deadline = time.monotonic() + _CLOSING_SECONDS
        drained = 0
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_WR)
            while drained < _DRAINED_BYTES and (left := deadline - time.monotonic()) > 0:
                self._socket.settimeout(left)
                piece = socket.socket.recv(self._socket, 1 << 14)
                if not piece:
                    return
                drained += len(piece)
