"""Which steps are watched, and what they are told of the partials."""

from __future__ import annotations

import pytest

from streams.config.load import Loaded, load_text
from streams.effects import Entered, EntrantSample, Outcome, Partial
from streams.findings import SeriesKey
from streams.stages.detection import hours_of_week
from streams.stages.dimensions import Dimensions
from streams.stages.series import Columns
from streams.stages.step_alarms import StepAlarms, watched
from streams.stages.step_watch import StepWatch
from tests.detectors.steps.simulation import START

HOURS = hours_of_week("UTC")
FILE = """
version: 1
segments: [device]
journeys:
  purchase:
    owner: shop
    steps:
      - {name: cart, on: cart.updated}
      - {name: checkout, on: checkout.started, within: 10m}
      - {name: paid, on: order.completed, within: 90s}
"""


class Nobody:
    def fire(self, finding: object) -> None: ...
    def update(self, finding: object) -> None: ...
    def resolve(self, series: object, tick: int) -> None: ...
    def rebaseline(self, series: object, tick: int, ratio: float) -> None: ...


def file(text: str = FILE) -> Loaded:
    return load_text(text, "test.yml")


def alarms(text: str = FILE) -> StepAlarms:
    return StepAlarms(file(text).config, HOURS)


def columns_of(text: str, *, under: str | None = None) -> Columns:
    """What cells counted under a file mean under another, or the same."""
    counted, holds = file(text), file(under or text)
    dimensions = Dimensions(holds.config.segments, holds.hash)
    dimensions.know(counted.config.segments, counted.hash)
    return dimensions.columns(counted.hash)


DEVICE = columns_of(FILE)


def told(steps: StepAlarms, tick: int, *items: Entered | Outcome, columns: Columns = DEVICE) -> None:
    """A partial of one tick, with what its cells mean; then the tick is closed."""
    partial = Partial(
        0, 0, tick, tick, "hash",
        entered=tuple(item for item in items if isinstance(item, Entered)),
        outcomes=tuple(item for item in items if isinstance(item, Outcome)),
    )  # fmt: skip
    steps.take(tick, [(partial, columns)])
    steps.close(tick, (), Nobody())


def flight(watch: StepWatch) -> float:
    return watch.schedule.in_flight


def test_every_step_but_the_goal_is_watched_as_long_as_a_customer_may_stay_in_it() -> None:
    assert watched(file().config.journeys["purchase"], {}) == [("cart", 600, None), ("checkout", 90, None)]


def test_a_journey_may_say_that_its_conversion_is_not_watched() -> None:
    text = FILE.replace("    owner: shop\n", "    owner: shop\n    watch: off\n")
    assert watched(file(text).config.journeys["purchase"], {}) == []
    assert alarms(text).steps == {}


@pytest.mark.parametrize(("asked", "ways"), [("up", ("up",)), ("both", ("down", "up")), ("down", ("down",))])
def test_a_journey_says_in_which_directions_its_conversion_is_watched(asked: str, ways: tuple[str, ...]) -> None:
    text = FILE.replace("    owner: shop\n", f"    owner: shop\n    watch: {asked}\n")
    watch = alarms(text).steps["purchase", "cart"]
    assert watch.directions == ways
    assert tuple(key.direction for key, _ in watch.levels()) == ways


def test_who_entered_is_in_flight_until_they_go_on_leave_or_merge() -> None:
    steps = alarms()
    watch = steps.steps["purchase", "cart"]
    told(steps, START, Entered("purchase", "cart", ("mobile",), 10, 0))
    assert flight(watch) == 10
    told(steps, START + 5, Outcome("purchase", "cart", ("mobile",), START, 3, 1, 0, 2))
    assert flight(watch) == 4
    assert watch.drop.hazards.seen.sum() == 3


def test_a_customer_who_comes_back_too_late_had_left_before() -> None:
    steps = alarms()
    watch = steps.steps["purchase", "cart"]
    told(steps, START, Entered("purchase", "cart", ("mobile",), 10, 0))
    told(steps, START + 601, Outcome("purchase", "cart", ("mobile",), START, 0, 4, 0, 0))
    told(steps, START + 700, Outcome("purchase", "cart", ("mobile",), START, 0, 0, 4, 0))
    assert flight(watch) == 6
    assert watch.drop.hazards.seen.sum() == 0


def test_late_entrants_have_the_age_of_their_entry() -> None:
    steps = alarms()
    watch = steps.steps["purchase", "cart"]
    told(steps, START + 20, Entered("purchase", "cart", ("mobile",), 5, 0, 7))
    place = watch.drop.flight.aging.place(START + 13)
    assert watch.drop.flight.aging.counts[place, 0].sum() == 5


