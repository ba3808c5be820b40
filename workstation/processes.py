"""The programs a supervisor starts: each reads its order from standard input and then works.

The order is one line of JSON (settings, and what only this part needs, secrets included: neither
the command line nor the environment shows them). The pipe then stays open; when it ends, the
supervisor is gone, however it went, and the part stops too.
"""

import importlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from workstation.settings import OPTIONAL_PATHS, Settings

__all__ = ["PARTS", "decode_settings", "encode_settings", "main", "run_here"]

logger = logging.getLogger(__name__)

READY = "ready"
# A part that cannot end in this time is ended by the supervisor, or by itself without one.
STOP_SECONDS = 10.0

# The supervisor is gone.
_alone = threading.Event()

Order = Mapping[str, Any]
Ready = Callable[[], None]


def encode_settings(settings: Settings) -> dict[str, Any]:
    """Settings as JSON values."""
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in asdict(settings).items()
    }


def decode_settings(values: Mapping[str, Any]) -> Settings:
    """Undo `encode_settings`."""
    paths = {name: None if values[name] is None else Path(values[name]) for name in OPTIONAL_PATHS}
    return Settings(
        **{
            **values,
            **paths,
            "data": Path(values["data"]),
            "trusted_proxies": tuple(values["trusted_proxies"]),
        }
    )


def run_node(settings: Settings, order: Order, stop: threading.Event, ready: Ready) -> None:
    """The DICOM listener."""
    from dicom_node import Node, NodeSettings
    from workstation.activity import at_work
    from workstation.node_events import take_event
    from workstation.peers import server_tls
    from workstation.sites import SitePeers

    with at_work(settings, order.get("name", "node")) as context:
        context.archive.recover()
        node = Node(
            context.archive,
            NodeSettings(
                ae_title=settings.ae_title,
                host=settings.dicom_host,
                port=settings.dicom_port,
                tls=server_tls(settings),
            ),
            SitePeers(context),
            partial(take_event, context),
        )
        node.start()
        ready()
        try:
            stop.wait()
        finally:
            node.stop()


def run_worker(settings: Settings, order: Order, stop: threading.Event, ready: Ready) -> None:
    """Intake, plugin steps, deliveries."""
    from workstation.activity import at_work
    from workstation.jobs.worker import run_worker as work

    with at_work(settings, order.get("name", "worker")) as context:
        ready()
        work(context, stop)


def run_front(settings: Settings, order: Order, stop: threading.Event, ready: Ready) -> None:
    """Sign-in, DICOMweb, API, and the way to the pages."""
    import kernels
    from workstation.activity import at_work
    from workstation.web.front import front_app

    with at_work(settings, order.get("name", "front")) as context:
        # The first start on a machine compiles for some seconds; it answers meanwhile.
        threading.Thread(target=kernels.warm_up, name="warm-up", daemon=True).start()
        app = front_app(context, order["ui_ports"], order["ui_secret"])
        serve(app, order["socket"], stop, ready)


def run_ui(settings: Settings, order: Order, stop: threading.Event, ready: Ready) -> None:
    """One Streamlit process."""
    from workstation.activity import at_work
    from workstation.ui import session
    from workstation.web.proxy import SECRET_HEADER
    from workstation.web.streamlit_app import Freezer, SecretCheck, streamlit_app

    with at_work(settings, order.get("name", "ui")) as context:
        session.provide(context)
        importlib.import_module("workstation.ui.frame")  # now, not while the first user waits
        app = SecretCheck(Freezer(streamlit_app()), order["ui_secret"], SECRET_HEADER)
        Freezer.freeze()
        serve(app, order["socket"], stop, ready)


def run_receiving_pacs(
    settings: Settings, order: Order, stop: threading.Event, ready: Ready
) -> None:
    """The demo hospital's own PACS."""
    from dicom_node.peers import Peer
    from workstation.demo.pacs import receiving_pacs

    node = Peer(settings.ae_title, "127.0.0.1", settings.dicom_port)
    with receiving_pacs(Path(order["folder"]), order["ae_title"], order["port"], node):
        ready()
        stop.wait()


PARTS: dict[str, Callable[[Settings, Order, threading.Event, Ready], None]] = {
    "front": run_front,
    "node": run_node,
    "receiving-pacs": run_receiving_pacs,
    "ui": run_ui,
    "worker": run_worker,
}


def serve(app: Any, descriptor: int, stop: threading.Event, ready: Ready) -> None:
    """Run uvicorn on a socket the supervisor listens on, until `stop`."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                ready()

        async def on_tick(self, counter: int) -> bool:
            return stop.is_set() or await super().on_tick(counter)

    server = Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http="httptools",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_max_size=256 * 1024 * 1024,
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=3,
        )
    )
    server.run(sockets=[socket.socket(fileno=descriptor)])


def set_up_logging(part: str, level: str = "INFO") -> None:
    """One line an event on standard error, for the journal or a file."""
    logging.basicConfig(
        level=level,
        format=f"%(asctime)s %(levelname)-7s {part}: %(name)s: %(message)s",
        stream=sys.stderr,
        force=True,
    )
    # Libraries tell too much at this level, some of it about patients.
    for name in ("httpx", "pynetdicom", "pydicom", "streamlit", "uvicorn", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def run_here(part: str, settings: Settings, order: Order | None = None) -> None:
    """Run a part in this process until SIGTERM or SIGINT (``hoichan node``, ``hoichan worker``)."""
    set_up_logging(part)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    PARTS[part](settings, order or {}, stop, lambda: logger.info("%s is ready", part))


def main() -> int:
    """Run the part that standard input orders."""
    order = json.loads(_first_line())
    part = order["part"]
    set_up_logging(order["name"], order["log_level"])
    # Standard output tells the supervisor when we are ready; whatever prints goes to the log.
    control = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch_supervisor, args=(stop,), daemon=True).start()

    def ready() -> None:
        print(READY, file=control, flush=True)

    try:
        PARTS[part](decode_settings(order["settings"]), order, stop, ready)
    except Exception:
        logger.exception("%s ended by an error", part)
        return 1
    finally:
        if _alone.is_set():
            _end_group()
    return 0


def _end_group() -> None:
    """Without a supervisor nobody else ends what this part has started."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _first_line() -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        read = os.read(0, 65536)
        if not read:
            break
        line += read
    return bytes(line)


def _watch_supervisor(stop: threading.Event) -> None:
    # Not through sys.stdin: a thread inside its lock aborts the interpreter's shutdown.
    while os.read(0, 4096):
        pass
    _alone.set()
    stop.set()
    time.sleep(STOP_SECONDS)
    logger.error("still here %g s after the supervisor left; ending now", STOP_SECONDS)
    _end_group()


def resolved(settings: Settings) -> Settings:
    """Settings that mean the same in another working directory."""
    given = {name: getattr(settings, name) for name in OPTIONAL_PATHS}
    paths: dict[str, Any] = {name: path.resolve() for name, path in given.items() if path}
    return replace(settings, data=settings.data.resolve(), **paths)


if __name__ == "__main__":
    raise SystemExit(main())
