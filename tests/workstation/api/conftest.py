"""The API as its callers see it, without the gate: a tiny middleware says who calls."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
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

        return asyncio.run(call())

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


@pytest.fixture
def app(context: Context) -> FastAPI:
    return api_app(context)


@pytest.fixture
def call(app: FastAPI, people: dict[str, Principal]) -> Callable[[str], Caller]:
    """``call("radiologist")`` is a client that calls as that user; ``call("")`` as nobody."""
    return lambda username: Caller(app, people[username] if username else None)
