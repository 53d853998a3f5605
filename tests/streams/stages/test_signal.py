"""SignalStage in small literal cases, and behind a real JourneyStage."""

from __future__ import annotations

import random

import pytest

from streams.config.load import load_text
from streams.effects import Cell, Decision, Entered, Measured, Outcome, Partial
from streams.estimates import Estimate, share
from streams.histogram import bucket
from streams.stages.closing import SequenceGap
from streams.stages.signal import SignalStage
from streams.view import SegmentView, StepView
from tests.build import SHOP, event, run

START = 1_767_225_600
"""2026-01-01T00:00:00Z"""
DAY = 86_400

FILE = """
version: 1
segments: [device]
journeys:
  purchase:
    owner: shop
    runbook: https://wiki.example/purchase
    steps:
      - {name: cart, on: cart.updated}
      - {name: checkout, on: checkout.started, within: 60s}
      - {name: paid, on: order.completed, within: 60s}
signals:
  csat: {on: survey.answered, where: {metric: csat}}
  handle: {on: call.ended, value: duration_s}
"""


class Shell:
    """One partition's worth of partials for a stage, numbered as they come."""

    def __init__(self, file: str = FILE) -> None:
        self.loaded = load_text(file, "test.yml")
        self.stage = SignalStage(self.loaded.config, self.loaded.hash)
        self.sequence = 0
        self.declared = START - 1

    def tick(self, at: int, *items: Entered | Outcome | Measured) -> list[Decision]:
        """Content `at` seconds into the test; everything before it is declared empty."""
        return self._send(
            START + at,
            entered=tuple(item for item in items if isinstance(item, Entered)),
            outcomes=tuple(item for item in items if isinstance(item, Outcome)),
            measured=tuple(item for item in items if isinstance(item, Measured)),
            types={"some.thing": 1},
        )

    def until(self, at: int) -> list[Decision]:
        """Nothing happens any more until then."""
        return self._send(START + at)

    def _send(self, tick: int, **content: object) -> list[Decision]:
        partial = Partial(0, self.sequence, self.declared + 1, tick, self.stage.hash, **content)  # type: ignore[arg-type]  # the fields of Partial
        self.sequence += 1
        self.declared = tick
        return self.stage.process(partial)

    def step(self, name: str) -> StepView:
        """A step as shown now."""
        return next(step for step in self.stage.view().journeys[0].steps if step.name == name)


def entered(step: str, count: int, device: str = "mobile", late: int = 0) -> Entered:
    return Entered("purchase", step, (device,), count, 0, late)


def outcome(step: str, at: int, device: str = "mobile", **counts: int) -> Outcome:
    numbers = [counts.get(name, 0) for name in ("completed", "abandoned", "recovered", "merged")]
    return Outcome("purchase", step, (device,), START + at, *numbers)


def measured(signal: str, values: list[float], cell: Cell = ("mobile",), top: int = 0) -> Measured:
    scaled = [round(value * 10**6) for value in values]
    square = sum(value * value for value in scaled)
    counts: dict[int, int] = {}
    for value in values:
        counts[bucket(value)] = counts.get(bucket(value), 0) + 1
    return Measured(signal, cell, len(values), sum(scaled), square >> 62, square & ((1 << 62) - 1), top, 0, counts)


def test_conversion_by_throughput_compares_the_same_window_and_by_cohort_the_same_customers() -> None:
    shell = Shell()
    shell.tick(0, entered("cart", 40))
    shell.tick(50, outcome("cart", 0, completed=10))
    window = shell.step("cart").windows["1h"]
    assert window.throughput == share(10, 40)
    assert window.cohort == Estimate(0)
    shell.until(59)
    assert shell.step("cart").windows["1h"].cohort == Estimate(0)
    shell.tick(60, outcome("cart", 0, abandoned=30))
    assert shell.step("cart").windows["1h"].cohort == share(10, 40)
    shell.until(110)
    window = shell.step("cart").windows["1m"]
    assert (window.entered, window.completed, window.abandoned) == (0, 0, 30)
    assert window.cohort == share(10, 40)


