"""``hoichan demo``: a small network of hospitals that works, from nothing, within a minute.

This module only starts the parts, and so is loaded in no time; `workstation.demo.filling` is
loaded, and draws the phantoms, while they start.
"""

import argparse
import logging
import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workstation.commands.console import Console, settings_of
from workstation.commands.files import dicom_files
from workstation.commands.parts import ui_and_front, unusable_folder, with_free_dicom_ports
from workstation.demo.memory import PACS_FOLDER, RECEIVER, remembered
from workstation.processes import resolved
from workstation.settings import Settings, SettingsError
from workstation.supervisor import Part, Supervisor, listening_socket

if TYPE_CHECKING:
    from workstation.demo.filling import Filling

__all__ = ["demo"]

logger = logging.getLogger(__name__)

FOLDER = Path("hoichan-data") / "demo"
QUIET_SECONDS = 2.0
UNSET_PORT = -1


def demo(options: argparse.Namespace, console: Console) -> int:
    """Serve, with sample hospitals, users and studies; returns when stopped."""
    settings = settings_of(
        options,
        data=FOLDER,
        http_port=UNSET_PORT,
        dicom_port=UNSET_PORT,
        dicom_host="127.0.0.1",
        quiet_seconds=QUIET_SECONDS,
    )
    studies = chosen_studies(options.studies)
    json_file = Path(options.json).expanduser().resolve() if options.json else None
    if json_file is not None:
        json_file.unlink(missing_ok=True)  # an old one would say too early that all is ready
    settings = with_folder(resolved(settings))
    settings = with_free_dicom_ports(
        replace(
            settings,
            http_port=usual_or_free(settings.http_host, settings.http_port, 8080),
            dicom_port=usual_or_free(settings.dicom_host, settings.dicom_port, 11112),
        )
    )
    settings, web = ui_and_front(settings)
    pacs_port = free_pacs_port(remembered(settings))
    folder = str(settings.data / PACS_FOLDER)
    pacs = Part(
        f"PACS {RECEIVER}",
        "receiving-pacs",
        {"ae_title": RECEIVER, "port": pacs_port, "folder": folder},
    )
    parts = [*web, Part("node", "node"), Part("worker", "worker"), pacs]
    supervisor = Supervisor(settings, parts, settings.data / "run" / "demo.json", "WARNING")
    hands = Hands(settings, console, studies, json_file, pacs_port, supervisor)
    console.say("Khởi động các phần…", "Starting the parts…")
    hands.begin()
    supervisor.run(hands.parts_are_ready.set)
    return 1 if hands.failed else 0


class Hands:
    """The thread that fills the demo while the supervisor keeps watch."""

    def __init__(
        self,
        settings: Settings,
        console: Console,
        studies: list[Path],
        json_file: Path | None,
        pacs_port: int,
        supervisor: Supervisor,
    ) -> None:
        self.settings = settings
        self.console = console
        self.studies = studies
        self.json_file = json_file
        self.pacs_port = pacs_port
        self.supervisor = supervisor
        self.parts_are_ready = threading.Event()
        self.failed = False

    def begin(self) -> None:
        threading.Thread(target=self.work, name="filling the demo", daemon=True).start()

    def work(self) -> None:
        try:
            with closing(self.filling()) as filling:
                filling.prepare()
                while not self.parts_are_ready.wait(0.2):
                    if self.supervisor.stopping.is_set():
                        return
                filling.fill()
        except Exception as error:
            self.failed = True
            self.explain(error)
            self.supervisor.stop()

    def filling(self) -> "Filling":
        from workstation.demo.filling import Filling

        return Filling(self.settings, self.console, self.studies, self.json_file, self.pacs_port)

    def explain(self, error: Exception) -> None:
        """One sentence for what can be expected to fail, a traceback for what cannot."""
        from workstation.demo.cases import PushFailed
        from workstation.errors import WorkstationError

        if isinstance(error, WorkstationError):
            self.console.complain(error.text.vi, error.text.en)
        elif isinstance(error, (PushFailed, OSError)):
            self.console.complain(str(error), str(error))
        else:
            logger.error("the demo could not be filled", exc_info=error)


def chosen_studies(folder: str | None) -> list[Path]:
    """The DICOM files of ``--studies``; an empty list asks for phantoms."""
    if folder is None:
        return []
    path = Path(folder).expanduser()
    files = dicom_files(path) if path.exists() else []
    if not files:
        raise SettingsError(
            f"--studies: không có tệp DICOM nào trong {folder}.",
            f"--studies: there is no DICOM file in {folder}.",
        )
    return files


def with_folder(settings: Settings) -> Settings:
    """Make the data folder, or say why it cannot be."""
    try:
        settings.data.mkdir(mode=0o750, parents=True, exist_ok=True)
        (settings.data / "run").mkdir(exist_ok=True)
    except OSError as error:
        raise unusable_folder(settings, error) from None
    return settings


def usual_or_free(host: str, port: int, usual: int) -> int:
    """The port asked for; when none was, the usual one if it is free, else 0 for any."""
    if port != UNSET_PORT:
        return port
    try:
        listening_socket(host, usual).close()
    except OSError:
        return 0
    return usual


def free_pacs_port(before: Mapping[str, Any]) -> int:
    """The PACS keeps its port from run to run if it can."""
    usual = int(before.get("receiving_pacs", {}).get("port", 0))
    with closing(
        listening_socket("127.0.0.1", usual_or_free("127.0.0.1", UNSET_PORT, usual))
    ) as probe:
        port: int = probe.getsockname()[1]
        return port
