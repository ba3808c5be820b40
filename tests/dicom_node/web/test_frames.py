"""Every transfer syntax we have a file of, through the socket, against pydicom."""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.pixels import pixel_array
from pydicom.uid import JPEGBaseline8Bit

from dicom_node.errors import CannotUnderstand
from dicom_node.records import StoreOutcome
from tests.conftest import REPOSITORY
from tests.dicom_node.web.serving import Served, serve
from tests.factories import file_bytes, from_site, open_archive

DATA = Path(os.environ.get("HOICHAN_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
FOLDER = DATA / "transfer_syntaxes"
# Four have no File Meta Information, so nothing tells their syntax.
FILES = [path for path in sorted(FOLDER.rglob("*.dcm")) if path.read_bytes()[128:132] == b"DICM"]
NATIVE = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"
STORED = "application/octet-stream; transfer-syntax=*"


@pytest.fixture(autouse=True)
def _quiet() -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)


def renamed(path: Path, number: int) -> bytes:
    """The file with a SOP Instance UID of its own: many here are one image in many syntaxes.

    Some have no Study and Series Instance UID, and would go to quarantine; they are given some.
    """
    dataset = dcmread(path)
    uid = f"{dataset.SOPInstanceUID[:-4]}.{number + 100}"
    if "StudyInstanceUID" in dataset:
        return path.read_bytes().replace(dataset.SOPInstanceUID.encode(), uid.encode())
    dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uid, "1.2", "1.3"
    return file_bytes(dataset, dataset.file_meta.TransferSyntaxUID)


@pytest.fixture(scope="module")
def everything(
    test_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, dict[Path, str]]]:
    with open_archive(tmp_path_factory.mktemp("archive")) as archive:
        uids = {}
        for number, path in enumerate(FILES):
            with contextlib.suppress(CannotUnderstand):
                result = archive.store_bytes(renamed(path, number), from_site())
                if result.outcome is not StoreOutcome.STORED:  # deflated: the UID is hidden
                    result = archive.store_file(path, from_site())
                uids[path] = result.sop_instance_uid
        with serve(archive) as service:
            rows = httpx.get(f"{service.url}/instances").json()
            urls = {row["00080018"]["Value"][0]: row["00081190"]["Value"][0] for row in rows}
            yield service, {path: urls[uid] for path, uid in uids.items() if uid in urls}


def expected(path: Path, frame: int) -> np.ndarray | None:
    """What pydicom makes of a frame; None where it has no decoder."""
    dataset = dcmread(path)
    syntax = dataset.file_meta.TransferSyntaxUID
    plugin = "pillow" if syntax == JPEGBaseline8Bit else ""
    try:
        return pixel_array(dataset, index=frame, decoding_plugin=plugin)
    except NotImplementedError:
        return None


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DATA)))
def test_a_frame_of_every_syntax(everything: tuple[Served, dict[Path, str]], path: Path) -> None:
    _, urls = everything
    url = urls[path]
    dataset = dcmread(path)
    last = int(dataset.get("NumberOfFrames") or 1)
    native = httpx.get(f"{url}/frames/{last}", headers={"Accept": NATIVE}, timeout=60)
    assert native.status_code == 200, native.text
    array = expected(path, last - 1)
    if array is not None:
        wanted = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        if dataset.PhotometricInterpretation == "YBR_FULL_422" and len(native.content) != len(
            wanted
        ):
            # Native YBR_FULL_422 is given as it is, two bytes a pixel, as its header says.
            wanted = dataset.PixelData[: len(native.content)]
        assert native.content == wanted
    stored = httpx.get(f"{url}/frames/{last}", headers={"Accept": STORED}, timeout=60)
    assert stored.status_code == 200
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        assert stored.content in dataset.PixelData
        assert str(dataset.file_meta.TransferSyntaxUID) in stored.headers["content-type"]
    rendered = httpx.get(f"{url}/frames/{last}/rendered", timeout=60)
    assert rendered.content[:2] == b"\xff\xd8"


def test_all_files_were_served(everything: tuple[Served, dict[Path, str]]) -> None:
    _, urls = everything
    assert len(urls) == len(FILES) > 70
