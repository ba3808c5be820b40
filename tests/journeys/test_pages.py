"""The pages in a real browser: two hospitals, one emergency, from the question to the decision.

One product and one browser serve every test here; the asking hospital's PACS is Orthanc.
"""

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.peers import Orthanc, orthanc, run_dcmtk
from tests.product import PASSWORD, Product, product
from tests.viewers.driver import drag, drawn, loaded, point_at
from viewers import build
from workstation.demo.studies import PHANTOMS, write_phantom
from workstation.i18n import catalogue

pytestmark = pytest.mark.journey

MILLISECONDS = 60_000
BLEEDING = next(phantom for phantom in PHANTOMS if phantom.site == "DEMO_A")
EVERYWHERE = """() => {
  const said = [];
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) said.push(node.textContent);
    if (![Node.ELEMENT_NODE, Node.DOCUMENT_FRAGMENT_NODE].includes(node.nodeType)) return;
    if (node instanceof Element) {
      if (["SCRIPT", "STYLE", "TEMPLATE"].includes(node.tagName)) return;
      if (node.checkVisibility && !node.checkVisibility({ opacityProperty: true })) return;
      for (const name of ["placeholder", "title", "aria-label", "alt"]) {
        said.push(node.getAttribute(name) ?? "");
      }
      if (node.shadowRoot) walk(node.shadowRoot);
    }
    for (const child of node.childNodes) walk(child);
  };
  walk(document.body);
  return said.map((text) => text.trim()).filter(Boolean).join("\\n");
}"""
FETCHED = "performance.getEntriesByType('resource').filter(e => /dicom-web/.test(e.name)).length"


def at_rest(page: Page, count: Callable[[], int], least: int) -> None:
    """Wait until there are `least` of what is counted and for three seconds no more."""
    deadline = time.monotonic() + MILLISECONDS / 1000
    seen = [-1]
    while seen[-1] < least or len(seen) < 7 or len(set(seen[-7:])) > 1:
        assert time.monotonic() < deadline, seen[-7:]
        page.wait_for_timeout(500)
        seen.append(count())


def seen_lines(page: Page) -> list[str]:
    said = page.evaluate(EVERYWHERE)
    return [line for line in said.splitlines() if line not in UNSEEN]


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, pacs: Orthanc) -> Iterator[Product]:
    build.build()
    folder = tmp_path_factory.mktemp("product")
    with product(folder, {"DEMO_A": pacs.peer}) as served:
        yield served


def push_phantom(running: Product, folder: Path) -> None:
    """DCMTK's storescu sends the bleeding phantom as hospital A's scanner would."""
    write_phantom(BLEEDING, folder, datetime.now(UTC))
    node = running.node
    sent = run_dcmtk(
        *("storescu", "-aet", "DEMO_A", "-aec", node.ae_title, "+sd", "+r"),
        *(node.host, node.port, folder),
    )
    assert sent.returncode == 0, sent.stderr


def ask(running: Product, **changes: Any) -> dict[str, Any]:
    """Ask through the API, about the newest study of hospital A."""
    client = running.clients["requester.a"]
    study = client.get("/api/v1/studies").json()["items"][0]
    form = {
        "area": "radiology",
        "priority": "P1",
        "consulted_site": "DEMO_HUB",
        "study_instance_uids": [study["study_instance_uid"]],
        "reason": "Đau đầu dữ dội",
        "questions": ["Có chảy máu không?"],
        "consent_basis": "written",
        "share_scope": "expert",
        "submit": True,
        **changes,
    }
    answer = client.post("/api/v1/cases", json=form)
    assert answer.status_code < 300, answer.text
    case: dict[str, Any] = answer.json()
    return case


