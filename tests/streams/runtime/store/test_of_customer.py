"""What in a data file is about a customer, and what only looks like it."""

from __future__ import annotations

import pytest

from streams.runtime.store.of_customer import names


@pytest.mark.parametrize(
    "body",
    [
        b'{"subject": "c-17"}',
        b'{"subject": " c-17 "}',
        b'{"subject": "\\u0063-17"}',
        b'{"userId": "c-17", "event": "x"}',
        b'[{"traits": {"ids": ["c-1", "c-17"]}}]',
        b'{"subject": "c-17',
        b"c-17;2026;x",
        b"\xff c-17 \xff",
    ],
)
def test_bytes_that_name_a_customer(body: bytes) -> None:
    assert names(body, {"c-17"})


@pytest.mark.parametrize(
    "body",
    [b'{"subject": "c-170"}', b'{"note": "see c-17"}', b'{"c-17": 1}', b"{c-170", b"{xc-17", b"{c-17-b", b"", b"{}"],
)
def test_bytes_that_do_not(body: bytes) -> None:
    assert not names(body, {"c-17"})


def test_a_number_is_an_id_too() -> None:
    assert names(b'{"userId": 17}', {"17"})
    assert not names(b'{"userId": true}', {"True"})
