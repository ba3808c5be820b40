"""``/healthz`` for whoever restarts us, ``/metrics`` for whoever draws us. No patient in either."""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio.to_thread
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from sqlalchemy import Table, func, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from workstation.context import Context
from workstation.database import cases, deliveries
from workstation.web.sockets import OpenSockets

__all__ = ["Health", "Metrics"]

logger = logging.getLogger(__name__)

SECONDS_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Health:
    """Answers 200 while everything works, else 503 and which part does not."""

    def __init__(self, context: Context, children: Callable[[], list[bool]]) -> None:
        self.context = context
        self.children = children

    async def respond(self, request: Request) -> Response:
        checks = await anyio.to_thread.run_sync(self.checks)
        healthy = all(checks.values())
        body = {"status": "ok" if healthy else "failing", "checks": checks}
        return JSONResponse(body, 200 if healthy else 503, {"cache-control": "no-store"})

    def checks(self) -> dict[str, bool]:
        return {
            "database": works(self.read_database),
            "archive": works(self.context.archive.last_change),
            "disk": self.free_bytes() > self.context.settings.minimum_free_bytes,
            "ui": all(self.children()),
            **supervised_parts(self.context.settings.data / "run"),
        }

    def read_database(self) -> None:
        with self.context.database.read() as connection:
            connection.execute(select(1))

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.context.settings.data).free


def supervised_parts(folder: Path) -> dict[str, bool]:
    """Whether the other parts of our own supervisor run, by what it writes of them.

    A web process started alone has no listener and worker beside it, and misses none.
    """
    found: dict[str, bool] = {}
    for path in folder.glob("*.json"):
        try:
            status = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # gone or half gone: its supervisor is stopping
        if status["pid"] == os.getppid():
            for part in status["parts"]:
                if part["part"] not in ("front", "ui"):
                    found[part["part"]] = is_running(part["pid"])
    return found


def is_running(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def works(check: Callable[[], object]) -> bool:
    try:
        check()
    except (OSError, SQLAlchemyError):
        logger.exception("a health check failed")
        return False
    return True


class Metrics(Collector):
    """Counts requests as they end, and reads the rest from the database when asked."""

    def __init__(self, context: Context, health: Health, sockets: OpenSockets) -> None:
        self.context = context
        self.health = health
        self.sockets = sockets
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "hoichan_http_requests",
            "HTTP requests answered",
            ["method", "zone", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "hoichan_http_seconds",
            "Seconds until an answer began",
            ["zone"],
            buckets=SECONDS_BUCKETS,
            registry=self.registry,
        )
        self.counters: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.registry.register(self)

    def observe(self, method: str, zone: str, status: int, seconds: float) -> None:
        # Anybody may make up methods; each would be kept for ever.
        key = method if method in METHODS else "other", zone, status
        if key not in self.counters:
            # Kept, as to find them takes longer than to count.
            self.counters[key] = (
                self.requests.labels(key[0], zone, str(status)),
                self.seconds.labels(zone),
            )
        requests, durations = self.counters[key]
        requests.inc()
        durations.observe(seconds)

    async def respond(self, request: Request) -> Response:
        body = await anyio.to_thread.run_sync(generate_latest, self.registry)
        return Response(body, headers={"content-type": CONTENT_TYPE_LATEST})

    def collect(self) -> Iterator[Metric]:
        """What is asked for at the moment of asking (`prometheus_client` calls this)."""
        up = GaugeMetricFamily("hoichan_up", "Whether a part works", labels=["part"])
        for part, works_ in self.health.checks().items():
            up.add_metric([part], float(works_))
        yield up
        yield GaugeMetricFamily(
            "hoichan_disk_free_bytes",
            "Free bytes where the data are",
            value=float(self.health.free_bytes()),
        )
        yield GaugeMetricFamily(
            "hoichan_websockets", "Open websockets of sessions", value=float(len(self.sockets))
        )
        yield GaugeMetricFamily(
            "hoichan_archive_changes",
            "Number of the last change in the archive",
            value=float(self.context.archive.last_change()),
        )
        yield self._by_state("hoichan_cases", "Consult cases by state", cases)
        yield self._by_state("hoichan_deliveries", "Deliveries of opinions by state", deliveries)

    def _by_state(self, name: str, text: str, table: Table) -> Metric:
        state = table.c.state
        family = GaugeMetricFamily(name, text, labels=["state"])
        with self.context.database.read() as connection:
            for value, count in connection.execute(select(state, func.count()).group_by(state)):
                family.add_metric([value], float(count))
        return family

    def describe(self) -> list[Metric]:
        """Nothing in advance: registering must not read the database."""
        return []
