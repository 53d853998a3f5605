"""One step under watch: when it is judged, what it is told, what it says, and what survives a restart."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from streams.findings import Finding, SeriesKey
from streams.stages.detection import hours_of_week
from streams.stages.lanes import WHOLE, Groups, groups_of
from streams.stages.step_credit import LEAST_PER_DAY
from streams.stages.step_watch import StepWatch
from tests.detectors.steps.simulation import START
from tests.streams.stages.shop import DEVICES, END, FAULT, FIXED, WITHIN, customers

GROUPS = groups_of([("device", ["mobile", "desktop"])])
WEEK = 1 / 604_800
HOUR = 3600


class Heard:
    """What a step reports."""

    def __init__(self) -> None:
        self.fired: list[Finding] = []
        self.updates: list[Finding] = []
        self.resolved: list[int] = []
        self.rebaselined: list[tuple[int, float]] = []

    def fire(self, finding: Finding) -> None:
        self.fired.append(finding)

    def update(self, finding: Finding) -> None:
        self.updates.append(finding)

    def resolve(self, series: SeriesKey, tick: int) -> None:
        self.resolved.append(tick)

    def rebaseline(self, series: SeriesKey, tick: int, ratio: float) -> None:
        self.rebaselined.append((tick, ratio))


def watch(within: int = WITHIN) -> StepWatch:
    return StepWatch("purchase", "checkout", within, hours_of_week("UTC"))


Rows = dict[int, tuple[list[tuple[str, int, int, int]], list[tuple[str, int, int, int]]]]


@cache
def rows(part: float = 1.0) -> Rows:
    """By tick: entrants (device, second, number, value) and leavers (device, second of entry, completed, gone)."""
    found: Rows = {}
    who = customers(part)
    for lane, entered, left, completed in zip(
        who.lanes.tolist(), who.entered.tolist(), who.left.tolist(), who.completed.tolist(), strict=True
    ):
        found.setdefault(entered, ([], []))[0].append((DEVICES[lane], entered, 1, 20_000_000))
        found.setdefault(left, ([], []))[1].append((DEVICES[lane], entered, int(completed), int(not completed)))
    return found


def live(step: StepWatch, since: int, until: int, part: float = 1.0, heard: Heard | None = None) -> Iterator[int]:
    """Let the shop's ticks of [since, until) pass; yields each at its close."""
    heard = Heard() if heard is None else heard
    for tick in range(since, until):
        entered, left = rows(part).get(tick, ([], []))
        for device, second, count, value in entered:
            step.enter((device,), second, count, value)
        for device, second, completed, gone in left:
            step.leave((device,), second, completed, gone)
        step.close(tick, GROUPS, WEEK / 2, WEEK / 12, heard)
        yield tick


def lived(until: int, part: float = 1.0) -> tuple[StepWatch, Heard]:
    step, heard = watch(), Heard()
    for _ in live(step, START, until, part, heard):
        pass
    return step, heard


def test_a_step_that_breaks_fires_is_updated_and_resolves() -> None:
    step, heard = lived(END)
    (fired,) = heard.fired
    whole = SeriesKey("conversion", "down", "purchase", "checkout")
    assert fired.series in (whole, SeriesKey("conversion", "down", "purchase", "checkout", "", "device", "mobile"))
    assert fired.segments == ({"device": "mobile"},)
    assert FAULT < fired.tick <= FAULT + 40
    assert abs(fired.since - FAULT) <= 4
    assert fired.since_low - 2 <= FAULT <= fired.since_high + 2
    assert fired.early
    assert fired.evidence >= 1
    # 1.5 of 2.7 completions a second come from phones, and each is worth 20.
    assert fired.loss == pytest.approx(1.5 / 2.7, abs=0.12)
    last = [one for one in heard.updates if one.tick <= FIXED][-1]
    assert last.size == pytest.approx(1.0, abs=0.05)
    assert last.value_per_hour == pytest.approx(1.5 * 3600 * 20, rel=0.2)
    assert last.expected == pytest.approx(1.5 * (last.tick - FAULT + 1), rel=0.15)
    assert len(heard.updates) == pytest.approx((FIXED - FAULT) / 60, abs=2)
    (resolved,) = heard.resolved
    assert FIXED < resolved <= FIXED + 120
    assert heard.rebaselined == []
    assert step.state == "watching"


def test_while_it_fires_it_has_no_credit_and_learns_nothing() -> None:
    step, _ = lived(FAULT + 60)
    assert step.state == "firing"
    assert step.firing
    assert step.live == (0, 0)
    assert step.credit_of() == 0.0
    rates = step.drop.hazards.rates.copy()
    for _ in live(step, FAULT + 60, FAULT + 200):
        pass
    assert step.drop.hazards.rates == pytest.approx(rates)
    assert step.pending(FAULT + 200) == []


def test_a_drop_on_the_way_is_pending() -> None:
    step, heard, seen = watch(), Heard(), list[Finding]()
    for _ in live(step, START, FAULT, 1.0, heard):
        pass
    for tick in live(step, FAULT, FAULT + 60, 1.0, heard):
        if heard.fired:
            break
        seen += step.pending(tick)
    assert seen
    assert all(0.1 <= one.evidence < 1 for one in seen)
    assert {one.series.value for one in seen} <= {"", "mobile"}


