"""``hoichan serve``, ``web``, ``node`` and ``worker``."""

import argparse
from contextlib import closing

from sqlalchemy.exc import SQLAlchemyError

from workstation import accounts
from workstation.commands.console import Console, settings_of
from workstation.commands.parts import (
    address,
    start,
    ui_and_front,
    unusable_folder,
    with_free_dicom_ports,
)
from workstation.context import Context, open_context
from workstation.processes import resolved, run_here
from workstation.settings import Settings, SettingsError
from workstation.supervisor import Part

__all__ = ["node", "serve", "web", "worker"]


def serve(options: argparse.Namespace, console: Console) -> int:
    """Everything on one machine."""
    settings = prepared(settings_of(options))
    settings = with_free_dicom_ports(settings)
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
    run_here("node", with_free_dicom_ports(prepared(settings_of(options))))
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
        raise unusable_folder(settings, error) from None
    except SQLAlchemyError as error:
        # The message of a driver may repeat the URL with its password: only its kind is told.
        kind = type(error).__name__
        raise SettingsError(
            f"Không mở được cơ sở dữ liệu ({kind}): xem database_url, index_url và data.",
            f"The database cannot be opened ({kind}): see database_url, index_url and data.",
        ) from None


def greet(settings: Settings, console: Console, *, dicom: bool = True) -> None:
    console.say(
        f"Hội chẩn đã sẵn sàng: {address(settings)}", f"Hội chẩn is ready: {address(settings)}"
    )
    if dicom:
        print(
            f"DICOM: {settings.ae_title} @ {settings.dicom_host}:{settings.dicom_port}", flush=True
        )
        if settings.dicom_tls_certificate is not None:
            where = f"{settings.dicom_host}:{settings.dicom_tls_port}"
            print(f"DICOM TLS: {settings.ae_title} @ {where}", flush=True)
    if not has_users(settings):
        console.say(
            "Chưa có người dùng: thêm cơ sở bằng `hoichan site add`, rồi `hoichan user add`.",
            "There are no users yet: add a site with `hoichan site add`, then `hoichan user add`.",
        )


def has_users(settings: Settings) -> bool:
    with closing(open_context(settings)) as context:
        return bool(accounts.list_users(context, accounts.SYSTEM))
