"""All settings, joined once: command line over environment over ``hoichan.toml`` over defaults.

This is the only module that reads the environment or a settings file. A bad value is one clear
sentence (`SettingsError`), which the command prints before leaving with status 2.
"""

from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Settings", "SettingsError"]


class SettingsError(ValueError):
    """One sentence: which setting, what was given, what was expected."""


@dataclass(frozen=True)
class Settings:
    """Everything an installation may choose.

    Parameters
    ----------
    data : Path
        Folder of everything we keep: ``archive/`` (DICOM), ``workstation.sqlite``, ``jobs.sqlite``.
    http_host, http_port : str, int
        The one port of the browser, DICOMweb and API.
    base_path : str
        URL prefix behind a reverse proxy, "" or "/hoichan"; never ends in "/".
    dicom_host, dicom_port, ae_title : str, int, str
        Our DICOM listener.
    ui_workers : int
        Streamlit children; 0 mounts the UI in the front process (tests, very small sites).
    database_url, index_url : str
        SQLAlchemy URLs; "" means SQLite files below `data`.
    language : str
        Language before sign-in, "vi" or "en".
    plugins_dir : Path or None
        Folder whose lone ``*.py`` files are guests.
    quiet_seconds : float
        A study with no new instance for this long is complete.
    session_hours : float
        A browser session unused for this long ends.
    minimum_free_bytes : int
        Below this much free disk the node refuses objects (0xA700) instead of filling the disk.
    """

    data: Path = field(default_factory=lambda: Path("hoichan-data"))
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    base_path: str = ""
    dicom_host: str = "0.0.0.0"
    dicom_port: int = 11112
    ae_title: str = "HOICHAN"
    ui_workers: int = 1
    database_url: str = ""
    index_url: str = ""
    language: str = "vi"
    plugins_dir: Path | None = None
    quiet_seconds: float = 10.0
    session_hours: float = 12.0
    minimum_free_bytes: int = 500_000_000
