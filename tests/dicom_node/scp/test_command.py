"""Command sets against pynetdicom's."""

from io import BytesIO

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage
from pynetdicom.dsutils import decode as pynetdicom_decode
from pynetdicom.dsutils import encode as pynetdicom_encode

from dicom_node.scp.command import NO_DATASET, Command, CommandError, Field, decode, encode

COMMAND: Command = {
    "AffectedSOPClassUID": str(CTImageStorage),
    "CommandField": Field.STORE,
    "MessageID": 65535,
    "Priority": 0,
    "AffectedSOPInstanceUID": "1.2.3",
    "MoveOriginatorApplicationEntityTitle": "DEMO_A",
    "MoveOriginatorMessageID": 7,
}


@pytest.mark.parametrize("has_dataset", [True, False])
def test_pynetdicom_reads_what_we_write(has_dataset: bool) -> None:
    dataset = pynetdicom_decode(BytesIO(encode(COMMAND, has_dataset)), True, True)
    for keyword, value in COMMAND.items():
        assert getattr(dataset, keyword) == value
    assert (dataset.CommandDataSetType != NO_DATASET) is has_dataset
    length = len(encode(COMMAND, has_dataset)) - 12
    assert dataset.CommandGroupLength == length
    tags = [element.tag for element in dataset]
    assert tags == sorted(tags)


def test_we_read_what_pynetdicom_writes() -> None:
    dataset = Dataset()
    dataset.CommandGroupLength = 0
    for keyword, value in COMMAND.items():
        setattr(dataset, keyword, value)
    dataset.CommandDataSetType = NO_DATASET
    dataset.OffendingElement = [0x00080016]  # of no use to us
    encoded = pynetdicom_encode(dataset, True, True)
    assert encoded is not None
    assert decode(encoded) == COMMAND | {"CommandDataSetType": NO_DATASET}


def test_the_round_trip_is_exact() -> None:
    assert decode(encode(COMMAND)) == COMMAND | {"CommandDataSetType": NO_DATASET}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00" * 7,
        b"\x08\x00\x16\x00\x04\x00\x00\x001.2 ",
        b"\x00\x00\x00\x01\xff\xff\xff\xff\x01\x00",
        b"\x00\x00\x00\x01\x00\x00\x00\x00",
        encode({"CommandField": 1})[:-4],
        encode({"MessageID": 1}),
    ],
)
def test_broken_commands_are_refused(raw: bytes) -> None:
    with pytest.raises(CommandError):
        decode(raw)
