"""Every address and every role: nothing is served whose least role is not declared, and each is asked for."""

from __future__ import annotations

import re

import pytest

from streams.config.load import load_text
from streams.runtime.access import Role
from streams.runtime.rights import LEAST
from streams.runtime.web import Web
from tests.streams.runtime.memory_service import FILE, serving
from tests.streams.runtime.test_access import TOKENS, bearer
from tests.streams.runtime.test_api import REFERENCE
from tests.streams.runtime.test_cases_api import CaseService
from tests.streams.runtime.test_deliveries_api import DeskService

DOOR = {("POST", "/events"), ("POST", "/v1/{call}"), ("GET", "/livez"), ("GET", "/readyz")}
TOKEN = {Role.VIEWER: "t-viewer", Role.AGENT: "t-agent", Role.ADMIN: "t-admin"}


class Everything(CaseService, DeskService):
    """Can all that a service may be able to do."""

    async def customer(self, customer_id: str) -> None:
        return None


def served() -> set[tuple[str, str]]:
    """What a service with everything serves."""
    service = Everything()
    web = Web(service, load_text(FILE, "shop.yml").config)
    service.close()
    return {(method, path) for method, path in web.addresses if method not in ("HEAD", "OPTIONS")}


def test_what_is_served_is_what_the_table_declares() -> None:
    assert {f"{method} {path}" for method, path in served() - DOOR} == set(LEAST)


@pytest.mark.parametrize("address", sorted(LEAST))
async def test_an_address_is_open_to_its_least_role_and_those_above_and_to_nobody_below(address: str) -> None:
    method, _, pattern = address.partition(" ")
    path = re.sub(r"\{\w+\}", "1", pattern)
    need = LEAST[address]
    service = Everything()
    try:
        async with serving(service, TOKENS) as client:
            got = {}
            for role, headers in [(None, {}), *((role, bearer(TOKEN[role])) for role in Role)]:
                async with client.request(method, path, headers={**headers, "Origin": service.address}) as answer:
                    got[role] = answer.status
    finally:
        service.close()
    if need is None:
        assert not {401, 403} & set(got.values()) or address == "POST /api/v1/session"
        return
    assert got[None] == 401
    for role in Role:
        assert (got[role] == 403) == (role < need), (role, got[role])
        assert got[role] != 401


def test_the_reference_page_has_the_same_table() -> None:
    page = REFERENCE.read_text()
    rows = {
        address: role
        for line in page.splitlines()
        if (found := re.fullmatch(r"\| `(viewer|agent|admin)` \| (.*) \|", line)) and "/" in found[2]
        for role in (found[1],)
        for address in re.findall(r"`((?:GET|POST) [^`]+)`", found[2])
    }
    assert rows == {address: need.name.lower() for address, need in LEAST.items() if need is not None}
