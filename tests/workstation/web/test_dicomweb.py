"""DICOMweb behind the real front: tokens, base path, and the wall between hospitals."""

import warnings
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from dicomweb_client.api import DICOMwebClient
from requests.exceptions import HTTPError

from tests.factories import ct_image, ct_series, file_bytes, from_site
from tests.workstation.web.serving import served
from workstation import accounts
from workstation.accounts import SYSTEM, Principal
from workstation.context import Context
from workstation.web.front import front_app


@pytest.fixture(params=["", "/hoi-chan"])
def front(
    context: Context, people: dict[str, Principal], request: pytest.FixtureRequest
) -> Iterator[str]:
    behind = replace(context, settings=replace(context.settings, base_path=request.param))
    with served(front_app(behind, ui_ports=(9,), ui_secret="secret")) as url:
        yield url + request.param + "/dicom-web"


def client_of(context: Context, url: str, username: str) -> DICOMwebClient:
    token = accounts.issue_token(context, SYSTEM, username, "test")
    return DICOMwebClient(url, headers={"Authorization": f"Bearer {token}"})


def test_a_client_with_a_token_stores_and_reads_back(context: Context, front: str) -> None:
    warnings.simplefilter("ignore")
    client = client_of(context, front, "technician.a")
    series = ct_series(3)
    for dataset in series:
        file_bytes(dataset)
    answer = client.store_instances(series)
    study = series[0].StudyInstanceUID
    assert len(answer.ReferencedSOPSequence) == 3
    assert answer.RetrieveURL == f"{front}/studies/{study}"
    (row,) = client.search_for_studies(search_filters={"StudyInstanceUID": study})
    assert row["00201208"]["Value"] == [3]
    metadata = client.retrieve_study_metadata(study)
    (pixels,) = client.retrieve_bulkdata(metadata[0]["7FE00010"]["BulkDataURI"])
    uid = metadata[0]["00080018"]["Value"][0]
    assert pixels == next(one for one in series if one.SOPInstanceUID == uid).PixelData


def test_the_other_hospital_finds_nothing(context: Context, front: str) -> None:
    dataset = ct_image()
    context.archive.store_bytes(file_bytes(dataset), from_site("DEMO_A"))
    theirs = client_of(context, front, "technician.b")
    assert theirs.search_for_studies() == []
    uids = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
    for ask in (
        lambda: theirs.retrieve_study_metadata(uids[0]),
        lambda: theirs.retrieve_instance(*uids),
        lambda: theirs.retrieve_instance_frames(*uids, [1]),
        lambda: theirs.retrieve_instance_rendered(*uids, media_types=("image/jpeg",)),
    ):
        with pytest.raises(HTTPError) as error:
            ask()
        assert error.value.response.status_code == 404
    assert client_of(context, front, "technician.a").retrieve_study_metadata(uids[0])


def test_without_a_token_nothing_is_told(context: Context, front: str) -> None:
    assert httpx.get(f"{front}/studies").status_code == 401


def test_a_reader_of_another_hospital_may_not_store(context: Context, front: str) -> None:
    reader = client_of(context, front, "pathologist")
    dataset = ct_image()
    file_bytes(dataset)
    with pytest.raises(HTTPError) as error:
        reader.store_instances([dataset])
    assert error.value.response.status_code == 403
