"""Signals and sources raise alarms through SignalStage, from events to records."""

from __future__ import annotations

import zlib
from functools import cache

import msgspec
import numpy as np
import pytest

from streams.config.load import load_text
from streams.effects import Decision, Partial
from streams.model import Event
from streams.rules import Rules
from streams.stages.journey import JourneyStage
from streams.stages.signal import SignalStage
from tests.build import event, log

FILE = """
version: 1
segments: [device]
journeys:
  purchase:
    owner: shop team
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 10m}
signals:
  calls: {on: call.started, watch: up, severity: critical}
  csat: {on: survey.answered, where: {metric: csat}}
"""
LOADED = load_text(FILE, "test.yml")
HOUR = 3600
BEFORE = 10 * HOUR
UNTIL = 13 * HOUR


@cache
def partials() -> tuple[Partial, ...]:
    """Calls from a telephone system surge twenty times after ten hours; an hour later it says nothing any more."""
    chance = np.random.default_rng(1)
    usual = np.flatnonzero(chance.random(BEFORE) < 0.04)
    surge = BEFORE + np.flatnonzero(chance.random(HOUR) < 0.9)
    calls = [event(int(second), "call.started", f"c-{second}", source="telephone") for second in [*usual, *surge]]
    answers = [
        event(second + 0.5, "survey.answered", f"s-{second}", metric="csat", score=5) for second in range(0, UNTIL, 240)
    ]
    events = sorted([*calls, *answers], key=lambda one: one.time or "")
    stage = JourneyStage(Rules.of(LOADED), resident=True)
    return (*stage.process(log(events)).partials, *stage.finish().partials)


def alerts(decisions: list[Decision]) -> list[tuple[str, str]]:
    return [
        (one.type.rpartition(".")[2], one.subject)
        for one in decisions
        if one.type.startswith("touchline.alert.") and not one.type.endswith("updated")
    ]


def told(stage: SignalStage, some: tuple[Partial, ...]) -> list[Decision]:
    return [decision for partial in some for decision in stage.process(partial)]


def test_a_surge_of_calls_and_the_silence_after_it_become_alerts() -> None:
    stage = SignalStage(LOADED.config, LOADED.hash)
    decisions = told(stage, partials())
    assert alerts(decisions) == [("firing", "calls"), ("resolved", "calls"), ("firing", "telephone")]
    calls = next(one for one in decisions if one.type == "touchline.alert.firing")
    assert calls.data["direction"] == "up"
    assert calls.data["severity"] == "critical"
    assert calls.data["signal"] == "calls"
    alarms = stage.view().alarms
    assert alarms is not None
    assert {(view.kind, view.signal) for view in alarms.watched if view.kind != "conversion"} == {
        ("signal", "calls"),
        ("signal", "csat"),
        ("source", "shop"),
        ("source", "telephone"),
    }


@pytest.mark.parametrize("every", [997, 3001])
def test_a_restart_of_the_stage_anywhere_changes_no_record(every: int) -> None:
    whole = SignalStage(LOADED.config, LOADED.hash)
    expected = told(whole, partials())
    stage = SignalStage(LOADED.config, LOADED.hash)
    stored: dict[str, bytes] = {}
    decisions: list[Decision] = []
    for start in range(0, len(partials()), every):
        decisions += told(stage, partials()[start : start + every])
        stored.update(stage.changes())
        stage = SignalStage.restore(LOADED.config, LOADED.hash, stored)
    assert decisions == expected
    assert stage.detection.signals.changes(whole=True) == whole.detection.signals.changes(whole=True)
    assert stage.detection.sources.changes(whole=True) == whole.detection.sources.changes(whole=True)


def carts(since: int) -> list[Event]:
    """Enough of them for phones to be told apart."""
    return [event(since + n, "cart.updated", f"k-{since}-{n}", device="phone") for n in range(60)]


LATER = 30 * 86_400
"""Seconds after the history at which a new service begins."""


@cache
def taught() -> bytes:
    """What ten usual hours teach, with answers from phones."""
    chance = np.random.default_rng(7)
    calls = [
        event(int(second), "call.started", f"c-{second}", source="telephone")
        for second in np.flatnonzero(chance.random(BEFORE) < 0.04)
    ]
    answers = [
        event(second + 0.5, "survey.answered", f"s-{second}", metric="csat", score=5, device="phone")
        for second in range(0, BEFORE, 240)
    ]
    stage = JourneyStage(Rules.of(LOADED), resident=True)
    events = sorted([*carts(5), *calls, *answers], key=lambda one: one.time or "")
    one = SignalStage(LOADED.config, LOADED.hash)
    told(one, (*stage.process(log(events)).partials, *stage.finish().partials))
    return one.detection.learnt()


@cache
def later() -> tuple[Partial, ...]:
    """A new service: a good hour and a bad one, while the telephone system never says a word."""
    answers = [
        event(
            LATER + second + 0.5,
            "survey.answered",
            f"s-{second}",
            metric="csat",
            score=5 if second < HOUR else 1,
            device="phone",
        )
        for second in range(0, 2 * HOUR, 20)
    ]
    stage = JourneyStage(Rules.of(LOADED), resident=True)
    events = sorted([*carts(LATER + 600), *answers], key=lambda one: one.time or "")
    return (*stage.process(log(events)).partials, *stage.finish().partials)


def learnt() -> SignalStage:
    stage = SignalStage(LOADED.config, LOADED.hash)
    stage.detection.learn(taught())
    return stage


def test_a_taught_service_misses_a_source_that_never_speaks_and_knows_the_values_of_segments() -> None:
    stage = learnt()
    decisions = told(stage, later())
    assert alerts(decisions) == [("firing", "telephone"), ("firing", "csat")]
    alarms = stage.view().alarms
    assert alarms is not None
    assert {(view.dimension, view.value) for view in alarms.watched if view.signal == "csat"} == {
        (None, None),
        ("device", "phone"),
    }


@pytest.mark.parametrize("every", [40, 333])
def test_what_was_learnt_outlives_a_restart_before_and_after_the_first_event(every: int) -> None:
    whole = learnt()
    expected = told(whole, later())
    stage = learnt()
    stored = stage.changes()
    stage = SignalStage.restore(LOADED.config, LOADED.hash, stored)
    decisions: list[Decision] = []
    for start in range(0, len(later()), every):
        decisions += told(stage, later()[start : start + every])
        stored.update(stage.changes())
        stage = SignalStage.restore(LOADED.config, LOADED.hash, stored)
    assert decisions == expected
    assert stage.detection.signals.changes(whole=True) == whole.detection.signals.changes(whole=True)
    assert stage.detection.sources.changes(whole=True) == whole.detection.sources.changes(whole=True)


def test_a_file_that_holds_steps_alone_still_teaches_them() -> None:
    what, dimensions, steps, *_ = msgspec.msgpack.decode(zlib.decompress(taught()))
    assert what == "touchline baselines 2"
    older = zlib.compress(msgspec.msgpack.encode(["touchline baselines 1", dimensions, steps]))
    stage = SignalStage(LOADED.config, LOADED.hash)
    stage.detection.learn(older)
    other = zlib.compress(msgspec.msgpack.encode(["touchline baselines 9", dimensions, steps]))
    with pytest.raises(ValueError, match="baselines of another kind: 'touchline baselines 9'"):
        stage.detection.learn(other)
