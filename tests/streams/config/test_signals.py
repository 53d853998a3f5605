"""Defaults of a signal that depend on its other keys."""

from __future__ import annotations

import pytest

from streams.config.structs import Of, Signal
from tests.streams.config.files import load


def signal(body: str) -> Signal:
    return load(f"signals:\n  it: {body}\n").config.signals["it"]


@pytest.mark.parametrize(
    ("body", "as_", "value", "scale", "min_n", "kind"),
    [
        ("{on: a.b, where: {metric: nps}}", "nps", "score", (0, 10), 30, "perception"),
        ("{on: a.b, where: {metric: csat}}", "csat", "score", (1, 5), 30, "perception"),
        ("{on: a.b, where: {metric: ces}}", "ces", "score", (1, 7), 30, "perception"),
        ("{on: a.b, where: {metric: enps}}", "nps", "score", (0, 10), 5, "perception"),
        ("{on: a.b, where: {metric: csat}, value: rating, scale: [0, 5]}", "csat", "rating", (0, 5), 30, "perception"),
        ("{on: a.b, where: {metric: csat}, value: score, as: mean}", "mean", "score", (1, 5), 30, "perception"),
        ("{on: a.b, where: {metric: csat}, value: delay_s, as: mean}", "mean", "delay_s", None, 30, "perception"),
        ("{on: a.b, as: csat, value: rating}", "csat", "rating", (1, 5), 30, "perception"),
        ("{on: a.b, where: {metric: [nps, csat]}, value: score}", "mean", "score", None, 30, "interaction"),
        ("{on: a.b, where: {metric: own}, value: score}", "mean", "score", None, 30, "interaction"),
        ("{on: a.b, value: duration_s}", "mean", "duration_s", None, 30, "interaction"),
        ("{on: a.b}", "rate", None, None, 30, "interaction"),
        ("{on: a.b, kind: outcome, min_n: 3}", "rate", None, None, 3, "outcome"),
    ],
)
def test_a_signal_is_completed_by_its_metric(
    body: str, as_: str, value: str | None, scale: tuple[float, float] | None, min_n: int, kind: str
) -> None:
    it = signal(body)
    assert (it.as_, it.value, it.scale, it.min_n, it.kind) == (as_, value, scale, min_n, kind)


def test_a_share_is_of_its_own_events_unless_said_otherwise() -> None:
    assert signal("{on: [a.b, a.c], where: {ok: true}, as: share}").of == Of(on=("a.b", "a.c"))
    assert signal("{on: a.b, as: share, of: {on: a.c, where: {x: 1}}}").of == Of(on=("a.c",), where={"x": 1})


@pytest.mark.parametrize(
    ("body", "quantity", "target"),
    [
        ("{on: a.b, where: {metric: csat}, expect: {value: '>= 80%'}}", "value", 0.8),
        ("{on: a.b, where: {metric: csat}, expect: {share: '>= 0.8'}}", "share", 0.8),
        ("{on: a.b, where: {metric: nps}, expect: {value: '> -10'}}", "value", -10),
        ("{on: a.b, where: {metric: ces}, expect: {value: '>= 5.5'}}", "value", 5.5),
        ("{on: a.b, expect: {rate: '<= 3'}}", "rate", 3),
        ("{on: a.b, value: v, as: sum, expect: {value: '<= 3'}}", "value", 3),
        ("{on: a.b, value: v, as: p50, expect: {p99: '<= 3'}}", "p99", 3),
        ("{on: a.b, as: session, expect: {p90: '<= 600'}}", "p90", 600),
    ],
)
def test_what_a_signal_has_can_be_expected(body: str, quantity: str, target: float) -> None:
    (expect,) = signal(body).expect
    assert (expect.quantity, expect.target) == (quantity, target)
