"""A slide all the way, in browsers: sent by a technician, read, drawn on and signed, landed.

The far side is Orthanc; the slide is a real one.
"""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import openslide
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms
from playwright.sync_api import Locator, Page, Route, expect

from tests.dicom_node.objects.judges import dciodvfy
from tests.journeys.test_consult import until
from tests.journeys.test_stroke import reported
from tests.journeys.test_uploads import SVS, choose
from tests.peers import Orthanc, orthanc
from tests.product import PASSWORD, Product, product
from tests.viewers.slidedriver import frame, opened, sharp, stage_pixels, view
from viewers import build

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]

ANNOTATIONS = "1.2.840.10008.5.1.4.1.1.91.1"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
KEY_OBJECT = "1.2.840.10008.5.1.4.1.1.88.59"
# dciodvfy asks for Common Z Coordinate Value in 2D too; the standard wants it in 3D only (C.37.1.2)
KNOWN_FALSE = "CommonZCoordinateValue"
SENTENCE = "Mô tuyến ác tính xâm nhập mô đệm xơ, không thấy hoại tử."
# What a page is made of where no slide lies.
DESK = (23, 27, 32)


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, pacs: Orthanc) -> Iterator[Product]:
    build.build()
    with product(tmp_path_factory.mktemp("product"), {"DEMO_A": pacs.peer}) as served:
        yield served


@pytest.fixture
def shot(tmp_path: Path) -> Callable[[Page, str], None]:
    """Keep what the page looks like, for people."""

    def shot(page: Page, name: str) -> None:
        page.screenshot(path=str(tmp_path / f"{name}.png"))

    return shot


def field(page: Page, place: str) -> Locator:
    return page.locator(f"[data-place='{place}']")


