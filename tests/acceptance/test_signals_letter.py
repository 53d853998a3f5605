"""formats.md section 2 "Signals" and product.md section 5: every `as` with its golden values, `min_n`, `expect`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.replayed import Outcome, event, replay


def answers(metric: str, scores: Sequence[int | float], start: int = 0) -> list[dict[str, Any]]:
    return [
        event(f"a{start + n}", "survey.answered", "10:00:00", f"c{start + n}", {"metric": metric, "score": score})
        for n, score in enumerate(scores)
    ]


def values(numbers: Sequence[float | int], type_: str = "a.a", field: str = "x") -> list[dict[str, Any]]:
    return [
        event(f"v{n}", type_, f"10:{n // 60 % 60:02d}:{n % 60:02d}", f"c{n}", {field: number})
        for n, number in enumerate(numbers)
    ]


def one(folder: Path, signal: str, events: list[dict[str, Any]], *options: str) -> dict[str, Any]:
    outcome = replay(folder, f"version: 1\nsignals: {{s: {signal}}}\n", events, *options)
    result: dict[str, Any] = outcome.signals["s"]
    return result


@pytest.mark.parametrize(
    ("promoters", "passives", "detractors", "nps", "low", "high"),
    [
        (50, 30, 20, 30.00, 14.05, 44.20),
        (200, 200, 100, 20.00, 13.34, 26.42),
        (12, 6, 2, 50.00, 15.02, 71.94),
        (5, 0, 0, 100.00, 17.49, 100.00),
        (500, 300, 200, 30.00, 25.08, 34.74),
    ],
)
def test_nps_has_the_golden_values(
    tmp_path: Path, promoters: int, passives: int, detractors: int, nps: float, low: float, high: float
) -> None:
    """`nps` (100·(P−D)/n, adjusted Wald); golden values of product.md section 5."""
    scores = [9 + n % 2 for n in range(promoters)] + [7 + n % 2 for n in range(passives)]
    scores += [n % 7 for n in range(detractors)]
    value = one(tmp_path, "{on: survey.answered, where: {metric: nps}, min_n: 1}", answers("nps", scores))
    assert value["n"] == promoters + passives + detractors
    assert value["value"] == pytest.approx(nps, abs=0.005)
    assert value["low"] == pytest.approx(low, abs=0.005)
    assert value["high"] == pytest.approx(high, abs=0.005)


@pytest.mark.parametrize(
    ("good", "n", "low", "high"), [(80, 100, 0.711, 0.867), (8, 10, 0.490, 0.943), (29, 30, 0.833, 0.994)]
)
def test_csat_is_the_share_of_the_two_highest_with_wilsons_interval(
    tmp_path: Path, good: int, n: int, low: float, high: float
) -> None:
    """`csat` (share of the two highest values, 0–1, Wilson)."""
    scores = [4 + at % 2 for at in range(good)] + [1 + at % 3 for at in range(n - good)]
    value = one(tmp_path, "{on: survey.answered, where: {metric: csat}, min_n: 1}", answers("csat", scores))
    assert (value["n"], value["value"]) == (n, pytest.approx(good / n))
    assert value["low"] == pytest.approx(low, abs=0.0005)
    assert value["high"] == pytest.approx(high, abs=0.0005)


def test_ces_is_the_mean_of_1_to_7(tmp_path: Path) -> None:
    """`ces` (mean on 1–7)."""
    value = one(tmp_path, "{on: survey.answered, where: {metric: ces}, min_n: 1}", answers("ces", [7, 6, 5, 2]))
    assert (value["n"], value["value"]) == (4, 5.0)
    assert value["low"] < 5 < value["high"] <= 7


def test_mean_is_the_default_with_value(tmp_path: Path) -> None:
    """Default: from `where.metric`, else `mean` with `value`, else `rate`."""
    value = one(tmp_path, "{on: a.a, value: x, min_n: 1}", values([1, 2, 3, 4]))
    half = 1.959964 * math.sqrt(5 / 3 / 4)
    assert value == {
        "n": 4,
        "value": 2.5,
        "low": pytest.approx(2.5 - half, abs=1e-4),
        "high": pytest.approx(2.5 + half, abs=1e-4),
    }


def test_rate_is_the_default_without_value(tmp_path: Path) -> None:
    """`rate` (per minute): 61 events from 10:00:00 to 10:01:00."""
    value = one(tmp_path, "{on: a.a, min_n: 1}", values([1] * 61))
    assert value["n"] == 61
    assert value["value"] == pytest.approx(60, rel=0.03)


def test_sum(tmp_path: Path) -> None:
    """`sum`."""
    assert one(tmp_path, "{on: a.a, as: sum, value: x, min_n: 1}", values([1.25, 2, -0.25]))["value"] == 3.0


def test_events_without_a_number_do_not_count(tmp_path: Path) -> None:
    events = [
        event("1", "a.a", "10:00:00", data={"x": 3}),
        event("2", "a.a", "10:00:00", data={"x": "3"}),
        event("3", "a.a", "10:00:00", data={"x": True}),
        event("4", "a.a", "10:00:00", data={"x": None}),
        event("5", "a.a", "10:00:00"),
    ]
    assert one(tmp_path, "{on: a.a, value: x, min_n: 1}", events)["n"] == 1


def test_share_is_the_events_with_where_among_those_of_of(tmp_path: Path) -> None:
    """`share` (events with `where` among `of: {on, where}`, Wilson): 200 pricing views, 24 clicks -> 0.12."""
    events = [event(f"v{n}", "page.viewed", "10:00:00", f"c{n}", {"page": "pricing"}) for n in range(200)]
    events += [event(f"w{n}", "page.viewed", "10:00:00", f"c{n}", {"page": "home"}) for n in range(50)]
    events += [event(f"k{n}", "link.clicked", "10:00:01", f"c{n}", {"link": "buy"}) for n in range(24)]
    events += [event(f"l{n}", "link.clicked", "10:00:01", f"c{n}", {"link": "help"}) for n in range(9)]
    signal = "{on: link.clicked, where: {link: buy}, as: share, of: {on: page.viewed, where: {page: pricing}}}"
    value = one(tmp_path, signal, events)
    assert (value["n"], value["value"]) == (200, pytest.approx(0.12))
    assert (value["low"], value["high"]) == (pytest.approx(0.0820, abs=2e-4), pytest.approx(0.1723, abs=2e-4))


@pytest.mark.parametrize(("as_", "q"), [("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_quantiles_are_within_2_percent(tmp_path: Path, as_: str, q: float, scale: float) -> None:
    """`p50 p75 p90 p95 p99` (mergeable histogram, <= 2 % error)."""
    numbers = [scale * (1.01 ** ((n * 7919) % 1000)) for n in range(1000)]
    value = one(tmp_path, f"{{on: a.a, as: {as_}, value: x}}", values(numbers))
    true = sorted(numbers)[math.ceil(q * 1000) - 1]
    assert value["value"] == pytest.approx(true, rel=0.02)
    assert value["low"] <= value["value"] <= value["high"]


def test_quantiles_of_zero_and_negative_numbers(tmp_path: Path) -> None:
    """<= 2 % error, of every number."""
    assert one(tmp_path, "{on: a.a, as: p50, value: x, min_n: 1}", values([0, 0, 0]))["value"] == 0
    numbers = [-float(n) for n in range(1, 101)]
    value = one(tmp_path, "{on: a.a, as: p90, value: x, min_n: 1}", values(numbers))["value"]
    assert value == pytest.approx(-11, rel=0.02)


def test_session_is_seconds_from_first_to_last_event_and_single_events_are_left_out(tmp_path: Path) -> None:
    """`session` (seconds from first to last event, gap 30m, single events left out)."""
    events = [
        event("1", "page.viewed", "10:00:00"),
        event("2", "page.viewed", "10:01:00"),
        event("3", "page.viewed", "10:02:30"),
        event("4", "page.viewed", "11:00:00"),
        event("5", "page.viewed", "10:00:00", "d"),
        event("6", "page.viewed", "10:30:00", "d"),
    ]
    events.sort(key=lambda one: str(one["time"]))
    value = one(tmp_path, "{on: page.viewed, as: session, min_n: 1}", events, "--until", "2026-03-02T12:00:00Z")
    assert (value["n"], value["value"]) == (2, (150 + 1800) / 2)


def test_a_gap_longer_than_30_minutes_ends_a_session(tmp_path: Path) -> None:
    """Gap 30m."""
    events = [
        event("1", "page.viewed", "10:00:00"),
        event("2", "page.viewed", "10:00:10"),
        event("3", "page.viewed", "10:30:10.001"),
        event("4", "page.viewed", "10:30:30.001"),
    ]
    value = one(tmp_path, "{on: page.viewed, as: session, min_n: 1}", events, "--until", "2026-03-02T12:00:00Z")
    assert (value["n"], value["value"]) == (2, 15.0)


@pytest.mark.parametrize(
    "signal", ["{on: survey.answered, where: {metric: csat}}", "{on: survey.answered, value: score}"]
)
def test_below_min_n_the_value_is_null_and_n_is_there(tmp_path: Path, signal: str) -> None:
    """Below `min_n` (30) value and interval are `null`, n is always there."""
    few = one(tmp_path, signal, answers("csat", [5, 1] * 14 + [4]))
    assert few == {"n": 29, "value": None, "low": None, "high": None}
    enough = one(tmp_path, signal, answers("csat", [5, 1] * 15))
    assert enough["n"] == 30
    assert None not in enough.values()


def test_enps_is_shown_from_5(tmp_path: Path) -> None:
    """`min_n` (30; enps 5)."""
    signal = "{on: survey.answered, where: {metric: enps}}"
    assert one(tmp_path, signal, answers("enps", [10] * 4)) == {"n": 4, "value": None, "low": None, "high": None}
    five = one(tmp_path, signal, answers("enps", [10] * 4 + [0]))
    assert (five["n"], five["value"]) == (5, 60.0)


def test_the_summary_has_exactly_these_keys(tmp_path: Path) -> None:
    """`"signals": {"csat": {"n": 0, "value": 0.0, "low": 0.0, "high": 0.0}}`."""
    assert list(one(tmp_path, "{on: a.a}", [])) == ["n", "value", "low", "high"]


EXPECT = """
version: 1
signals:
  handle_time: {on: call.ended, value: duration_s, expect: {p90: "<= 360", over: 1h}}
