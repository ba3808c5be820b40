"""The page that explains the API, in a real browser, below a base path."""

from typing import Any

from playwright.sync_api import expect, sync_playwright
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from tests.workstation.web.serving import served
from workstation.api import api_app
from workstation.context import Context
from workstation.ui import theme
from workstation.web.api_docs import api_docs_routes
from workstation.web.security import content_security_policy

POLICY = content_security_policy().encode()


class Policy:
    """The gate's content security policy on every answer."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def strict(message: Any) -> None:
            if message["type"] == "http.response.start":
                pair = (b"content-security-policy", POLICY)
                message = {**message, "headers": [*message["headers"], pair]}
            await send(message)

        await self.app(scope, receive, strict)


def rgb(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


def test_the_page_is_as_dark_as_the_product_and_loads_from_here_alone(context: Context) -> None:
    routes = [*api_docs_routes("/hoichan"), Mount("/api", api_app(context))]
    app = Starlette(routes=[Mount("/hoichan", routes=routes)], middleware=[Middleware(Policy)])
    with served(app) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--headless=new", "--no-sandbox"]
        )
        page = browser.new_page()
        page.set_default_timeout(45_000)
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{url}/hoichan/api/docs")
        expect(page.get_by_text("/v1/statistics", exact=True)).to_be_visible()
        style = "getComputedStyle(document.querySelector('{}')).{}"
        background = str(theme.OPTIONS["theme.backgroundColor"])
        for element in ("html", "#swagger-ui .swagger-ui"):
            found = page.evaluate(style.format(element, "backgroundColor"))
            assert found == rgb(background), element
        told = page.evaluate(style.format(".opblock-summary-description", "color"))
        assert min(int(part) for part in told[4:-1].split(",")) > 150, "light letters"
        browser.close()
    assert [one for one in asked if not one.startswith((f"{url}/hoichan/", "data:"))] == []
    assert complaints == []