def test_cells_follow_the_dimensions_of_the_file_in_force() -> None:
    before, now = FILE.replace("[device]", "[device, region]"), FILE.replace("[device]", "[tier, device]")
    steps = alarms(now)
    watch = steps.steps["purchase", "cart"]
    # Counted under a file whose cells are (device, region): the tier is not known.
    told(steps, START, Entered("purchase", "cart", ("mobile", "kyiv"), 5, 0), columns=columns_of(before, under=now))
    assert watch.lanes.cells == [("unknown", "mobile")]


def test_detection_knows_no_single_employee() -> None:
    text = FILE.replace("[device]", "[agent, device]")
    steps = alarms(text)
    told(steps, START, Entered("purchase", "cart", ("olena", "mobile"), 5, 0), columns=columns_of(text))
    assert steps.steps["purchase", "cart"].lanes.cells == [("unknown", "mobile")]
    open_to_all = text + "access: {employees: []}\n"
    steps.activate(file(open_to_all).config, HOURS)
    told(steps, START + 1, Entered("purchase", "cart", ("olena", "mobile"), 5, 0), columns=columns_of(open_to_all))
    assert steps.steps["purchase", "cart"].lanes.cells == [("olena", "mobile")]


def test_what_belongs_to_no_watched_step_is_passed_over() -> None:
    steps = alarms()
    told(steps, START, Entered("purchase", "paid", ("mobile",), 5, 0), Entered("x", "y", ("a",), 1, 0))
    assert all(flight(watch) == 0 for watch in steps.steps.values())
    assert steps.next_due() is None


def test_the_earliest_step_says_when_it_is_due() -> None:
    steps = alarms()
    told(steps, START, Entered("purchase", "cart", ("mobile",), 50, 0))
    told(steps, START + 3, Entered("purchase", "checkout", ("mobile",), 50, 0))
    dues = [watch.next_due() for watch in steps.steps.values()]
    assert None not in dues
    assert steps.next_due() == min(due for due in dues if due is not None)


def test_samples_of_entrants_are_kept_for_examples() -> None:
    steps = alarms()
    sample = EntrantSample("purchase", "cart", ("c-1", "c-2"))
    steps.take(START, [(Partial(0, 0, START, START, "hash", entrants=(sample,)), DEVICE)])
    assert list(steps.steps["purchase", "cart"].journal.samples) == [(START, ("c-1", "c-2"))]


@pytest.mark.parametrize(("kind", "accepts"), [("conversion", True), ("arrivals", False)])
def test_only_a_conversion_can_be_accepted_here(kind: str, accepts: bool) -> None:
    steps = alarms()
    steps.accept(SeriesKey(kind, "down", "purchase", "cart"))  # type: ignore[arg-type]  # one of its literals
    assert (steps.next_due() is not None) is accepts
    steps.accept(SeriesKey("conversion", "down", "purchase", "gone"))


def test_another_file_keeps_steps_by_name_and_begins_anew_what_is_different() -> None:
    steps = alarms()
    cart, checkout = steps.steps["purchase", "cart"], steps.steps["purchase", "checkout"]
    changed = file(FILE.replace("within: 90s", "within: 2m"))
    assert steps.activate(changed.config, HOURS) == []
    assert steps.steps["purchase", "cart"] is cart
    assert steps.steps["purchase", "checkout"] is not checkout
    other = file(FILE.replace("[device]", "[device, region]"))
    steps.activate(other.config, HOURS)
    assert steps.steps["purchase", "cart"] is not cart


def test_pieces_are_named_by_journey_and_step_and_what_has_none_begins_anew() -> None:
    steps = alarms()
    told(steps, START, Entered("purchase", "cart", ("mobile",), 10, 0))
    pieces = steps.changes(START)
    assert set(pieces) == {
        f"watch/purchase/{step}/{part}" for step in ("cart", "checkout") for part in ("state", "journal", "days")
    }
    told(steps, START + 1, Entered("purchase", "cart", ("mobile",), 1, 0))
    assert set(steps.changes(START + 1)) == {"watch/purchase/cart/journal", "watch/purchase/cart/days"}
    again = alarms()
    again.load({name: body for name, body in pieces.items() if "cart" in name})
    assert flight(again.steps["purchase", "cart"]) == 10
    assert again.next_due() is not None
    assert flight(again.steps["purchase", "checkout"]) == 0
