"""`journeys:` – the ways customers take, step by step, from the first step to the goal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from streams.config.blocks import Block, Many, block_form
from streams.config.expect import Expect, ExpectForm
from streams.config.faults import Path
from streams.config.kinds import Direction, Duration, EventTypes, FieldPath, LongDuration, Name, Where
from streams.units import DAY

DEFAULT_WITHIN = 30 * DAY
"""How long a step that says nothing may be waited for."""


class Step(Block, frozen=True, kw_only=True):
    """One step of a journey."""

    name: Name
    """What the step is called in boards, alerts and counts; once per journey."""
    on: EventTypes
    """The event type, or a list of types, that enters the step."""
    where: Where = None
    """Conditions on the event; all must hold."""
    within: LongDuration | None = None
    """Longest time from entering the previous step; exactly that long is in time. Without it 30 days. Not on the first
    step."""
    optional: bool = False
    """May be left out without counting as skipped. Neither the first step nor the goal."""
    calendar: Name | None = None
    """Opening hours of those who do this step: the time until it, `within` too, runs in them only."""
    expect: Annotated[tuple[Expect, ...], ExpectForm()] = ()
    """Threshold on the conversion from this step to the next, such as `{conversion: ">= 60%", over: 1h}`."""


class Journey(Block, frozen=True, kw_only=True):
    """Ordered steps; the first enters the journey, the last is its goal."""

    owner: str | None = None
    """Team that owns it; named in alerts."""
    runbook: str | None = None
    """Address of the page that says what to do."""
    value: FieldPath | None = None
    """Field of the data with what the customer's journey is worth, such as `amount`."""
    by: FieldPath | None = None
    """Field that tells journeys of one customer apart, such as `order_id`; without it one at a time."""
    keep: Duration = 7 * DAY
    """How long an abandoned journey can still be recovered, and a reached `by` value stays closed."""
    start: Literal["first", "any"] = "first"
    """`any`: a customer not in the journey may enter at any step."""
    steps: Annotated[tuple[Step, ...], Many(block_form(Step), least=1)]
    """In order."""
    watch: Direction | None = None
    """Which changes of the conversion raise alarms; downward unless said otherwise."""
    arrivals: Direction | None = None
    """Which changes of the number of entrants raise alarms; none unless said otherwise."""

    def check(self) -> Iterator[tuple[Path, str]]:
        seen: dict[str, int] = {}
        last = len(self.steps) - 1
        for at, step in enumerate(self.steps):
            place: Path = ("steps", at)
            if step.name in seen:
                yield (*place, "name"), f"the step '{step.name}' is there twice (first as steps[{seen[step.name]}])"
            seen.setdefault(step.name, at)
            if at == 0 and step.within is not None:
                yield (*place, "within"), "the first step has no step before it; `within` belongs to a later one"
            if step.optional and at == 0:
                yield (*place, "optional"), "the first step enters the journey and cannot be optional"
            elif step.optional and at == last:
                yield (*place, "optional"), "the last step is the goal and cannot be optional"
            for expect in step.expect:
                if expect.quantity != "conversion":
                    yield (
                        (*place, "expect", expect.quantity),
                        "a step has a conversion only, as in conversion: '>= 60%'",
                    )
                elif not 0 <= expect.target <= 1:
                    yield (*place, "expect", "conversion"), _RATIO_WANTED
                elif at == last:
                    yield (*place, "expect"), "the goal converts into nothing; expect belongs to an earlier step"


_RATIO_WANTED = "a conversion is a ratio: expected a target between 0 and 1, or 0% and 100%"
