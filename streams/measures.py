"""What one event adds to a signal: counted per tick and cell, in integers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.customer import Customer, Session
from streams.effects import Cell
from streams.fields import number, scaled
from streams.histogram import bucket
from streams.journeys import NEVER
from streams.rules import AMONG, HIT, SESSION, SESSION_GAP, SignalRule
from streams.tally import Tally

N = 0
TOTAL = 1
SQUARES = 2
TOP = 3
BOTTOM = 4
HISTOGRAM = 5
SCORES = 6


def observe(
    rule: SignalRule,
    customer: Customer,
    data: Mapping[str, Any],
    cell: Cell,
    time: int,
    effective: int,
    tally: Tally,
) -> int:
    """Book an event in a signal whose type it is; the timer that it set (UTC epoch microseconds), else NEVER.

    Values that are not numbers, and scores of another scale than the signal's, are not counted.
    """
    if rule.where is not None and not rule.where(data, customer.traits):
        return NEVER
    if rule.role == AMONG:
        tally.measure(rule.name, cell)[N] += 1
        return NEVER
    if rule.role == HIT:
        tally.measure(rule.name, cell)[TOP] += 1
        return NEVER
    if rule.role == SESSION:
        return _extend_session(rule, customer, cell, time, effective)
    if rule.value is None:
        tally.measure(rule.name, cell)[N] += 1
        return NEVER
    value = number(rule.value(data))
    if value is None or not rule.low <= value <= rule.high:
        return NEVER
    if rule.survey:
        scale = data.get("scale")
        if scale is not None and scale != rule.scale:
            return NEVER
    add(rule, tally, cell, value)
    return NEVER


def add(rule: SignalRule, tally: Tally, cell: Cell, value: float | int) -> None:
    """Book one value."""
    counts = tally.measure(rule.name, cell)
    whole = scaled(value)
    counts[N] += 1
    counts[TOTAL] += whole
    counts[SQUARES] += whole * whole
    if value >= rule.top:
        counts[TOP] += 1
    elif value <= rule.bottom:
        counts[BOTTOM] += 1
    if rule.quantiles:
        histogram = counts[HISTOGRAM]
        at = bucket(value)
        histogram[at] = histogram.get(at, 0) + 1
    if rule.grid is not None:
        scores = counts[SCORES]
        point = rule.grid.point(whole)
        scores[point] = scores.get(point, 0) + 1


def _extend_session(rule: SignalRule, customer: Customer, cell: Cell, time: int, effective: int) -> int:
    session = customer.sessions.get(rule.name)
    due = max(time + SESSION_GAP, effective)
    if session is None:
        customer.sessions[rule.name] = Session(time, time, due, cell)
    else:
        session.first = min(session.first, time)
        session.last = max(session.last, time)
        session.due = max(session.due, due)
    return due


def end_session(rule: SignalRule, session: Session, tally: Tally) -> None:
    """The gap passed: seconds from the first to the last event; a single event is left out."""
    if session.last > session.first:
        add(rule, tally, session.cell, (session.last - session.first) / 1_000_000)
