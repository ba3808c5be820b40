"""All settings, joined once: command line over environment over ``hoichan.toml`` over defaults.

This is the only module that reads the environment or a settings file. A bad value is one clear
sentence (`SettingsError`), which the command prints before leaving with status 2. Nothing heavy is
imported here: a mistyped option is answered at once.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

__all__ = [
    "OPTIONAL_PATHS",
    "Settings",
    "SettingsError",
    "demo_password",
    "load_settings",
    "spoken_language",
    "unknown_variables",
]

PREFIX = "HOICHAN_"
# Read by other parts than `Settings`: the demo, and the tests.
OTHER_VARIABLES = frozenset({"HOICHAN_CONFIG", "HOICHAN_DEMO_PASSWORD", "HOICHAN_TEST_DATA"})


class SettingsError(ValueError):
    """One sentence: which setting, what was given, what was expected."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(en)
        self.vi = vi
        self.en = en


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
    trusted_proxies : tuple of str
        Addresses or networks whose ``X-Forwarded-For`` and ``-Proto`` we believe.
    dicom_host, dicom_port, ae_title : str, int, str
        Our DICOM listener.
    dicom_tls_port, dicom_tls_certificate, dicom_tls_key : int, Path or None, Path or None
        A second DICOM port, inside TLS, once there is a certificate; the key may be in its file.
        Both are also shown to the AEs we call that ask for a certificate.
    dicom_tls_client_ca : Path or None
        CAs that must have signed the certificates of who calls; None asks callers for none.
    dicom_tls_ca : Path or None
        CAs that must have signed the certificates of the AEs we call; None: the system's.
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
    series_quiet_seconds : float
        A series with no new instance for this long is complete: analyses need not wait for more.
    benches : int
        Processes that compute results; each keeps what it computed lately in memory.
    bench_memory_bytes : int
        The most memory one of them may take.
    session_hours : float
        A browser session unused for this long ends.
    watch_dir : Path or None
        Folder with a folder for each site code; slides put there are taken in.
    keep_originals : bool
        Vendor files stay in ``originals/`` after their conversion has been verified.
    largest_upload_bytes : int
        Of one file sent by browser.
    minimum_free_bytes : int
        Below this much free disk the node refuses objects (0xA700) instead of filling the disk.
    """

    data: Path = field(default_factory=lambda: Path("hoichan-data"))
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    base_path: str = ""
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    dicom_host: str = "0.0.0.0"
    dicom_port: int = 11112
    dicom_tls_port: int = 2762
    dicom_tls_certificate: Path | None = None
    dicom_tls_key: Path | None = None
    dicom_tls_client_ca: Path | None = None
    dicom_tls_ca: Path | None = None
    ae_title: str = "HOICHAN"
    ui_workers: int = 1
    database_url: str = ""
    index_url: str = ""
    language: str = "vi"
    plugins_dir: Path | None = None
    quiet_seconds: float = 10.0
    series_quiet_seconds: float = 2.0
    benches: int = 2
    bench_memory_bytes: int = 6_000_000_000
    session_hours: float = 12.0
    watch_dir: Path | None = None
    keep_originals: bool = False
    largest_upload_bytes: int = 50_000_000_000
    minimum_free_bytes: int = 500_000_000


def load_settings(
    given: Mapping[str, object] | None = None,
    *,
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Settings:
    """Join command line (`given`), environment, settings file and defaults.

    Parameters
    ----------
    given : mapping, optional
        Field name to value; None means "not given".
    config : Path, optional
        The settings file; by default ``HOICHAN_CONFIG``, then ``hoichan.toml`` if there is one.
    environment : mapping, optional
        Stands in for the process environment.
    defaults : mapping, optional
        Values of a command that differ from those of `Settings`.

    Raises
    ------
    SettingsError
        A value, or a name in the file, that we cannot use.
    """
    environment = os.environ if environment is None else environment
    if config is None and environment.get("HOICHAN_CONFIG"):
        config = Path(environment["HOICHAN_CONFIG"])
    values: dict[str, Any] = dict(defaults or {})
    for name, value in read_file(config).items():
        values[name] = parsed(name, value, f"{name} ({config or 'hoichan.toml'})")
    for name in PARSERS:
        variable = PREFIX + name.upper()
        if variable in environment:
            values[name] = parsed(name, environment[variable], variable)
    for name, value in (given or {}).items():
        if value is not None:
            values[name] = parsed(name, value, "--" + name.replace("_", "-"))
    return Settings(**values)


def read_file(config: Path | None) -> dict[str, object]:
    """Return the names and values of a settings file, names in our spelling."""
    path = config or Path("hoichan.toml")
    if config is None and not path.is_file():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise SettingsError(
            f"Không đọc được tệp cấu hình {path}: {reason}.",
            f"The settings file {path} cannot be read: {reason}.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"Tệp cấu hình {path} không phải TOML hợp lệ: {error}.",
            f"The settings file {path} is not valid TOML: {error}.",
        ) from None
    values = {name.replace("-", "_"): value for name, value in content.items()}
    for name in values:
        if name not in PARSERS:
            known = ", ".join(sorted(PARSERS))
            raise SettingsError(
                f"Tệp cấu hình {path} có tên lạ «{name}»; các tên dùng được: {known}.",
                f"The settings file {path} has an unknown name {name!r}; known names: {known}.",
            )
    return values


def parsed(name: str, value: object, where: str) -> Any:
    """Turn what was written into what `Settings` holds, or say what was expected."""
    parse, expected_vi, expected_en = PARSERS[name]
    try:
        return parse(value)
    except (ValueError, TypeError):
        # A database URL may hold a password; it is never repeated.
        shown = "…" if name.endswith("_url") else repr(value)
        raise SettingsError(
            f"{where}: giá trị {shown} không hợp lệ, cần {expected_vi}.",
            f"{where}: {shown} is not valid; expected {expected_en}.",
        ) from None


def whole_number(minimum: int, maximum: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if isinstance(value, (bool, float)):
            raise ValueError
        number = int(str(value))
        if not minimum <= number <= maximum:
            raise ValueError
        return number

    return parse


def positive_number(value: object) -> float:
    if isinstance(value, bool):
        raise ValueError
    number = float(str(value))
    if not 0 < number < 1e9:
        raise ValueError
    return number


def host(value: object) -> str:
    text = str(value).strip()
    if not text or not re.fullmatch(r"[A-Za-z0-9.:%_-]+", text):
        raise ValueError
    return text


def prefix(value: object) -> str:
    text = str(value).strip().rstrip("/")
    if text and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", text):
        raise ValueError
    if any(part in (".", "..") for part in text.split("/")):
        raise ValueError
    return text


def ae_title(value: object) -> str:
    """AE value representation: 1-16 characters, no backslash or control (PS3.5 6.2)."""
    text = str(value).strip()
    if not re.fullmatch(r"[ -\[\]-~]{1,16}", text):
        raise ValueError
    return text


def language(value: object) -> str:
    if value not in ("vi", "en"):
        raise ValueError
    return str(value)


def path(value: object) -> Path:
    if not isinstance(value, (str, Path)) or not str(value):
        raise ValueError
    return Path(value).expanduser()


def file(value: object) -> Path | None:
    """A file that may not be there yet: what reads it says so in its own words."""
    return None if value == "" else path(value)


def folder(value: object) -> Path | None:
    if value == "":
        return None
    found = path(value)
    if not found.is_dir():
        raise ValueError
    return found


def yes_or_no(value: object) -> bool:
    text = str(value).strip().lower()
    if text not in ("true", "yes", "1", "false", "no", "0"):
        raise ValueError
    return text in ("true", "yes", "1")


def database_url(value: object) -> str:
    text = str(value)
    if text and not re.match(r"(sqlite|postgresql)(\+\w+)?://", text):
        raise ValueError
    return text


def networks(value: object) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else list(value)  # type: ignore[call-overload]
    found = tuple(str(part).strip() for part in parts if str(part).strip())
    for part in found:
        ipaddress.ip_network(part, strict=False)
    return found


# How a value is read, and what it must be, in Vietnamese and English.
Parser = tuple[Callable[[object], Any], str, str]
PORT: Parser = (whole_number(0, 65535), "một cổng từ 0 đến 65535", "a port from 0 to 65535")
HOST: Parser = (host, "một địa chỉ IP hoặc tên máy", "an IP address or host name")
URL: Parser = (
    database_url,
    "một URL sqlite:// hoặc postgresql://",
    "an sqlite:// or postgresql:// URL",
)
FILE: Parser = (file, "đường dẫn một tệp PEM", "the path of a PEM file")
POSITIVE: Parser = (positive_number, "một số dương", "a positive number")
PARSERS: dict[str, Parser] = {
    "data": (path, "đường dẫn một thư mục", "the path of a folder"),
    "http_host": HOST,
    "http_port": PORT,
    "base_path": (prefix, "một tiền tố URL như /hoichan", "a URL prefix such as /hoichan"),
    "trusted_proxies": (
        networks,
        "danh sách địa chỉ IP hoặc mạng",
        "a list of IP addresses or networks",
    ),
    "dicom_host": HOST,
    "dicom_port": PORT,
    "dicom_tls_port": PORT,
    "dicom_tls_certificate": FILE,
    "dicom_tls_key": FILE,
    "dicom_tls_client_ca": FILE,
    "dicom_tls_ca": FILE,
    "ae_title": (
        ae_title,
        "AE title gồm 1-16 ký tự ASCII, không có dấu \\",
        "an AE title of 1-16 ASCII characters without a backslash",
    ),
    "ui_workers": (
        whole_number(0, 64),
        "một số nguyên từ 0 đến 64",
        "a whole number from 0 to 64",
    ),
    "database_url": URL,
    "index_url": URL,
    "language": (language, "vi hoặc en", "vi or en"),
    "plugins_dir": (folder, "một thư mục đang có", "an existing folder"),
    "quiet_seconds": POSITIVE,
    "series_quiet_seconds": POSITIVE,
    "benches": (whole_number(1, 64), "một số nguyên từ 1 đến 64", "a whole number from 1 to 64"),
    "bench_memory_bytes": (
        whole_number(500_000_000, 2**63 - 1),
        "số byte, ít nhất 500000000",
        "a number of bytes, 500000000 or more",
    ),
    "session_hours": POSITIVE,
    "watch_dir": (folder, "một thư mục đang có", "an existing folder"),
    "keep_originals": (yes_or_no, "true hoặc false", "true or false"),
    "largest_upload_bytes": (
        whole_number(1, 2**53),
        "số byte, lớn hơn 0",
        "a number of bytes above 0",
    ),
    "minimum_free_bytes": (
        whole_number(0, 2**63 - 1),
        "số byte, không âm",
        "a number of bytes, not negative",
    ),
}
OPTIONAL_PATHS = frozenset(
    name for name, (parse, _, _) in PARSERS.items() if parse in (file, folder)
)
if set(PARSERS) != {each.name for each in fields(Settings)}:
    raise TypeError("PARSERS and the fields of Settings differ")


def spoken_language(environment: Mapping[str, str] | None = None) -> str:
    """The language of who types commands, by the locale: "vi" or "en"."""
    environment = os.environ if environment is None else environment
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(variable):
            return "vi" if environment[variable].lower().startswith("vi") else "en"
    return "en"


def demo_password(environment: Mapping[str, str] | None = None) -> str:
    """One password for all demo users, or "" to make them up."""
    environment = os.environ if environment is None else environment
    return environment.get("HOICHAN_DEMO_PASSWORD", "")


def unknown_variables(environment: Mapping[str, str] | None = None) -> list[str]:
    """``HOICHAN_…`` variables that nothing reads: most likely misspelt."""
    environment = os.environ if environment is None else environment
    known = OTHER_VARIABLES | {PREFIX + name.upper() for name in PARSERS}
    return sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
