"""What is handed out to detectors, whatever comes and goes, never exceeds the file's budget."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from detectors.calibrated_residual import CalibratedResidual
from detectors.contract import Verdict
from detectors.recursion import Floats, Recursion
from detectors.series.evidence import Evidence
from detectors.series.report import Report
from detectors.series.silence import BLOCK, Silence
from detectors.steps.hazards import Mask
from detectors.steps.step_drop import StepDrop
from streams.config.load import load_text
from streams.model import Event
from streams.rules import Rules
from streams.stages.detection import Detection
from streams.stages.journey import JourneyStage
from streams.stages.signal import SignalStage
from streams.stages.step_credit import StepCredit
from tests.build import event, log

FILE = """
version: 1
segments: [{device: [phone, desk]}]
alerts: {false_alarms: 1 per hour%s}
journeys:
  purchase:
    arrivals: both
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 2m}
  support:
    steps:
      - {name: call, on: call.started}
      - {name: ended, on: call.ended, within: 3m}
signals:
  csat: {on: survey.answered, where: {metric: csat}, watch: both, journey: support, step: ended}
  calls: {on: call.started, watch: both}
  wait: {on: call.answered, value: wait_s, watch: up, detector: {name: calibrated_residual, period: 0}}
"""
HOURS = 3
BUDGET = 1 / 3600


class Ledger:
    """Everything that detectors were handed, in expected false alarms; all-clears are no alarms."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.handed = 0.0
        self.kinds: dict[str, float] = {}
        grant, update, quiet, wait = StepCredit.grant, Evidence.update, Evidence.quiet, Silence._wait
        ask = CalibratedResidual.update
        ledger = self

        def steps(
            self: StepCredit, drop: StepDrop, seconds: int, whole: float, segment: float, counted: Mask, down: float
        ) -> Floats:
            credit = grant(self, drop, seconds, whole, segment, counted, down)
            ledger.note("steps", float(credit.sum()))
            return credit

        def rates(self: Evidence, count: float, credit: float) -> float:
            ledger.note("rates", credit if self.nulls == 2 else 0.0)
            return update(self, count, credit)

        def silent_rates(self: Evidence, updates: int, credit: float) -> float:
            ledger.note("rates", updates * credit if self.nulls == 2 else 0.0)
            return quiet(self, updates, credit)

        def silences(self: Silence, blocks: int, reports: list[Report]) -> None:
            assert self._block is not None
            if self.watched and self.fired is None:
                ledger.note("sources", blocks * BLOCK * self.granted.of(self._block * BLOCK))
            wait(self, blocks, reports)

        def values(self: CalibratedResidual, x: float, credit: float | None = None, at: int | None = None) -> Verdict:
            ledger.note("values", credit or 0.0)
            return ask(self, x, credit, at)

        patch.setattr(StepCredit, "grant", steps)
        patch.setattr(Evidence, "update", rates)
        patch.setattr(Evidence, "quiet", silent_rates)
        patch.setattr(Silence, "_wait", silences)
        patch.setattr(CalibratedResidual, "update", values)
        scored = Recursion.update

        def scores(self: Recursion, log_e: Floats, credit: Floats) -> Floats:
            if any(self is one for one in ledger.scores):
                ledger.note("scores", float(credit.sum()))
            return scored(self, log_e, credit)

        self.scores: list[Recursion] = []
        patch.setattr(Recursion, "update", scores)

    def note(self, kind: str, credit: float) -> None:
        self.handed += credit
        self.kinds[kind] = self.kinds.get(kind, 0.0) + credit


def traffic(seed: int) -> Iterator[Event]:
    """Hours that are busy, empty or broken, by turns of some minutes, for each part of the shop apart."""
    chance = random.Random(seed)
    busy = dict.fromkeys(("cart", "pay", "call", "answer", "survey"), True)
    events: list[tuple[float, str, str, str, dict[str, Any]]] = []
    for second in range(HOURS * 3600):
        if second > 3600 and chance.random() < 1 / 400:
            name = chance.choice(sorted(busy))
            busy[name] = not busy[name]
        device = "phone" if chance.random() < 0.6 else "desk"
        if busy["cart"] and chance.random() < 0.1:
            events.append((second, "cart.updated", f"c{second}", "shop", {"device": device}))
            if busy["pay"] and chance.random() < 0.8:
                events.append((second + chance.uniform(5, 60), "order.completed", f"c{second}", "bank", {}))
        if busy["call"] and chance.random() < 0.05:
            events.append((second, "call.started", f"p{second}", "phone", {"device": device}))
            if busy["answer"]:
                answered = second + chance.uniform(5, 30)
                events.append((answered, "call.answered", f"p{second}", "desk", {"wait_s": chance.uniform(5, 30)}))
                events.append((answered + 60, "call.ended", f"p{second}", "phone", {}))
        if chance.random() < 0.05:
            score = 5 if chance.random() < (0.9 if busy["survey"] else 0.2) else 1
            data: dict[str, Any] = {"metric": "csat", "score": score, "device": device}
            events.append((second, "survey.answered", f"s{second}", "forms", data))
    for at, kind, who, source, data in sorted(events, key=lambda one: one[0]):
        yield event(at, kind, who, source=source, **data)


@pytest.mark.parametrize(
    ("more", "seed"), [("", 1), (", split: {purchase: 60%}", 2), (', false_share: "20%", split: {support: 30%}', 3)]
)
def test_what_is_handed_out_never_exceeds_the_budget_and_is_most_of_it(
    more: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(monkeypatch)
    loaded = load_text(FILE % more, "test.yml")
    stage = SignalStage(loaded.config, loaded.hash)
    first: list[int] = []
    close = Detection.close

    def audited(self: Detection, tick: int) -> list[object]:
        first.append(tick)
        ledger.scores = [
            recursion
            for series in self.signals.series.values()
            for recursion in getattr(series, "evidence", {}).values()
            if isinstance(recursion, Recursion)
        ]
        decisions = close(self, tick)
        granted = BUDGET * (tick - first[0])
        assert ledger.handed <= granted * (1 + 1e-9) + 1e-12
        shown = self.view(tick).credit_used if tick % 600 == 0 else 0.0
        assert shown <= granted * (1 + 1e-9) + 1e-12
        return list(decisions)

    monkeypatch.setattr(Detection, "close", audited)
    journeys = JourneyStage(Rules.of(loaded), resident=True)
    fired = 0
    for partial in (*journeys.process(log(list(traffic(seed)))).partials, *journeys.finish().partials):
        fired += sum(one.type == "touchline.alert.firing" for one in stage.process(partial))
    assert {"steps", "rates", "sources", "scores", "values"} <= {name for name, one in ledger.kinds.items() if one > 0}
    assert fired > 2
    assert ledger.handed > 0.3 * BUDGET * HOURS * 3600
    assert np.isfinite(ledger.handed)