def test_updates_end_at_multiples_of_the_interval_whatever_is_asked_in_between() -> None:
    step = watch()
    step.schedule.interval = 8
    ends: list[int] = []
    for _ in live(step, START, START + 200, 0.0):
        if step.schedule.last is not None and (not ends or ends[-1] != step.schedule.last):
            ends.append(step.schedule.last)
    # The first is taken as soon as somebody comes.
    assert len(ends) == 26
    assert all((end + 1) % 8 == 0 for end in ends[1:])


def test_nothing_is_due_while_nobody_is_in_flight() -> None:
    step = watch()
    assert step.next_due() is None
    step.enter(("mobile",), START, 2, 0)
    assert step.next_due() is not None
    step.leave(("mobile",), START, 1, 1)
    due = step.next_due()
    assert due is not None
    step.close(max(due, START + 1), GROUPS, WEEK, WEEK, Heard())
    assert step.next_due() is None
    # A week later it goes on.
    step.enter(("mobile",), START + 604_800, 1, 0)
    step.close(START + 604_800, GROUPS, WEEK, WEEK, Heard())
    assert step.schedule.seconds == step.schedule.interval


def test_those_who_wait_are_looked_at_again_though_nothing_comes() -> None:
    step = watch()
    for _ in live(step, START, FAULT, 0.0):
        pass
    due = step.next_due()
    assert due is not None
    assert FAULT <= due <= FAULT + 60
    # The longer nothing comes, the less often.
    waits = []
    while (due := step.next_due()) is not None:
        waits.append(due - (step.schedule.last or 0))
        step.close(due, GROUPS, 0.0, 0.0, Heard())
    assert waits[0] <= 2
    assert max(waits) > 4
    assert waits.index(max(waits)) > len(waits) / 2
    # Nobody who is still there by then can go on in time.
    assert FAULT + WITHIN < (step.schedule.last or 0) < FAULT + WITHIN + 200
    assert step.live == (0, 0)


def test_who_came_at_the_same_second_is_the_same_whether_told_at_once_or_one_by_one() -> None:
    one, other = watch(), watch()
    values = [100_001 * number**2 + 7 for number in range(40)]
    for value in values:
        one.enter(("mobile",), START, 1, value)
        one.leave(("mobile",), START, 0, 1)
    for at in (0, 1, 2):
        other.enter(("mobile",), START, len(values[at::3]), sum(values[at::3]))
    other.leave(("mobile",), START, 0, 40)
    for step in (one, other):
        step.enter(("desktop",), START, 1, 5)
        step.close(START + 10, GROUPS, WEEK, WEEK, Heard())
    assert one.changes(START + 10, whole=True) == other.changes(START + 10, whole=True)


@pytest.mark.parametrize("value", [10**300, -(10**300)])
def test_an_amount_beyond_all_reason_can_be_stored(value: int) -> None:
    step = watch()
    for _ in range(20):
        step.enter(("mobile",), START, 1, value)
    assert restarted(step, step.changes(START)).next_due() == step.next_due()
    step.close(START + 300, GROUPS, WEEK, WEEK, Heard())
    again = restarted(step, step.changes(START + 300))
    assert again.changes(START, whole=True) == step.changes(START, whole=True)


def test_a_step_with_few_customers_gets_no_credit_until_it_has_many() -> None:
    step = watch(within=86_400)
    heard = Heard()
    second = START
    # One customer every three hours, who takes two of them.
    for _ in range(30):
        step.enter(("mobile",), second, 1, 0)
        for tick in (second + 20, second + 2 * HOUR):
            if tick > second + 20:
                step.leave(("mobile",), second, 1, 0)
            due = step.next_due()
            if due is not None:
                step.close(max(due, tick), GROUPS, WEEK, WEEK, heard)
        second += 3 * HOUR
    assert heard.fired == []
    assert step.drop.rate[WHOLE] * 86_400 < LEAST_PER_DAY
    assert step.state == "quiet"
    assert step.live == (0, 0)


def test_hours_in_which_nobody_comes_count_when_volume_is_judged() -> None:
    step, heard = watch(), Heard()
    # Six customers a day, who take half a minute each: as long as one of them is in flight the rate is high.
    for number in range(30):
        second = START + number * 4 * HOUR
        step.enter(("mobile",), second, 1, 0)
        step.close(second, GROUPS, WEEK, WEEK, heard)
        step.leave(("mobile",), second, 1, 0)
        step.close(second + 30, GROUPS, WEEK, WEEK, heard)
    assert step.drop.rate[WHOLE] * 86_400 > 5 * LEAST_PER_DAY
    assert step.drop.per_day[WHOLE] < LEAST_PER_DAY
    assert step.state == "quiet"
    assert step.credit_of() == 0.0


