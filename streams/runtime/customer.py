"""What is kept of one customer, as the API and `touchline why` show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from streams.care.state import CLOSED as CASE_CLOSED
from streams.care.state import PROBLEM, QUIET, REQUIREMENT, SCHEDULED, STATES, Ask, Care
from streams.config.structs import Config
from streams.customer import ABANDONED, CLOSED, IN_FLIGHT, Customer
from streams.journeys import SEPARATOR
from streams.units import format_time

_STATES = {IN_FLIGHT: "in_flight", ABANDONED: "abandoned", CLOSED: "closed"}
_WAITS = {SCHEDULED: "time", QUIET: "quiet_hours", PROBLEM: "problem", REQUIREMENT: "requirement"}
_QUOTA = "quota"


class Instance(msgspec.Struct, frozen=True):
    """One way through one journey."""

    journey: str
    by: str | None
    """Value of the journey's `by`, where it has one."""
    step: str
    """The step last entered."""
    state: str
    """`in_flight`, `abandoned`, or `closed`: at its goal, which stays closed for this `by` value."""
    entered: str
    deadline: str
    """Last moment at which going on is in time."""


class AskView(msgspec.Struct, frozen=True):
    """An ask that waits."""

    rule: str
    metric: str
    waits_for: str
    """`time`, `quiet_hours` (their end), `problem` (its end), `requirement` (an experience) or `quota` (its answer)."""
    what: list[str]
    """Which problems (`case=ID`, `conversation=call`, `complaint=source/id`) or event types."""
    due: str | None
    """When its conditions are looked at; None while nobody knows."""
    expires: str | None
    """When it is given up, where that is settled."""
    scheduled_for: str
    attempt: int
    because: str
    """`source/id` of the event that made it due."""


class AskedView(msgspec.Struct, frozen=True):
    """An ask that left, ours or another tool's."""

    time: str
    metric: str
    rule: str | None
    """None for another tool's."""
    channel: str | None
    request: str
    answered: bool


class CaseStanding(msgspec.Struct, frozen=True):
    """A case that is open, or was."""

    id: str
    rule: str
    state: str
    owner: str | None
    opened_at: str
    due_at: str
    because: str
    """`source/id` of the event that opened it."""


class Clock(msgspec.Struct, frozen=True):
    """Something that happens by itself at a time, unless something else comes first."""

    at: str
    what: str
    """`ask_due ask_expires case_warned case_breached promise_broken conversation_over complaint_over sequence_over
    journey_deadline`."""
    about: str
    """The rule, case, promise, conversation, complaint or journey."""


class Touchpoint(msgspec.Struct, frozen=True):
    """An event of the customer, as it is in the log."""

    time: str
    """Its own, or that of its reception where it says none."""
    type: str
    source: str
    id: str
    subject: str
    """The id it came under: an earlier one where customers were merged."""
    data: dict[str, Any]


class Chapter(msgspec.Struct, frozen=True):
    """A part of the story in plain words."""

    title: str
    lines: list[str]
    """Each begins with its time where it has one, by the clock where the customer lives."""


class CustomerView(msgspec.Struct, frozen=True):
    """`GET /api/v1/customers/{id}`. Lists are in order of time, except touchpoints and decisions: the latest first."""

    id: str
    identified: bool
    into: str | None
    """The id this one was merged into; everything else is there."""
    last_event: str
    journeys: list[Instance]
    traits: dict[str, Any]
    asks: list[AskView] = []
    """Those that wait."""
    asked: list[AskedView] = []
    """Those that left, of about a year."""
    cases: list[CaseStanding] = []
    waiting: list[Clock] = []
    merged: list[str] = []
    """Earlier ids of the same customer."""
    touchpoints: list[Touchpoint] = []
    decisions: list[msgspec.Raw] = []
    log_since: str | None = None
    """Events received earlier are no longer in the log; None: it has all."""
    story: list[Chapter] = []
    """All of it as `touchline why` tells it."""


