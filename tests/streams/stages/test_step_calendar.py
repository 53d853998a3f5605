"""A step done by people: its time runs while they are there, whatever the clock on the wall says."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache

import pytest

from detectors.steps.flight import IN_FLIGHT
from streams.care.open_time import open_time
from streams.config.caring import Calendar
from streams.config.load import load_text
from streams.stages.detection import hours_of_week
from streams.stages.lanes import WHOLE, groups_of
from streams.stages.sight import in_words
from streams.stages.step_alarms import StepAlarms
from streams.stages.step_clock import ALWAYS, StepClock
from streams.stages.step_watch import StepWatch
from streams.units import HOUR, parse_time
from tests.streams.stages.test_step_watch import WEEK, Heard

WITHIN = 3600
"""Open seconds: nobody takes longer."""
ZONE = "Europe/Kyiv"
HOURS = ((9 * HOUR, 18 * HOUR),)
OFFICE = Calendar(timezone=ZONE, open={"mon": HOURS, "tue": HOURS, "wed": HOURS, "thu": HOURS, "fri": HOURS})
NOBODY = groups_of([])


def second(text: str) -> int:
    return parse_time(text) // 1_000_000


BEGIN = second("2026-03-25T09:00:00+02:00")
CHANGE = second("2026-03-30T09:00:00+03:00")
"""A Monday; the clock went forward in the night before."""
END = second("2026-03-30T11:00:00+03:00")


def office() -> StepClock:
    return StepClock(open_time(OFFICE))


def watch(clock: StepClock = ALWAYS) -> StepWatch:
    return StepWatch("loan", "applied", WITHIN, hours_of_week(ZONE), ("down",), clock)


Happenings = Mapping[int, list[tuple[int, int, int]]]
"""By tick: second of entry, and whether somebody entered (0, 0), went on (1, 0) or gave up (0, 1)."""


@cache
def department(broken: bool = False) -> Happenings:
    """Customers come at any hour, every three minutes; each is looked after within ten minutes of opening hours."""
    chance, clock = random.Random(4), office()
    found: dict[int, list[tuple[int, int, int]]] = {}
    now = BEGIN
    while now < END:
        now += int(chance.expovariate(1 / 180)) + 1
        found.setdefault(now, []).append((now, 0, 0))
        age = int(chance.expovariate(1 / 600)) + 1
        goes = chance.random() < 0.8 and age < WITHIN
        left = clock.second(clock.at(now) + (age if goes else WITHIN))
        if broken and goes and left >= CHANGE:
            left, goes = clock.second(clock.at(now) + WITHIN), False
        found.setdefault(left, []).append((now, int(goes), int(not goes)))
    return dict(sorted(found.items()))


def live(step: StepWatch, heard: Heard, happenings: Happenings, until: int, since: int = BEGIN) -> None:
    for tick, what in happenings.items():
        if not since <= tick < until:
            continue
        pass_until(step, heard, tick - 1)
        for entered, went_on, gave_up in what:
            if went_on or gave_up:
                step.leave((), entered, went_on, gave_up, tick)
            else:
                step.enter((), entered, 1, 0)
        step.close(tick, NOBODY, WEEK / 2, 0.0, heard)
    pass_until(step, heard, until - 1)


def pass_until(step: StepWatch, heard: Heard, tick: int) -> None:
    while (due := step.next_due()) is not None and due <= tick:
        step.close(due, NOBODY, WEEK / 2, 0.0, heard)


def lived(until: int, clock: StepClock = ALWAYS, broken: bool = False) -> tuple[StepWatch, Heard]:
    step, heard = watch(clock), Heard()
    live(step, heard, department(broken), until)
    return step, heard


@cache
def undisturbed() -> tuple[StepWatch, Heard]:
    """The whole life of a department that stops working on the last Monday; not to be changed."""
    return lived(END, office(), broken=True)


def test_nights_and_weekends_are_drops_only_by_the_clock_on_the_wall() -> None:
    step, heard = lived(END, office())
    assert heard.fired == []
    assert step.state == "watching"
    assert step.drop.kappa[WHOLE] < 0.15
    _, without = lived(second("2026-03-28T09:00:00+02:00"))
    assert without.fired


def test_who_stops_working_on_monday_morning_is_found_within_the_hour() -> None:
    _, heard = undisturbed()
    (fired,) = heard.fired
    # The weekend's customers wait; they are due one after the other from nine on.
    assert CHANGE < fired.tick < CHANGE + 1800
    # As far as it can be told: the last minute of Friday lies beside it.
    assert abs(office().elapsed(fired.since, CHANGE)) <= 120
    assert fired.since_low <= CHANGE <= fired.since_high + 60
    assert heard.resolved == []
    last = heard.updates[-1]
    assert last.size == pytest.approx(1.0, abs=0.05)
    assert last.since == fired.since


def test_while_it_is_closed_nobody_is_due_and_nothing_is_granted() -> None:
    friday, saturday = second("2026-03-27T17:30:00+02:00"), second("2026-03-28T12:00:00+02:00")
    step, heard = lived(friday, office())
    assert step.live == (1, 0)
    assert step.schedule.due > 0
    assert step.schedule.opens is None
    assert in_words(step).startswith("an outage within ")
    waiting = float(step.drop.flight.aging.counts[:, IN_FLIGHT].sum())
    live(step, heard, department(), saturday, friday)
    assert step.live == (0, 0)
    assert step.schedule.due == 0.0
    assert step.schedule.opens == CHANGE
    assert in_words(step).startswith("closed now; once open an outage within ")
    assert step.drop.tick == office().at(friday + 1800)
    assert float(step.drop.flight.aging.counts[:, IN_FLIGHT].sum()) > waiting + 100
    assert step.credit_of() > 0
    # Unless somebody comes or goes, nobody looks at it again before Monday at nine.
    due = step.next_due()
    assert due is not None
    assert CHANGE - 1 <= due < CHANGE - 1 + step.schedule.interval


def test_who_goes_on_while_it_is_closed_counts_neither_for_nor_against() -> None:
    saturday = second("2026-03-28T12:00:00+02:00")
    step, heard = lived(saturday, office())
    rates, evidence = step.drop.hazards.rates.copy(), step.levels()
    volume, waiting = step.drop.per_day[WHOLE], float(step.drop.flight.aging.counts[:, IN_FLIGHT].sum())
    entered = [tick for tick, what in department().items() if saturday - 7200 < tick < saturday for one in what]
    for one in entered[:20]:
        step.leave((), one, 1, 0, saturday)
    step.close(saturday + 600, NOBODY, WEEK / 2, 0.0, heard)
    assert float(step.drop.flight.aging.counts[:, IN_FLIGHT].sum()) == waiting - 20
    assert step.drop.observed[WHOLE] == step.drop.expected[WHOLE] == 0.0
    assert step.levels() == evidence
    assert step.drop.per_day[WHOLE] == volume
    assert step.drop.hazards.rates.tolist() == rates.tolist()
    assert heard.fired == []


def test_a_flood_while_it_is_closed_does_not_drown_those_who_wait() -> None:
    saturday = second("2026-03-28T12:00:00+02:00")
    step, heard = lived(saturday, office())
    waiting = float(step.drop.flight.aging.counts[:, IN_FLIGHT].sum())
    for tick in range(saturday, saturday + 300):
        step.enter((), tick, 5, 0)
        step.close(tick, NOBODY, WEEK / 2, 0.0, heard)
    pass_until(step, heard, saturday + 600)
    flooding = float(step.drop.flight.aging.counts[:, IN_FLIGHT].sum()) - waiting
    # Of 1,500 some thirty count: those of the beginning, and then no more than the usual number.
    assert 0 < flooding < 60
    assert heard.fired == []


@pytest.mark.parametrize("stop", ["2026-03-28T12:00:00+02:00", "2026-03-30T09:20:00+03:00"])
def test_a_restart_leaves_no_trace(stop: str) -> None:
    at = second(stop)
    whole, heard = undisturbed()
    before, told = lived(at, office(), broken=True)
    pieces = before.changes(at)
    after = watch(office())
    after.load(pieces["state"], pieces["journal"], pieces["days"])
    live(after, told, department(True), END, at)
    assert told.fired == heard.fired
    assert told.updates == heard.updates
    assert after.drop.snapshot() == whole.drop.snapshot()
    assert after.season.snapshot() == whole.season.snapshot()
    assert after.next_due() == whole.next_due()


def test_what_was_learnt_belongs_to_its_opening_hours() -> None:
    learnt = lived(second("2026-03-26T12:00:00+02:00"), office())[0].learnt()
    with pytest.raises(ValueError, match="loan/applied: learnt in another calendar"):
        watch().learn(learnt)
    # Holidays are no part of what every week looks like.
    again = watch(StepClock(open_time(Calendar(timezone=ZONE, open=OFFICE.open, closed=("2026-04-13",)))))
    again.learn(learnt)
    assert again.drop.hazards.seen.sum() > 100


FILE = """
version: 1
timezone: Europe/Kyiv
calendars:
  office: {open: {mon: ["09:00", "18:00"], tue: ["09:00", "18:00"]}, closed: [2026-01-01]}
