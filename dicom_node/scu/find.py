"""C-FIND as SCU (PS3.4 Annex C), Study Root."""

from collections.abc import Iterable

from pydicom.dataset import Dataset
from pynetdicom import build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from dicom_node.errors import AssociationAborted, PeerRefused
from dicom_node.peers import Peer
from dicom_node.scu.association import associate

__all__ = ["find", "instances_held"]


def find(peer: Peer, calling_ae: str, identifier: Dataset) -> list[Dataset]:
    """Every match of `identifier` at `peer`.

    Raises
    ------
    PeerRefused
        The peer offers no Study Root query, or answered with a failure status.
    PeerError
        The association failed.
    """
    matches: list[Dataset] = []
    model = StudyRootQueryRetrieveInformationModelFind
    with associate(peer, calling_ae, [build_context(model)]) as association:
        for answer, match in association.send_c_find(identifier, model):
            if "Status" not in answer:
                raise AssociationAborted(f"{peer} broke off the C-FIND.")
            if answer.Status in (0xFF00, 0xFF01):
                if match is not None:
                    matches.append(match)
            elif answer.Status != 0x0000:
                raise PeerRefused(
                    f"{peer} answered the C-FIND with status 0x{answer.Status:04X}.",
                    answer.Status,
                )
    return matches


def instances_held(
    peer: Peer,
    calling_ae: str,
    study_instance_uid: str,
    series_instance_uid: str,
    sop_instance_uids: Iterable[str],
) -> frozenset[str]:
    """Which of the instances `peer` finds when asked at IMAGE level."""
    wanted = frozenset(sop_instance_uids)
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "IMAGE"
    identifier.StudyInstanceUID = study_instance_uid
    identifier.SeriesInstanceUID = series_instance_uid
    identifier.SOPInstanceUID = ""
    found = find(peer, calling_ae, identifier)
    return wanted & {str(match.get("SOPInstanceUID", "")) for match in found}