def test_before_anybody_goes_on_it_is_learning() -> None:
    step = watch()
    assert step.state == "learning"
    step.enter(("mobile",), START, 5, 0)
    step.close(START + 1, GROUPS, WEEK, WEEK, Heard())
    assert step.state == "learning"
    assert step.credit_of() == 0.0
    assert [series.value for series, _ in step.levels()] == [""]


def restarted(step: StepWatch, stored: dict[str, bytes]) -> StepWatch:
    again = watch()
    again.load(stored["state"], stored.get("journal"))
    return again


@pytest.mark.parametrize("cut", [START + 1, START + 301, FAULT + 8, FAULT + 30, FIXED + 30, END - 1])
def test_a_restart_changes_nothing_not_even_what_is_shown(cut: int) -> None:
    step, heard = watch(), Heard()
    stored: dict[str, bytes] = {}
    for tick in live(step, START, cut, 1.0, heard):
        if tick % 50 == 0:
            stored |= step.changes(tick)
    # Something has come that is not judged yet.
    step.enter(("mobile",), cut, 3, 1_000_000)
    stored |= step.changes(cut)
    again = restarted(step, stored)
    assert again.levels() == step.levels()
    assert again.credit_of() == step.credit_of()
    assert again.pending(cut) == step.pending(cut)
    assert (again.state, again.firing, again.live) == (step.state, step.firing, step.live)
    assert again.next_due() == step.next_due()
    assert again.changes(cut, whole=True) == step.changes(cut, whole=True)
    one, other = Heard(), Heard()
    for _ in live(step, cut, min(cut + 120, END), 1.0, one):
        pass
    for _ in live(again, cut, min(cut + 120, END), 1.0, other):
        pass
    assert (one.fired, one.updates, one.resolved) == (other.fired, other.updates, other.resolved)
    assert again.changes(END, whole=True) == step.changes(END, whole=True)


def test_between_checkpoints_only_what_came_is_stored() -> None:
    step = watch()
    ticks = live(step, START, START + 900, 0.0)
    sizes = [(tick, set(step.changes(tick))) for tick in ticks if tick % 30 == 0]
    states = [tick for tick, names in sizes if "state" in names]
    assert all("journal" in names for _, names in sizes)
    assert len(states) == 3
    assert states[1] - states[0] >= 300


def test_a_step_without_news_stores_nothing() -> None:
    step = watch()
    step.changes(START)
    assert step.changes(START + 1) == {}
    step.enter(("mobile",), START, 1, 0)
    assert set(step.changes(START + 2)) == {"journal"}
    step.close(START + 300, GROUPS, WEEK, WEEK, Heard())
    assert set(step.changes(START + 300)) == {"state", "journal"}
    assert step.changes(START + 301) == {}


def test_values_that_are_admitted_get_a_series_from_the_next_update_on() -> None:
    step, _ = lived(START + 300, 0.0)
    assert step.lanes.series == [("", ""), ("device", "desktop"), ("device", "mobile"), ("device", "other")]
    wider: Groups = groups_of([("device", ["mobile", "desktop", "tablet"])])
    step.enter(("tablet",), START + 300, 1, 0)
    step.close(START + 310, wider, WEEK, WEEK, Heard())
    assert step.lanes.series[-1] == ("device", "tablet")
    assert step.drop.series == 5


def test_examples_are_the_latest_customers_who_entered() -> None:
    step, heard = watch(), Heard()
    for tick in live(step, START, FAULT + 60, 1.0, heard):
        if tick % 10 == 0:
            step.journal.samples.append((tick, (f"c-{tick}", "c-again")))
        if heard.fired:
            break
    (fired,) = heard.fired
    assert len(fired.examples) == 4
    assert "c-again" in fired.examples
    assert fired.examples[0].startswith("c-")
    assert len(set(fired.examples)) == 4


def test_what_was_learnt_elsewhere_is_known_at_once() -> None:
    step, _ = lived(FAULT - 120, 0.0)
    body = step.learnt()
    fresh = watch()
    fresh.learn(body)
    assert fresh.state == "watching"
    heard = Heard()
    for _ in live(fresh, FAULT - 120, FAULT + 40, 1.0, heard):
        pass
    assert [one.tick > FAULT for one in heard.fired] == [True]


def test_what_was_learnt_with_another_time_to_go_on_is_refused() -> None:
    step, _ = lived(START + 400, 0.0)
    with pytest.raises(ValueError, match="learnt with 300 s to go on, here it is 60 s"):
        watch(60).learn(step.learnt())


def test_what_is_due_is_about_what_comes_while_nothing_is_wrong_and_zero_once_nobody_is_there() -> None:
    step, came, due = watch(), 0, 0.0
    for tick in live(step, START, END, 0.0):
        if tick >= FAULT:
            came += sum(completed for _, _, completed, _ in rows(0.0).get(tick, ([], []))[1])
            due += step.schedule.due
    assert came > 500
    assert due == pytest.approx(came, rel=0.1)
    for tick in range(END, END + 3 * WITHIN):
        step.close(tick, GROUPS, WEEK / 2, WEEK / 12, Heard())
    assert step.schedule.due == 0
