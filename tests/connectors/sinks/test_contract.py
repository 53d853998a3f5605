"""What every kind of receiver keeps to, tried on all there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import connectors.sinks
from connectors.sinks.contract import NotEquipped, Opening, Receiving, abilities_of, find, names
from streams.config.receiver_kinds import receiver_kinds
from tests.connectors.peers import opening

KINDS = names()
GOOD = {
    "alertmanager": "http://alertmanager:9093",
    "email": "ops@example.com",
    "grafana": "https://grafana.example",
    "ndjson": "decisions.ndjson",
    "pagerduty": "0123456789abcdef0123456789abcdef",
    "redis": "redis://localhost:6379/0?stream=asks",
    "slack": "https://hooks.example/T0KEN",
    "webhook": "https://example.org/T0KEN",
}
BAD = {
    "alertmanager": "alertmanager:9093/T0KEN",
    "email": "T0KEN",
    "grafana": "https://T0KEN@grafana.example",
    "pagerduty": "T0KEN",
    "redis": "http://localhost/T0KEN",
    "slack": "T0KEN",
    "webhook": "ftp://example.org/T0KEN",
}
MAIL: dict[str, Any] = {"TOUCHLINE_SMTP_URL": "smtp://mail.example", "TOUCHLINE_SMTP_FROM": "touchline@example.com"}
EQUIPPED: dict[str, Any] = {**MAIL, "TOUCHLINE_GRAFANA_TOKEN": "glsa_token"}


def test_a_kind_is_a_file_and_every_file_a_kind() -> None:
    files = {path.stem for path in Path(connectors.sinks.__path__[0]).glob("*.py")} - {"__init__", "contract"}
    assert set(KINDS) == files == set(receiver_kinds()) == set(GOOD)


def test_a_kind_that_is_not_there_is_not_found() -> None:
    for name in ("contract", "pigeon", "", "webhook.py"):
        with pytest.raises(KeyError):
            find(name)
    assert abilities_of("").most == 1


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_a_receiving_that_says_what_it_is(kind: str) -> None:
    sink = find(kind)
    assert issubclass(sink, Receiving)
    assert sink.__doc__
    assert sink.abilities.most >= 1
    assert not sink.abilities.groups or sink.abilities.most > 1


@pytest.mark.parametrize("kind", KINDS)
async def test_each_is_made_and_closed_without_opening_anything(kind: str) -> None:
    sink = find(kind)(opening(GOOD[kind], **EQUIPPED))
    await sink.close()


@pytest.mark.parametrize("kind", sorted(BAD))
def test_an_address_that_will_not_do_is_refused_and_not_shown(kind: str) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        find(kind)(opening(BAD[kind], **EQUIPPED))
    assert "T0KEN" not in str(refused.value)


def test_what_a_sink_is_made_from_does_not_show_itself() -> None:
    assert "T0KEN" not in repr(Opening(GOOD["slack"], "T0KEN"))


@pytest.mark.parametrize("missing", sorted(MAIL))
def test_a_machine_without_a_mail_server_is_told_so(missing: str) -> None:
    with pytest.raises(NotEquipped, match=missing):
        find("email")(opening(GOOD["email"], **{name: value for name, value in MAIL.items() if name != missing}))