def customer_view(
    customer_id: str,
    customer: Customer,
    config: Config | None = None,
    *,
    merged: Sequence[str] = (),
    touchpoints: Sequence[Touchpoint] = (),
    decisions: Sequence[bytes] = (),
    log_since: int | None = None,
) -> CustomerView:
    """A customer's state for people; `config` says which experiences an ask waits for."""
    instances = []
    for key, instance in sorted(customer.instances.items()):
        journey, _, by = key.partition(SEPARATOR)
        instances.append(
            Instance(
                journey,
                by or None,
                instance.step,
                _STATES[instance.state],
                format_time(instance.entered),
                format_time(instance.deadline),
            )
        )
    care = customer.care or Care()
    return CustomerView(
        customer_id,
        customer.identified,
        customer.into,
        format_time(customer.touched),
        instances,
        customer.traits,
        [
            msgspec.structs.replace(view, waits_for=_QUOTA) if ask in care.nominees else view
            for ask in sorted([*care.asks, *care.nominees], key=lambda ask: (ask.scheduled, ask.rule))
            for view in [_ask(ask, care, config)]
        ],
        [
            AskedView(
                format_time(asked.time),
                asked.metric,
                asked.rule or None,
                asked.channel or None,
                asked.request,
                asked.answered,
            )
            for asked in care.asked
        ],
        [
            CaseStanding(
                case.id,
                case.rule,
                STATES[case.state],
                case.owner,
                format_time(case.opened),
                format_time(case.due),
                case.cause,
            )
            for case in care.cases
        ],
        sorted(_clocks(customer, care), key=lambda clock: (clock.at, clock.what, clock.about)),
        list(merged),
        list(touchpoints),
        [msgspec.Raw(body) for body in decisions],
        _time(log_since),
    )


def _ask(ask: Ask, care: Care, config: Config | None) -> AskView:
    what: list[str] = []
    if ask.phase == PROBLEM:
        what += [f"case={case.id}" for case in care.cases if case.state != CASE_CLOSED]
        what += [f"conversation={about}" for about in sorted(care.talks)]
        what += [f"complaint={cause}" for cause, _ in care.complaints]
    elif ask.phase == REQUIREMENT and config is not None and ask.rule in config.feedback:
        requires = config.feedback[ask.rule].requires
        what += [",".join(sorted(one.on)) for at, one in enumerate(requires) if at not in ask.met]
    return AskView(
        ask.rule,
        ask.metric,
        _WAITS[ask.phase],
        what,
        _time(ask.due),
        _time(ask.until) if ask.phase == REQUIREMENT else None,
        format_time(ask.scheduled),
        ask.attempt,
        ask.cause,
    )


def _clocks(customer: Customer, care: Care) -> Iterator[Clock]:
    for ask in care.asks:
        if ask.due is not None:
            yield Clock(format_time(ask.due), "ask_due", ask.rule)
        if ask.phase == REQUIREMENT and ask.until is not None:
            yield Clock(format_time(ask.until), "ask_expires", ask.rule)
    for case in care.cases:
        if case.state != CASE_CLOSED:
            for what, time in (("case_warned", case.warn), ("case_breached", case.breach)):
                if time is not None:
                    yield Clock(format_time(time), what, case.id)
    for given in care.promises:
        yield Clock(format_time(given.due), "promise_broken", f"{given.promise} {given.by}".strip())
    for about, until in care.talks.items():
        yield Clock(format_time(until), "conversation_over", about)
    for cause, until in care.complaints:
        yield Clock(format_time(until), "complaint_over", cause)
    for key, watch in care.watches.items():
        if watch.until is not None:
            yield Clock(format_time(watch.until), "sequence_over", key)
    for key, instance in customer.instances.items():
        if instance.state == IN_FLIGHT:
            yield Clock(format_time(instance.deadline), "journey_deadline", key.replace(SEPARATOR, " "))


def _time(time: int | None) -> str | None:
    return None if time is None else format_time(time)
