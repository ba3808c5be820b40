"""A browser at the product's door."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.product import PASSWORD, Product

MILLISECONDS = 90_000
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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def sign_in(chromium: Browser, running: Product) -> Iterator[Callable[..., Page]]:
    """Sign in as a user in a context of one's own; uncaught errors of the page fail the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def sign_in(username: str, address: str = "/", width: int = 1366, height: int = 768) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height}, locale="vi-VN")
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(MILLISECONDS)
        # A frame that is refused after the session ended is no error of the page.
        page.on("pageerror", lambda e: str(e) == "XMLHttpRequest" or errors.append(str(e)))
        page.goto(running.url + address)
        page.fill("input[name=username]", username)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        return page

    yield sign_in
    for context in contexts:
        context.close()
    assert not errors, errors
