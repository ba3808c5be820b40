"""C-ECHO as SCU (PS3.4 Annex A)."""

import time

from pynetdicom import build_context
from pynetdicom.sop_class import Verification

from dicom_node.errors import AssociationAborted, PeerRefused
from dicom_node.peers import Peer
from dicom_node.scu.association import associate

__all__ = ["echo"]


def echo(peer: Peer, calling_ae: str) -> float:
    """Verify that `peer` answers; return the round trip of the C-ECHO in seconds.

    Raises
    ------
    PeerError
        Any of its kinds, saying at which step the peer failed.
    """
    with associate(peer, calling_ae, [build_context(Verification)]) as association:
        started = time.perf_counter()
        answer = association.send_c_echo()
        seconds = time.perf_counter() - started
    if "Status" not in answer:
        raise AssociationAborted(f"{peer} did not answer the C-ECHO.")
    if answer.Status != 0x0000:
        raise PeerRefused(
            f"{peer} answered the C-ECHO with status 0x{answer.Status:04X}.", answer.Status
        )
    return seconds
