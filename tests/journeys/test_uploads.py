"""A technician's browser sends a slide and a folder; the worker makes studies of them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.factories import ct_series, file_bytes
from tests.product import PASSWORD, Product, product
from viewers import build

pytestmark = pytest.mark.journey

SECONDS = 90_000
SVS = "wsi/svs_cmu1_small_region/CMU-1-Small-Region.svs"
SHOTS = os.environ.get("HOICHAN_SCREENSHOTS", "")
expect.set_options(timeout=SECONDS)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    build.build()
    with product(tmp_path_factory.mktemp("product")) as served:
        yield served


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--headless=new", "--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, running: Product) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1366, "height": 900}, locale="vi-VN")
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    page.goto(f"{running.url}/login?next=/slides")
    page.get_by_label("Tên đăng nhập").fill("technician.a")
    page.get_by_label("Mật khẩu", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()
    yield page
    context.close()


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def choose(page: Page, button: str, *paths: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=button).click()
    chooser.value.set_files(list(paths))


def studies(running: Product) -> list[dict[str, Any]]:
    answer: httpx.Response = running.clients["technician.a"].get("/api/v1/studies")
    return list(answer.json()["items"])


def test_a_slide_and_a_folder(
    page: Page, running: Product, test_data: Path, tmp_path: Path
) -> None:
    choose(page, "Chọn tệp", test_data / SVS)
    send = page.get_by_role("button", name="Gửi 1 tệp")
    expect(send).to_be_disabled()  # nobody has said whose slide it is
    page.get_by_label("Mã người bệnh").fill("BN 42")
    page.get_by_label("Họ và tên").fill("Lê Thị Mai")
    page.get_by_label("Ngày sinh").fill("31/4/1960")
    expect(page.locator(".up-send")).to_contain_text("Ngày sinh không đúng")
    expect(send).to_be_disabled()
    page.get_by_label("Ngày sinh").fill("3/4/1960")
    page.get_by_label("Mã giải phẫu bệnh").fill("GPB-42")
    page.get_by_label("Mã tiêu bản: CMU-1-Small-Region.svs").fill("GPB-42-A1")
    page.get_by_label("Nhuộm: CMU-1-Small-Region.svs").fill("H&E")
    shot(page, "upload-chosen")
    send.click()
    done = page.locator(".up-item[data-state=done]")
    expect(done).to_contain_text("Xong: 7 ảnh DICOM đã lưu")
    shot(page, "upload-done")

    folder = tmp_path / "CT"
    folder.mkdir()
    for number, ds in enumerate(ct_series(4)):
        (folder / f"IM{number}").write_bytes(file_bytes(ds))
    choose(page, "Chọn thư mục", folder)
    page.get_by_role("button", name="Gửi 1 tệp").click()
    expect(page.locator(".up-item[data-state=done]").first).to_contain_text("Xong: 4 ảnh DICOM")

    choose(page, "Chọn tệp", test_data / "wsi/bad/corrupted.svs")
    page.get_by_role("button", name="Gửi 1 tệp").click()
    refused = page.locator(".up-item[data-state=refused]")
    expect(refused).to_contain_text("32704/32705")
    shot(page, "upload-refused")

    by_modality = {tuple(study["modalities"]): study for study in studies(running)}
    slide = by_modality[("SM",)]
    assert (slide["patient_name"], slide["patient_id"]) == ("Lê^Thị Mai", "BN 42")
    assert slide["patient_birth_date"] == "19600403"
    assert slide["instance_count"] == 7
    assert by_modality[("CT",)]["instance_count"] == 4


def test_an_upload_goes_on_after_the_page_was_closed(
    page: Page, running: Product, tmp_path: Path
) -> None:
    path = tmp_path / "large.zip"
    path.write_bytes(b"PK" + os.urandom(30_000_000))
    # The line breaks after the second piece: the page waits, then it is closed.
    pieces = 0

    def cut(route: Any) -> None:
        nonlocal pieces
        is_piece = route.request.method == "PATCH"
        pieces += is_piece
        route.abort() if is_piece and pieces > 2 else route.continue_()

    page.route("**/uploads/*", cut)
    choose(page, "Chọn tệp", path)
    page.get_by_role("button", name="Gửi 1 tệp").click()
    item = page.locator(".up-item", has_text="large.zip")
    expect(item).to_contain_text("đang thử lại")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(item).to_contain_text("chọn lại đúng tệp này")
    page.unroute("**/uploads/*")
    uploads = running.clients["technician.a"].get("/uploads/").json()["items"]
    (unfinished,) = [each for each in uploads if each["state"] == "receiving"]
    assert 0 < unfinished["offset"] < unfinished["size"]
    choose(page, "Chọn tệp", path)
    expect(item).not_to_contain_text("chọn lại")
    expect(page.locator(".up-item[data-state=refused]", has_text="large.zip")).to_be_visible()
