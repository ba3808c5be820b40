"""How soon a pushed study is seen: ``python -m benchmarks.arrival [--rounds N] [--json FILE]``.

DCMTK's storescu pushes a new CT study of 30 images, in turns to our whole product (sign-in,
tenancy, audit and worklist on) and to Orthanc. The clock starts when storescu has its last answer:

- ``found``: QIDO-RS shows the study with all its instances (both servers);
- ``rendered``: the first picture over DICOMweb, as JPEG (both);
- ``worklist row``: the hospital's list shows the study with all its images (ours only);
- ``first image``: a signed-in Chromium, opening the viewer at that moment, has drawn the middle
  slice; software WebGL (ours only: Orthanc ships no viewer).

Answers are asked for every 20 ms, and the product looks at its change log every half second.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pydicom
from playwright.sync_api import Page, sync_playwright
from pydicom.uid import generate_uid

from dicom_node.peers import Peer
from tests.peers import Orthanc, orthanc, run_dcmtk
from tests.product import PASSWORD, Product, product
from workstation.demo.studies import PHANTOMS, write_phantom

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
DRAWN = """() => [...document.querySelectorAll('canvas')].some(c => {
  const context = c.getContext('2d');
  if (!context || !c.width) return false;
  const d = context.getImageData(0, 0, c.width, c.height).data;
  for (let i = 0; i < d.length; i += 400) if (d[i] > 30) return true;
  return false;
})"""


def until(what: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError("the study was not seen in time")
        time.sleep(0.02)


def new_study(folder: Path) -> tuple[str, int]:
    """Write the phantom under new UIDs; return its Study Instance UID and number of images."""
    write_phantom(PHANTOMS[0], folder, datetime.now(UTC))
    study, series = generate_uid(), generate_uid()
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
        dataset.SOPInstanceUID = generate_uid()
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(path)
    return str(study), len(files)


def push(peer: Peer, folder: Path) -> float:
    """Push a folder; return the moment of the last answer."""
    sent = run_dcmtk(
        *("storescu", "-aet", "DEMO_A", "-aec", peer.ae_title, "+sd", "+r"),
        *(peer.host, peer.port, folder),
    )
    if sent.returncode:
        raise RuntimeError(sent.stderr)
    return time.monotonic()


def found(client: httpx.Client, study: str, count: int) -> bool:
    answer = client.get(
        "/dicom-web/studies",
        params={"StudyInstanceUID": study, "includefield": "NumberOfStudyRelatedInstances"},
        headers={"Accept": "application/dicom+json"},
    )
    items = answer.json() if answer.status_code == 200 else []
    return bool(items) and items[0]["00201208"]["Value"][0] == count


def rendered(client: httpx.Client, study: str) -> bool:
    series = client.get(
        f"/dicom-web/studies/{study}/series", headers={"Accept": "application/dicom+json"}
    ).json()[0]["0020000E"]["Value"][0]
    where = f"/dicom-web/studies/{study}/series/{series}"
    instances = client.get(where + "/instances", headers={"Accept": "application/dicom+json"})
    uid = instances.json()[15]["00080018"]["Value"][0]
    picture = client.get(f"{where}/instances/{uid}/rendered", headers={"Accept": "image/jpeg"})
    return picture.status_code == 200 and len(picture.content) > 1000


def ours(running: Product, page: Page, folder: Path) -> dict[str, float]:
    study, count = new_study(folder)
    client = running.clients["requester.a"]
    start = push(running.node, folder)
    took = {}
    until(lambda: found(client, study, count))
    took["found"] = time.monotonic() - start
    until(lambda: rendered(client, study))
    took["rendered"] = time.monotonic() - start

    def row() -> dict[str, object] | None:
        items = client.get("/api/v1/cases").json()["items"]
        return next((c for c in items if study in c["study_instance_uids"]), None)

    until(lambda: (row() or {}).get("instance_count") == count)
    took["worklist row"] = time.monotonic() - start
    case = row()
    assert case is not None
    opened = time.monotonic()
    page.goto(f"{running.url}/viewer?case={case['id']}")
    page.wait_for_function(DRAWN, polling=20, timeout=60_000)
    took["first image"] = time.monotonic() - start
    took["opening the viewer"] = time.monotonic() - opened
    return took


def theirs(far: Orthanc, folder: Path) -> dict[str, float]:
    study, count = new_study(folder)
    with httpx.Client(base_url=far.url, timeout=60) as client:
        start = push(far.peer, folder)
        took = {}
        until(lambda: found(client, study, count))
        took["found"] = time.monotonic() - start
        until(lambda: rendered(client, study))
        took["rendered"] = time.monotonic() - start
    return took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rounds: dict[str, list[dict[str, float]]] = {"ours": [], "orthanc": []}
    with (
        tempfile.TemporaryDirectory() as name,
        orthanc(Path(name) / "orthanc") as far,
        product(Path(name) / "data") as running,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto(running.url)
        page.fill("input[name=username]", "requester.a")
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "login" not in url)
        for number in range(options.rounds + 1):
            mine = ours(running, page, Path(name) / f"a{number}")
            other = theirs(far, Path(name) / f"b{number}")
            if number:  # the first round warms both
                rounds["ours"].append(mine)
                rounds["orthanc"].append(other)
        browser.close()
    print(f"{'seconds after the last C-STORE':32}{'ours':>8}{'Orthanc':>10}{'ratio':>8}")
    for what in rounds["ours"][0]:
        mine_seconds = statistics.median(one[what] for one in rounds["ours"])
        others = [one[what] for one in rounds["orthanc"] if what in one]
        line = f"{what:32}{mine_seconds:8.2f}"
        if others:
            other_seconds = statistics.median(others)
            line += f"{other_seconds:10.2f}{other_seconds / mine_seconds:7.1f}×"
        print(line)
    if options.json:
        options.json.write_text(json.dumps(rounds, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
