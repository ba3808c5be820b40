"""Pictures: the right pixels, in the right window, at the right size."""

from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset

from tests.dicom_node.web.serving import Served, serve
from tests.factories import ct_image, ct_series, file_bytes, from_site, open_archive


def base_of(dataset: Dataset) -> str:
    return (
        f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
        f"/instances/{dataset.SOPInstanceUID}"
    )


def picture(response: httpx.Response) -> np.ndarray:
    assert response.status_code == 200, response.text
    return np.asarray(Image.open(BytesIO(response.content))).astype(int)


@pytest.fixture
def ct(test_data: Path) -> Dataset:
    return dcmread(test_data / "ct_head/ge_tilt_infarct/14.dcm")


@pytest.mark.parametrize(
    ("window", "grey"),
    [
        ("40,80", lambda v: np.clip((v - 39.5) / 79 + 0.5, 0, 1)),
        ("40,80,linear", lambda v: np.clip((v - 39.5) / 79 + 0.5, 0, 1)),
        ("40,80,LINEAR-EXACT", lambda v: np.clip((v - 40) / 80 + 0.5, 0, 1)),
        ("40,80,sigmoid", lambda v: 1 / (1 + np.exp(-4 * (v - 40) / 80))),
        ("-600.5,1500", lambda v: np.clip((v + 601) / 1499 + 0.5, 0, 1)),
    ],
)
def test_windows(client: httpx.Client, ct: Dataset, window: str, grey) -> None:
    response = client.get(
        f"{base_of(ct)}/frames/1/rendered?window={window}", headers={"Accept": "image/png"}
    )
    values = ct.pixel_array.astype(float)
    image = values != -1500  # padding, black in any window
    assert np.abs(picture(response) - 255 * grey(values))[image].max() <= 1
    assert not picture(response)[~image].any()


def test_viewport_crops_scales_and_mirrors(client: httpx.Client, ct: Dataset) -> None:
    def get(viewport: str) -> np.ndarray:
        return picture(
            client.get(
                f"{base_of(ct)}/rendered?viewport={viewport}", headers={"Accept": "image/png"}
            )
        )

    whole = get("512,512")
    assert whole.shape == (512, 512)
    np.testing.assert_array_equal(get("100,50,200,220,100,50"), whole[220:270, 200:300])
    np.testing.assert_array_equal(get("100,50,200,220,-100,50"), whole[220:270, 200:300][:, ::-1])
    assert get("64,32").shape == (32, 32)
    assert get("1024,1024").shape == (1024, 1024)
    assert get("100,100,,,,").shape == (100, 100)


def test_quality_and_the_formats(client: httpx.Client, ct: Dataset) -> None:
    url = f"{base_of(ct)}/rendered?window=40,80"
    low, high = (client.get(f"{url}&quality={q}").content for q in (10, 95))
    assert len(low) < len(high) / 2
    assert client.get(url, headers={"Accept": "image/*"}).headers["content-type"] == "image/jpeg"
    assert client.get(f"{url}&accept=image/png").content[:4] == b"\x89PNG"
    browser = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
    assert client.get(url, headers={"Accept": browser}).content[:4] == b"\x89PNG"


def test_the_second_time_it_is_remembered(client: httpx.Client, ct: Dataset) -> None:
    url = f"{base_of(ct)}/rendered?window=41,81"
    first, second = client.get(url), client.get(url)
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
    assert client.get(url, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    other = client.get(f"{base_of(ct)}/rendered?window=42,81")
    assert other.headers["etag"] != first.headers["etag"]


def test_several_frames_come_in_parts(client: httpx.Client, test_data: Path) -> None:
    slide = dcmread(test_data / "wsi/dicom_cmu1_pyramid/level-0-frames-0-30.dcm")
    response = client.get(f"{base_of(slide)}/frames/1,2,30/rendered")
    assert response.headers["content-type"].startswith('multipart/related; type="image/jpeg"')
    assert response.content.count(b"Content-Type: image/jpeg\r\n\r\n\xff\xd8") == 3
    alone = client.get(f"{base_of(slide)}/frames/1,2/rendered", headers={"Accept": "image/png"})
    assert alone.status_code == 406


def test_a_tile_keeps_its_colours(client: httpx.Client, test_data: Path) -> None:
    slide = dcmread(test_data / "wsi/dicom_cmu1_pyramid/level-0-frames-0-30.dcm")
    drawn = picture(
        client.get(f"{base_of(slide)}/frames/8/rendered", headers={"Accept": "image/png"})
    )
    tile = client.get(f"{base_of(slide)}/frames/8", headers={"Accept": "image/jpeg"})
    assert np.abs(drawn - picture(tile)).max() <= 2


def test_the_middle_slice_stands_for_the_series(tmp_path: Path) -> None:
    series = ct_series(5)
    for number, dataset in enumerate(series):
        level = np.full((16, 16), 100 * number, np.int16)
        dataset.PixelData = level.tobytes()
        dataset.WindowCenter, dataset.WindowWidth = -1024 + 200, 400
    with open_archive(tmp_path / "archive") as archive, serve(archive) as service:
        for dataset in series:
            archive.store_bytes(file_bytes(dataset), from_site())
        study = f"{service.url}/studies/{series[0].StudyInstanceUID}"
        for url in (study, f"{study}/series/{series[0].SeriesInstanceUID}"):
            grey = picture(httpx.get(f"{url}/rendered", headers={"Accept": "image/png"}))
            assert abs(grey[0, 0] - 128) <= 1  # slice 3 of 5


def test_a_slides_label_is_not_its_thumbnail(tmp_path: Path) -> None:
    with open_archive(tmp_path / "archive") as archive, serve(archive) as service:
        study, series = "1.2.3", "1.2.3.1"
        for number, (kind, grey) in enumerate((("LABEL", 250), ("VOLUME", 100))):
            dataset = ct_image(
                StudyInstanceUID=study,
                SeriesInstanceUID=series,
                Modality="SM",
                ImageType=["ORIGINAL", "PRIMARY", kind, "NONE"],
                InstanceNumber=number,
                Rows=32,
                Columns=32,
                RescaleIntercept="0",
                WindowCenter=128,
                WindowWidth=256,
                PixelData=np.full((32, 32), grey, np.int16).tobytes(),
            )
            archive.store_bytes(file_bytes(dataset), from_site())
        response = httpx.get(f"{service.url}/studies/{study}/thumbnail?accept=image/png")
        assert abs(picture(response)[10, 10] - 100) <= 1


def test_a_study_without_pictures_has_no_thumbnail(served: Served, client: httpx.Client) -> None:
    (row, *_) = client.get("/series?Modality=ECG").json()
    response = client.get(f"/studies/{row['0020000D']['Value'][0]}/thumbnail")
    assert response.status_code == 404


def test_pixels_that_do_not_decode_are_406_and_say_so(tmp_path: Path, test_data: Path) -> None:
    path = test_data / "nasty/wrong_syntax/20-wrong-transfer-syntax.dcm"
    with open_archive(tmp_path / "archive") as archive, serve(archive) as service:
        archive.store_file(path, from_site())
        (row,) = httpx.get(f"{service.url}/instances").json()
        response = httpx.get(row["00081190"]["Value"][0] + "/rendered")
        assert response.status_code in (404, 406)
        assert set(response.json()["error"]["message"]) == {"vi", "en"}
