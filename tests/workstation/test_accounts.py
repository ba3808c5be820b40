"""Signing in, staying in, being thrown out."""

import unicodedata

import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters
from sqlalchemy import select

from tests.workstation.conftest import PASSWORD, Clock
from workstation import accounts, audit, passwords
from workstation.accounts import SYSTEM, Principal, Role
from workstation.context import Context
from workstation.database import audit_events, sessions, sign_in_attempts, tokens, users
from workstation.errors import (
    Conflict,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    TooManyAttempts,
)

pytestmark = pytest.mark.usefixtures("people")
HOST = "192.0.2.7"


def test_a_cookie_leads_back_to_its_user(context: Context) -> None:
    principal, cookie = accounts.sign_in(context, "radiologist", PASSWORD, HOST)
    assert principal.site == "DEMO_HUB"
    assert principal.roles == {Role.RADIOLOGIST}
    found = accounts.principal_for_session(context, cookie, HOST)
    assert found == principal
    assert accounts.principal_for_reference(context, str(principal.session), HOST) == principal


def test_user_names_ignore_case_and_blanks(context: Context) -> None:
    assert accounts.sign_in(context, " Radiologist ", PASSWORD)[0].username == "radiologist"


def test_decomposed_typing_of_the_same_password_is_the_same(context: Context) -> None:
    typed = unicodedata.normalize("NFD", PASSWORD)
    assert typed != PASSWORD
    accounts.sign_in(context, "radiologist", typed)


@pytest.mark.parametrize("change", ["cut", "flip", "empty", "unsigned"])
def test_a_cookie_we_did_not_sign_is_nobody(context: Context, change: str) -> None:
    _, cookie = accounts.sign_in(context, "radiologist", PASSWORD)
    flipped = ("A" if cookie[0] != "A" else "B") + cookie[1:]
    bad = {"cut": cookie[:-1], "flip": flipped, "empty": "", "unsigned": cookie.split(".")[0]}
    assert accounts.principal_for_session(context, bad[change]) is None


def test_no_secret_is_kept(context: Context) -> None:
    _, cookie = accounts.sign_in(context, "radiologist", PASSWORD)
    token = accounts.issue_token(context, SYSTEM, "radiologist")
    with context.database.read() as connection:
        kept = str([connection.execute(select(table)).all() for table in (sessions, tokens, users)])
    assert cookie.split(".")[0] not in kept
    assert token not in kept
    assert PASSWORD not in kept


def test_logging_out_ends_the_session_for_good(context: Context) -> None:
    _, cookie = accounts.sign_in(context, "radiologist", PASSWORD)
    _, other = accounts.sign_in(context, "radiologist", PASSWORD)
    accounts.sign_out(context, cookie)
    assert accounts.principal_for_session(context, cookie) is None
    assert accounts.principal_for_session(context, other) is not None
    accounts.sign_out(context, cookie)
    accounts.sign_out(context, "rubbish")


def test_a_session_lives_while_used_and_dies_when_left(context: Context, clock: Clock) -> None:
    _, cookie = accounts.sign_in(context, "radiologist", PASSWORD)
    hours = context.settings.session_hours
    for _ in range(3):
        clock.move(hours=hours * 0.9)
        assert accounts.principal_for_session(context, cookie) is not None
    clock.move(hours=hours * 1.01)
    assert accounts.principal_for_session(context, cookie) is None


def test_even_a_used_session_ends_some_day(context: Context, clock: Clock) -> None:
    _, cookie = accounts.sign_in(context, "radiologist", PASSWORD)
    alive = 0.0
    while accounts.principal_for_session(context, cookie) is not None:
        clock.move(hours=1)
        alive += 1
        assert alive < 1000
    assert alive <= 4 * context.settings.session_hours


def test_wrong_user_and_wrong_password_are_told_alike(context: Context) -> None:
    answers = []
    for username, password in (("radiologist", "wrong password"), ("no.such.user", PASSWORD)):
        with pytest.raises(NotAuthenticated) as raised:
            accounts.sign_in(context, username, password, HOST)
        answers.append((raised.value.code, raised.value.text, raised.value.details))
    assert answers[0] == answers[1]