"""


def calls(start: str, seconds: list[int], prefix: str) -> list[dict[str, Any]]:
    hour, minute = int(start[:2]), int(start[3:5])
    made = []
    for n, duration in enumerate(seconds):
        total = hour * 3600 + minute * 60 + n * 10
        clock = f"{total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}"
        made.append(event(f"{prefix}{n}", "call.ended", clock, f"{prefix}{n}", {"duration_s": duration}))
    return made


def test_a_breach_and_its_recovery_to_the_letter(tmp_path: Path) -> None:
    """`expect`: breached when n >= min_n and the 95 % interval lies wholly on the wrong side; recovered when the
    estimate has been right for 5 min. One CloudEvents JSON per line, keys in order, time UTC with ms and `Z`."""
    events = calls("10:00", [600] * 40, "x") + calls("10:20", [60] * 2000, "y")
    outcome = replay(tmp_path, EXPECT, events[:1000], "--until", "2026-03-02T18:00:00Z")
    assert [one["type"] for one in outcome.decisions] == ["touchline.signal.breached", "touchline.signal.recovered"]
    breached, recovered = outcome.decisions
    assert list(breached) == ["specversion", "id", "source", "type", "time", "subject", "data"]
    assert (breached["specversion"], breached["source"], breached["subject"]) == ("1.0", "touchline", "handle_time")
    assert re.fullmatch("[a-z2-7]{26}", breached["id"], re.IGNORECASE)
    # the 30th call is at 10:04:50; its tick ends at 10:04:51
    assert breached["time"] == "2026-03-02T10:04:51.000Z"
    data = breached["data"]
    assert data["rule"] == "handle_time"
    assert isinstance(data["because"], list)
    assert {key: data[key] for key in ("signal", "segment", "quantity", "target", "n")} == {
        "signal": "handle_time",
        "segment": {},
        "quantity": "p90",
        "target": 360.0,
        "n": 30,
    }
    assert data["value"] == pytest.approx(600, rel=0.02)
    assert 360 < data["low"] <= data["value"] <= data["high"]
    keys = [key for key in data if key not in ("rule", "because")]
    assert keys == ["signal", "segment", "quantity", "target", "value", "low", "high", "n"]
    assert recovered["time"] > "2026-03-02T10:25:00"
    assert recovered["id"] != breached["id"]
    assert outcome.summary["decisions"] == {"touchline.signal.breached": 1, "touchline.signal.recovered": 1}


def test_no_breach_below_min_n(tmp_path: Path) -> None:
    """Breached when n >= min_n."""
    assert replay(tmp_path, EXPECT, calls("10:00", [600] * 29, "x"), "--until", "2026-03-03T00:00:00Z").decisions == []


def test_no_breach_while_the_interval_holds_the_target(tmp_path: Path) -> None:
    """The 95 % interval lies wholly on the wrong side."""
    events = calls("10:00", [300, 300, 300, 300, 370] * 8, "x")
    assert replay(tmp_path, EXPECT, events, "--until", "2026-03-02T10:10:00Z").decisions == []


def test_a_recovery_needs_five_minutes_without_a_break(tmp_path: Path) -> None:
    """Recovered when the estimate has been right for 5 min: at 4:59 it has not."""
    config = "version: 1\nsignals: {s: {on: a.a, value: x, min_n: 1, expect: {value: '<= 10', over: 1h}}}\n"
    bad = [event(f"b{n}", "a.a", "10:00:00", f"b{n}", {"x": 20 + n % 2}) for n in range(10)]
    good = [event(f"g{n}", "a.a", "10:10:00", f"g{n}", {"x": 0}) for n in range(30)]
    early = replay(tmp_path, config, bad + good, "--until", "2026-03-02T10:14:59Z")
    assert [(one["type"], one["time"]) for one in early.decisions] == [
        ("touchline.signal.breached", "2026-03-02T10:00:01.000Z")
    ]
    other = [*bad, *good, event("z", "c.c", "10:15:05")]
    late = replay(tmp_path, config, other)
    assert [(one["type"], one["time"]) for one in late.decisions] == [
        ("touchline.signal.breached", "2026-03-02T10:00:01.000Z"),
        ("touchline.signal.recovered", "2026-03-02T10:15:01.000Z"),
    ]


def test_over_defaults_to_an_hour(tmp_path: Path) -> None:
    """`over` defaults to 1h: 29 bad calls, 61 minutes, 29 more are never 30 in an hour."""
    config = EXPECT.replace(", over: 1h", "")
    events = calls("10:00", [600] * 29, "x") + calls("11:06", [600] * 29, "y")
    assert replay(tmp_path, config, events).decisions == []
    sooner = calls("10:00", [600] * 29, "x") + calls("10:30", [600] * 1, "y")
    [decision] = replay(tmp_path, config, sooner).decisions
    assert "over=1h" in decision["data"]["because"]


def test_a_steps_conversion_may_be_expected(tmp_path: Path) -> None:
    """Quantities `value p50…p99 share rate conversion`; subject `journey/step` or the signal's name."""
    config = """
version: 1
journeys:
  j:
    steps:
      - {name: a, on: a.a, expect: {conversion: ">= 60%", over: 1h}}
      - {name: b, on: b.b, within: 1m}
"""
    events = [event(f"e{n}", "a.a", "10:00:00", f"c{n}") for n in range(100)]
    [decision] = replay(tmp_path, config, events, "--until", "2026-03-02T10:05:00Z").decisions
    assert decision["subject"] == "j/a"
    assert decision["data"]["quantity"] == "conversion"
    assert (decision["data"]["n"], decision["data"]["value"], decision["data"]["target"]) == (100, 0.0, 0.6)


