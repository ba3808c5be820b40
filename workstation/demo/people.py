"""The demo's hospitals and the people who work there."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from workstation import accounts, sites
from workstation.accounts import SYSTEM
from workstation.context import Context
from workstation.errors import NotFound
from workstation.roles import Role

__all__ = ["HOSPITALS", "STAFF", "Login", "Member", "admit_staff", "found_hospitals"]

HOSPITALS = (
    ("DEMO_A", "Trung tâm Y tế huyện A (mẫu)", "lower", "0200 000 001"),
    ("DEMO_B", "Bệnh viện đa khoa khu vực B (mẫu)", "lower", "0200 000 002"),
    ("DEMO_HUB", "Bệnh viện tuyến trên (mẫu)", "upper", "0200 000 003"),
)


@dataclass(frozen=True)
class Member:
    username: str
    name: str
    site: str
    role: Role
    language: str = "vi"


# Every role in both languages.
STAFF = (
    Member("requester.a", "BS. Hoàng Thị Yêu", "DEMO_A", Role.REQUESTER),
    Member("technician.a", "KTV. Phạm Văn Kỹ", "DEMO_A", Role.TECHNICIAN),
    Member("requester.b", "Dr. Đỗ Minh Bình", "DEMO_B", Role.REQUESTER, "en"),
    Member("technician.b", "Vũ Thị Thuật", "DEMO_B", Role.TECHNICIAN, "en"),
    Member("radiologist", "BSCKII. Nguyễn Đức Ảnh", "DEMO_HUB", Role.RADIOLOGIST),
    Member("radiologist.en", "Dr. Lê Thu Reader", "DEMO_HUB", Role.RADIOLOGIST, "en"),
    Member("pathologist", "BSCKII. Trần Thị Mô", "DEMO_HUB", Role.PATHOLOGIST),
    Member("pathologist.en", "Dr. Bùi Quang Slide", "DEMO_HUB", Role.PATHOLOGIST, "en"),
    Member("coordinator", "CN. Ngô Thị Điều", "DEMO_HUB", Role.COORDINATOR),
    Member("coordinator.en", "Đặng Văn Queue", "DEMO_HUB", Role.COORDINATOR, "en"),
    Member("admin", "KS. Lý Văn Trị", "DEMO_HUB", Role.ADMINISTRATOR),
    Member("admin.en", "Mai Thị Keys", "DEMO_HUB", Role.ADMINISTRATOR, "en"),
)


@dataclass(frozen=True)
class Login:
    """How a member gets in."""

    password: str
    token: str


def found_hospitals(context: Context, pacs_port: int) -> None:
    """Make the hospitals and their AEs; DEMO_A's listens on `pacs_port` for opinions."""
    known = {site.code for site in sites.list_sites(context)}
    for code, name, tier, phone in HOSPITALS:
        if code not in known:
            sites.create_site(context, SYSTEM, code=code, name=name, tier=tier, phone=phone)
        titles = {ae.ae_title for ae in sites.list_ae_titles(context, SYSTEM, code)}
        if code not in titles:
            sites.add_ae_title(context, SYSTEM, code, ae_title=code, host="127.0.0.1")
    sites.change_ae_title(
        context, SYSTEM, "DEMO_A", "DEMO_A", host="127.0.0.1", port=pacs_port, receives=True
    )


def admit_staff(
    context: Context, one_password: str, before: Mapping[str, Login]
) -> dict[str, Login]:
    """Make the users, or find them; return their logins.

    Parameters
    ----------
    one_password : str
        For everybody; "" makes up one each.
    before : mapping
        Logins of an earlier run, which stay as they were.
    """
    logins = {}
    for member in STAFF:
        old = before.get(member.username)
        password = one_password or (old.password if old else secrets.token_urlsafe(9))
        try:
            accounts.get_user(context, SYSTEM, member.username)
        except NotFound:
            old = None
            accounts.create_user(
                context,
                SYSTEM,
                username=member.username,
                name=member.name,
                site=member.site,
                roles=[member.role],
                password=password,
                licence_number="",
                language=member.language,
                enforce_policy=False,
            )
        else:
            if old is None or old.password != password:
                accounts.change_user(
                    context,
                    SYSTEM,
                    member.username,
                    password=password,
                    enforce_policy=False,
                )
        token = (
            old.token
            if old is not None and accounts.principal_for_token(context, old.token) is not None
            else accounts.issue_token(context, SYSTEM, member.username, "demo")
        )
        logins[member.username] = Login(password, token)
    return logins
