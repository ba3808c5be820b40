"""dicomweb-client from PyPI, unmodified, against a real socket."""

import logging
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from requests.exceptions import HTTPError

from tests.dicom_node.web.serving import Served, serve
from tests.factories import ct_image, ct_series, file_bytes, from_site, open_archive


@pytest.fixture(autouse=True)
def _quiet() -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("pydicom").setLevel(logging.ERROR)


@pytest.fixture
def pypi(served: Served) -> DICOMwebClient:
    return DICOMwebClient(served.url)


@pytest.fixture
def head_ct(test_data: Path) -> list[Dataset]:
    return [dcmread(path) for path in sorted((test_data / "ct_head/ge_tilt_infarct").iterdir())]


def uids(dataset: Dataset) -> tuple[str, str, str]:
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID


def test_search_for_studies_series_and_instances(
    pypi: DICOMwebClient, head_ct: list[Dataset]
) -> None:
    study, series, _ = uids(head_ct[0])
    (row,) = pypi.search_for_studies(search_filters={"StudyInstanceUID": study})
    found = Dataset.from_json(row)
    assert found.StudyInstanceUID == study
    assert found.NumberOfStudyRelatedInstances == 28
    assert found.ModalitiesInStudy == "CT"
    (row,) = pypi.search_for_series(study, fields=["ManufacturerModelName"])
    found = Dataset.from_json(row)
    assert found.NumberOfSeriesRelatedInstances == 28
    assert found.ManufacturerModelName == head_ct[0].ManufacturerModelName
    rows = pypi.search_for_instances(study, series)
    assert {row["00080018"]["Value"][0] for row in rows} == {one.SOPInstanceUID for one in head_ct}
    numbers = [row["00200013"]["Value"][0] for row in rows]
    assert numbers == sorted(numbers)


def test_paging_reaches_every_row(pypi: DICOMwebClient, head_ct: list[Dataset]) -> None:
    study, series, _ = uids(head_ct[0])
    rows = pypi.search_for_instances(study, series, limit=5, get_remaining=True)
    assert len({row["00080018"]["Value"][0] for row in rows}) == len(rows) == 28


def test_metadata_is_the_header_and_points_to_the_pixels(
    pypi: DICOMwebClient, head_ct: list[Dataset]
) -> None:
    study, series, _ = uids(head_ct[0])
    rows = pypi.retrieve_series_metadata(study, series)
    assert len(rows) == 28
    by_uid = {row["00080018"]["Value"][0]: row for row in rows}
    for dataset in head_ct[:3]:
        row = by_uid[dataset.SOPInstanceUID]
        found = Dataset.from_json(row, bulk_data_uri_handler=lambda tag, vr, uri: None)
        for keyword in ("ImagePositionPatient", "WindowCenter", "RescaleIntercept", "Rows", "kVP"):
            assert found.get(keyword) == dataset.get(keyword)
        (pixels,) = pypi.retrieve_bulkdata(row["7FE00010"]["BulkDataURI"])
        assert pixels == dataset.PixelData
    instance = pypi.retrieve_instance_metadata(*uids(head_ct[5]))
    assert instance["00080018"]["Value"] == [head_ct[5].SOPInstanceUID]
    assert len(pypi.retrieve_study_metadata(study)) == 28


def test_bulkdata_by_byte_range(pypi: DICOMwebClient, head_ct: list[Dataset]) -> None:
    row = pypi.retrieve_instance_metadata(*uids(head_ct[0]))
    uri = row["7FE00010"]["BulkDataURI"]
    (piece,) = pypi.retrieve_bulkdata(uri, byte_range=(100, 299))
    # In multipart a range is ignored, as RFC 9110 allows: the client gets it all.
    assert piece[100:300] == head_ct[0].PixelData[100:300]


def test_instances_one_by_one_and_all_at_once(pypi: DICOMwebClient, head_ct: list[Dataset]) -> None:
    study, series, _ = uids(head_ct[0])
    one = pypi.retrieve_instance(*uids(head_ct[7]))
    assert one.PixelData == head_ct[7].PixelData
    assert one == head_ct[7]
    assert len(pypi.retrieve_series(study, series)) == 28
    assert len(list(pypi.iter_study(study))) == 28


