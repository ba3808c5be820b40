"""Sockets and parts of a workstation, put together without loading any of them."""

import secrets
import socket
from collections.abc import Callable
from dataclasses import replace

from workstation.settings import Settings, SettingsError
from workstation.supervisor import Part, Supervisor, listening_socket

__all__ = ["address", "bound", "start", "ui_and_front", "unusable_folder", "with_free_dicom_ports"]


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


def with_free_dicom_ports(settings: Settings) -> Settings:
    """Say now, not in a restarting child, what is taken or unusable; port 0 becomes a free one."""
    with bound(settings.dicom_host, settings.dicom_port, "--dicom-port") as probe:
        settings = replace(settings, dicom_port=probe.getsockname()[1])
        if settings.dicom_tls_certificate is None:
            return settings
        from workstation.certificates import require_usable  # heavy, and only with TLS

        require_usable(settings)
        with bound(settings.dicom_host, settings.dicom_tls_port, "--dicom-tls-port") as probe:
            return replace(settings, dicom_tls_port=probe.getsockname()[1])


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


def unusable_folder(settings: Settings, error: OSError) -> SettingsError:
    """Why the data folder cannot be used."""
    reason = error.strerror or type(error).__name__
    return SettingsError(
        f"Không dùng được thư mục dữ liệu {settings.data}: {reason}.",
        f"The data folder {settings.data} cannot be used: {reason}.",
    )