def test_recovered_customers_did_not_convert_in_time_and_merged_ones_leave_the_cohort() -> None:
    shell = Shell()
    shell.tick(0, entered("cart", 50))
    shell.tick(10, outcome("cart", 0, completed=20, merged=10))
    shell.tick(60, outcome("cart", 0, abandoned=20))
    shell.tick(90, outcome("cart", 0, recovered=20))
    step = shell.step("cart")
    assert step.windows["5m"].cohort == share(20, 40)
    assert step.totals.recovered == 20
    assert step.totals.in_flight == 0


def test_the_goal_has_no_conversion() -> None:
    shell = Shell()
    shell.tick(0, entered("paid", 40), outcome("paid", 0, completed=40))
    shell.until(5000)
    goal = shell.step("paid")
    assert goal.next_step is None
    assert goal.windows["24h"].entered == 40
    assert goal.windows["24h"].throughput == Estimate(0)
    assert goal.windows["24h"].cohort == Estimate(0)
    assert goal.duration.n == 0


def test_the_time_to_complete_is_shown_for_the_last_hour() -> None:
    shell = Shell()
    shell.tick(0, entered("cart", 60))
    shell.tick(10, outcome("cart", 0, completed=40))
    shell.tick(50, outcome("cart", 0, completed=20))
    duration = shell.step("cart").duration
    assert duration.n == 60
    assert duration.p50 == pytest.approx(10, rel=0.01)
    assert duration.p90 == pytest.approx(50, rel=0.01)
    shell.until(7200)
    assert shell.step("cart").duration.n == 0


def test_the_spark_shows_thirty_minutes_with_gaps_where_nobody_entered() -> None:
    shell = Shell()
    shell.tick(0, entered("cart", 4))
    shell.tick(1, outcome("cart", 0, completed=1))
    shell.tick(120, entered("cart", 2), outcome("cart", 0, completed=3))
    shell.until(180)
    assert shell.step("cart").spark == [None] * 26 + [0.25, None, 1.0, None]


def segment(shell: Shell, step: str, value: str) -> SegmentView:
    return next(segment for segment in shell.step(step).segments if segment.value == value)


def test_outcomes_of_customers_who_entered_before_the_admission_stay_other() -> None:
    shell = Shell()
    shell.tick(0, entered("cart", 30))
    shell.tick(5, entered("cart", 30))
    shell.tick(10, outcome("cart", 0, completed=3), outcome("cart", 5, completed=4))
    assert segment(shell, "cart", "other").totals.entered == 30
    assert segment(shell, "cart", "other").totals.completed == 3
    assert segment(shell, "cart", "mobile").totals.entered == 30
    assert segment(shell, "cart", "mobile").totals.completed == 4
    assert segment(shell, "cart", "mobile").in_flight == 26


def test_a_late_entrant_of_before_the_admission_is_other() -> None:
    shell = Shell()
    shell.tick(5, entered("cart", 60))
    shell.tick(6, entered("cart", 1, late=3))
    assert segment(shell, "cart", "other").totals.entered == 1


def test_a_value_that_fell_silent_becomes_other_with_all_it_counted() -> None:
    shell = Shell()
    shell.tick(0, entered("cart", 60), measured("csat", [5.0] * 50, top=50))
    shell.tick(8 * DAY, entered("cart", 2, device="tablet"))
    assert [segment.value for segment in shell.step("cart").segments] == ["other"]
    other = segment(shell, "cart", "other")
    assert other.totals.entered == 62
    shell.tick(8 * DAY + 1, outcome("cart", 0, abandoned=60))
    assert segment(shell, "cart", "other").in_flight == 2
    assert [segment.value for segment in shell.stage.view().signals[0].segments] == ["other"]


def test_a_signal_is_shown_for_the_whole_and_per_admitted_value() -> None:
    shell = Shell()
    shell.tick(0, entered("cart", 50))
    shell.tick(1, measured("csat", [5.0] * 40, top=40), measured("csat", [1.0] * 40, ("desktop",)))
    csat = shell.stage.view().signals[0]
    assert (csat.name, csat.as_, csat.kind, csat.unit, csat.min_n) == ("csat", "csat", "perception", "ratio", 30)
    assert csat.windows["5m"] == share(40, 80)
    assert csat.total == share(40, 80)
    assert {segment.value: segment.windows["1h"] for segment in csat.segments} == {
        "mobile": share(40, 40),
        "other": share(0, 40),
    }


