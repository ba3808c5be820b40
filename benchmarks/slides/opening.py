"""B4: from opening the page to a sharp overview, and from one field of view to the next."""

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.slides.outcome import Line
from benchmarks.slides.scene import Scene
from tests.viewers.conftest import FLAGS
from tests.viewers.slidesite import SlideSite
from viewers import build

__all__ = ["opening"]

_SHARP = """() => {
  const pane = document.querySelector('.hs-pane');
  return pane !== null && pane.dataset.sharp === 'true' && !!pane.dataset.view;
}"""
# A spiral from the middle of the slide: no field is seen twice.
_WALK = "RDLLUURRRDDD"
_KEYS = {"R": "ArrowRight", "D": "ArrowDown", "L": "ArrowLeft", "U": "ArrowUp"}


# A district hospital's line: 10 Mbit/s, and 40 ms there and back.
_LINE = {
    "offline": False,
    "latency": 40,
    "downloadThroughput": 10e6 / 8,
    "uploadThroughput": 10e6 / 8,
}


def opening(scene: Scene, rounds: int) -> list[Line]:
    """Chromium with software WebGL, server and browser on the same machine."""
    import pydicom

    build.build()
    datasets = []
    for path in sorted(scene.dicom.glob("*.dcm")):
        dataset = pydicom.dcmread(path)
        dataset.syntax = dataset.file_meta.TransferSyntaxUID
        datasets.append(dataset)
    overview: list[float] = []
    fields: list[float] = []
    distant: list[float] = []
    with TemporaryDirectory(dir=scene.folder) as folder, sync_playwright() as playwright:
        site = SlideSite(Path(folder), [], "", datasets=datasets).start()
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        try:
            for turn in range(rounds + 1):
                took, walked = _visit(browser, site.page())
                if turn:  # the first opens a cold browser
                    overview.append(took)
                fields += walked
            for _ in range(rounds):
                distant += _visit(browser, site.page(), _LINE)[1]
        finally:
            browser.close()
            site.stop()
    first, change = min(overview), statistics.median(fields)
    return [
        Line(
            "B4",
            "page opened to sharp overview, software WebGL",
            f"{first:.2f} s (median {statistics.median(overview):.2f})",
            target="≤ 1 s",
            met=first <= 1,
        ),
        Line(
            "B4",
            f"next field of view at 20x, p50 of {len(fields)}, movement included",
            f"{1000 * change:.0f} ms (fastest {1000 * min(fields):.0f})",
            target="≤ 250 ms",
            met=change <= 0.25,
        ),
        Line(
            "B4",
            f"the same at 10 Mbit/s, 40 ms there and back, p50 of {len(distant)}",
            f"{1000 * statistics.median(distant):.0f} ms (fastest {1000 * min(distant):.0f})",
            target="≤ 600 ms",
            met=statistics.median(distant) <= 0.6,
        ),
    ]


def _visit(
    browser: Browser, url: str, line: dict[str, float] | None = None
) -> tuple[float, list[float]]:
    """Seconds until the overview is sharp, and from each field of view to the next.

    `line` is Chromium's own emulation of a slow one; it begins when the page is there.
    """
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    try:
        page = context.new_page()
        started = time.perf_counter()
        page.goto(url)
        page.wait_for_function(_SHARP, polling=20, timeout=60_000)
        took = time.perf_counter() - started
        if line is not None:
            context.new_cdp_session(page).send("Network.emulateNetworkConditions", line)
        return took, _walk(page)
    finally:
        context.close()


def _walk(page: Page) -> list[float]:
    """Seconds from each key to the next field, at rest and sharp."""
    page.keyboard.press("6")
    page.wait_for_function(_SHARP, polling=20, timeout=60_000)
    page.wait_for_timeout(1500)
    took = []
    for step in _WALK:
        before = page.locator(".hs-pane").first.get_attribute("data-view")
        started = time.perf_counter()
        page.keyboard.press(_KEYS[step])
        page.wait_for_function(
            "before => { const pane = document.querySelector('.hs-pane');"
            " return pane.dataset.view !== before && pane.dataset.sharp === 'true'; }",
            arg=before,
            polling=20,
            timeout=60_000,
        )
        took.append(time.perf_counter() - started)
        page.wait_for_timeout(400)
    return took
