"""TLS around associations: PS3.15 B.12, "BCP 195 RFC 8996, 9325 TLS Secure Transport Connection".

TLS 1.2 and 1.3 and nothing older; of TLS 1.2 the suites with forward secrecy and authenticated
encryption that RFC 9325 4.2 recommends. Nothing here knows PDUs.
"""

import logging
import ssl
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dicom_node.errors import DicomNodeError

__all__ = [
    "ClientContext",
    "ClientTls",
    "ServerCredentials",
    "ServerTls",
    "TlsFault",
    "TlsProblem",
    "TlsUnusable",
    "problem_of",
    "server_context",
]

logger = logging.getLogger(__name__)

_SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"


class TlsFault(StrEnum):
    """What is wrong with a file."""

    UNREADABLE = "cannot be read"
    NOT_PEM = "is no PEM file of certificates or of a key without password"
    WRONG_KEY = "is not the key of the certificate"


class TlsUnusable(DicomNodeError):
    """Certificate, key or CA cannot be used; ``path`` is the file at fault, None a pinned one."""

    def __init__(self, path: Path | None, fault: TlsFault) -> None:
        super().__init__(f"{path or 'the pinned certificate'} {fault}")
        self.path = path
        self.fault = fault


class TlsProblem(StrEnum):
    """Why there was no TLS with a peer, in words."""

    NOT_TLS = "the other side speaks no TLS"
    OLD_VERSION = "the other side offers only TLS older than 1.2"
    NO_SHARED_SUITE = "both sides have no cipher suite in common"
    NO_CERTIFICATE = "the caller showed no certificate"
    CERTIFICATE_WANTED = "the other side asks for a certificate of ours and got none it takes"
    EXPIRED = "a certificate has expired or is not valid yet"
    UNKNOWN_CA = "a certificate is not signed by a CA that is trusted here"
    OUR_CA_UNKNOWN = "the other side does not trust our certificate"
    WRONG_HOST = "the certificate is for another host name"
    SILENT = "the other side was silent during the handshake"
    CLOSED = "the other side closed the connection during the handshake"
    OTHER = "the handshake failed"


@dataclass(frozen=True, slots=True)
class ServerTls:
    """How we are called over TLS.

    Parameters
    ----------
    port : int
        2762 is registered for it (PS3.15 B.12); 0 takes a free one.
    certificate, key : Path, Path or None
        PEM, the certificate with its chain; None: the key is in the certificate's file.
    client_ca : Path or None
        Callers must show a certificate signed by one of these CAs; None asks for none.
    """

    port: int
    certificate: Path
    key: Path | None = None
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class ClientTls:
    """How we call a peer over TLS.

    Parameters
    ----------
    ca : Path or None
        CAs one of which must have signed the peer's certificate, which must also bear the host
        name or address we call; None: those of the operating system.
    pinned : str
        PEM: the peer's own certificate or its CA. Nothing else is trusted then, and host names
        are not compared: many a modality has a certificate without any.
    certificate, key : Path or None
        Ours, for peers that ask for one.
    """

    ca: Path | None = None
    pinned: str = ""
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> "ClientContext":
        """A context for one association. Raises TlsUnusable."""
        context = ClientContext(ssl.PROTOCOL_TLS_CLIENT)
        _harden(context)
        if self.pinned:
            context.check_hostname = False
            # The pinned certificate ends the chain, be it a root or not.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            try:
                context.load_verify_locations(cadata=self.pinned)
            except (ssl.SSLError, TypeError, ValueError) as error:  # TypeError: not even ASCII
                raise TlsUnusable(None, TlsFault.NOT_PEM) from error
        elif self.ca is not None:
            _trust(context, self.ca)
        else:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        if self.certificate is not None:
            _identify(context, self.certificate, self.key)
        return context