def test_below_thirty_a_signal_is_collecting() -> None:
    shell = Shell()
    shell.tick(0, measured("csat", [5.0] * 29, top=29))
    assert shell.stage.view().signals[0].state == "collecting"
    shell.tick(1, measured("csat", [5.0], top=1))
    assert shell.stage.view().signals[0].state == "ok"


def test_a_rate_does_not_count_the_time_before_the_first_event() -> None:
    shell = Shell("version: 1\nsignals: {calls: {on: call.started}}")
    shell.until(1000)
    shell.tick(1001, Measured("calls", (), 30, 0, 0, 0, 0, 0, {}))
    shell.tick(1060, Measured("calls", (), 30, 0, 0, 0, 0, 0, {}))
    windows = shell.stage.view().signals[0].windows
    assert windows["1m"].value == 60.0
    assert windows["24h"].value == 60.0


EXPECTING = FILE.replace("value: duration_s}", 'value: duration_s, expect: {p90: "<= 360", over: 1h}}').replace(
    "{name: cart, on: cart.updated}", '{name: cart, on: cart.updated, expect: {conversion: ">= 60%", over: 10m}}'
)


@pytest.mark.parametrize("step", [1, 7, 60, 299, 100_000])
def test_a_breach_recovers_in_an_empty_range_at_the_exact_tick_however_it_is_declared(step: int) -> None:
    shell = Shell(EXPECTING)
    (breach,) = shell.tick(0, measured("handle", [1000.0] * 60))
    assert breach.data["quantity"] == "p90"
    assert shell.tick(1200, measured("handle", [100.0] * 400)) == []
    decisions = [decision for at in range(1200 + step, 100_000, step) for decision in shell.until(at)]
    decisions += shell.until(100_001)
    # The long calls leave the hour with its first minute, at 3600 s; five good minutes end at 3900 s.
    (recovery,) = decisions
    assert recovery.type == "touchline.signal.recovered"
    assert recovery.time == (START + 3901) * 1_000_000
    assert recovery.data["n"] == 400


def test_a_conversion_breaches_by_cohort_and_recovers_five_minutes_after_it_was_right() -> None:
    shell = Shell(EXPECTING)
    shell.tick(0, entered("cart", 100))
    assert shell.tick(30, outcome("cart", 0, completed=20)) == []
    (breach,) = shell.until(100)
    # The cohort of tick 0 is complete at the close of tick 60.
    assert breach.type == "touchline.signal.breached"
    assert breach.time == (START + 61) * 1_000_000
    assert breach.subject == "purchase/cart"
    assert breach.data["signal"] == breach.data["quantity"] == "conversion"
    assert breach.data["value"] == 0.2
    assert breach.data["n"] == 100
    assert shell.step("cart").state == "breached"
    shell.tick(200, entered("cart", 400))
    shell.tick(210, outcome("cart", 200, completed=400))
    (recovery,) = shell.until(2000)
    # 420 of 500 from tick 260 on, 400 of 400 once the first cohort has left the window; five minutes end at 560.
    assert recovery.type == "touchline.signal.recovered"
    assert recovery.time == (START + 561) * 1_000_000
    assert shell.step("cart").state == "ok"


def test_months_without_anything_pass_at_once() -> None:
    shell = Shell(EXPECTING)
    shell.tick(0, entered("cart", 100), measured("handle", [1000.0] * 40))
    decisions = shell.until(400 * DAY)
    assert [decision.subject for decision in decisions] == ["purchase/cart"]
    assert shell.stage.tick == START + 400 * DAY
    assert shell.step("cart").windows["7d"].entered == 0
    assert shell.step("cart").totals.entered == 100


def test_a_partial_of_an_unknown_file_is_refused_and_changes_nothing() -> None:
    shell = Shell()
    with pytest.raises(ValueError, match="not known here: call activate first"):
        shell.stage.process(Partial(0, 0, START, START, "another"))
    assert shell.stage.positions == {}


