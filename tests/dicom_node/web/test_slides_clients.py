"""Other people's viewers read our slides, unmodified, and see what other readers see."""

import base64
import logging
import shutil
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openslide
import pytest
from dicomweb_client.api import DICOMwebClient
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from wsidicom import WsiDicom, WsiDicomWebClient

from dicom_node.slides import slide_id
from tests.dicom_node.web.conftest import files_of
from tests.dicom_node.web.serving import Served, serve
from tests.factories import from_site, open_archive

FOLDERS = (
    "dicom_cmu1_pyramid",
    "dicom_google_misc",
    "dicom_highdicom_sm",
    "dicom_fluorescence_fluorcell4",
    "tiny_openslide",
)
CMU, CAMELYON, FLUORESCENT = (
    "dicom_cmu1_pyramid/level-0-frames-0-30.dcm",
    "dicom_google_misc/multi_frame_jpeg_camelyon_challenge_image.dcm",
    "dicom_fluorescence_fluorcell4/6_0",
)
NATIVE, JPEG_LS, TINY = (
    "dicom_highdicom_sm/sm_image_numbers.dcm",
    "dicom_highdicom_sm/sm_image_jpegls_nobot.dcm",
    "tiny_openslide/boxes_0.dcm",
)
WSI = "1.2.840.10008.5.1.4.1.1.77.1.6"


@pytest.fixture(autouse=True)
def _quiet() -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("pydicom").setLevel(logging.ERROR)


@pytest.fixture(scope="module")
def wsi(test_data: Path) -> Path:
    return test_data / "wsi"


