"""The panel in the reading room of the whole product: a lone file computes, a reader corrects."""

import gzip
import re
import time
from collections.abc import Callable, Iterator
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.peers import run_dcmtk
from tests.product import PASSWORD, Product, product
from tests.viewers.driver import drag, drawn, place_of
from tests.viewers.findings import SQUARE, tilted_stack

pytestmark = pytest.mark.journey

GUEST = """
    import numpy as np
    from pydicom.sr.codedict import codes
    from pydicom.sr.coding import Code

    from plugins import (
        Analysis, Control, ControlKind, Grade, Handle, HandleKind, Layer, LayerKind, Result,
        Segment, Text, Value,
    )

    LESION = Code("52988006", "SCT", "Lesion")
    ABNORMAL = Code("49755003", "SCT", "Morphologically Altered Structure")


    def subject(study):
        return [s.series_instance_uid for s in study.series if s.modality == "CT"][:1]


    def compute(study, edits, bench):
        series = next(s for s in study.series if s.series_instance_uid == subject(study)[0])
        if "volume" not in bench.memory:
            bench.memory["volume"] = study.load_volume(series)
        volume = bench.memory["volume"]
        level = edits.get("parameters", {}).get("level", 40.0)
        mask = (volume.array > level).astype(np.uint8)
        points = edits.get("handles", {}).get("tip", [[0.0, 0.0, 10.0]])
        return Result(
            analysis="bright", title=Text("Vùng sáng", "Bright region"), version="1",
            study_instance_uid=study.study_instance_uid,
            series_instance_uids=(series.series_instance_uid,), grade=Grade.GREEN,
            values=(
                Value("voxels", Text("Số điểm ảnh", "Voxels"), float(mask.sum()),
                      codes.UCUM.NoUnits, digits=0, is_main=True),
                Value("tip", Text("Đỉnh x", "Tip x"), float(points[0][0]), codes.UCUM.Millimeter,
                      is_main=True),
            ),
            layers=(
                Layer("bright", Text("Vùng sáng", "Bright region"), LayerKind.MASK,
                      series.series_instance_uid,
                      tuple((one, 1) for one in volume.sop_instance_uids), mask,
                      (Segment(1, Text("Sáng", "Bright"), (255, 0, 0), ABNORMAL, LESION),),
                      is_shown=True),
            ),
            handles=(
                Handle("tip", HandleKind.POINT, Text("Đỉnh", "Tip"),
                       (tuple(points[0]),), series.series_instance_uid),
            ),
            controls=(
                Control("level", Text("Ngưỡng", "Level"), ControlKind.NUMBER, level, "HU",
                        0.0, 100.0, 10.0),
            ),
        )


    def contribute():
        yield Analysis("bright", Text("Vùng sáng", "Bright region"), subject, compute)
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, bundle: None) -> Iterator[Product]:
    guests = tmp_path_factory.mktemp("guests")
    (guests / "bright.py").write_text(dedent(GUEST), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOICHAN_PLUGINS_DIR", str(guests))
        with product(tmp_path_factory.mktemp("product")) as served:
            yield served


@pytest.fixture(scope="module")
def case(running: Product, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An emergency whose images have come; its reader has not opened it."""
    files = tilted_stack(tmp_path_factory.mktemp("files"))
    node = running.node
    sent = run_dcmtk(
        *("storescu", "-aet", "DEMO_A", "-aec", node.ae_title, node.host, node.port, *files)
    )
    assert sent.returncode == 0, sent.stderr
    client = running.clients["requester.a"]
    found = until(lambda: client.get("/api/v1/studies").json()["items"])
    form = {
        "area": "radiology",
        "priority": "P1",
        "consulted_site": "DEMO_HUB",
        "study_instance_uids": [found[0]["study_instance_uid"]],
        "reason": "Đau đầu dữ dội",
        "questions": ["Có chảy máu không?"],
        "consent_basis": "written",
        "share_scope": "expert",
        "submit": True,
    }
    answer = client.post("/api/v1/cases", json=form)
    assert answer.status_code < 300, answer.text
    made: dict[str, Any] = answer.json()
    return made


