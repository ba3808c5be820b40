"""The API as its callers see it, without the gate: a tiny middleware says who calls."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import jsonschema
import pytest
from fastapi import FastAPI

from workstation.accounts import Principal
from workstation.api import api_app
from workstation.context import Context


@dataclass
class Caller:
    """A client of the API that calls as one principal, or as nobody."""

    app: Any
    principal: Principal | None

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await self.app({**scope, "state": {"principal": self.principal}}, receive, send)

        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, **more)

        answer = asyncio.run(call())
        _require_published_shape(self.app, method, path, answer)
        return answer

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", "/v1" + path, **more)

    def post(self, path: str, json: Any = None) -> httpx.Response:
        return self.request("POST", "/v1" + path, json={} if json is None else json)

    def put(self, path: str, json: Any) -> httpx.Response:
        return self.request("PUT", "/v1" + path, json=json)

    def patch(self, path: str, json: Any) -> httpx.Response:
        return self.request("PATCH", "/v1" + path, json=json)

    def delete(self, path: str) -> httpx.Response:
        return self.request("DELETE", "/v1" + path)


def _require_published_shape(app: Any, method: str, path: str, answer: httpx.Response) -> None:
    """Every answer is what the OpenAPI page says of its route: no field more, none less."""
    document = app.openapi()
    operation = _operation(document, method, path.partition("?")[0])
    if operation is None or not answer.content:
        return
    published = operation["responses"]
    found = published.get(str(answer.status_code))
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if found is not None and kind != "application/json":
        assert kind in found["content"], (method, path, kind)
        return
    if found is None and 400 <= answer.status_code < 500:
        found = published["4XX"]
    if found is not None:
        schema = {**found["content"]["application/json"]["schema"], **_components(document)}
        jsonschema.validate(answer.json(), schema)
    else:
        assert answer.status_code >= 500, (method, path, answer.status_code)


def _operation(document: Any, method: str, path: str) -> Any:
    given = path.strip("/").split("/")
    for pattern, methods in document["paths"].items():
        parts = pattern.strip("/").split("/")
        same = len(parts) == len(given) and all(
            part == one or part.startswith("{") for part, one in zip(parts, given, strict=True)
        )
        if same and method.lower() in methods:
            return methods[method.lower()]
    return None


def _components(document: Any) -> dict[str, Any]:
    return {"components": document["components"]}


@pytest.fixture
def app(context: Context) -> FastAPI:
    return api_app(context)


@pytest.fixture
def call(app: FastAPI, people: dict[str, Principal]) -> Callable[[str], Caller]:
    """``call("radiologist")`` is a client that calls as that user; ``call("")`` as nobody."""
    return lambda username: Caller(app, people[username] if username else None)
