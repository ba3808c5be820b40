"""What we accept, against the registries of pydicom and pynetdicom."""

import pytest
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID, AllTransferSyntaxes
from pynetdicom import AllStoragePresentationContexts, sop_class

from dicom_node.contexts import Service, accepts_transfer_syntax, service_of

STORAGE = [str(context.abstract_syntax) for context in AllStoragePresentationContexts]


def test_every_storage_class_is_stored() -> None:
    refused = [UID(uid).name for uid in STORAGE if service_of(uid) is not Service.STORE]
    assert refused == []
    assert len(STORAGE) > 150


@pytest.mark.parametrize(
    ("uid", "service"),
    [
        (sop_class.Verification, Service.ECHO),
        (sop_class.StudyRootQueryRetrieveInformationModelFind, Service.FIND),
        (sop_class.PatientRootQueryRetrieveInformationModelMove, Service.MOVE),
        (sop_class.StudyRootQueryRetrieveInformationModelGet, Service.GET),
        (sop_class.StorageCommitmentPushModel, Service.COMMITMENT),
        (sop_class.VLWholeSlideMicroscopyImageStorage, Service.STORE),
        ("1.2.840.10008.5.1.4.1.1.999.1", Service.STORE),  # of a later edition
        ("1.3.46.670589.11.0.0.12.4", Service.STORE),  # private
        ("1.2.840.10008.1.20.2", None),  # storage commitment pull, retired
        ("1.2.840.10008.1.3.10", None),  # DICOMDIR
        (sop_class.ModalityWorklistInformationFind, None),
        (sop_class.BasicFilmSession, None),
        ("1.2.840.10008.99.99", None),
        ("", None),
    ],
)
def test_each_abstract_syntax_has_its_service(uid: str, service: Service | None) -> None:
    assert service_of(uid) is service


def test_no_other_service_passes_for_storage() -> None:
    stored = {
        name
        for uid, (name, kind, *_) in UID_dictionary.items()
        if kind in ("SOP Class", "Meta SOP Class", "Service Class")
        and service_of(uid) is Service.STORE
    }
    words = ("FIND", "MOVE", "GET", "Worklist", "Procedure Step", "Print Job", "Commitment")
    assert not [name for name in stored if any(word in name for word in words)]


def test_every_transfer_syntax_pydicom_names_is_kept() -> None:
    no_dataset = ("1.2.840.10008.1.2.6.", "1.2.840.10008.1.2.7.")
    for syntax in AllTransferSyntaxes:
        kept = accepts_transfer_syntax(Service.STORE, syntax)
        assert kept is not syntax.startswith(no_dataset), syntax.name
    assert accepts_transfer_syntax(Service.STORE, "1.2.840.10008.1.2.4.110")  # JPEG XL


@pytest.mark.parametrize("syntax", ["", "1.2.840.113619.5.2", "1.2.840.10008.1.20", "1.2.3"])
def test_encodings_we_could_not_read_are_refused(syntax: str) -> None:
    assert not accepts_transfer_syntax(Service.STORE, syntax)


@pytest.mark.parametrize("service", [Service.ECHO, Service.FIND, Service.COMMITMENT])
def test_messages_are_native_little_endian(service: Service) -> None:
    assert accepts_transfer_syntax(service, "1.2.840.10008.1.2")
    assert accepts_transfer_syntax(service, "1.2.840.10008.1.2.1")
    assert not accepts_transfer_syntax(service, "1.2.840.10008.1.2.2")
    assert not accepts_transfer_syntax(service, "1.2.840.10008.1.2.4.50")
