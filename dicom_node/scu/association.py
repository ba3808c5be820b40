"""One association to a peer, opened and released; what went wrong as our own errors."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.pdu import A_ASSOCIATE_RJ
from pynetdicom.presentation import PresentationContext

from dicom_node.errors import (
    AssociationAborted,
    AssociationRejected,
    PeerUnreachable,
    TlsFailed,
)
from dicom_node.peers import Peer
from dicom_node.tls import ClientContext, TlsProblem, TlsUnusable, problem_of

__all__ = ["associate"]

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0

EventHandler = tuple[Any, Callable[[Any], Any]]


@contextmanager
def associate(
    peer: Peer,
    calling_ae: str,
    contexts: Sequence[PresentationContext],
    *,
    handlers: Sequence[EventHandler] = (),
    roles: Sequence[Any] = (),
) -> Iterator[Association]:
    """Yield an established association with `peer`, released afterwards.

    Raises
    ------
    PeerUnreachable
        No TCP connection within ten seconds.
    TlsFailed
        TCP came about, and TLS did not: or the files for it cannot be used.
    AssociationRejected
        The peer answered A-ASSOCIATE-RJ, or accepted none of the contexts.
    AssociationAborted
        The peer accepted the connection and then went silent or aborted.
    """
    ae = AE(ae_title=calling_ae)
    ae.connection_timeout = CONNECT_SECONDS
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ANSWER_SECONDS
    connected = rejected = False
    secure = _secure(peer)

    def on_connection(event: Any) -> None:
        nonlocal connected
        connected = True
        # A 12-byte header waiting for a delayed ACK costs 40 ms an object.
        event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def on_pdu(event: Any) -> None:
        # A peer that rejects and hangs up at once may be seen as an abort by the state machine.
        nonlocal rejected
        rejected = rejected or isinstance(event.pdu, A_ASSOCIATE_RJ)

    association = ae.associate(
        peer.host,
        peer.port,
        contexts=list(contexts),
        ae_title=peer.ae_title,
        max_pdu=131072,
        ext_neg=list(roles),
        tls_args=(secure, peer.host) if secure is not None else None,
        evt_handlers=[
            (evt.EVT_CONN_OPEN, on_connection),
            (evt.EVT_PDU_RECV, on_pdu),
            *handlers,
        ],
    )
    if not association.is_established:
        if secure is not None and secure.trouble is not None:
            problem = problem_of(secure.trouble)
            raise TlsFailed(f"No TLS with {peer}: {problem}.", problem)
        if not connected:
            raise PeerUnreachable(f"No connection to {peer}.")
        if rejected:
            raise AssociationRejected(
                f"{peer} rejected the association from {calling_ae}; is our AE title known there?"
            )
        if association.acceptor.primitive is not None and not association.accepted_contexts:
            raise AssociationRejected(f"{peer} accepted none of the offered services.")
        raise AssociationAborted(f"{peer} did not answer the association request.")
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def _secure(peer: Peer) -> ClientContext | None:
    if peer.tls is None:
        return None
    try:
        return peer.tls.context()
    except TlsUnusable as error:
        raise TlsFailed(f"No TLS with {peer}: {error}.", TlsProblem.OTHER) from error
