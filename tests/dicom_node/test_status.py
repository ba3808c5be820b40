"""Each error has its status."""

import pytest

from dicom_node.errors import (
    CannotUnderstand,
    DatasetMismatch,
    DicomNodeError,
    NotFound,
    OutOfResources,
)
from dicom_node.status import dimse_status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OutOfResources(""), 0xA700),
        (DatasetMismatch(""), 0xA900),
        (CannotUnderstand(""), 0xC000),
        (NotFound(""), 0x0112),
        (DicomNodeError(""), 0x0110),
        (KeyError(""), 0x0110),
    ],
)
def test_statuses_are_those_of_the_standard(error: Exception, status: int) -> None:
    assert dimse_status(error) == status
