"""``hoichan site``, ``user`` and ``plugin``: what an administrator does without a browser."""

import argparse
import getpass
import secrets
import sys
from contextlib import closing

from workstation import accounts, sites
from workstation.accounts import SYSTEM
from workstation.commands.console import Console, settings_of
from workstation.context import open_context
from workstation.settings import SettingsError

__all__ = ["plugin_list", "site_add", "site_ae", "site_echo", "site_list"]
__all__ += ["user_add", "user_change", "user_list", "user_password", "user_token"]

LONGEST_PASSWORD = 1024


def site_add(options: argparse.Namespace, console: Console) -> int:
    with closing(open_context(settings_of(options))) as context:
        site = sites.create_site(
            context,
            SYSTEM,
            code=options.code,
            name=options.name,
            tier=options.tier,
            phone=options.phone,
        )
    console.say(f"Đã thêm cơ sở {site.code}.", f"Added the site {site.code}.")
    return 0


def site_list(options: argparse.Namespace, console: Console) -> int:
    with closing(open_context(settings_of(options))) as context:
        rows: list[tuple[object, ...]] = []
        for site in sites.list_sites(context):
            titles = sites.list_ae_titles(context, SYSTEM, site.code)
            shown = ", ".join(
                f"{ae.ae_title}@{ae.host}:{ae.port}{' (TLS)' if ae.tls else ''}"
                if ae.host
                else ae.ae_title
                for ae in titles
            )
            rows.append((site.code, site.tier, "+" if site.active else "-", site.name, shown))
    console.table(rows)
    return 0


def site_ae(options: argparse.Namespace, console: Console) -> int:
    """Add an AE title; with ``--to`` opinions go there."""
    host, port, pin = "", 0, ""
    if options.to:
        from workstation.commands.pushing import destination, pinned

        peer = destination(options.to, options.aet)
        host, port = peer.host, peer.port
        pin = pinned(options.tls_pin)
    with closing(open_context(settings_of(options))) as context:
        added = sites.add_ae_title(
            context,
            SYSTEM,
            options.code,
            ae_title=options.aet,
            host=host,
            port=port,
            receives=bool(host),
            sends=not options.receive_only,
            tls=options.tls or bool(pin),
            tls_pinned=pin,
        )
    console.say(
        f"Đã thêm AE title {added.ae_title} cho {added.site}.",
        f"Added the AE title {added.ae_title} to {added.site}.",
    )
    return 0


def site_echo(options: argparse.Namespace, console: Console) -> int:
    with closing(open_context(settings_of(options))) as context:
        answer = sites.echo(context, SYSTEM, options.code, options.aet)
    if answer.answered:
        milliseconds = round(1000 * (answer.seconds or 0))
        console.say(
            f"{answer.ae_title} trả lời sau {milliseconds} ms.",
            f"{answer.ae_title} answered in {milliseconds} ms.",
        )
        return 0
    console.say(
        f"{answer.ae_title} không trả lời: {answer.message.vi}",
        f"{answer.ae_title} did not answer: {answer.message.en}",
    )
    return 1


def user_add(options: argparse.Namespace, console: Console) -> int:
    password, made_up = read_password(options)
    with closing(open_context(settings_of(options))) as context:
        user = accounts.create_user(
            context,
            SYSTEM,
            username=options.username,
            name=options.name or options.username,
            site=options.site,
            roles=options.role,
            password=password,
            licence_number=options.licence,
            language=options.speaks,
        )
    console.say(f"Đã thêm người dùng {user.username}.", f"Added the user {user.username}.")
    if made_up:
        console.say(f"Mật khẩu: {password}", f"Password: {password}")
    return 0


def user_list(options: argparse.Namespace, console: Console) -> int:
    with closing(open_context(settings_of(options))) as context:
        users = accounts.list_users(context, SYSTEM)
    console.table(
        [
            (u.username, u.site, "+" if u.active else "-", u.language, ", ".join(u.roles), u.name)
            for u in users
        ]
    )
    return 0


def user_password(options: argparse.Namespace, console: Console) -> int:
    password, made_up = read_password(options)
    with closing(open_context(settings_of(options))) as context:
        accounts.change_user(context, SYSTEM, options.username, password=password)
    console.say(
        f"Đã đổi mật khẩu của {options.username}; các phiên đang mở đã kết thúc.",
        f"Changed the password of {options.username}; open sessions have ended.",
    )
    if made_up:
        console.say(f"Mật khẩu: {password}", f"Password: {password}")
    return 0


def user_change(options: argparse.Namespace, console: Console) -> int:
    """Enable or disable: ``options.active`` comes with the command."""
    with closing(open_context(settings_of(options))) as context:
        user = accounts.change_user(context, SYSTEM, options.username, active=options.active)
    if user.active:
        console.say(f"{user.username} đã được mở lại.", f"{user.username} is active again.")
    else:
        console.say(f"{user.username} đã bị khoá.", f"{user.username} is disabled.")
    return 0


def user_token(options: argparse.Namespace, console: Console) -> int:
    """Print a new bearer token, and nothing else, on standard output."""
    days = None
    if options.days is not None:
        try:
            days = float(options.days)
        except ValueError:
            days = 0.0
        if not 0 < days < 36_500:
            raise SettingsError(
                f"--days: giá trị {options.days!r} không hợp lệ, cần số ngày dương.",
                f"--days: {options.days!r} is not valid; expected a positive number of days.",
            )
    with closing(open_context(settings_of(options))) as context:
        print(accounts.issue_token(context, SYSTEM, options.username, options.label, days))
    return 0


def plugin_list(options: argparse.Namespace, console: Console) -> int:
    with closing(open_context(settings_of(options))) as context:
        guests = context.plugins.guests
    console.table(
        [
            (
                guest.name,
                guest.version,
                ", ".join(sorted({type(gift).__name__ for gift in guest.contributions})),
                guest.error,
            )
            for guest in guests
        ]
    )
    return 1 if any(guest.error for guest in guests) else 0


def read_password(options: argparse.Namespace) -> tuple[str, bool]:
    """A typed, piped or made-up password, and whether it was made up."""
    if options.random:
        return secrets.token_urlsafe(12), True
    if not sys.stdin.isatty():
        return sys.stdin.readline(LONGEST_PASSWORD).rstrip("\n"), False
    first = getpass.getpass()
    if getpass.getpass() != first:
        raise SettingsError("Hai mật khẩu không giống nhau.", "The two passwords differ.")
    return first, False