def test_a_missing_partial_is_noticed_and_a_repeated_one_ignored() -> None:
    shell = Shell()
    shell.tick(0, entered("cart", 1))
    repeat = Partial(0, 0, START, START, shell.stage.hash, entered=(entered("cart", 1),))
    assert shell.stage.process(repeat) == []
    assert shell.step("cart").totals.entered == 1
    with pytest.raises(SequenceGap):
        shell.stage.process(Partial(0, 5, START + 9, START + 9, shell.stage.hash))


def test_the_end_of_the_input_closes_what_other_partitions_had_not_declared() -> None:
    loaded = load_text(FILE, "test.yml")
    stage = SignalStage(loaded.config, loaded.hash, partitions=2)
    stage.process(Partial(0, 0, START, START, loaded.hash, entered=(entered("cart", 7),)))
    assert stage.totals().journeys["purchase"]["cart"].entered == 0
    assert stage.held_back_by == [1]
    stage.finish(START)
    assert stage.totals().journeys["purchase"]["cart"].entered == 7


CHANGED = FILE.replace("segments: [device]", "segments: [channel]").replace(
    "- {name: checkout, on: checkout.started, within: 60s}", "- {name: address, on: address.given, within: 60s}"
).replace("csat: {on: survey.answered, where: {metric: csat}}", "visits: {on: page.viewed}")  # fmt: skip


def test_another_file_keeps_what_has_the_same_name_and_drops_the_rest() -> None:
    shell = Shell()
    shell.tick(0, entered("cart", 60), entered("checkout", 9), measured("handle", [60.0] * 40))
    changed = load_text(CHANGED, "changed.yml")
    shell.stage.activate(changed.config, changed.hash)
    shell.tick(10, Entered("purchase", "cart", ("web",), 5, 0), outcome("cart", 0, device="web", completed=2))
    view = shell.stage.view()
    assert [step.name for step in view.journeys[0].steps] == ["cart", "address", "paid"]
    assert [step.next_step for step in view.journeys[0].steps] == ["address", "paid", None]
    assert shell.step("cart").totals.entered == 65
    assert shell.step("address").totals.entered == 0
    assert [signal.name for signal in view.signals] == ["visits", "handle"]
    assert view.signals[1].total.n == 40
    # A new dimension knows only who entered since.
    assert [(part.dimension, part.value, part.in_flight) for part in shell.step("cart").segments] == [
        ("channel", "other", 5)
    ]


def test_a_step_that_was_away_does_not_count_outcomes_of_entries_it_did_not_see() -> None:
    shell = Shell()
    shell.tick(0, entered("checkout", 9))
    before, changed = shell.loaded, load_text(CHANGED, "changed.yml")
    shell.stage.activate(changed.config, changed.hash)
    shell.until(5)
    shell.stage.activate(before.config, before.hash)
    shell.tick(20, entered("checkout", 3), outcome("checkout", 0, abandoned=9))
    assert shell.step("checkout").totals.entered == 3
    assert shell.step("checkout").totals.in_flight == 3


def test_pieces_of_another_file_are_refused() -> None:
    shell = Shell()
    other = load_text(CHANGED, "changed.yml")
    pieces = shell.stage.snapshot()
    assert SignalStage.config_of(pieces) == shell.loaded.hash
    with pytest.raises(ValueError, match="the stored signals follow file"):
        SignalStage.restore(other.config, other.hash, pieces)


def test_only_what_changed_is_stored_again() -> None:
    def changed() -> set[str]:
        # What stands in every commit, and what tells of everything that is watched.
        return set(shell.stage.changes()) - {"meta", "alarms", "watched", "sources"}

    shell = Shell()
    cart = {"watch/purchase/cart/state", "watch/purchase/cart/journal", "watch/purchase/cart/days"}
    assert changed() >= cart | {
        "step/purchase/cart", "step/purchase/checkout", "step/purchase/paid", "signal/csat", "signal/handle",
        "watch/purchase/checkout/state", "watch/purchase/checkout/journal", "watch/purchase/checkout/days",
        "watched/signal///csat//",
    }  # fmt: skip
    shell.tick(0, entered("cart", 1))
    assert changed() == {"step/purchase/cart", *cart}
    # Who waits is looked at again, a second later for the first time.
    shell.until(1)
    assert changed() == {"watch/purchase/cart/journal"}
    assert changed() == set()
    shell.until(70)
    # The cohort matured.
    assert changed() == {"step/purchase/cart", "watch/purchase/cart/journal"}
    shell.until(200)
    changed()
    # Nobody can go on in time any more.
    shell.until(10_000)
    assert changed() == set()