class _NotingSocket(ssl.SSLSocket):
    """Writes down in its context what went wrong; the layer above only learns that it did."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError as error:
            self._note(error)
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            return super().recv(buflen, flags)
        except ssl.SSLError as error:
            self._note(error)
            raise

    def _note(self, error: OSError) -> None:
        assert isinstance(self.context, ClientContext)
        self.context.trouble = error


class ClientContext(ssl.SSLContext):
    """The context of one call. ``trouble`` is what kept its connection from being, or broke it."""

    sslsocket_class = _NotingSocket
    trouble: OSError | None = None


class ServerCredentials:
    """The context of a listener, made again when its files were renewed. One thread uses it."""

    def __init__(self, settings: ServerTls) -> None:
        self._settings = settings
        self._context: ssl.SSLContext | None = None
        self._seen: tuple[object, ...] = ()

    def context(self) -> ssl.SSLContext:
        """What to accept the next connection with.

        New files that cannot be used are logged, and the old credentials stay.

        Raises
        ------
        TlsUnusable
            There have been no usable files yet.
        """
        seen = tuple(_state(path) for path in self._files())
        if self._context is None or seen != self._seen:
            self._seen = seen
            try:
                self._context = server_context(self._settings)
            except TlsUnusable as error:
                if self._context is None:
                    raise
                logger.error("the new TLS files cannot be used, the old ones stay: %s", error)
        return self._context

    def _files(self) -> list[Path]:
        own = self._settings
        return [path for path in (own.certificate, own.key, own.client_ca) if path is not None]


def server_context(settings: ServerTls) -> ssl.SSLContext:
    """Return a context to accept connections with. Raises TlsUnusable."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    _identify(context, settings.certificate, settings.key)
    if settings.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        _trust(context, settings.client_ca)
    return context


def problem_of(error: OSError) -> TlsProblem:
    """Say what kind of failure a handshake's error is."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFICATION.get(error.verify_code, TlsProblem.UNKNOWN_CA)
    if isinstance(error, ssl.SSLEOFError | ConnectionError):
        return TlsProblem.CLOSED
    if isinstance(error, TimeoutError):
        return TlsProblem.SILENT
    reason = str(getattr(error, "reason", "") or "")
    return _REASONS.get(reason, TlsProblem.OTHER)


# X509_V_ERR_… of OpenSSL.
_VERIFICATION = {
    9: TlsProblem.EXPIRED,  # not yet valid
    10: TlsProblem.EXPIRED,
    62: TlsProblem.WRONG_HOST,
    64: TlsProblem.WRONG_HOST,  # of an IP address
}
_REASONS = {
    "HTTP_REQUEST": TlsProblem.NOT_TLS,
    "WRONG_VERSION_NUMBER": TlsProblem.NOT_TLS,
    "RECORD_LAYER_FAILURE": TlsProblem.NOT_TLS,
    "UNSUPPORTED_PROTOCOL": TlsProblem.OLD_VERSION,
    "VERSION_TOO_LOW": TlsProblem.OLD_VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": TlsProblem.OLD_VERSION,
    "NO_SHARED_CIPHER": TlsProblem.NO_SHARED_SUITE,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": TlsProblem.NO_SHARED_SUITE,
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": TlsProblem.NO_CERTIFICATE,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": TlsProblem.CERTIFICATE_WANTED,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": TlsProblem.EXPIRED,
    "TLSV1_ALERT_UNKNOWN_CA": TlsProblem.OUR_CA_UNKNOWN,
    "SSLV3_ALERT_BAD_CERTIFICATE": TlsProblem.OUR_CA_UNKNOWN,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": TlsProblem.OUR_CA_UNKNOWN,
}


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION


def _identify(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    for path in (certificate, key):
        _require_readable(path)
    try:
        # Without a password given, OpenSSL would ask the terminal for one.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsUnusable(key or certificate, TlsFault.WRONG_KEY) from error
        # OpenSSL does not say which of the two it was reading.
        at_fault = certificate if key is None or not _is_certificate(certificate) else key
        raise TlsUnusable(at_fault, TlsFault.NOT_PEM) from error


def _trust(context: ssl.SSLContext, ca: Path) -> None:
    _require_readable(ca)
    try:
        context.load_verify_locations(cafile=ca)
    except ssl.SSLError as error:
        raise TlsUnusable(ca, TlsFault.NOT_PEM) from error


def _require_readable(path: Path | None) -> None:
    if path is None:
        return
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise TlsUnusable(path, TlsFault.UNREADABLE) from error


def _is_certificate(path: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return False
    return True


def _state(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns)