def test_an_unknown_user_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[Parameters] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            worked.append(extract_parameters(str(hash)))
            return super().verify(hash, password)

    kept = passwords.hash_password(PASSWORD)
    monkeypatch.setattr(passwords, "_hasher", Counting())
    for password_hash in (None, kept):
        assert not passwords.matches("some other password", password_hash)
    unknown, known = worked
    assert unknown == known


def test_failures_make_wait_longer_and_longer(context: Context, clock: Clock) -> None:
    def fail() -> None:
        with pytest.raises(NotAuthenticated):
            accounts.sign_in(context, "radiologist", "wrong password", HOST)

    for _ in range(5):
        fail()
    with pytest.raises(TooManyAttempts) as raised:
        accounts.sign_in(context, "radiologist", PASSWORD, HOST)
    assert raised.value.details == {"seconds": 30}
    assert "30 giây" in raised.value.text.vi
    assert "30 seconds" in raised.value.text.en
    clock.move(seconds=31)
    fail()
    with pytest.raises(TooManyAttempts) as raised:
        accounts.sign_in(context, "radiologist", PASSWORD, HOST)
    assert raised.value.details == {"seconds": 60}
    clock.move(seconds=61)
    accounts.sign_in(context, "radiologist", PASSWORD, HOST)
    fail()  # and all is forgotten


def test_a_user_who_is_attacked_still_comes_in_from_elsewhere(context: Context) -> None:
    for _ in range(5):
        with pytest.raises(NotAuthenticated):
            accounts.sign_in(context, "radiologist", "wrong password", "203.0.113.9")
    with pytest.raises(TooManyAttempts):
        accounts.sign_in(context, "RADIOLOGIST ", "wrong password", "203.0.113.9")
    accounts.sign_in(context, "radiologist", PASSWORD, HOST)


def test_one_address_may_not_try_name_after_name(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "matches", lambda password, kept: False)
    for number in range(40):
        with pytest.raises(NotAuthenticated):
            accounts.sign_in(context, f"user.{number}", "wrong password", HOST)
    with pytest.raises(TooManyAttempts):
        accounts.sign_in(context, "another.one", "wrong password", HOST)


def test_what_was_typed_as_user_name_is_not_kept(context: Context) -> None:
    with pytest.raises(NotAuthenticated):
        accounts.sign_in(context, PASSWORD, "oops", HOST)
    with context.database.read() as connection:
        kept = str([connection.execute(select(t)).all() for t in (sign_in_attempts, audit_events)])
    assert PASSWORD not in kept


def test_signing_asks_again_and_keeps_the_session(
    context: Context, people: dict[str, Principal]
) -> None:
    radiologist = people["radiologist"]
    accounts.confirm_password(context, radiologist, PASSWORD)
    with pytest.raises(NotAllowed) as raised:
        accounts.confirm_password(context, radiologist, "wrong password")
    assert raised.value.code == "wrong_password"
    for _ in range(4):
        with pytest.raises(NotAllowed):
            accounts.confirm_password(context, radiologist, "wrong password")
    with pytest.raises(TooManyAttempts):
        accounts.confirm_password(context, radiologist, PASSWORD)


@pytest.mark.parametrize(
    "password",
    ["short", "x" * 300, "radiologist", "Password123456789", "aaaaaaaaaaaaaa", "matkhau123456789"],
)
def test_poor_passwords_are_refused(password: str) -> None:
    with pytest.raises(InvalidRequest):
        passwords.check_policy(password, "radiologist")


def test_a_token_opens_the_door_until_it_is_revoked(context: Context, clock: Clock) -> None:
    token = accounts.issue_token(context, SYSTEM, "technician.a", "modality", days=1)
    principal = accounts.principal_for_token(context, token)
    assert principal is not None
    assert (principal.username, principal.session) == ("technician.a", None)
    assert accounts.principal_for_token(context, token + "x") is None
    assert accounts.principal_for_token(context, "") is None
    clock.move(days=1)
    assert accounts.principal_for_token(context, token) is None
    forever = accounts.issue_token(context, principal, "technician.a")
    assert accounts.principal_for_token(context, forever) is not None
    accounts.revoke_tokens(context, principal, "technician.a")
    assert accounts.principal_for_token(context, forever) is None


