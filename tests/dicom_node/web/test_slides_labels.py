"""What is written on a slide's glass leaves by no door but for those who may see it (B15).

Label and overview are noise nobody can guess; every route is asked for everything, and every
answer searched for their bytes and for their pixels.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit, SecondaryCaptureImageStorage

from dicom_node.slides import slide_id
from dicom_node.slides.roles import Role, role_of, shows_label
from tests.dicom_node.slides.glass import Glass, item, jpeg, put
from tests.dicom_node.web.serving import Served, serve
from tests.factories import open_archive

STUDY, SERIES = "1.2.3", "1.2.3.1"
LABEL_TEXT, BARCODE = "TRAN THI BICH 1961", "BARCODE-26-777"
GENERATOR = np.random.default_rng(7)
SECRETS = {
    role: np.repeat(np.repeat(GENERATOR.integers(0, 255, (4, 5, 3), np.uint8), 8, 0), 8, 1)
    for role in ("LABEL", "OVERVIEW", "LOCALIZER", "ICON", "CAPTURE", "MARKED")
}


def secret(glass: Glass, role: str, syntax: Any = JPEGBaseline8Bit, **more: Any) -> Dataset:
    pixels = SECRETS[role]
    kind = {"CAPTURE": "LABEL", "MARKED": "THUMBNAIL"}.get(role, role)
    return glass.level(
        40, 32, (40, 32), role=kind, syntax=syntax, pixels=lambda *_place: pixels, **more
    )


def datasets() -> list[Dataset]:
    glass = Glass(StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES)
    icon = item(
        Rows=32, Columns=40, SamplesPerPixel=3, PhotometricInterpretation="RGB", BitsAllocated=8
    )
    icon.PixelData = SECRETS["ICON"].tobytes() + bytes(8192)  # long enough to be bulk data
    icon["PixelData"].VR = "OB"
    level = glass.level(
        syntax=JPEGBaseline8Bit,
        LabelText=LABEL_TEXT,
        BarcodeValue=BARCODE,
        IconImageSequence=[icon],
    )
    plain = glass.level(20, 12, spacing=0.001, InstanceNumber=2)
    label = secret(glass, "LABEL", LabelText=LABEL_TEXT, BarcodeValue=BARCODE, InstanceNumber=3)
    overview = secret(glass, "OVERVIEW", InstanceNumber=4)
    odd = secret(glass, "LOCALIZER", InstanceNumber=5)
    # A thumbnail with the label in it, and a label that is no whole-slide image at all.
    marked = secret(glass, "MARKED", SpecimenLabelInImage="YES", InstanceNumber=6)
    capture = secret(glass, "CAPTURE", SOPClassUID=SecondaryCaptureImageStorage, InstanceNumber=7)
    return [level, plain, label, overview, odd, marked, capture]


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with open_archive(tmp_path_factory.mktemp("archive")) as archive:
        put(archive, *datasets())
        with serve(archive) as service:
            yield service


def pictures(content: bytes) -> Iterator[NDArray[np.uint8]]:
    """Every picture within an answer."""
    for start in re.finditer(rb"\xff\xd8\xff|\x89PNG", content):
        try:
            picture = Image.open(BytesIO(content[start.start() :]))
            yield np.asarray(picture.convert("RGB").resize((40, 32)))
        except (OSError, SyntaxError, ValueError):
            continue


def leaks(content: bytes) -> set[str]:
    """Which secrets an answer holds: as text, as bytes, as a picture."""
    found = {text for text in (LABEL_TEXT, BARCODE) if text.encode() in content}
    found |= {role for role, pixels in SECRETS.items() if pixels.tobytes()[:600] in content}
    found |= {role for role, pixels in SECRETS.items() if jpeg(pixels) in content}
    for picture in pictures(content):
        for role, pixels in SECRETS.items():
            if np.abs(picture.astype(int) - pixels).mean() < 25:
                found.add(role)
    return found


def doors(service: Served) -> list[str]:
    """Every route, for everything there is."""
    study = f"{service.url}/studies/{STUDY}"
    series = f"{study}/series/{SERIES}"
    made = [
        f"{service.url}/{level}?includefield=all" for level in ("studies", "series", "instances")
    ]
    made += [f"{service.url}/instances?includefield=LabelText,BarcodeValue,IconImageSequence"]
    made += [f"{study}/series?includefield=all", f"{study}/instances?includefield=all"]
    for place in (study, series):
        made += [place, f"{place}/metadata", f"{place}/rendered", f"{place}/thumbnail"]
        made += [f"{place}?accept=application/zip"]
    made += [f"{series}/instances?includefield=22000002,22000005,00880200"]
    everything = httpx.get(f"{series}/metadata").json()
    for header in everything:
        instance = f"{series}/instances/{header['00080018']['Value'][0]}"
        made += [instance, f"{instance}?accept=application/dicom;transfer-syntax=*"]
        made += [f"{instance}?accept=application/zip"]
        made += [f"{instance}/{name}" for name in ("metadata", "rendered", "thumbnail")]
        for frames in ("1", "1,1"):
            made += [f"{instance}/frames/{frames}", f"{instance}/frames/{frames}/rendered"]
            made += [f"{instance}/frames/{frames}?accept=image/jpeg"]
            made += [f"{instance}/frames/{frames}/thumbnail"]
        made += re.findall(r'"BulkDataURI": ?"([^"]+)"', httpx.get(f"{instance}/metadata").text)
    slide = slide_id(SERIES)
    facts = httpx.get(f"{service.slides}/v1/{slide}").json()
    base = f"{service.slides}/v1/{slide}/{facts['version']}"
    made += [f"{service.slides}/v1/{slide}", f"{service.slides}/v1/studies/{STUDY}"]
    made += [f"{base}/{name}" for name in ("label", "overview", "thumbnail", "rendered", "icc")]
    made += [f"{base}/rendered?format=png", f"{base}/thumbnail?size=40"]
    made += [
        f"{base}/{level}/{path}/0/{column}/{row}"
        for level in range(9)
        for path in range(2)
        for column in range(4)
        for row in range(4)
    ]
    made += [f"{base}/tiles?at=0.0.0.0.0,1.0.0.0.0"]
    return made


def crawl(service: Served, **headers: str) -> dict[str, set[str]]:
    """What leaks by which door."""
    found = {}
    with httpx.Client(timeout=60, headers=headers) as client:
        for door in doors(service):
            for accept in ("*/*", "multipart/related; type=*/*; transfer-syntax=*"):
                found[f"{door} {accept}"] = leaks(
                    client.get(door, headers={"Accept": accept}).content
                )
    return {door: what for door, what in found.items() if what}


def test_no_door_gives_a_label_to_those_who_may_not_see_it(hall: Served) -> None:
    assert crawl(hall, **{"X-Labels": "no"}) == {}


def test_the_search_would_have_found_them(hall: Served) -> None:
    """With the right, the same crawl finds every secret: it is no blind watchman."""
    found = crawl(hall)
    assert set().union(*found.values()) == {LABEL_TEXT, BARCODE, *SECRETS}
    assert any("/label " in door for door in found)
    assert any("/overview " in door for door in found)


def test_the_tissue_is_still_to_be_seen(hall: Served) -> None:
    headers = {"X-Labels": "no"}
    facts = httpx.get(f"{hall.slides}/v1/{slide_id(SERIES)}", headers=headers).json()
    assert (facts["label"], facts["overview"]) == (False, False)
    assert len(facts["levels"]) == 2
    base = f"{hall.slides}/v1/{facts['slide']}/{facts['version']}"
    for name in ("0/0/0/0/0", "1/0/0/0/0", "rendered", "thumbnail"):
        assert httpx.get(f"{base}/{name}", headers=headers).status_code == 200
    for name in ("label", "overview"):
        refused = httpx.get(f"{base}/{name}", headers=headers)
        assert refused.status_code == 404
        assert httpx.get(f"{base}/{name}").status_code == 200
    rows = httpx.get(f"{hall.url}/studies/{STUDY}/metadata", headers=headers).json()
    assert len(rows) == 7
    whole = httpx.get(f"{hall.url}/studies/{STUDY}?accept=application/zip", headers=headers).content
    # Of seven instances one tells and shows nothing of the glass.
    assert whole.count(b"DICM") == 1


def test_with_the_right_the_pixels_are_those_of_the_label(hall: Served) -> None:
    facts = httpx.get(f"{hall.slides}/v1/{slide_id(SERIES)}").json()
    assert (facts["label"], facts["overview"]) == (True, True)
    answer = httpx.get(f"{hall.slides}/v1/{facts['slide']}/{facts['version']}/label")
    picture = np.asarray(Image.open(BytesIO(answer.content)))
    assert np.abs(picture.astype(int) - SECRETS["LABEL"]).mean() < 15


def test_a_level_that_shows_its_label_is_no_level_without_the_right(hall: Served) -> None:
    glass = Glass(StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1")
    put(hall.archive, glass.level(SpecimenLabelInImage="YES"))
    headers = {"X-Labels": "no"}
    url = f"{hall.slides}/v1/{slide_id('1.9.1')}"
    facts = httpx.get(url).json()
    assert len(facts["levels"]) == 1
    assert httpx.get(url, headers=headers).json()["levels"] == []
    base = f"{url}/{facts['version']}"
    for name in ("0/0/0/0/0", "tiles?at=0.0.0.0.0", "rendered", "thumbnail"):
        assert httpx.get(f"{base}/{name}").status_code == 200
        assert httpx.get(f"{base}/{name}", headers=headers).status_code == 404
    wish = f"{base}/wish?level=0&column=0&row=0&columns=1&rows=1"
    assert httpx.post(wish).json() == {"here": None}
    assert httpx.post(wish, headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("image_type", "in_image", "expected"),
    [
        (["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "NO", False),
        (["DERIVED", "SECONDARY", "THUMBNAIL", "RESAMPLED"], "NO", False),
        (["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], None, False),
        (["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "YES", True),
        (["ORIGINAL", "PRIMARY", "LABEL", "NONE"], "NO", True),
        (["ORIGINAL", "PRIMARY", "OVERVIEW", "NONE"], None, True),
        (["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"], None, True),
        (["VOLUME", "VOLUME", "LABEL", "VOLUME"], None, True),
        (["ORIGINAL", "PRIMARY"], None, True),
        ([], None, True),
    ],
)
def test_what_is_taken_for_a_label(
    image_type: list[str], in_image: str | None, expected: bool
) -> None:
    header: dict[str, Any] = {
        "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.77.1.6"]},
        "00080008": {"vr": "CS", "Value": image_type},
    }
    if in_image is not None:
        header["00480010"] = {"vr": "CS", "Value": [in_image]}
    assert shows_label(header) is expected
    if not image_type:
        assert role_of(header) is Role.OTHER