@pytest.fixture(scope="module")
def case(running: Product, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An emergency that waits; its images are here."""
    push_phantom(running, tmp_path_factory.mktemp("phantom"))
    return ask(running)


def field(page: Page, place: str) -> Locator:
    return page.locator(f"[data-place='{place}']")


def required(page: Page) -> list[Locator]:
    """The sections that whatever template is offered wants filled, in their order."""
    found = page.locator(".rp-field:has(.rp-required) [data-place^='sections.']")
    expect(found.first).to_be_visible()
    return found.all()


def saved(page: Page) -> None:
    expect(page.locator(".rp-save")).to_have_text(re.compile("Đã lưu"))


def rows(page: Page) -> Locator:
    return page.locator("tr[data-id]")


def test_from_the_question_to_the_decision(
    running: Product, pacs: Orthanc, sign_in: Callable[..., Page], tmp_path: Path
) -> None:
    radiologist = sign_in("radiologist")
    expect(radiologist.locator(".wl-fresh")).to_contain_text("Cập nhật")
    push_phantom(running, tmp_path)

    requester = sign_in("requester.a")
    draft = rows(requester).filter(has_text="Gửi yêu cầu").first
    draft.click()
    expect(requester.locator("tr[aria-selected=true]")).to_have_count(1)
    requester.get_by_text("P0 · Tối khẩn").click()
    expect(requester.get_by_text("Mốc thời gian đột quỵ")).to_be_visible()
    requester.get_by_label("Lý do hội chẩn").fill("Liệt nửa người phải, nói khó")
    requester.get_by_label("Câu hỏi 1").fill("Có chảy máu não không? Thể tích?")
    requester.get_by_label("Câu hỏi 1").press("Tab")
    requester.get_by_text("Cấp cứu (Điều 61, Luật 15/2023)").click()
    requester.get_by_role("button", name="Gửi yêu cầu hội chẩn").click()
    expect(requester.get_by_text("Chưa có ý kiến nào được ký.")).to_be_visible()

    # the reader's list tells of it by itself, and the keyboard opens it
    alert = radiologist.locator(".wl-alert")
    expect(alert).to_contain_text("Ca cấp cứu mới")
    expect(rows(radiologist).first).to_contain_text("Tối khẩn")
    radiologist.keyboard.press("/")
    radiologist.keyboard.type("tran van")
    expect(rows(radiologist).first).to_contain_text("TRẦN VĂN")
    radiologist.keyboard.press("ArrowDown")
    radiologist.keyboard.press("Enter")

    page = radiologist
    drawn(page)
    expect(page.locator(".rp-save")).to_have_text("Bản nháp")
    sign = page.get_by_role("button", name="Ký và gửi")
    box = sign.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 768, "signing must not need the page to be scrolled"
    viewer = page.locator(".hv-grid").bounding_box()
    report = page.locator(".rp").bounding_box()
    assert viewer is not None
    assert report is not None
    assert report["x"] >= 0.6 * 1366, "images have at least 60 % of the width"
    main = page.get_by_test_id("stMain")
    assert main.evaluate("e => e.scrollHeight - e.clientHeight") <= 1

    page.mouse.move(*point_at(page, 0.5, 0.5))
    page.keyboard.press("l")
    drag(page, point_at(page, 0.5, 0.5), point_at(page, 0.6, 0.5))
    mark = page.locator(".rp-mark").first
    expect(mark).to_contain_text("mm")
    expect(mark.locator("input")).to_be_checked()
    page.get_by_role("button", name="+ Ảnh đang xem").click()
    expect(page.locator(".rp-image")).to_have_count(1)
    *findings, conclusion = required(page)
    for finding in findings:
        finding.fill("Khối tăng tỷ trọng nhân bèo trái,")
    mark.get_by_title("Chèn vào văn bản").click()
    expect(findings[-1]).to_have_value(re.compile(" mm"))
    conclusion.fill("Xuất huyết não nhân bèo trái.")
    sign.click()
    expect(page.get_by_role("dialog")).to_contain_text("Trả lời câu hỏi 1")
    page.keyboard.press("Escape")
    field(page, "answers.q1").fill("Có, khoảng 40 ml.")
    field(page, "concordance").select_option("concordant")
    field(page, "transfer").select_option("urgent")
    saved(page)
    sign.click()
    page.locator("#rp-password").fill("sai mật khẩu")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Mật khẩu không đúng")
    page.locator("#rp-password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("[data-landed=true]")).to_be_visible()
    expect(page.locator(".rp-opinion code")).to_have_attribute(
        "title", re.compile("^[0-9a-f]{64}$")
    )
    kinds = {one["SOPClassUID"] for one in pacs.instances()}
    assert len(kinds) >= 3, "SR, text and PDF are in the asking hospital's PACS"

    # the asking side sees it without reloading, and decides
    expect(requester.locator("[data-landed=true]")).to_be_visible()
    requester.get_by_role("button", name="Tôi đã đọc ý kiến hội chẩn").click()
    requester.get_by_role("button", name="Ghi quyết định").click()
    requester.get_by_label("Chẩn đoán cuối cùng").fill("I61.0")
    requester.get_by_label("Chẩn đoán cuối cùng").press("Tab")
    requester.get_by_role("button", name="Báo kết quả và đóng ca").click()
    expect(requester.locator(".hc-line")).to_contain_text("Đã đóng")


def test_typing_reaches_neither_the_page_nor_the_viewer(
    case: dict[str, Any], sign_in: Callable[..., Page]
) -> None:
    page = sign_in("radiologist", f"/reading?case={case['id']}")
    sent: list[object] = []
    frames: list[str] = []
    loaded(page, 30)
    expect(page.locator(".rp-save")).to_have_text(re.compile("Bản nháp|Đã lưu"))
    # the viewer has fetched what it fetches ahead
    at_rest(page, lambda: int(page.evaluate(FETCHED)), least=1)
    page.evaluate("() => { window.kept = document.activeElement; }")
    page.context.on("request", lambda request: frames.append(request.url))
    page.on("websocket", lambda socket: socket.on("framesent", sent.append))
    canvas = page.locator(".hv-grid canvas").first
    canvas.evaluate("c => { c.dataset.first = 'yes'; }")
    before = canvas.get_attribute("data-first")
    area = required(page)[0]
    area.click()
    # "r" and "c" are Streamlit's, digits and letters the viewer's, "/" nobody's here
    page.keyboard.type("rc/12345 lwz mi khối tăng tỷ trọng ", delay=15)
    saved(page)
    assert area.input_value().startswith("rc/12345 lwz mi ")
    assert canvas.get_attribute("data-first") == before == "yes"
    assert [url for url in frames if "/dicom-web/" in url] == []
    assert sent == []
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_lost_line_and_a_second_window_lose_no_word(
    case: dict[str, Any], sign_in: Callable[..., Page]
) -> None:
    address = f"/reading?case={case['id']}"
    page = sign_in("radiologist", address)
    area = field(page, "sections.recommendation")
    area.fill("Chụp lại sau 24 giờ")
    saved(page)
    page.context.set_offline(True)
    area.press_sequentially(", theo dõi")
    expect(page.locator(".rp-save")).to_contain_text("Chưa lưu được")
    page.context.set_offline(False)
    saved(page)

    other = page.context.new_page()
    other.set_default_timeout(MILLISECONDS)
    other.goto(page.url)
    expect(field(other, "sections.recommendation")).to_have_value("Chụp lại sau 24 giờ, theo dõi")
    field(other, "sections.technique").fill("CLVT không tiêm")
    saved(other)
    field(page, "answers.q1").fill("Có.")  # another place: both stay
    expect(field(page, "sections.technique")).to_have_value("CLVT không tiêm")
    saved(page)
    field(other, "answers.q1").fill("Không.")  # the same place: somebody decides
    expect(other.locator("[data-bar=conflict]")).to_contain_text("Có.")
    other.get_by_role("button", name="Giữ bản của tôi").click()
    saved(other)
    other.reload()
    expect(field(other, "answers.q1")).to_have_value("Không.")


def test_a_preliminary_a_final_and_an_addendum_are_different_acts(
    running: Product, case: dict[str, Any], sign_in: Callable[..., Page]
) -> None:
    page = sign_in("radiologist", f"/reading?case={ask(running)['id']}")

    def sign(button: str, reason: str = "") -> None:
        page.get_by_role("button", name=button).click()
        if reason:
            page.locator("#rp-reason").fill(reason)
        page.locator("#rp-password").fill(PASSWORD)
        page.locator("#rp-password").press("Enter")
        expect(page.get_by_role("dialog")).to_have_count(0)

    versions = page.locator(".rp-opinion header b:visible")
    for section in required(page)[:-1]:
        section.fill("Khối tăng tỷ trọng.")
    field(page, "sections.conclusion").fill("Xuất huyết não.")
    sign("Ký sơ bộ")
    expect(versions).to_have_text(["Sơ bộ · Phiên bản 1"])
    expect(field(page, "sections.conclusion")).to_have_value("Xuất huyết não.")
    field(page, "answers.q1").fill("Có.")
    field(page, "concordance").select_option("minor")
    field(page, "transfer").select_option("none")
    sign("Ký và gửi")
    expect(versions).to_have_text(["Chính thức · Phiên bản 2"])
    page.get_by_role("button", name="Báo cáo bổ sung").click()
    expect(field(page, "sections.conclusion")).to_have_value("")
    field(page, "sections.conclusion").fill("CTA không thấy phình mạch.")
    sign("Ký báo cáo bổ sung", "Có thêm CTA")
    expect(versions).to_have_text(["Bổ sung · Phiên bản 3", "Chính thức · Phiên bản 2"])
    page.get_by_role("button", name="Báo cáo sửa đổi").click()
    expect(field(page, "sections.conclusion")).to_have_value("Xuất huyết não.")
    sign("Ký báo cáo sửa đổi", "Nhầm bên")
    expect(versions).to_have_text(["Sửa đổi · Phiên bản 4"])


def test_a_session_that_ends_keeps_what_was_typed(
    case: dict[str, Any], running: Product, sign_in: Callable[..., Page]
) -> None:
    page = sign_in("radiologist", f"/reading?case={case['id']}")
    area = field(page, "sections.conclusion")
    area.fill("Trước khi hết phiên.")
    saved(page)
    # sign out elsewhere: the same session, another tab
    other = page.context.new_page()
    other.goto(running.url + "/logout")
    other.get_by_role("button").first.click()
    other.wait_for_load_state()
    cover = page.locator("#hoichan-signed-out")
    expect(cover).to_be_visible()
    other.goto(f"{running.url}/login")
    other.fill("input[name=username]", "radiologist")
    other.fill("input[name=password]", PASSWORD)
    other.press("input[name=password]", "Enter")
    expect(cover).to_have_count(0)
    expect(field(page, "sections.conclusion")).to_have_value("Trước khi hết phiên.")


def test_the_list_moves_under_the_reader_without_losing_the_place(
    case: dict[str, Any], running: Product, sign_in: Callable[..., Page]
) -> None:
    page = sign_in("radiologist")
    mine = page.locator(f"tr[data-id='{case['id']}']")
    mine.focus()
    number = ask(running, priority="P0", reason="Hôn mê")["number"]
    expect(rows(page).first).to_contain_text(number)
    focused = page.evaluate(
        """() => { let e = document.activeElement;
          while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
          return e.dataset.id; }"""
    )
    assert focused == case["id"]


PAGES = {
    "requester.a": ["worklist", "request", "deliveries", "statistics", "account"],
    "radiologist": ["worklist", "deliveries", "account"],
    "coordinator": ["worklist", "statistics"],
    "technician.a": ["worklist", "hospitals"],
    "admin": ["hospitals", "users", "quarantine", "plugins", "audit", "statistics", "reading"],
}
# Words that no Vietnamese sentence has; names of the standard are the same in both languages.
# Streamlit names the arrow of a select "Open" for screen readers; nobody sees it.
UNSEEN = {"Open"}
ENGLISH = re.compile(
    r"\b(the|of|your|and|with|is|are|Search|Press|Select|Choose|Loading|Deploy|Rerun|Settings|"
    r"Upload|Browse|No results|No options|Download|Sign|Open|Close|Save)\b"
)


@pytest.mark.parametrize("username", PAGES)
def test_a_vietnamese_page_says_nothing_in_english(
    username: str, case: dict[str, Any], running: Product, sign_in: Callable[..., Page]
) -> None:
    page = sign_in(username)
    english = {text for text in catalogue("en").values() if len(text) > 3 and "{" not in text}
    english -= set(catalogue("vi").values())
    for address in [*PAGES[username], f"case?case={case['id']}", f"reading?case={case['id']}"]:
        page.goto(f"{running.url}/{address}")
        expect(page.get_by_test_id("stMainBlockContainer")).not_to_be_empty()
        at_rest(page, lambda: len(seen_lines(page)), least=6)
        lines = seen_lines(page)
        assert [line for line in lines if line in english] == [], address
        assert [line for line in lines if ENGLISH.search(line)] == [], address


def test_the_language_changes_at_once(sign_in: Callable[..., Page], running: Product) -> None:
    page = sign_in("radiologist.2")
    expect(page.get_by_text("Danh sách ca")).to_be_visible()
    page.get_by_test_id("stPopoverButton").click()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_text("Worklist", exact=True)).to_be_visible()
    expect(page.locator(".wl-keys")).to_contain_text("Enter opens")
    page.get_by_test_id("stPopoverButton").click()
    page.get_by_role("button", name="Tiếng Việt").click()
    expect(page.locator(".wl-keys")).to_contain_text("Enter mở")


def test_on_a_phone_the_list_is_cards(case: dict[str, Any], sign_in: Callable[..., Page]) -> None:
    page = sign_in("requester.a", width=390, height=844)
    expect(rows(page).first).to_be_visible()
    card = rows(page).first.bounding_box()
    assert card is not None
    assert card["height"] > 60
    assert card["width"] <= 390
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    rows(page).first.click()
    expect(page.get_by_text("Ý kiến hội chẩn").first).to_be_visible()
