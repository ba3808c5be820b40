"""The ``hoichan`` command: what can be typed, and what a mistake says.

Exit status: 0 done, 1 it did not work, 2 it was asked for wrongly.
"""

import argparse
import importlib
from collections.abc import Callable, Sequence

from workstation.commands.console import Console, Parser, add_settings, settings_of
from workstation.settings import SettingsError, spoken_language

__all__ = ["build_parser", "run"]

Command = Callable[[argparse.Namespace, Console], int]


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return the exit status."""
    console = Console(spoken_language())
    try:
        options = build_parser(console).parse_args(arguments)
    except SystemExit as end:  # argparse has printed its help or sentence
        return int(end.code or 0)
    try:
        if hasattr(options, "config"):
            settings_of(options)  # a bad value is answered before heavy modules are loaded
        return load(options.command)(options, console)
    except SettingsError as error:
        console.complain(error.vi, error.en)
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        # Imported only now: `hoichan --version` need not load the database.
        from workstation.errors import InvalidRequest, WorkstationError

        if not isinstance(error, WorkstationError):
            raise
        console.complain(error.text.vi, error.text.en)
        return 2 if isinstance(error, InvalidRequest) else 1


def load(name: str) -> Command:
    """The function ``module:function`` of a command; modules are heavy, so only when run."""
    module, _, function = name.partition(":")
    command: Command = getattr(importlib.import_module(module), function)
    return command


def build_parser(console: Console) -> argparse.ArgumentParser:
    """Everything that can be typed, explained in the language of `console`."""
    from hoichan import __version__

    t = console.choose
    Parser.console = console
    parser = Parser(prog="hoichan", description=t("Hội chẩn hình ảnh y khoa", "Imaging consults"))
    parser.add_argument("--version", action="version", version=f"hoichan {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar=t("LỆNH", "COMMAND"), required=True)

    def add(verb: str, command: str, vi: str, en: str, *settings: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(verb, help=t(vi, en), description=t(vi, en))
        sub.set_defaults(command=command)
        add_settings(sub, console, *settings)
        return sub

    running = "workstation.commands.running"
    add("serve", f"{running}:serve", "chạy tất cả trên máy này", "run everything on this machine")
    demo = add(
        "demo",
        "workstation.demo.runner:demo",
        "chạy thử với bệnh viện, người dùng và ca mẫu",
        "run with sample hospitals, users and studies",
    )
    demo.add_argument(
        "--studies",
        metavar="DIR",
        help=t("gửi các lần chụp thật trong thư mục này", "push the real studies of this folder"),
    )
    demo.add_argument(
        "--json",
        metavar="FILE",
        help=t(
            "ghi địa chỉ và tài khoản cho chương trình", "write addresses and logins for scripts"
        ),
    )
    add("node", f"{running}:node", "chỉ chạy cổng DICOM", "run the DICOM listener alone")
    add("web", f"{running}:web", "chỉ chạy giao diện web", "run the web side alone")
    add("worker", f"{running}:worker", "chỉ chạy việc nền", "run the background work alone")

    push = verbs.add_parser(
        "push",
        help=t("gửi tệp DICOM hoặc tiêu bản số tới một AE", "send DICOM files or slides to an AE"),
    )
    push.set_defaults(command="workstation.commands.pushing:push")
    push.add_argument("path", metavar="PATH", help=t("tệp, thư mục hoặc zip", "file, folder, zip"))
    push.add_argument("--to", required=True, metavar="HOST:PORT")
    push.add_argument("--called", required=True, metavar="AET")
    push.add_argument("--calling", required=True, metavar="AET")
    _add_tls_options(push, console)
    group = push.add_argument_group("TLS")
    for option, vi, en in (
        ("--tls-ca", "CA ký chứng chỉ bên nhận, PEM", "CAs of the receiver's certificate, PEM"),
        ("--tls-certificate", "chứng chỉ của ta, PEM", "our certificate, PEM"),
        ("--tls-key", "khóa của ta, PEM", "our key, PEM"),
    ):
        group.add_argument(option, default="", metavar="FILE", help=t(vi, en))
    _add_slide_options(push, console)

    _add_administration(verbs, console)
    add(
        "doctor",
        "workstation.doctor:doctor",
        "kiểm tra máy, cổng, đĩa, các AE",
        "check machine, ports, disk, peers",
    )
    add(
        "verify",
        "workstation.verify:verify",
        "kiểm tra kho ảnh và nhật ký còn nguyên vẹn",
        "check that archive and audit log are intact",
        "data",
        "database_url",
        "index_url",
    )
    return parser


def _add_administration(verbs: "argparse._SubParsersAction[Parser]", console: Console) -> None:
    """``site``, ``user`` and ``plugin``, each with verbs of its own."""
    t = console.choose

    def group(name: str, vi: str, en: str) -> "argparse._SubParsersAction[Parser]":
        sub = verbs.add_parser(name, help=t(vi, en), description=t(vi, en))
        return sub.add_subparsers(dest="subverb", metavar=t("VIỆC", "ACTION"), required=True)

    def add(
        to: "argparse._SubParsersAction[Parser]",
        verb: str,
        command: str,
        vi: str,
        en: str,
    ) -> argparse.ArgumentParser:
        sub = to.add_parser(verb, help=t(vi, en), description=t(vi, en))
        sub.set_defaults(command=f"workstation.commands.administration:{command}")
        add_settings(sub, console, "data", "database_url", "index_url", "ae_title", "plugins_dir")
        return sub

    site = group("site", "cơ sở và AE title", "hospitals and AE titles")
    sub = add(site, "add", "site_add", "thêm cơ sở", "add a hospital")
    sub.add_argument("code", metavar="CODE")
    sub.add_argument("--name", required=True)
    sub.add_argument("--tier", required=True, choices=("lower", "upper"))
    sub.add_argument("--phone", default="")
    add(site, "list", "site_list", "các cơ sở", "list hospitals")
    sub = add(site, "ae", "site_ae", "thêm AE title cho cơ sở", "add an AE title to a hospital")
    sub.add_argument("code", metavar="CODE")
    sub.add_argument("aet", metavar="AET")
    sub.add_argument(
        "--to",
        metavar="HOST:PORT",
        help=t("kết quả được gửi tới đây", "opinions are sent here"),
    )
    sub.add_argument(
        "--receive-only",
        action="store_true",
        help=t("AE này chỉ nhận, không gửi", "this AE only receives"),
    )
    _add_tls_options(sub, console)
    sub = add(site, "echo", "site_echo", "thử C-ECHO tới AE", "try a C-ECHO")
    sub.add_argument("code", metavar="CODE")
    sub.add_argument("aet", metavar="AET")

    user = group("user", "người dùng", "users")
    sub = add(user, "add", "user_add", "thêm người dùng", "add a user")
    sub.add_argument("username", metavar="NAME")
    sub.add_argument("--site", required=True, metavar="CODE")
    sub.add_argument("--role", required=True, action="append", metavar="ROLE")
    sub.add_argument("--name", help=t("họ và tên", "full name"))
    sub.add_argument("--licence", default="", help=t("số chứng chỉ hành nghề", "licence number"))
    sub.add_argument("--speaks", default="vi", choices=("vi", "en"))
    _add_random(sub, console)
    add(user, "list", "user_list", "các người dùng", "list users")
    sub = add(user, "password", "user_password", "đặt mật khẩu mới", "set a new password")
    sub.add_argument("username", metavar="NAME")
    _add_random(sub, console)
    for verb, active, vi, en in (
        ("enable", True, "mở lại tài khoản", "let a user in again"),
        ("disable", False, "khoá tài khoản", "keep a user out"),
    ):
        sub = add(user, verb, "user_change", vi, en)
        sub.add_argument("username", metavar="NAME")
        sub.set_defaults(active=active)
    sub = add(user, "token", "user_token", "tạo bearer token", "make a bearer token")
    sub.add_argument("username", metavar="NAME")
    sub.add_argument("--label", default="")
    sub.add_argument("--days", help=t("hết hạn sau số ngày này", "expires after this many days"))

    plugin = group("plugin", "phần bổ trợ", "plugins")
    add(plugin, "list", "plugin_list", "các phần bổ trợ", "list plugins")


def _add_tls_options(parser: argparse.ArgumentParser, console: Console) -> None:
    """How an AE is called inside TLS."""
    t = console.choose
    parser.add_argument(
        "--tls", action="store_true", help=t("gọi AE này bằng TLS", "call this AE inside TLS")
    )
    parser.add_argument(
        "--tls-pin",
        default="",
        metavar="FILE",
        help=t(
            "chỉ tin chứng chỉ này (của AE hoặc CA của nó), không so tên máy",
            "trust this certificate alone (the AE's, or its CA); host names are not compared",
        ),
    )


def _add_slide_options(parser: argparse.ArgumentParser, console: Console) -> None:
    """What a vendor's slide does not know of itself."""
    t = console.choose
    group = parser.add_argument_group(t("cho tiêu bản số", "for slides"))
    for option, vi, en in (
        ("--patient-id", "mã người bệnh", "patient ID"),
        ("--patient-name", "họ và tên", "patient's name"),
        ("--birth-date", "ngày sinh, YYYYMMDD", "date of birth, YYYYMMDD"),
        ("--sex", "M, F hoặc O", "M, F or O"),
        ("--accession", "mã giải phẫu bệnh", "accession number"),
        ("--study-uid", "Study Instance UID đã có", "Study Instance UID of a study that exists"),
        ("--container", "mã tiêu bản", "what is written on the slide"),
        ("--part", "mẫu", "part"),
        ("--block", "khối", "block"),
        ("--stain", "nhuộm", "stain"),
        ("--mpp", "µm/điểm ảnh, khi tệp không ghi", "µm per pixel, when the file does not say"),
    ):
        group.add_argument(option, default="", metavar="VALUE", help=t(vi, en))


def _add_random(parser: argparse.ArgumentParser, console: Console) -> None:
    text = console.choose("tự tạo mật khẩu và in ra", "make up a password and print it")
    parser.add_argument("--random", action="store_true", help=text)
