"""The SOP Classes and transfer syntaxes we accept, as rules over the standard's registry.

We keep bytes as they come, so every kind of object and every encoding of a data set is welcome,
also those registered after this was written and private ones.
"""

from enum import Enum

from pydicom.uid import UID
from pynetdicom import sop_class

__all__ = [
    "NATIVE_SYNTAXES",
    "Service",
    "accepts_transfer_syntax",
    "service_of",
]


class Service(Enum):
    """What a peer may ask of us on a presentation context."""

    ECHO = "C-ECHO"
    STORE = "C-STORE"
    FIND = "C-FIND"
    MOVE = "C-MOVE"
    GET = "C-GET"
    COMMITMENT = "storage commitment"


NATIVE_SYNTAXES = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")

_SERVICES: dict[str, Service] = {
    sop_class.Verification: Service.ECHO,
    sop_class.StudyRootQueryRetrieveInformationModelFind: Service.FIND,
    sop_class.PatientRootQueryRetrieveInformationModelFind: Service.FIND,
    sop_class.StudyRootQueryRetrieveInformationModelMove: Service.MOVE,
    sop_class.PatientRootQueryRetrieveInformationModelMove: Service.MOVE,
    sop_class.StudyRootQueryRetrieveInformationModelGet: Service.GET,
    sop_class.PatientRootQueryRetrieveInformationModelGet: Service.GET,
    sop_class.StorageCommitmentPushModel: Service.COMMITMENT,
}
_STANDARD = "1.2.840.10008."
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_SYNTAXES = "1.2.840.10008.1.2"
# MIME and XML encodings, and live video (PS3.22): no data set in a C-STORE.
_NO_DATASET = tuple(f"{_SYNTAXES}.{arc}." for arc in ("6", "7"))


def service_of(abstract_syntax: str) -> Service | None:
    """Return what we do for an abstract syntax, None when we do nothing.

    Storage is every SOP Class the registry calls so, whatever stands under the registry's arc of
    storage classes without a name known to us, and every private UID: those of the standard's
    other services are known by name and refused.
    """
    service = _SERVICES.get(abstract_syntax)
    if service is not None:
        return service
    if not abstract_syntax.startswith(_STANDARD):
        return Service.STORE if abstract_syntax else None
    name = UID(abstract_syntax).name
    if name == abstract_syntax or not name:  # not in the registry we know
        return Service.STORE if abstract_syntax.startswith(_STORAGE) else None
    is_storage = "Storage" in name and not name.startswith(("Storage Commitment", "Media Storage"))
    return Service.STORE if is_storage else None


def accepts_transfer_syntax(service: Service, transfer_syntax: str) -> bool:
    """True for encodings of a data set we can keep (storage) or read (everything else)."""
    if service is not Service.STORE:
        return transfer_syntax in NATIVE_SYNTAXES
    if transfer_syntax != _SYNTAXES and not transfer_syntax.startswith(_SYNTAXES + "."):
        return False
    return not transfer_syntax.startswith(_NO_DATASET)