journeys:
  loan:
    steps:
      - {name: applied, on: loan.applied}
      - {name: checked, on: loan.checked, within: 1h, optional: true}
      - {name: decided, on: loan.decided, within: 4h, calendar: office}
      - {name: paid, on: loan.paid, within: 1h}
"""


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (("closed: [2026-01-01]", "closed: [2026-01-01, 2026-12-25]"), True),
        (("closed: [2026-01-01]", "closed: [2026-01-01, 2026-03-16]"), False),
        (("closed: [2026-01-01]", "closed: []"), False),
        (('tue: ["09:00", "18:00"]', 'tue: ["09:00", "17:00"]'), False),
        (("timezone: Europe/Kyiv", "timezone: Europe/Warsaw"), False),
        ((", calendar: office", ""), False),
        (("within: 4h", "within: 5h"), False),
        (("name: paid", "name: transferred"), True),
    ],
)
def test_a_step_keeps_its_baseline_as_long_as_its_past_hours_stay(change: tuple[str, str], kept: bool) -> None:
    steps = StepAlarms(load_text(FILE, "loan.yml").config, hours_of_week(ZONE))
    watched = steps.steps["loan", "applied"]
    assert watched.clock.pattern
    assert watched.within == 4 * 3600
    assert steps.steps["loan", "checked"].clock.pattern
    assert not steps.steps["loan", "decided"].clock.pattern
    watched.enter((), BEGIN, 1, 0)
    watched.close(BEGIN + 600, NOBODY, 0.0, 0.0, Heard())
    assert watched.schedule.last is not None
    assert FILE.replace(*change) != FILE
    config = load_text(FILE.replace(*change), "loan.yml").config
    steps.activate(config, hours_of_week(str(config.timezone)))
    assert (steps.steps["loan", "applied"] is watched) is kept
    if kept:
        opening = steps.steps["loan", "applied"].clock.opening
        assert opening is open_time(config.calendars["office"])
