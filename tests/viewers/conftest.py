"""Sites with real studies, and a real browser that draws with SwiftShader."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.viewers.site import Site
from tests.viewers.slidesite import SlideSite
from viewers import build

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="package")
def bundle() -> None:
    """The bundle of the sources as they are."""
    build.build()


@pytest.fixture(scope="package")
def driver(bundle: None) -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def chromium(driver: Playwright) -> Iterator[Browser]:
    browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open an address in a context of its own; uncaught errors of the page fail the test."""
    contexts = []
    errors: list[str] = []

    def open_page(address: str, width: int = 1366, height: int = 768) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_default_timeout(90_000)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    # Cornerstone rejects one promise more than it gives away when a frame is not there or broken.
    assert set(errors) <= {"XMLHttpRequest", "The pixel data is missing"}, errors


@pytest.fixture(scope="module")
def make_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Site]]:
    sites = []

    def make_site(*files: Path, base: str = "") -> Site:
        site = Site(tmp_path_factory.mktemp("archive"), files, base).start()
        sites.append(site)
        return site

    yield make_site
    for site in sites:
        site.stop()


@pytest.fixture(scope="module")
def make_slides(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., SlideSite]]:
    sites = []

    def make_slides(*datasets: object, base: str = "", **more: object) -> SlideSite:
        folder = tmp_path_factory.mktemp("slides")
        site = SlideSite(folder, [], base, datasets=datasets, **more).start()  # type: ignore[arg-type]
        sites.append(site)
        return site

    yield make_slides
    for site in sites:
        site.stop()


@pytest.fixture(scope="module")
def tilted(make_site: Callable[..., Site], test_data: Path) -> Site:
    """A real head CT: gantry tilt of 18.5 degrees, slices 1.1 to 7 mm apart."""
    return make_site(*(test_data / "ct_head" / "ge_tilt_infarct").glob("*.dcm"), base="/hoichan")


@pytest.fixture(scope="module")
def chest(make_site: Callable[..., Site], test_data: Path) -> Site:
    """A real chest CT, feet first, instance numbers against the position."""
    return make_site(*(test_data / "ct_body" / "chest_lidc_ffs").glob("*.dcm"))


@pytest.fixture(autouse=True)
def no_marks(request: pytest.FixtureRequest) -> None:
    """Each test begins without marks and without faults."""
    for name in ("tilted", "chest"):
        if name in request.fixturenames:
            site: Site = request.getfixturevalue(name)
            site.marks.clear()
            site.draft.clear()
            site.revision = 0
            site.frame_requests.clear()
            site.faults.__init__()  # type: ignore[misc]
