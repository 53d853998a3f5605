"""Signed-in browsers: a cookie that proves a console token without holding it; nothing is kept on our side.

The value is `1.KEY.EXPIRY.PROOF`: KEY names the token by a hash, EXPIRY is UTC epoch seconds, PROOF a keyed BLAKE2b
(RFC 7693) over both under a second hash of the token. So it outlives a restart, holds at every process with the same
file, and ends with the token.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

LASTS_SECONDS = 12 * 3600
"""A working day; then the token is asked for again."""
_VERSION = "1"
T = TypeVar("T")


class Sessions(Generic[T]):
    """Issues and reads cookies for tokens that are known.

    Parameters
    ----------
    users
        (token, who that is) of each.
    now
        UTC epoch seconds.
    """

    def __init__(self, users: Iterable[tuple[str, T]], now: Callable[[], float] = time.time) -> None:
        self._users = {_name(token): (_secret(token), who) for token, who in users}
        self._now = now

    def issue(self, token: str) -> str:
        """A cookie's value for a token that is known."""
        name, expiry = _name(token), str(int(self._now()) + LASTS_SECONDS)
        return f"{_VERSION}.{name}.{expiry}.{_proof(_secret(token), name, expiry)}"

    def find(self, value: str | None) -> T | None:
        """Whose cookie it is; None where it is none of ours, or its time is over."""
        parts = (value or "").split(".", 4)
        if len(parts) != 4:
            return None
        version, name, expiry, proof = parts
        known = self._users.get(name)
        if version != _VERSION or known is None or not (expiry.isascii() and expiry.isdigit()):
            return None
        secret, who = known
        if not hmac.compare_digest(_proof(secret, name, expiry).encode(), proof.encode()):
            return None
        return who if int(expiry) > self._now() else None


def _name(token: str) -> str:
    return hashlib.blake2b(token.encode(), digest_size=9, person=b"session-name").hexdigest()


def _secret(token: str) -> bytes:
    return hashlib.blake2b(token.encode(), digest_size=32, person=b"session-secret").digest()


def _proof(secret: bytes, name: str, expiry: str) -> str:
    return hashlib.blake2b(f"{name}.{expiry}".encode(), digest_size=32, key=secret).hexdigest()
