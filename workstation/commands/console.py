"""Speaking to who types commands: one sentence, in the language of the locale."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from workstation.settings import PARSERS, Settings, load_settings, path

__all__ = ["Console", "Parser", "add_settings", "settings_of"]


class Console:
    """Where commands write. ``language`` is "vi" or "en"."""

    def __init__(self, language: str) -> None:
        self.language = language

    def choose(self, vi: str, en: str) -> str:
        return vi if self.language == "vi" else en

    def say(self, vi: str, en: str) -> None:
        """One line on standard output."""
        print(self.choose(vi, en), flush=True)

    def complain(self, vi: str, en: str) -> None:
        """One sentence on standard error."""
        print(f"hoichan: {self.choose(vi, en)}", file=sys.stderr, flush=True)

    def table(self, rows: Sequence[Sequence[object]]) -> None:
        """Rows in columns as wide as they need to be."""
        texts = [[str(cell) for cell in row] for row in rows]
        widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))] if texts else []
        for row in texts:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("  ".join(cells).rstrip())


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line instead of printing the whole usage."""

    console = Console("en")

    def __init__(self, **options: Any) -> None:
        # An abbreviation that works today is ambiguous after the next option is added.
        super().__init__(**{**options, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        self.console.complain(
            f"Lệnh không hợp lệ: {message} (xem {self.prog} --help).",
            f"Invalid command: {message} (see {self.prog} --help).",
        )
        self.exit(2)


def add_settings(parser: argparse.ArgumentParser, console: Console, *names: str) -> None:
    """Add options for settings; all of them when none is named."""
    group = parser.add_argument_group(console.choose("cấu hình", "settings"))
    file = console.choose("tệp TOML; mặc định ./hoichan.toml", "TOML file; ./hoichan.toml if any")
    group.add_argument("--config", metavar="FILE", help=file)
    defaults = Settings()
    for name in names or PARSERS:
        _, vi, en = PARSERS[name]
        expected = console.choose(vi, en)
        default = shown_default(getattr(defaults, name))
        group.add_argument(
            "--" + name.replace("_", "-"),
            metavar="VALUE",
            help=f"{expected} ({default})" if default else expected,
        )


def shown_default(value: object) -> str:
    if value is None or value == "":
        return ""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def settings_of(options: argparse.Namespace, **defaults: Any) -> Settings:
    """The settings for parsed options; `defaults` are the command's own."""
    given = {name: getattr(options, name, None) for name in PARSERS}
    config = path(options.config) if options.config else None
    return load_settings(given, config=config, defaults=defaults)
