"""Starts the parts of a workstation as processes, starts again those that die, ends all together.

Each part gets its order through a pipe that stays open (`workstation.processes`): when this
process ends, even by ``kill -9``, the pipes end and the parts follow. Listening sockets are made
here and handed down, so connections wait while a part is started again.
"""

import json
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Any

from workstation.processes import READY, STOP_SECONDS, encode_settings
from workstation.settings import Settings

__all__ = ["Part", "PartState", "Supervisor", "listening_socket"]

logger = logging.getLogger(__name__)

SHORTEST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
# A part that worked this long has recovered: its next death is a first one again.
RECOVERED_SECONDS = 60.0
TICK_SECONDS = 0.1
BACKLOG = 2048


@dataclass(frozen=True)
class Part:
    """One process to keep running.

    Parameters
    ----------
    name : str
        For logs: "ui 1".
    part : str
        Key of `workstation.processes.PARTS`.
    order : mapping
        What only this part needs to know; JSON values.
    listener : socket.socket or None
        Handed to the part, which finds its descriptor as ``socket`` in its order.
    """

    name: str
    part: str
    order: Mapping[str, Any] = field(default_factory=dict)
    listener: socket.socket | None = None


class PartState:
    """What the supervisor knows of one part."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.process: subprocess.Popen[bytes] | None = None
        self.ready = threading.Event()
        self.deaths = 0
        self.restarts = 0
        self.started_at = 0.0
        self.next_start_at = 0.0

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None else None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Keeps parts running.

    Parameters
    ----------
    settings : Settings
        With absolute paths; every part gets them.
    parts : sequence of Part
        In the order in which they are started.
    status_file : Path or None
        Where names and process ids are written, for administrators.
    log_level : str
        Below it the parts say nothing.
    """

    def __init__(
        self,
        settings: Settings,
        parts: Sequence[Part],
        status_file: Path | None = None,
        log_level: str = "INFO",
    ) -> None:
        self.settings = settings
        self.states = [PartState(part) for part in parts]
        self.status_file = status_file
        self.log_level = log_level
        self.stopping = threading.Event()
        self._signals = 0

    def start(self) -> None:
        for state in self.states:
            self._start(state)
        self._write_status()

    def run(self, when_ready: Callable[[], None] | None = None) -> None:
        """Start everything, watch it until a signal or `stop`, end everything.

        `when_ready` is called in a thread of its own once every part has been ready.
        """
        handlers = {
            number: signal.signal(number, self._on_signal)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        }
        try:
            self.start()
            if when_ready is not None:
                threading.Thread(
                    target=self._when_ready, args=(when_ready,), name="when ready", daemon=True
                ).start()
            while not self.stopping.wait(TICK_SECONDS):
                self.watch()
        finally:
            self.end()
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """Make `run` end; from any thread."""
        self.stopping.set()

    def wait_ready(self, timeout: float) -> bool:
        """Whether every part has become ready within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        return all(state.ready.wait(max(0.0, deadline - time.monotonic())) for state in self.states)

    def watch(self) -> None:
        """Notice who died; start again whose time has come."""
        now = time.monotonic()
        for state in self.states:
            if state.process is not None and state.process.poll() is not None:
                self._bury(state, now)
            if state.process is None and now >= state.next_start_at:
                state.restarts += 1
                self._start(state)
                self._write_status()

    def end(self) -> None:
        """Ask every part to end, and end those that do not."""
        self.stopping.set()
        running = [state for state in self.states if state.is_running]
        for state in running:
            _signal(state.process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for state in running:
            while state.is_running and time.monotonic() < deadline and self._signals < 2:
                time.sleep(0.02)
            if state.is_running:
                logger.warning("%s does not end; killing it", state.part.name)
                _signal(state.process, signal.SIGKILL)
            if state.process is not None:
                state.process.wait()
                _sweep(state.process)
                _close(state.process.stdin)
        if self.status_file is not None:
            self.status_file.unlink(missing_ok=True)

    def _start(self, state: PartState) -> None:
        part = state.part
        descriptor = part.listener.fileno() if part.listener is not None else None
        order = {
            **part.order,
            "name": part.name,
            "part": part.part,
            "log_level": self.log_level,
            "settings": encode_settings(self.settings),
            "socket": descriptor,
        }
        state.ready.clear()
        state.process = subprocess.Popen(
            # -P: a file in the working directory must not stand in for one of our modules.
            [sys.executable, "-P", "-m", "workstation.processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=() if descriptor is None else (descriptor,),
            # Ctrl-C is for the supervisor, who tells the parts. And what a part starts itself
            # is found again by its process group.
            start_new_session=True,
        )
        state.started_at = time.monotonic()
        assert state.process.stdin is not None
        assert state.process.stdout is not None
        try:
            state.process.stdin.write(json.dumps(order).encode() + b"\n")
            state.process.stdin.flush()
        except BrokenPipeError:
            pass  # it died at once; `watch` will see
        threading.Thread(
            target=_read_control, args=(state.process.stdout, state.ready), daemon=True
        ).start()

    def _bury(self, state: PartState, now: float) -> None:
        assert state.process is not None
        lived = now - state.started_at
        status = state.process.returncode
        _sweep(state.process)
        _close(state.process.stdin)
        state.process = None
        state.deaths = 1 if lived >= RECOVERED_SECONDS else state.deaths + 1
        wait = min(LONGEST_WAIT_SECONDS, SHORTEST_WAIT_SECONDS * 2 ** (state.deaths - 1))
        if state.deaths > 1:  # several that died of one cause need not come back as one
            wait *= random.uniform(0.8, 1.2)
        state.next_start_at = now + wait
        logger.error(
            "%s ended with status %s after %.0f s; starting it again in %.1f s",
            state.part.name,
            status,
            lived,
            wait,
        )

    def _when_ready(self, call: Callable[[], None]) -> None:
        for state in self.states:
            while not state.ready.wait(TICK_SECONDS):
                if self.stopping.is_set():
                    return
        call()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        self.stopping.set()

    def _write_status(self) -> None:
        if self.status_file is None:
            return
        content = {
            "pid": os.getpid(),
            "parts": [
                {
                    "name": state.part.name,
                    "part": state.part.part,
                    "pid": state.pid,
                    "restarts": state.restarts,
                }
                for state in self.states
            ],
        }
        self.status_file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.status_file.with_suffix(".tmp")
        temporary.write_text(json.dumps(content, indent=2))
        temporary.replace(self.status_file)


def listening_socket(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 takes a free one.

    Raises
    ------
    OSError
        The address is taken, or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _read_control(control: IO[bytes], ready: threading.Event) -> None:
    with control:
        for line in control:
            if line.strip() == READY.encode():
                ready.set()


def _signal(process: subprocess.Popen[bytes] | None, number: signal.Signals) -> None:
    if process is not None:
        process.send_signal(number)


def _sweep(process: subprocess.Popen[bytes]) -> None:
    """End what a dead part left behind: guests' children, their fork server."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        try:
            pipe.close()
        except OSError:
            pass