@pytest.mark.parametrize("number", ["1e308", "-1e308", str(10**25), str(10**400), "1e-320"])
@pytest.mark.parametrize("as_", ["mean", "sum", "p90"])
def test_absurd_numbers_never_stop_the_stream(tmp_path: Path, number: str, as_: str) -> None:
    """Bad input never stops the stream and is never lost."""
    config = f"""
version: 1
journeys: {{j: {{value: x, steps: [{{name: a, on: a.a}}, {{name: b, on: b.b, within: 1m}}]}}}}
signals: {{s: {{on: a.a, as: {as_}, value: x, min_n: 1}}}}
"""
    line = json.dumps(event("%s", "%s", "10:00:00", data={"x": 0})).replace(" 0}", " %s}") + "\n"
    lines = line % ("1", "a.a", number) + line % ("2", "b.b", number) + line % ("3", "a.a", "1")
    outcome = replay(tmp_path, config, lines)
    assert outcome.events["read"] == 3
    assert outcome.events["accepted"] + outcome.events["invalid"] == 3
    assert "Infinity" not in outcome.summary_text
    assert "NaN" not in outcome.summary_text


def test_negative_amounts_are_numbers(tmp_path: Path) -> None:
    outcome: Outcome = replay(
        tmp_path,
        "version: 1\nsignals: {s: {on: a.a, as: sum, value: x, min_n: 1}}\n",
        values([-5, 3, -1.5]),
    )
    assert outcome.signals["s"]["value"] == -3.5
