"""Hashed files are sent whole, compressed, typed, and for good."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from tests.workstation.web.serving import served
from workstation.web.assets import IMMUTABLE, ImmutableFiles

SCRIPT = b"export default () => {};\n" * 200


@pytest.fixture(params=[False, True], ids=["built", "compressed here"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[httpx.Client]:
    folder = tmp_path / "dist"
    (folder / "sub").mkdir(parents=True)
    (folder / "a-1.js").write_bytes(SCRIPT)
    (folder / "codec-2.wasm").write_bytes(b"\0asm" * 1000)
    (folder / "sub" / "x.css").write_bytes(b"a{}")
    (folder / "manifest.json").write_text("{}")
    (folder / ".stamp").write_text("secret")
    (tmp_path / "secret.js").write_text("secret")
    if not request.param:
        (folder / "a-1.js.gz").write_bytes(gzip.compress(SCRIPT))
    files = ImmutableFiles(folder, compress=request.param)
    app = Starlette(routes=[Route("/assets/{path:path}", files.respond, methods=["GET", "HEAD"])])
    with served(app) as url, httpx.Client(base_url=url) as client:
        yield client


def test_a_script_comes_compressed_and_stays(client: httpx.Client) -> None:
    answer = client.get("/assets/a-1.js", headers={"accept-encoding": "gzip"})
    assert answer.content == SCRIPT
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == IMMUTABLE
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "accept-encoding" in answer.headers["vary"]
    assert int(answer.headers["content-length"]) < len(SCRIPT)


def test_who_cannot_unpack_gets_it_plain(client: httpx.Client) -> None:
    answer = client.get("/assets/a-1.js", headers={"accept-encoding": "identity"})
    assert answer.content == SCRIPT
    assert "content-encoding" not in answer.headers


def test_wasm_has_the_type_browsers_insist_on(client: httpx.Client) -> None:
    assert client.get("/assets/codec-2.wasm").headers["content-type"] == "application/wasm"
    assert client.head("/assets/codec-2.wasm").status_code == 200


def test_the_manifest_is_asked_for_each_time(client: httpx.Client) -> None:
    assert client.get("/assets/manifest.json").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    ["none.js", "sub", "", "../secret.js", "%2e%2e/secret.js", "..%2fsecret.js", ".stamp",
     "a-1.js.gz", "sub/%00", "x" * 5000],
)  # fmt: skip
def test_nothing_else_is_served(client: httpx.Client, path: str) -> None:
    assert client.get(f"/assets/{path}").status_code == 404
