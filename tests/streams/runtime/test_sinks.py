"""Sinks of a file's receivers: what `check` and `run` refuse before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.sinks.contract import abilities_of
from connectors.sinks.webhook import Sink as Webhook
from streams.cli import main
from streams.config.load import load_text
from streams.delivery.outcome import Delivered, Retry
from streams.delivery.receivers import receivers_of
from streams.errors import ConfigError
from streams.runtime.sinks import ALLOW_PRIVATE, check_receivers, environment_variable, make_sink
from tests.connectors.peers import batch, http
from tests.streams.delivery.messages import alert

BAD = """version: 1
feedback:
  nps:
    ask: nps
    after: order.delivered
    to: "slack:T0KEN"
subscriptions:
  - to: ["webhook:https://example.org/hook", "email:T0KEN"]
    secret: T0KEN
"""


def nothing(name: str) -> str:
    return ""


def test_every_fault_of_a_receiver_is_told_with_its_place_and_without_its_address() -> None:
    with pytest.raises(ConfigError) as refused:
        check_receivers(load_text(BAD, "shop.yml", environ={}), nothing)
    assert [(fault.path, fault.line) for fault in refused.value.faults] == [
        ("feedback.nps.to[0]", 6),
        ("subscriptions[0].to[0]", 8),
        ("subscriptions[0].to[1]", 8),
    ]
    assert "T0KEN" not in str(refused.value)


def test_a_file_is_right_on_a_machine_that_has_no_mail_server() -> None:
    check_receivers(load_text('subscriptions: [{to: "email:ops@example.com"}]\n', environ={}), nothing)


def test_check_lists_them_like_all_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shop.yml"
    path.write_text(BAD)
    assert main(["check", "-c", str(path)]) == 1
    told = capsys.readouterr().out
    assert f"{path}:6: feedback.nps.to[0]: slack: expected a URL" in told
    assert "3 faults" in told
    assert "T0KEN" not in told


def test_run_does_not_start_with_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shop.yml"
    path.write_text(BAD)
    assert main(["run", "-c", str(path), "--data", str(tmp_path / "shop.db")]) == 1
    told = capsys.readouterr().err
    assert "feedback.nps.to[0]" in told
    assert "T0KEN" not in told


def test_an_unknown_kind_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigError) as refused:
        load_text('subscriptions: [{to: "pigeon:coop"}]\n', environ={})
    (fault,) = refused.value.faults
    assert fault.path == "subscriptions[0].to"
    assert fault.message == (
        "unknown kind of receiver 'pigeon'; "
        "known: alertmanager, email, grafana, ndjson, pagerduty, redis, slack, webhook"
    )


def test_a_kind_that_came_from_the_environment_is_not_shown() -> None:
    with pytest.raises(ConfigError) as refused:
        load_text('subscriptions: [{to: "${HOOK}"}]\n', environ={"HOOK": "t0ken:secret"})
    assert "t0ken" not in str(refused.value)
    assert "webhook" in str(refused.value)


@pytest.mark.parametrize(("value", "sent"), [("true", True), ("1", True), ("false", False), ("", False)])
async def test_one_variable_lets_all_webhooks_go_to_private_addresses(value: str, sent: bool) -> None:
    async with http() as peer:
        loaded = load_text(f'subscriptions: [{{to: "webhook:{peer.url}"}}]\n', environ={})
        (receiver,) = receivers_of(loaded.config, abilities_of).values()
        sink = make_sink(receiver, lambda name: value if name == ALLOW_PRIVATE else "")
        assert isinstance(sink, Webhook)
        outcome = await sink.send(batch(alert()))
        await sink.close()
    assert isinstance(outcome, Delivered if sent else Retry)


def test_variables_come_from_the_environment_or_a_file_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    path.write_text("smtp://mail.example\n")
    monkeypatch.setenv("TOUCHLINE_TEST_FILE", str(path))
    assert environment_variable("TOUCHLINE_TEST") == "smtp://mail.example"
    monkeypatch.setenv("TOUCHLINE_TEST", "direct")
    assert environment_variable("TOUCHLINE_TEST") == "direct"
    assert environment_variable("TOUCHLINE_NOT_THERE") == ""
