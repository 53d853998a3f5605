"""Signatures of webhooks, against the test vector of Standard Webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.standard_webhooks import read_keys, sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'


def test_the_vector_of_the_specification_comes_out() -> None:
    assert sign(read_keys(SECRET), ID, 1614265330, BODY) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_keys_change_both_sign() -> None:
    other = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    new, old = sign(read_keys(f"{other} {SECRET}"), ID, 1614265330, BODY).split(" ")
    assert old == sign(read_keys(SECRET), ID, 1614265330, BODY)
    assert new == sign(read_keys(other), ID, 1614265330, BODY)


@given(st.binary(min_size=24, max_size=64), st.integers(0, 2**34), st.binary())
def test_a_receiver_that_does_as_the_specification_says_verifies_it(key: bytes, timestamp: int, body: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    version, _, signature = sign(read_keys(secret), ID, timestamp, body).partition(",")
    expected = hmac.digest(key, f"{ID}.{timestamp}.".encode() + body, hashlib.sha256)
    assert version == "v1"
    assert base64.b64decode(signature) == expected


@pytest.mark.parametrize(
    "secret",
    [
        "hunter2hunter2hunter2hunter2",
        "whsec_",
        "whsec_dG9vIHNob3J0",
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS*",
        "whsec_ключ",
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ValueError, match="expected a signing key") as refused:
        read_keys(secret)
    assert secret.removeprefix("whsec_") == "" or secret.removeprefix("whsec_") not in str(refused.value)


def test_without_a_secret_there_is_no_key() -> None:
    assert read_keys("") == ()