@pytest.mark.parametrize(
    "media_types",
    [
        None,
        (("application/octet-stream", "1.2.840.10008.1.2.1"),),
        (("application/octet-stream", "*"),),
        ("application/octet-stream",),
    ],
)
def test_frames_as_stored(
    pypi: DICOMwebClient, head_ct: list[Dataset], media_types: tuple | None
) -> None:
    frames = pypi.retrieve_instance_frames(*uids(head_ct[3]), [1], media_types=media_types)
    assert frames == [head_ct[3].PixelData]


def test_frames_of_a_slide_in_jpeg_2000_and_as_they_are(
    pypi: DICOMwebClient, test_data: Path
) -> None:
    dataset = dcmread(test_data / "wsi/dicom_cmu1_pyramid/level-0-frames-0-30.dcm")
    tiles = pypi.retrieve_instance_frames(
        *uids(dataset), [1, 30], media_types=(("image/jpeg", "1.2.840.10008.1.2.4.50"),)
    )
    assert [tile[:3] for tile in tiles] == [b"\xff\xd8\xff"] * 2
    assert np.asarray(Image.open(BytesIO(tiles[0]))).shape == (500, 500, 3)
    tiles = pypi.retrieve_instance_frames(
        *uids(dataset), [2], media_types=(("image/jp2", "1.2.840.10008.1.2.4.90"),)
    )
    assert tiles[0][:4] == b"\xff\x4f\xff\x51"


def test_frames_nobody_has_are_not_found(pypi: DICOMwebClient, head_ct: list[Dataset]) -> None:
    with pytest.raises(HTTPError) as error:
        pypi.retrieve_instance_frames(*uids(head_ct[0]), [2])
    assert error.value.response.status_code == 404


def test_rendered_in_a_window(pypi: DICOMwebClient, head_ct: list[Dataset]) -> None:
    data = pypi.retrieve_instance_rendered(
        *uids(head_ct[9]), media_types=("image/png",), params={"window": "40,80,LINEAR"}
    )
    picture = np.asarray(Image.open(BytesIO(data))).astype(int)
    values = head_ct[9].pixel_array.astype(float)
    expected = np.clip((values - 39.5) / 79 + 0.5, 0, 1) * 255
    image = head_ct[9].pixel_array != head_ct[9].PixelPaddingValue
    assert np.abs(picture - expected)[image].max() <= 1
    frame = pypi.retrieve_instance_frames_rendered(
        *uids(head_ct[9]), [1], media_types=("image/jpeg",), params={"viewport": "64,64"}
    )
    assert Image.open(BytesIO(frame)).size == (64, 64)


def test_store_and_read_back(tmp_path: Path) -> None:
    series = ct_series(3)
    for dataset in series:
        file_bytes(dataset)  # gives it a file meta
    with open_archive(tmp_path / "archive") as archive, serve(archive) as service:
        client = DICOMwebClient(service.url)
        answer = client.store_instances(series)
        assert len(answer.ReferencedSOPSequence) == 3
        assert "FailedSOPSequence" not in answer
        study = series[0].StudyInstanceUID
        assert answer.RetrieveURL == f"{service.url}/studies/{study}"
        for dataset in series:
            assert client.retrieve_instance(*uids(dataset)) == dataset
        # A second time is harmless.
        assert len(client.store_instances(series, study).ReferencedSOPSequence) == 3
        assert ("stored", study, 3) in service.doorkeeper.events


def test_vietnamese_names_are_found_folded(tmp_path: Path) -> None:
    names = ["Nguyễn^Văn Đức", "NGUYEN^THI HOA", "Đặng^Hữu Phước", "Trần^Bình"]
    with open_archive(tmp_path / "archive") as archive:
        for number, name in enumerate(names):
            dataset = ct_image(PatientName=name, PatientID=f"P{number}")
            archive.store_bytes(file_bytes(dataset), from_site())
        with serve(archive) as service:
            client = DICOMwebClient(service.url)

            def found(name: str, **more: str) -> set[str]:
                rows = client.search_for_studies(search_filters={"PatientName": name, **more})
                return {row["00100010"]["Value"][0]["Alphabetic"] for row in rows}

            assert found("nguyen") == {names[0], names[1]}
            assert found("Nguyễn") == {names[0], names[1]}
            assert found("d") == {names[0], names[2]}
            assert found("duc nguyen") == {names[0]}
            assert found("*phuoc*") == {names[2]}
            assert found("TRAN^BINH") == {names[3]}
            assert found("nguyenx") == set()
