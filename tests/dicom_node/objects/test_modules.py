"""Patient and study, copied from headers in any character set."""

import io
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from dicom_node.objects import Identity, basic_text
from plugins.testing import ct_header
from tests.dicom_node.objects.conftest import first_header, signed_opinion
from tests.dicom_node.objects.judges import encoded

# the names as the standard prints them (PS3.5 Annexes H to K)
NAMES = {
    "charsets/chrArab.dcm": "قباني^لنزار",
    "charsets/chrFren.dcm": "Buc^Jérôme",
    "charsets/chrGerm.dcm": "Äneas^Rüdiger",
    "charsets/chrGreek.dcm": "Διονυσιος",
    "charsets/chrH31.dcm": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "charsets/chrHbrw.dcm": "שרון^דבורה",
    "charsets/chrI2.dcm": "Hong^Gildong=洪^吉洞=홍^길동",
    "charsets/chrRuss.dcm": "Люкceмбypг",
    "charsets/chrX1.dcm": "Wang^XiaoDong=王^小東",
    "charsets/chrX2.dcm": "Wang^XiaoDong=王^小东",
}


def sent(header: Dataset, identity: Identity) -> Dataset:
    """The report as a receiver reads it."""
    return pydicom.dcmread(io.BytesIO(encoded(basic_text(signed_opinion(header), identity))))


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_names_of_every_character_set_arrive_in_unicode(
    name: str, expected: str, test_data: Path, identity: Identity
) -> None:
    report = sent(first_header(test_data, name), identity)

    assert str(report.PatientName) == expected
    assert report.SpecificCharacterSet == "ISO_IR 192"


def test_utf8_that_does_not_say_so_is_read_as_utf8(identity: Identity) -> None:
    """What a PACS with the wrong setting writes: UTF-8 bytes, no Specific Character Set."""
    header = ct_header(PatientName="ABCDEFGHIJ")
    del header.SpecificCharacterSet
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, header)
    raw = buffer.getvalue().replace(b"ABCDEFGHIJ", "NGỄ^VĂ ".encode())
    wrong = pydicom.dcmread(io.BytesIO(raw), force=True)
    assert str(wrong.PatientName) == "NGá»\x84^VÄ\x82", "pydicom reads Latin-1"

    assert str(sent(wrong, identity).PatientName) == "NGỄ^VĂ"


def test_retired_dates_become_today_s(test_data: Path, identity: Identity) -> None:
    report = sent(
        ct_header(PatientBirthDate="1950.01.02", StudyDate="", PatientSex="female"), identity
    )

    assert (report.PatientBirthDate, report.StudyDate, report.PatientSex) == ("19500102", "", "")


def test_the_private_scheme_says_whose_it_is(identity: Identity) -> None:
    (scheme,) = sent(ct_header(), identity).CodingSchemeIdentificationSequence

    assert scheme.CodingSchemeDesignator == "99HOICHAN"