@pytest.fixture(scope="module")
def hall(wsi: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Real slides of five makers."""
    with open_archive(tmp_path_factory.mktemp("archive")) as archive:
        for folder in FOLDERS:
            for path in files_of(wsi / folder):
                if path.suffix in (".dcm", ""):
                    archive.store_file(path, from_site("DEMO_A"))
        with serve(archive) as service:
            yield service


def uids(dataset: Dataset) -> tuple[str, str, str]:
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID


def slide_url(hall: Served, dataset: Dataset) -> tuple[str, dict[str, Any]]:
    url = f"{hall.slides}/v1/{slide_id(dataset.SeriesInstanceUID)}"
    facts = httpx.get(url).raise_for_status().json()
    return f"{url}/{facts['version']}", facts


def opened(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(data)))


# -- wsidicom


@pytest.mark.parametrize("name", [CMU, CAMELYON, FLUORESCENT, JPEG_LS, TINY])
def test_wsidicom_sees_over_the_web_what_it_sees_in_the_files(
    hall: Served, wsi: Path, name: str, tmp_path: Path
) -> None:
    dataset = dcmread(wsi / name)
    study, series, _ = uids(dataset)
    for path in files_of((wsi / name).parent):
        if path.suffix in (".dcm", "") and dcmread(path).SeriesInstanceUID == series:
            shutil.copy(path, tmp_path / f"{path.name}.dcm")
    client = WsiDicomWebClient(DICOMwebClient(hall.url))
    with WsiDicom.open_web(client, study, series) as ours, WsiDicom.open(tmp_path) as theirs:
        assert ours.size == theirs.size
        assert [level.size for level in ours.levels] == [level.size for level in theirs.levels]
        assert ours.mpp == theirs.mpp
        for level in ours.levels[:3]:
            size = min(level.size.width, 300), min(level.size.height, 300)
            box = (level.size.width - size[0]) // 2, (level.size.height - size[1]) // 2
            np.testing.assert_array_equal(
                np.asarray(ours.read_region(box, level.level, size)),
                np.asarray(theirs.read_region(box, level.level, size)),
            )


# -- as QuPath does: search, metadata, frames in multipart, bulk data by reference


def test_a_client_like_qupath(hall: Served, wsi: Path) -> None:
    dataset = dcmread(wsi / NATIVE)
    study, series, instance = uids(dataset)
    client = DICOMwebClient(hall.url)
    (row,) = client.search_for_series(
        search_filters={"Modality": "SM", "SeriesInstanceUID": series}
    )
    assert row["00080060"]["Value"] == ["SM"]
    found = client.search_for_instances(study, series, fields=["ImageType", "TotalPixelMatrixRows"])
    assert {one["00080016"]["Value"][0] for one in found} == {WSI}
    assert found[0]["00480007"]["Value"] == [50]
    metadata = client.retrieve_instance_metadata(study, series, instance)
    (path,) = metadata["00480105"]["Value"]
    # The profile is long: metadata refer to it, or hold it in base64.
    element = path["00282000"]
    if "BulkDataURI" in element:
        (profile,) = client.retrieve_bulkdata(element["BulkDataURI"])
    else:
        profile = base64.b64decode(element["InlineBinary"])
    assert profile == dataset.OpticalPathSequence[0].ICCProfile
    frames = client.retrieve_instance_frames(
        study,
        series,
        instance,
        [1, 25],
        media_types=(("application/octet-stream", "1.2.840.10008.1.2.1"),),
    )
    assert frames == [dataset.PixelData[:300], dataset.PixelData[-300:]]


# -- as Slim and dicom-microscopy-viewer do: one frame a request, by preference


ACCEPTS = [
    (
        'multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50, '
        'multipart/related; type="image/jp2"; transfer-syntax=1.2.840.10008.1.2.4.90, '
        'multipart/related; type="application/octet-stream"; transfer-syntax=*',
        "multipart/related",
    ),
    ("image/jpeg", "image/jpeg"),
    ("image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50, image/png;q=0.5", "image/jpeg"),
]


@pytest.mark.parametrize(("accept", "expected"), ACCEPTS)
@pytest.mark.parametrize("name", [CMU, CAMELYON, FLUORESCENT])
def test_a_client_like_slim(hall: Served, wsi: Path, name: str, accept: str, expected: str) -> None:
    dataset = dcmread(wsi / name)
    study, series, instance = uids(dataset)
    url = f"{hall.url}/studies/{study}/series/{series}/instances/{instance}"
    stored = list(generate_frames(dataset.PixelData, number_of_frames=dataset.NumberOfFrames))
    for number in (1, dataset.NumberOfFrames):
        answer = httpx.get(f"{url}/frames/{number}", headers={"Accept": accept})
        assert answer.headers["content-type"].startswith(expected)
        data = answer.content
        if expected == "multipart/related":
            data = data.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]
            assert b"image/jpeg" in answer.content[:400]
        assert data == stored[number - 1]
    for last in ("rendered", "frames/1/rendered"):
        answer = httpx.get(f"{url}/{last}", headers={"Accept": "image/jpeg"})
        assert opened(answer.content).shape[:2] == (dataset.Rows, dataset.Columns)


def test_fluorescence_palettes_and_profiles_are_referred_to(hall: Served, wsi: Path) -> None:
    dataset = dcmread(wsi / FLUORESCENT)
    metadata = DICOMwebClient(hall.url).retrieve_instance_metadata(*uids(dataset))
    paths = metadata["00480105"]["Value"]
    assert len(paths) == 3
    for path, told in zip(paths, dataset.OpticalPathSequence, strict=True):
        answer = httpx.get(path["00282000"]["BulkDataURI"], headers={"Accept": "*/*"})
        assert answer.content == told.ICCProfile


# -- our own tiles and regions, beside OpenSlide and pydicom


def test_levels_are_those_openslide_finds(hall: Served, wsi: Path) -> None:
    _, facts = slide_url(hall, dcmread(wsi / CMU))
    with openslide.OpenSlide(wsi / CMU) as theirs:
        assert (facts["width"], facts["height"]) == theirs.dimensions
        assert [(one["width"], one["height"]) for one in facts["levels"]] == list(
            theirs.level_dimensions
        )
        assert facts["mpp"] == pytest.approx(
            [float(theirs.properties[f"openslide.mpp-{axis}"]) for axis in "xy"]
        )


def test_regions_are_those_of_the_slide_it_was_made_from(hall: Served, wsi: Path) -> None:
    """The header says RGB where the codestream, being JFIF, is YCbCr.

    OpenSlide believes the header and shows the DICOM pink; of the SVS it gives the true colours.
    """
    base, facts = slide_url(hall, dcmread(wsi / CMU))
    svs = wsi / "svs_cmu1_small_region/CMU-1-Small-Region.svs"
    with openslide.OpenSlide(svs) as source, openslide.OpenSlide(wsi / CMU) as raw:
        for x, y, width, height in ((400, 900, 300, 250), (1900, 2700, 320, 267)):
            query = {"x": x, "y": y, "width": width, "height": height, "format": "png"}
            ours = opened(httpx.get(f"{base}/rendered", params=query).content).astype(int)
            told = np.asarray(source.read_region((x, y), 0, (width, height)).convert("RGB"))
            assert ours.shape == told.shape
            assert np.abs(ours - told).mean() < 4  # coded a second time
            pink = raw.read_region((x, y), 0, (width, height)).convert("RGB")
            right = Image.frombytes("YCbCr", pink.size, pink.tobytes()).convert("RGB")
            # Both decode with libjpeg; how it smooths chroma is left to its version.
            assert np.abs(ours - np.asarray(right)).mean() < 1
        query = {"scale": 1 / facts["levels"][2]["downsample"][0], "format": "png"}
        query |= {"width": 2220, "height": 2964}
        ours = opened(httpx.get(f"{base}/rendered", params=query).content).astype(int)
        pink = raw.read_region((0, 0), 2, (555, 741)).convert("RGB")
        right = Image.frombytes("YCbCr", pink.size, pink.tobytes()).convert("RGB")
        assert np.abs(ours - np.asarray(right)).mean() < 1


def test_every_tile_of_cmu_is_the_stored_frame(hall: Served, wsi: Path) -> None:
    dataset = dcmread(wsi / CMU)
    base, facts = slide_url(hall, dataset)
    with httpx.Client() as client:
        for number, stored in enumerate(generate_frames(dataset.PixelData, number_of_frames=30)):
            row, column = divmod(number, facts["levels"][0]["columns"])
            assert client.get(f"{base}/0/0/0/{column}/{row}").content == stored


def test_three_channels_are_three_paths(hall: Served, wsi: Path) -> None:
    dataset = dcmread(wsi / FLUORESCENT)
    base, facts = slide_url(hall, dataset)
    assert [path["description"] for path in facts["optical_paths"]] == [
        "DAPI (Blue)",
        "FITC (green)",
        "Rhodamine (orange)",
    ]
    assert [path["colour"] for path in facts["optical_paths"]] == [
        [0, 0, 255],
        [0, 255, 0],
        [255, 0, 0],
    ]
    assert len(facts["levels"]) == 8
    level = next(one for one in facts["levels"] if one["sop_instance_uid"] == uids(dataset)[2])
    told = dataset.pixel_array.reshape(3, 2, 2, 1024, 1024)
    for path in range(3):
        for row, column in ((0, 0), (1, 1)):
            tile = httpx.get(f"{base}/{level['level']}/{path}/0/{column}/{row}").content
            difference = np.abs(opened(tile).astype(int) - told[path, row, column])
            assert difference.max() <= 1


@pytest.mark.parametrize("name", [NATIVE, JPEG_LS])
def test_what_browsers_do_not_show_is_made_of_the_true_pixels(
    hall: Served, wsi: Path, name: str
) -> None:
    dataset = dcmread(wsi / name)
    base, facts = slide_url(hall, dataset)
    query = {"format": "png", "icc": "0"}
    ours = opened(httpx.get(f"{base}/rendered", params=query).content)
    told = dataset.pixel_array.reshape(5, 5, 10, 10, 3).swapaxes(1, 2).reshape(50, 50, 3)
    np.testing.assert_array_equal(ours, told)
    assert facts["icc"]


def test_aperio_rgb_shows_its_colours(hall: Served, wsi: Path) -> None:
    """boxes_0 is RGB and says so in APP14: given as it is, and drawn as OpenSlide draws it."""
    dataset = dcmread(wsi / TINY)
    base, _ = slide_url(hall, dataset)
    (stored,) = generate_frames(dataset.PixelData, number_of_frames=1)
    assert httpx.get(f"{base}/0/0/0/0/0").content == stored
    picture = opened(httpx.get(f"{base}/rendered?format=png&icc=0").content)
    with openslide.OpenSlide(wsi / TINY) as theirs:
        region = np.asarray(theirs.read_region((0, 0), 0, (16, 16)).convert("RGB"))
    assert np.abs(picture.astype(int) - region).max() <= 1