def test_behind_a_journey_stage_windows_and_cohorts_equal_a_count_of_the_events() -> None:
    random_ = random.Random(3)
    made = []
    happened: list[tuple[float, float | None]] = []
    for customer in range(400):
        at = random_.uniform(0, 7200)
        after = random_.uniform(1, 3600) if random_.random() < 0.7 else None
        happened.append((at, after))
        made.append(event(at, "cart.updated", f"c-{customer}", amount=10.0))
        if after is not None:
            made.append(event(at + after, "checkout.started", f"c-{customer}"))
    made.sort(key=lambda one: one.time or "")
    loaded = load_text(SHOP, "test.yml")
    stage = SignalStage(loaded.config, loaded.hash)
    end = 7199
    for partial in run(made, until=20_000):
        if partial.tick <= START + end:
            stage.process(partial)
    assert stage.tick is not None
    end = stage.tick - START
    cart = stage.view().journeys[0].steps[0]

    entries = [(int(at), at, after) for at, after in happened if int(at) <= end]
    assert cart.totals.entered == len(entries)
    first = (end // 60 - 59) * 60
    hour = cart.windows["1h"]
    assert hour.entered == sum(tick >= first for tick, _, _ in entries)
    in_time = [(at, after) for _, at, after in entries if after is not None and after <= 1800]
    assert hour.completed == sum(first <= int(at + after) <= end for at, after in in_time)
    assert hour.throughput == share(hour.completed, hour.entered)
    # 30 m has slots of 8 s; a cohort matures when its last second has had 30 m.
    matures = {tick: (tick // 8 + 1) * 8 - 1 + 1800 for tick, _, _ in entries}
    matured = [(at, after) for tick, at, after in entries if first <= matures[tick] <= end]
    assert hour.cohort == share(sum(after is not None and after <= 1800 for _, after in matured), len(matured))
    assert hour.cohort.value is not None
    assert hour.value_entered == 10.0 * hour.entered


def test_a_file_that_does_not_hold_yet_survives_a_restart() -> None:
    before, changed = load_text(FILE, "test.yml"), load_text(CHANGED, "changed.yml")
    stage = SignalStage(before.config, before.hash, partitions=2)
    stage.activate(changed.config, changed.hash)
    stage.process(Partial(0, 0, START, START + 1, changed.hash, types={"a.b": 1}))
    pieces = stage.snapshot()
    assert SignalStage.upcoming_of(pieces) == [changed.hash]
    with pytest.raises(ValueError, match="give them as upcoming"):
        SignalStage.restore(before.config, before.hash, pieces)
    again = SignalStage.restore(before.config, before.hash, pieces, {changed.hash: changed.config})
    again.process(Partial(1, 0, START, START, before.hash))
    assert again.hash == before.hash
    again.process(Partial(1, 1, START + 1, START + 1, changed.hash))
    assert again.hash == changed.hash
    assert SignalStage.upcoming_of(again.snapshot()) == []


def test_sums_of_very_large_values_are_exact() -> None:
    shell = Shell()
    for at in range(40):
        shell.tick(at, measured("handle", [1e12, 1e12 - 4]))
    handle = shell.stage.view().signals[1]
    assert handle.windows["1m"].value == 1e12 - 2
    assert handle.windows["1m"].high == pytest.approx(1e12 - 2 + 1.959964 * 2 / 79**0.5, abs=0.001)
    assert handle.windows["1m"] == handle.total


def test_numbers_beyond_all_reason_do_not_stop_the_stream() -> None:
    shell = Shell()
    most = (1 << 63) - 1
    shell.tick(0, *(Measured("handle", ("mobile",), 40, sign * most, most, 0, 0, 0, {}) for sign in (1, -1, 1)))
    shell.tick(1, Entered("purchase", "cart", ("mobile",), 1, 10**300))
    assert shell.stage.view().signals[1].total.n == 120
    assert shell.stage.view().journeys[0].steps[0].windows["1m"].entered == 1
