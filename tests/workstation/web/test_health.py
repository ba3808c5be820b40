"""What is said of our own health, and when it is not good."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.routing import Route

from tests.workstation.web.serving import served
from workstation.context import Context
from workstation.web import health as module
from workstation.web.health import Health, Metrics, supervised_parts
from workstation.web.sockets import OpenSockets


def ask(path: str, health: Health, metrics: Metrics | None = None) -> httpx.Response:
    routes = [Route("/healthz", health.respond)]
    if metrics is not None:
        routes.append(Route("/metrics", metrics.respond))
    with served(Starlette(routes=routes)) as url:
        return httpx.get(url + path)


def test_all_is_well(context: Context) -> None:
    answer = ask("/healthz", Health(context, lambda: [True, True]))
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "checks": {"database": True, "archive": True, "disk": True, "ui": True},
    }


@pytest.mark.parametrize("sick", ["ui", "disk", "archive", "database"])
def test_what_is_not_well_is_named(
    context: Context, sick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise OSError("gone")

    children = [True, True]
    if sick == "ui":
        children = [True, False]
    if sick == "disk":
        full = replace(context.settings, minimum_free_bytes=2**62)
        context = replace(context, settings=full)
    if sick == "archive":
        monkeypatch.setattr(context.archive, "last_change", broken)
    if sick == "database":
        monkeypatch.setattr(Health, "read_database", broken)
    answer = ask("/healthz", Health(context, lambda: children))
    assert answer.status_code == 503
    assert [name for name, good in answer.json()["checks"].items() if not good] == [sick]


def test_the_parts_of_our_own_supervisor_count_and_no_others(tmp_path: Path) -> None:
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    parts = [
        {"part": "front", "pid": 0},
        {"part": "node", "pid": os.getpid()},
        {"part": "worker", "pid": gone.pid},
        {"part": "receiving-pacs", "pid": None},
    ]
    own, other = {"pid": os.getppid(), "parts": parts}, {"pid": 1, "parts": parts}
    (tmp_path / "serve.json").write_text(json.dumps(own))
    (tmp_path / "web.json").write_text(json.dumps(other))
    (tmp_path / "half.json").write_text("{")
    assert supervised_parts(tmp_path) == {"node": True, "worker": False, "receiving-pacs": False}
    assert supervised_parts(tmp_path / "none") == {}


def test_metrics_count_requests_without_letting_strangers_name_series(context: Context) -> None:
    health = Health(context, lambda: [])
    metrics = Metrics(context, health, OpenSockets())
    metrics.observe("GET", "page", 200, 0.01)
    metrics.observe("BREW", "page", 404, 0.01)
    metrics.observe("TEA", "page", 404, 0.01)
    text = ask("/metrics", health, metrics).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    counted = {
        (sample.labels["method"], sample.labels["status"]): sample.value
        for sample in families["hoichan_http_requests"].samples
        if sample.name.endswith("_total")
    }
    assert counted == {("GET", "200"): 1, ("other", "404"): 2}
    up = {sample.labels["part"]: sample.value for sample in families["hoichan_up"].samples}
    assert up == {"database": 1, "archive": 1, "disk": 1, "ui": 1}
    assert families["hoichan_disk_free_bytes"].samples[0].value > 0


def test_a_check_that_fails_is_logged_for_the_administrator(
    context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise OSError("no space")

    assert module.works(broken) is False
    assert "a health check failed" in caplog.text
