"""Passwords of owners and raters: Argon2id, by argon2-cffi."""

from __future__ import annotations

import threading
import unicodedata

import argon2

from facefatigue.studio.refusals import Refusal

SHORTEST, LONGEST = 10, 200
# Each check takes 64 MiB of memory (RFC 9106, section 4, the second recommended choice, which is the library's default):
# so few at once that many sign-ins together cannot exhaust a small machine.
_AT_ONCE = 2


class Passwords:
    """Hashes and checks passwords.

    Args:
        hasher: How costly that is; None takes the library's default, which follows RFC 9106. Tests take a cheaper one.
    """

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._turn = threading.BoundedSemaphore(_AT_ONCE)
        self._nobody = self._hasher.hash("a password of nobody, checked where there is no account")

    def hash(self, password: str, *, name: str) -> str:
        """What is stored in place of a password.

        Args:
            password: As typed.
            name: The account's name, which is no password.

        Raises:
            Refusal: Too short, too long, or the name itself.
        """
        if not SHORTEST <= len(password) <= LONGEST or password.strip().casefold() == name.strip().casefold():
            raise Refusal(
                422,
                "password_weak",
                f"a password has {SHORTEST} to {LONGEST} characters and is not the name",
                shortest=SHORTEST,
            )
        with self._turn:
            return self._hasher.hash(_plain(password))

    def check(self, stored: str | None, password: str) -> bool:
        """Whether a password fits; takes as long where there is none stored, so that nobody learns which names exist."""
        with self._turn:
            try:
                fits = self._hasher.verify(stored or self._nobody, _plain(password[: LONGEST + 1]))
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
                return False
        return fits and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether a hash was made with other costs than today's."""
        return self._hasher.check_needs_rehash(stored)


def _plain(password: str) -> str:
    """One form for what keyboards put together in different ways (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