def ask(running: Product, study: str) -> dict[str, Any]:
    answer = running.clients["requester.a"].post(
        "/api/v1/cases",
        json={
            "area": "pathology",
            "priority": "PP",
            "consulted_site": "DEMO_HUB",
            "study_instance_uids": [study],
            "reason": "U vú trái 2 cm, sinh thiết kim lõi",
            "questions": ["Lành hay ác? Típ mô học và độ mô học?"],
            "consent_basis": "written",
            "share_scope": "expert",
            "submit": True,
        },
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def send(page: Page, path: Path) -> Locator:
    """Send one slide of a patient from the page; return its line in the list."""
    choose(page, "Chọn tệp", path)
    page.get_by_label("Mã người bệnh").fill("BN 42")
    page.get_by_label("Họ và tên").fill("Lê Thị Mai")
    page.get_by_label("Mã giải phẫu bệnh").fill("GPB-42")
    page.get_by_label(f"Mã tiêu bản: {path.name}").fill("GPB-42-A1")
    page.get_by_label(f"Nhuộm: {path.name}").fill("H&E")
    return page.locator(".up-item", has_text=path.name)


def level0_pixels(path: Path) -> NDArray[np.uint8]:
    """The slide as OpenSlide sees it, in sRGB: (rows, columns, 3)."""
    with openslide.OpenSlide(path) as slide:
        picture = slide.read_region((0, 0), 0, slide.dimensions).convert("RGB")
        profile = slide.color_profile
    if profile is not None:
        srgb = ImageCms.createProfile("sRGB")
        changed = ImageCms.profileToProfile(picture, profile, srgb, outputMode="RGB")
        assert changed is not None
        picture = changed
    return np.asarray(picture)


def assert_shows(page: Page, slide: NDArray[np.uint8]) -> None:
    """What the pane shows is what is there: no gap, the right place, the right colours."""
    seen = stage_pixels(page).astype(float)
    here = view(page)
    rows, columns = seen.shape[:2]
    scale = here.scale * columns / frame(page)[2]
    left, top = here.x - columns / 2 / scale, here.y - rows / 2 / scale
    box = (left, top, left + columns / scale, top + rows / scale)
    height, width = slide.shape[:2]
    inside = (max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height))
    x0, y0, x1, y1 = (
        round((value - start) * scale)
        for value, start in zip(inside, (left, top, left, top), strict=True)
    )
    wanted = Image.fromarray(slide).resize((x1 - x0, y1 - y0), Image.Resampling.BOX, inside)
    part = seen[y0:y1, x0:x1]
    gap = (np.abs(part - DESK).max(axis=2) < 8).mean()
    assert gap < 0.002, f"{gap:.1%} of the slide in sight is not drawn"
    # Both are averaged: resampling differs, places and colours must not.
    small = (part.shape[1] // 8, part.shape[0] // 8)
    ours = np.asarray(
        Image.fromarray(part.astype(np.uint8)).resize(small, Image.Resampling.BOX), float
    )
    theirs = np.asarray(wanted.resize(small, Image.Resampling.BOX), float)
    apart = np.abs(ours - theirs)
    assert apart.mean() < 4, apart.mean()
    assert np.quantile(apart, 0.99) < 24, np.quantile(apart, 0.99)


def test_a_slide_from_the_upload_to_the_pacs(
    running: Product,
    pacs: Orthanc,
    sign_in: Callable[..., Page],
    shot: Callable[[Page, str], None],
    test_data: Path,
    tmp_path: Path,
) -> None:
    technician = sign_in("technician.a", "/slides")
    expect(technician.get_by_role("button", name="Chọn tệp")).to_be_visible()
    shot(technician, "01-upload-empty")
    item = send(technician, test_data / SVS)
    shot(technician, "02-upload-chosen")
    # its bytes are held back until the page has said how far it is
    held: list[Route] = []
    is_held = True

    def hold(route: Route) -> None:
        if is_held and route.request.method == "PATCH":
            held.append(route)
        else:
            route.continue_()

    technician.route("**/uploads/**", hold)
    technician.get_by_role("button", name="Gửi 1 tệp").click()
    expect(item.locator("progress")).to_be_visible()
    shot(technician, "03-upload-progress")
    until(lambda: technician.wait_for_timeout(100) or held, 180)
    is_held = False
    for route in held:
        route.continue_()
    expect(item).to_have_attribute("data-state", "done")
    expect(item).to_contain_text("Xong: 7 ảnh DICOM đã lưu")
    shot(technician, "04-upload-done")

    (study,) = running.clients["technician.a"].get("/api/v1/studies").json()["items"]
    case = ask(running, study["study_instance_uid"])
    slide = keep_labels(running, study["study_instance_uid"], case["id"])

    worklist = sign_in("pathologist")
    line = worklist.locator(f"tr[data-id='{case['id']}']")
    expect(line).to_contain_text("Lê Thị Mai", ignore_case=True)
    shot(worklist, "05-worklist")
    page = sign_in("pathologist", f"/reading?case={case['id']}")
    opened(page)
    expect(page.locator(".rp-save")).to_have_text("Bản nháp")
    shot(page, "06-reading-room")
    pixels = level0_pixels(test_data / SVS)
    assert_shows(page, pixels)
    page.mouse.move(400, 400)
    page.keyboard.press("4")
    sharp(page)
    assert_shows(page, pixels)
    shot(page, "07-ten-times")

    left, top, width, height = frame(page)
    corners = [(0.35, 0.35), (0.6, 0.38), (0.62, 0.6), (0.4, 0.66)]
    counted = [(0.2, 0.3), (0.25, 0.5), (0.7, 0.7)]

    def click(places: list[tuple[float, float]]) -> NDArray[np.float64]:
        """Click at shares of the pane; return the level-0 pixels under them."""
        here = view(page)
        found = []
        for x, y in places:
            at = (round(left + x * width), round(top + y * height))
            page.mouse.click(*at)
            found.append(here.of_slide((at[0] - left, at[1] - top), (width, height)))
        return np.array(found)

    page.locator(".hs-class").select_option(index=1)
    page.keyboard.press("o")
    outline = click(corners)
    page.keyboard.press("Enter")
    page.keyboard.press("u")
    nuclei = click(counted)
    page.keyboard.press("Enter")
    page.keyboard.press("v")
    marks = page.locator(".rp-mark")
    expect(marks).to_have_count(2)
    expect(marks.first).to_contain_text(re.compile(r"diện tích 0,0[1-9]\d mm²"))
    page.keyboard.press("k")
    expect(page.locator(".rp-image")).to_have_count(1)
    shot(page, "08-drawn")

    number = counted_nuclei(running, case["id"])
    page.reload()
    opened(page)
    page.get_by_role("tab", name="Gợi ý máy").click()
    expect(page.get_by_text("Đếm nhân (Ki-67)").filter(visible=True).first).to_be_visible()
    shot(page, "08b-counted")
    page.get_by_role("tab", name="Ý kiến").click()
    expect(page.locator(".rp-measured")).to_contain_text("Đếm nhân (Ki-67)")
    draft = running.clients["pathologist"].get(f"/api/v1/cases/{case['id']}/draft").json()
    for section in draft["template"]["sections"]:
        if section["required"]:
            field(page, f"sections.{section['key']}").fill(SENTENCE)
    field(page, "answers.q1").fill("Ác tính; cần nhuộm thêm để định típ.")
    field(page, "concordance").select_option("concordant")
    field(page, "transfer").select_option("none")
    expect(page.locator(".rp-save")).to_have_text(re.compile("Đã lưu"))
    shot(page, "09-written")
    page.get_by_role("button", name="Ký và gửi").click()
    page.locator("#rp-password").fill(PASSWORD)
    shot(page, "10-signing")
    page.keyboard.press("Enter")
    expect(page.locator("[data-landed=true]")).to_be_visible()
    shot(page, "11-landed")

    found = landed_files(pacs, tmp_path)
    assert {COMPREHENSIVE_3D_SR, ENCAPSULATED_PDF, KEY_OBJECT, ANNOTATIONS} <= set(found)
    assert SEGMENTATION not in found, "a PACS that takes annotations needs no fallback"
    read = highdicom.ann.annread(found[ANNOTATIONS])
    assert str(read.AnnotationCoordinateType) == "2D"
    groups = {group.graphic_type.value: group for group in read.get_annotation_groups()}
    micrometres = np.array(slide["mpp"])
    (polygon,) = groups["POLYGON"].get_graphic_data("2D")
    points = np.vstack(groups["POINT"].get_graphic_data("2D"))
    for there, here in ((polygon, outline), (points, nuclei)):
        assert np.abs((there - here) * micrometres).max() <= 0.01
    assert read.ReferencedImageSequence[0].ReferencedSOPInstanceUID == slide["sop_instance_uid"]
    assert number in set().union(*reported(found[COMPREHENSIVE_3D_SR]).values())

    asker = sign_in("requester.a", f"/case?case={case['id']}")
    expect(asker.locator("[data-landed=true]")).to_be_visible()
    shot(asker, "12-asker")
    read_in_english(running, case["id"], sign_in, shot)


def keep_labels(running: Product, study: str, case_id: str) -> dict[str, Any]:
    """The label's bytes are for who may see them, by every door; return what the slide says."""
    technician = running.clients["technician.a"]
    (short,) = technician.get(f"/slides/v1/studies/{study}").json()["items"]
    address = f"/slides/v1/{short['slide']}"
    slide: dict[str, Any] = technician.get(address).json()
    label = technician.get(f"{address}/{slide['version']}/label")
    assert label.status_code == 200
    assert Image.open(io.BytesIO(label.content)).size[0] > 50
    series = f"/dicom-web/studies/{study}/series/{slide['series_instance_uid']}"
    heads = technician.get(f"{series}/metadata", headers={"Accept": "application/dicom+json"})
    labels = [
        one["00080018"]["Value"][0]
        for one in heads.json()
        if one["00080008"]["Value"][2] in ("LABEL", "OVERVIEW")
    ]
    assert len(labels) == 2
    doors = [f"{address}/{slide['version']}/{what}" for what in ("label", "overview")]
    for uid in labels:
        place = f"{series}/instances/{uid}"
        doors += [f"{place}/frames/1", f"{place}/rendered", f"{place}/thumbnail", place]
    every = {"Accept": "*/*"}
    assert running.clients["coordinator"].get(f"/api/v1/cases/{case_id}").status_code == 200
    for door in doors:
        allowed = running.clients["pathologist"].get(door, headers=every)
        assert allowed.status_code == 200, (door, allowed.text[:200])
        for username in ("radiologist", "coordinator"):
            answer = running.clients[username].get(door, headers=every)
            assert answer.status_code in (403, 404), (username, door)
            assert len(answer.content) < 1000, (username, door)
    return slide


def counted_nuclei(running: Product, case_id: str) -> float:
    """Count the nuclei in the polygon that was drawn, confirm it; return how many there are."""
    client = running.clients["pathologist"]
    place = f"/api/v1/cases/{case_id}"
    marks = client.get(f"{place}/annotations").json()["items"]
    (mark,) = [one for one in marks if one["kind"] == "polygon"]
    asked = {"analysis": "nuclei_count", "study_instance_uid": mark["study_instance_uid"]}
    started = client.post(f"{place}/results", json=asked)
    assert started.status_code in (200, 201, 202), started.text
    region = {key: mark[key] for key in ("series_instance_uid", "kind", "points_mm")}
    edits = {
        "form": {"regions": [{**region, "annotation_id": mark["id"], "label": "U"}]},
        "parameters": {"stain": "he", "choice": "average"},
    }

    def latest(*states: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            items = client.get(f"{place}/results").json()["items"]
            found: list[dict[str, Any]] = [
                one for one in items if one["analysis"] == "nuclei_count"
            ]
            assert all(one["state"] != "failed" for one in found), found
            return next((one for one in found if one["state"] in states), None)

        return until(look, 300)

    result = latest("computed", "edited")
    where = f"{place}/results/{result['id']}"
    sent = client.put(f"{where}/edits", json={"edits": edits, "revision": result["revision"]})
    assert sent.status_code == 200, sent.text
    result = latest("edited")
    where = f"{place}/results/{result['id']}"
    confirmed = client.post(f"{where}/confirm", json={"revision": result["revision"]})
    assert confirmed.status_code == 200, confirmed.text
    values = {one["key"]: one["value"] for one in result["content"]["values"]}
    number = float(values["region 0 nuclei"])
    assert 20 < number < 1000  # 0.03 mm² of epidermis and stroma
    return number


def landed_files(pacs: Orthanc, folder: Path) -> dict[str, Path]:
    """What Orthanc holds, judged clean; by SOP Class."""
    found = {}
    for held in pacs.instances():
        path = folder / f"{held['SOPInstanceUID']}.dcm"
        path.write_bytes(pacs.file(held["SOPInstanceUID"]))
        errors = [one for one in dciodvfy(path).errors if KNOWN_FALSE not in one]
        assert errors == [], held["SOPClassUID"]
        found[held["SOPClassUID"]] = path
    return found


def read_in_english(
    running: Product,
    case_id: str,
    sign_in: Callable[..., Page],
    shot: Callable[[Page, str], None],
) -> None:
    """The same pages in the other language."""
    for username, address, name in (
        ("pathologist", f"/reading?case={case_id}", "13-reading-room-en"),
        ("technician.a", "/slides", "14-upload-en"),
    ):
        page = sign_in(username, address)
        page.get_by_test_id("stPopoverButton").first.click()
        page.get_by_role("button", name="English").click()
        expect(page.get_by_text("Worklist").first).to_be_visible()
        if username == "pathologist":
            opened(page)
            expect(page.get_by_title("Slide tray (B)")).to_be_visible()
        else:
            expect(page.get_by_role("button", name="Choose files")).to_be_visible()
            expect(page.locator(".up")).to_contain_text("On their way")
        shot(page, name)
        page.get_by_test_id("stPopoverButton").first.click()
        page.get_by_role("button", name="Tiếng Việt").click()
        expect(page.get_by_text("Danh sách ca").first).to_be_visible()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("corrupted.svs", "32704/32705"),
        ("unreadable.svs", ""),
        ("unopenable.tiff", ""),
    ],
)
def test_a_bad_file_is_refused_in_words(
    name: str,
    words: str,
    running: Product,
    sign_in: Callable[..., Page],
    shot: Callable[[Page, str], None],
    test_data: Path,
) -> None:
    before = running.clients["technician.a"].get("/api/v1/studies").json()["items"]
    page = sign_in("technician.a", "/slides")
    item = send(page, test_data / "wsi/bad" / name)
    page.get_by_role("button", name="Gửi 1 tệp").click()
    expect(item).to_have_attribute("data-state", "refused")
    expect(item).to_contain_text("Không nhận")
    expect(item).to_contain_text(words)
    said = item.locator(".up-said").inner_text()
    assert re.search("[ăâđêôơưạảấầậắặếềệọốồộớờợụứừựỉịủũ]", said), said
    shot(page, f"refused-{name}")
    assert running.clients["technician.a"].get("/api/v1/studies").json()["items"] == before