def test_an_account_made_inactive_is_out_at_once(context: Context) -> None:
    _, cookie = accounts.sign_in(context, "requester.a", PASSWORD)
    token = accounts.issue_token(context, SYSTEM, "requester.a")
    accounts.change_user(context, SYSTEM, "requester.a", active=False)
    assert accounts.principal_for_session(context, cookie) is None
    assert accounts.principal_for_token(context, token) is None
    with pytest.raises(NotAuthenticated):
        accounts.sign_in(context, "requester.a", PASSWORD)
    accounts.change_user(context, SYSTEM, "requester.a", active=True)
    assert accounts.principal_for_session(context, cookie) is None


def test_a_new_password_ends_sessions_elsewhere(
    context: Context, people: dict[str, Principal]
) -> None:
    here, cookie = accounts.sign_in(context, "radiologist", PASSWORD)
    _, elsewhere = accounts.sign_in(context, "radiologist", PASSWORD)
    accounts.change_password(context, here, PASSWORD, "tám con cá bơi")
    assert accounts.principal_for_session(context, cookie) is not None
    assert accounts.principal_for_session(context, elsewhere) is None
    accounts.change_user(context, people["admin"], "radiologist", password="chín con voi đi")
    assert accounts.principal_for_session(context, cookie) is None
    accounts.sign_in(context, "radiologist", "chín con voi đi")


def test_rights_change_at_once(context: Context) -> None:
    _, cookie = accounts.sign_in(context, "requester.a", PASSWORD)
    accounts.change_user(context, SYSTEM, "requester.a", roles=[Role.TECHNICIAN])
    principal = accounts.principal_for_session(context, cookie)
    assert principal is not None
    assert principal.roles == {Role.TECHNICIAN}


def test_only_administrators_keep_users(context: Context, people: dict[str, Principal]) -> None:
    for username, principal in people.items():
        if username == "admin":
            continue
        with pytest.raises(NotFound):
            accounts.change_user(context, principal, "radiologist", roles=["administrator"])
        with pytest.raises(NotFound):
            accounts.issue_token(context, principal, "admin")
        with pytest.raises(NotFound):
            accounts.get_user(context, principal, "admin")
    assert len(accounts.list_users(context, people["admin"])) == len(people)
    colleagues = {user.site for user in accounts.list_users(context, people["coordinator"])}
    assert colleagues == {"DEMO_HUB"}


def test_nobody_can_be_called_system(context: Context) -> None:
    with pytest.raises(InvalidRequest):
        accounts.create_user(
            context,
            SYSTEM,
            username="System",
            name="x",
            site="DEMO_A",
            roles=["requester"],
            password=PASSWORD,
        )
    impostor = Principal("system", "x", "", frozenset())
    with pytest.raises(NotFound):
        accounts.list_users(context, impostor)


def test_the_last_administrator_stays(context: Context, people: dict[str, Principal]) -> None:
    with pytest.raises(Conflict):
        accounts.change_user(context, people["admin"], "admin", active=False)
    with pytest.raises(Conflict):
        accounts.change_user(context, people["admin"], "admin", roles=["requester"])


def test_every_sign_in_is_in_the_audit(context: Context) -> None:
    with pytest.raises(NotAuthenticated):
        accounts.sign_in(context, "radiologist", "wrong password", HOST)
    _, cookie = accounts.sign_in(context, "radiologist", PASSWORD, HOST)
    accounts.sign_out(context, cookie)
    with context.database.read() as connection:
        rows = connection.execute(
            select(audit_events).order_by(audit_events.c.sequence.desc()).limit(3)
        ).all()
    assert [(row.event, row.actor, row.outcome) for row in reversed(rows)] == [
        ("login", "radiologist", "failure"),
        ("login", "radiologist", "success"),
        ("logout", "radiologist", "success"),
    ]
    assert audit.verify(context) is None


def test_users_choose_their_own_language(context: Context, people: dict[str, Principal]) -> None:
    accounts.change_language(context, people["radiologist"], "en")
    assert accounts.principal_of(context, "radiologist").language == "en"
    assert accounts.principal_of(context, "radiologist.2").language == "vi"
    with pytest.raises(InvalidRequest):
        accounts.change_language(context, people["radiologist"], "fr")