def until(ask: Callable[[], Any], seconds: float = 240) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)
    return found


def result_of(running: Product, case: dict[str, Any]) -> dict[str, Any]:
    answer = running.clients["radiologist"].get(f"/api/v1/cases/{case['id']}/results")
    items = [one for one in answer.json()["items"] if one["analysis"] == "bright"]
    found: dict[str, Any] = items[0] if items else {}
    return found


@pytest.fixture
def page(chromium: Browser, running: Product, case: dict[str, Any]) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1366, "height": 768}, locale="vi-VN")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda e: str(e) == "XMLHttpRequest" or errors.append(str(e)))
    page.set_default_timeout(90_000)
    page.goto(f"{running.url}/reading?case={case['id']}")
    page.fill("input[name=username]", "radiologist")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    yield page
    context.close()
    assert not errors, errors


def test_from_arrival_to_confirmation(running: Product, case: dict[str, Any], page: Page) -> None:
    until(lambda: result_of(running, case).get("content"))
    drawn(page)
    # nothing lies over the images before the reader turns to what was computed
    expect(page.locator(".rs-card, canvas.hv-layers")).to_have_count(0)
    page.get_by_role("button", name=re.compile("Kết quả cần xem")).click()
    expect(page.locator(".rs-card")).to_be_visible()
    # other guests may have computed something too, and stand before it
    tab = page.locator(".rs-nav button", has_text="Vùng sáng")
    head = page.locator(".rs-head h2", has_text="Vùng sáng")
    expect(tab.or_(head).first).to_be_visible()
    if tab.count():
        tab.click()
    expect(head).to_be_visible()
    (top, bottom), (left, right) = SQUARE
    voxels = 5 * (bottom - top) * (right - left)
    expect(page.locator(".rs-tile[data-value='voxels'] b")).to_have_text(str(voxels))
    expect(page.locator(".rs-support")).to_contain_text("không thay chẩn đoán")
    expect(page.locator("canvas.hv-layers")).to_be_visible()
    # the layer over HTTP is what was computed
    kept = result_of(running, case)
    assert kept["case_id"] is None
    (layer,) = kept["content"]["layers"]
    with running.clients["radiologist"].stream("GET", layer["url"]) as answer:
        raw = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
    mask = np.frombuffer(gzip.decompress(raw), np.uint8).reshape(layer["shape"])
    assert mask.sum() == voxels
    # a point is dragged: the case has its own result, with the number that follows
    page.locator("[data-focus='goto-tip']").click()
    box = place_of(page, page.locator(".hv-knob-ring"))
    start = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    drag(page, start, (start[0] + 50, start[1]))
    own = until(lambda: (r := result_of(running, case))["state"] == "edited" and r)
    assert own["case_id"] == case["id"]
    assert own["id"] != kept["id"]
    (moved,) = own["edits"]["handles"]["tip"]
    assert moved[0] > 2
    expect(page.locator(".rs-tile[data-value='tip'] b")).to_contain_text(
        f"{moved[0]:.1f}".replace(".", ",")
    )
    # a threshold above the square leaves nothing
    page.locator("[data-focus='control-level']").fill("90")
    expect(page.locator(".rs-tile[data-value='voxels'] b")).to_have_text("0")
    page.locator("[data-focus='undo']").click()
    expect(page.locator(".rs-tile[data-value='voxels'] b")).to_have_text(str(voxels))
    page.get_by_role("button", name="Xác nhận kết quả…").click()
    page.get_by_role("button", name="Tôi xác nhận").click()
    expect(page.locator(".rs-head .hc-badge")).to_contain_text("Đã xác nhận")
    confirmed = result_of(running, case)
    assert confirmed["state"] == "confirmed"
    expect(page.locator(".rs-head")).to_contain_text("Bác sĩ radiologist")
