"""Cookies of signed-in browsers: whose they are, for how long, and that nobody makes one."""

from __future__ import annotations

import pytest

from streams.runtime.sessions import LASTS_SECONDS, Sessions

NOW = 1_800_000_000.0


def sessions(*tokens: str, now: float = NOW) -> Sessions[str]:
    """Those of users called as their tokens."""
    return Sessions([(token, f"who has {token}") for token in tokens], lambda: now)


def test_a_cookie_tells_whose_token_it_was_issued_for_also_after_a_restart() -> None:
    value = sessions("desk", "boss").issue("desk")
    assert sessions("boss", "desk").find(value) == "who has desk"


def test_a_cookie_does_not_hold_the_token() -> None:
    assert "swordfish" not in sessions("swordfish").issue("swordfish")


def test_a_cookie_ends_with_the_day_and_with_its_token() -> None:
    value = sessions("desk").issue("desk")
    assert sessions("desk", now=NOW + LASTS_SECONDS - 1).find(value) == "who has desk"
    assert sessions("desk", now=NOW + LASTS_SECONDS).find(value) is None
    assert sessions("another").find(value) is None


def test_a_cookie_cannot_be_prolonged_or_handed_to_somebody_else() -> None:
    known = sessions("desk", "boss")
    version, name, expiry, proof = known.issue("desk").split(".")
    boss = known.issue("boss").split(".")[1]
    assert known.find(f"{version}.{name}.{int(expiry) + 1}.{proof}") is None
    assert known.find(f"{version}.{boss}.{expiry}.{proof}") is None
    assert known.find(f"2.{name}.{expiry}.{proof}") is None


@pytest.mark.parametrize("value", [None, "", "...", "1", "1.a.b.c", "1.a.9.é", "x" * 100_000, "1.2.3.4.5", "1.²..²"])
def test_what_is_no_cookie_of_ours_is_nobodys(value: str | None) -> None:
    assert sessions("desk").find(value) is None


@pytest.mark.parametrize("mark", ["é", "²", "", "0" * 64])
def test_a_proof_that_is_none_is_nobodys(mark: str) -> None:
    known = sessions("desk")
    version, name, expiry, _ = known.issue("desk").split(".")
    assert known.find(f"{version}.{name}.{expiry}.{mark}") is None
    assert known.find(f"{version}.{name}.{mark}.{'0' * 64}") is None
