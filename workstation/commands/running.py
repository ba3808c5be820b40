"""``hoichan serve``, ``web``, ``node`` and ``worker``."""

import argparse
import secrets
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from workstation.commands.console import Console, settings_of
from workstation.context import Context, open_context
from workstation.processes import resolved, run_here
from workstation.settings import Settings, SettingsError
from workstation.supervisor import Part, Supervisor, listening_socket

__all__ = ["node", "prepared", "serve", "start", "ui_and_front", "web", "worker"]


def serve(options: argparse.Namespace, console: Console) -> int:
    """Everything on one machine."""
    settings = prepared(settings_of(options))
    settings = with_free_dicom_port(settings)
    settings, web_parts = ui_and_front(settings)
    return start(
        settings,
        [Part("node", "node"), Part("worker", "worker"), *web_parts],
        "serve",
        lambda: greet(settings, console),
    )


def web(options: argparse.Namespace, console: Console) -> int:
    """Pages, API and DICOMweb, without listener and worker."""
    settings, parts = ui_and_front(prepared(settings_of(options)))
    return start(settings, parts, "web", lambda: greet(settings, console, dicom=False))


def node(options: argparse.Namespace, console: Console) -> int:
    """The DICOM listener alone."""
    run_here("node", with_free_dicom_port(prepared(settings_of(options))))
    return 0


def worker(options: argparse.Namespace, console: Console) -> int:
    """Intake, plugin steps and deliveries alone."""
    run_here("worker", prepared(settings_of(options)))
    return 0


def prepared(settings: Settings) -> Settings:
    """Settings with absolute paths, after data folder and database were tried once.

    Raises
    ------
    SettingsError
        The folder cannot be written, or the database cannot be reached.
    """
    settings = resolved(settings)
    with closing(opened(settings)):
        pass
    return settings


def opened(settings: Settings) -> Context:
    """A context; what keeps it from opening is one sentence."""
    try:
        return open_context(settings)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(
            f"Không dùng được thư mục dữ liệu {settings.data}: {reason}.",
            f"The data folder {settings.data} cannot be used: {reason}.",
        ) from None
    except SQLAlchemyError as error:
        # The message of a driver may repeat the URL with its password: only its kind is told.
        kind = type(error).__name__
        raise SettingsError(
            f"Không mở được cơ sở dữ liệu ({kind}): xem database_url, index_url và data.",
            f"The database cannot be opened ({kind}): see database_url, index_url and data.",
        ) from None


def bound(host: str, port: int, option: str) -> socket.socket:
    """A listening socket, or one sentence why not."""
    try:
        return listening_socket(host, port)
    except OSError as error:
        reason = error.strerror or "?"
        raise SettingsError(
            f"Không mở được cổng {port} trên {host}: {reason}. Chọn cổng khác bằng {option}.",
            f"Port {port} on {host} cannot be opened: {reason}. Choose another with {option}.",
        ) from None


def with_free_dicom_port(settings: Settings) -> Settings:
    """Say now, not in a restarting child, that the port is taken; port 0 becomes a free one."""
    with bound(settings.dicom_host, settings.dicom_port, "--dicom-port") as probe:
        return replace(settings, dicom_port=probe.getsockname()[1])


def ui_and_front(settings: Settings) -> tuple[Settings, list[Part]]:
    """The parts that serve HTTP, and the settings with the true port."""
    listener = bound(settings.http_host, settings.http_port, "--http-port")
    settings = replace(settings, http_port=listener.getsockname()[1])
    secret = secrets.token_urlsafe(32)
    children = []
    for number in range(1, settings.ui_workers + 1):
        child = listening_socket("127.0.0.1", 0)
        children.append(Part(f"ui {number}", "ui", {"ui_secret": secret}, child))
    ports = [part.listener.getsockname()[1] for part in children if part.listener is not None]
    front = Part("front", "front", {"ui_ports": ports, "ui_secret": secret}, listener)
    return settings, [*children, front]


def start(settings: Settings, parts: list[Part], name: str, when_ready: Callable[[], None]) -> int:
    """Run parts until a signal comes."""
    status_file = settings.data / "run" / f"{name}.json"
    Supervisor(settings, parts, status_file).run(when_ready)
    return 0


def address(settings: Settings) -> str:
    """The URL to open on this machine."""
    host = settings.http_host
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return (
        f"http://{f'[{host}]' if ':' in host else host}:{settings.http_port}{settings.base_path}/"
    )


def greet(settings: Settings, console: Console, *, dicom: bool = True) -> None:
    console.say(
        f"Hội chẩn đã sẵn sàng: {address(settings)}", f"Hội chẩn is ready: {address(settings)}"
    )
    if dicom:
        print(
            f"DICOM: {settings.ae_title} @ {settings.dicom_host}:{settings.dicom_port}", flush=True
        )
    if not has_users(settings):
        console.say(
            "Chưa có người dùng: thêm cơ sở bằng `hoichan site add`, rồi `hoichan user add`.",
            "There are no users yet: add a site with `hoichan site add`, then `hoichan user add`.",
        )


def has_users(settings: Settings) -> bool:
    from workstation import accounts

    with closing(open_context(settings)) as context:
        return bool(accounts.list_users(context, accounts.SYSTEM))
