"""Settings: four sources, one order, one sentence for a bad value."""

import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from workstation.cli import build_parser
from workstation.commands.console import Console
from workstation.settings import (
    Settings,
    SettingsError,
    demo_password,
    load_settings,
    spoken_language,
    unknown_variables,
)


def test_defaults_are_the_public_contract() -> None:
    settings = load_settings(environment={})
    assert settings == Settings()
    assert (settings.http_port, settings.dicom_port, settings.ae_title) == (8080, 11112, "HOICHAN")
    assert settings.data == Path("hoichan-data")


def test_command_line_over_environment_over_file(tmp_path: Path) -> None:
    config = tmp_path / "hoichan.toml"
    config.write_text('http-port = 1\ndicom_port = 2\nae_title = "FILE"\nui_workers = 3\n')
    environment = {"HOICHAN_HTTP_PORT": "11", "HOICHAN_DICOM_PORT": "12"}
    settings = load_settings(
        {"http_port": 21, "data": None}, config=config, environment=environment
    )
    assert (settings.http_port, settings.dicom_port) == (21, 12)
    assert (settings.ae_title, settings.ui_workers) == ("FILE", 3)


def test_the_file_may_be_named_by_a_variable(tmp_path: Path) -> None:
    config = tmp_path / "other.toml"
    config.write_text('ae_title = "OTHER"\n')
    assert load_settings(environment={"HOICHAN_CONFIG": str(config)}).ae_title == "OTHER"


def test_every_setting_is_read_from_the_environment(tmp_path: Path) -> None:
    written = {
        "data": "d",
        "http_host": "0.0.0.0",
        "http_port": "81",
        "base_path": "/hoichan/",
        "trusted_proxies": "10.0.0.0/8, 192.168.1.2",
        "dicom_host": "127.0.0.1",
        "dicom_port": "104",
        "dicom_tls_port": "2763",
        "dicom_tls_certificate": "node.crt",
        "dicom_tls_key": "node.key",
        "dicom_tls_client_ca": "callers.crt",
        "dicom_tls_ca": "called.crt",
        "ae_title": "A B",
        "ui_workers": "0",
        "database_url": "postgresql+psycopg://u:p@h/d",
        "index_url": "sqlite:///x",
        "language": "en",
        "plugins_dir": str(tmp_path),
        "quiet_seconds": "0.5",
        "series_quiet_seconds": "0.5",
        "benches": "1",
        "bench_memory_bytes": "2000000000",
        "session_hours": "8",
        "watch_dir": str(tmp_path),
        "keep_originals": "true",
        "largest_upload_bytes": "1000000",
        "minimum_free_bytes": "0",
    }
    settings = load_settings(
        environment={f"HOICHAN_{name.upper()}": value for name, value in written.items()}
    )
    assert set(written) == {each.name for each in fields(Settings)}
    assert settings.base_path == "/hoichan"
    assert settings.trusted_proxies == ("10.0.0.0/8", "192.168.1.2")
    assert settings.plugins_dir == tmp_path
    defaults = Settings()
    for name in written:
        assert getattr(settings, name) != getattr(defaults, name), name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("http_port", "70000"),
        ("http_port", "eighty"),
        ("http_port", True),
        ("dicom_port", -1),
        ("base_path", "hoichan"),
        ("base_path", "/a/../b"),
        ("base_path", "//evil.example"),
        ("ae_title", ""),
        ("ae_title", "SEVENTEEN_LETTERS"),
        ("ae_title", "BACK\\SLASH"),
        ("ui_workers", "1.5"),
        ("language", "fr"),
        ("plugins_dir", "no-such-folder"),
        ("quiet_seconds", "0"),
        ("session_hours", "nan"),
        ("http_host", "two words"),
        ("watch_dir", "no-such-folder"),
        ("keep_originals", "perhaps"),
        ("largest_upload_bytes", "0"),
        ("trusted_proxies", "nginx"),
        ("data", ""),
    ],
)
def test_a_bad_value_is_one_sentence_in_each_language(name: str, value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({name: value}, environment={})
    for sentence in (caught.value.vi, caught.value.en):
        assert "--" + name.replace("_", "-") in sentence
        assert repr(value) in sentence
        assert sentence.endswith(".")
        assert "\n" not in sentence


def test_a_database_password_is_never_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environment={"HOICHAN_DATABASE_URL": "mysql://u:hunter2@h/d"})
    assert "hunter2" not in caught.value.en + caught.value.vi
    assert "HOICHAN_DATABASE_URL" in caught.value.en


@pytest.mark.parametrize(
    ("content", "part"),
    [("http_prot = 1\n", "http_prot"), ("http_port = \n", "TOML"), ("http_port = 'x'\n", "'x'")],
)
def test_a_bad_file_is_one_sentence(tmp_path: Path, content: str, part: str) -> None:
    config = tmp_path / "hoichan.toml"
    config.write_text(content)
    with pytest.raises(SettingsError, match=part):
        load_settings(config=config, environment={})


def test_a_missing_file_that_was_asked_for_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(config=tmp_path / "none.toml", environment={})


def test_misspelt_variables_are_found() -> None:
    environment = {"HOICHAN_HTPP_PORT": "1", "HOICHAN_HTTP_PORT": "1", "HOICHAN_DEMO_PASSWORD": "x"}
    assert unknown_variables(environment) == ["HOICHAN_HTPP_PORT"]
    assert demo_password(environment) == "x"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "vi_VN.UTF-8"}, "vi"),
        ({"LANG": "vi_VN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_commands_speak_the_language_of_the_locale(
    environment: dict[str, str], language: str
) -> None:
    assert spoken_language(environment) == language


def test_a_mistake_is_answered_before_anything_heavy_is_imported() -> None:
    program = """
import sys
from workstation.cli import run
status = run(["serve", "--http-port", "x"])
heavy = {"numpy", "pydicom", "sqlalchemy", "streamlit"} & set(sys.modules)
sys.exit(9 if heavy else status)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 2, done.stderr


def test_every_setting_is_explained_to_who_installs() -> None:
    guide = (REPOSITORY / "docs" / "howto" / "install.md").read_text(encoding="utf-8")
    table = "".join(line for line in guide.splitlines() if line.startswith("| `"))
    for each in fields(Settings):
        assert f"`{each.name}`" in table, each.name


@pytest.mark.parametrize("name", ["install.md", "administer.md", "nginx.md"])
def test_the_commands_of_the_guides_can_be_typed(name: str) -> None:
    guide = (REPOSITORY / "docs" / "howto" / name).read_text(encoding="utf-8")
    parser = build_parser(Console("en"))
    commands = re.findall(r"^(?:ExecStart=\S*/)?hoichan ((?!\(\)).*)$", guide, re.MULTILINE)
    commands += re.findall(r"`hoichan ([^`]+)`", guide)
    assert commands
    for command in commands:
        arguments = shlex.split(command, comments=True)
        parser.parse_args(arguments)
