"""The codes we wrote out are those of the dictionary."""

import pytest
from pydicom.sr.codedict import codes as dictionary

from dicom_node.conversion import codes


@pytest.mark.parametrize("scheme", ["DCM", "SCT"])
def test_every_code_is_the_dictionarys(scheme: str) -> None:
    ours = {
        name: code
        for name, code in vars(getattr(codes, scheme)).items()
        if isinstance(code, codes.Code)
    }
    assert len(ours) > 5
    for name, code in ours.items():
        assert code == tuple(getattr(getattr(dictionary, scheme), name))[:3]
