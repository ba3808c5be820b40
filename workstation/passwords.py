"""Passwords: how they are kept, compared and judged."""

import unicodedata
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from workstation.errors import InvalidRequest

__all__ = ["check_policy", "hash_password", "is_outdated", "matches"]

MINIMUM_LENGTH = 10
MAXIMUM_LENGTH = 256

# RFC 9106: memory-hard; 32 MiB and three passes take about 40 ms here.
_hasher = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)
# A burst of sign-ins must not take all memory and processors from the readers.
_turns = BoundedSemaphore(4)
# Compared with when there is no such user, so that both answers take the same time.
_NOBODY = _hasher.hash("nobody has this password")

# What is tried first everywhere; a password is refused when it is little more than one of these.
_COMMON = (
    "password",
    "matkhau",
    "123456789",
    "qwertyuiop",
    "benhvien",
    "hoichan",
    "radiology",
    "administrator",
)


def hash_password(password: str) -> str:
    """The argon2id hash to keep."""
    with _turns:
        return _hasher.hash(_normal(password))


def matches(password: str, password_hash: str | None) -> bool:
    """Whether `password` is the one kept; takes equally long when there is none (None)."""
    with _turns:
        try:
            _hasher.verify(password_hash or _NOBODY, _normal(password))
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def check_policy(password: str, username: str) -> None:
    """Refuse what is quickly guessed; length counts, not punctuation (NIST SP 800-63B 5.1.1).

    Raises
    ------
    InvalidRequest
    """
    if not MINIMUM_LENGTH <= len(password) <= MAXIMUM_LENGTH:
        raise InvalidRequest(
            "password_length",
            f"Mật khẩu phải dài từ {MINIMUM_LENGTH} đến {MAXIMUM_LENGTH} ký tự.",
            f"A password has {MINIMUM_LENGTH} to {MAXIMUM_LENGTH} characters.",
        )
    rest = password.casefold()
    for word in (username.casefold(), *_COMMON):
        rest = rest.replace(word, "")
    if len(set(rest)) < 4:
        raise InvalidRequest(
            "password_guessable",
            "Mật khẩu quá dễ đoán: đừng dùng tên đăng nhập, từ thông dụng hoặc ký tự lặp lại.",
            "This password is too easy to guess: no user name, common word or repeated character.",
        )


def _normal(password: str) -> str:
    # Vietnamese keyboards send composed or decomposed letters for the same keys.
    return unicodedata.normalize("NFC", password)
