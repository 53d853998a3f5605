"""Asks of rules that learn: what is drawn for one, what follows from it, and when it counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from streams.care.arms import ASKED, CHANNEL, SETTLED, TIME, WAIT, WHOLE, draw, named
from streams.care.askrules import AskRule
from streams.care.quiet import next_at
from streams.care.said import Out, Said
from streams.care.state import Ask, Asked, Care
from streams.fields import scaled


def draw_when(rule: AskRule, ask: Ask, said: Said, out: Out) -> None:
    """An event makes an ask due: draw its wait and its hour, as far as the rule learns them."""
    for what in (WAIT, TIME):
        if what in rule.arms:
            _draw(rule, ask, what, rule.arms[what], said.subject, said.effective, out)


def draw_channel(rule: AskRule, ask: Ask, open_to: Sequence[str], subject: str, now: int, out: Out) -> None:
    """Every gate lets an ask through: draw one of the channels that would do, where there is a choice."""
    if CHANNEL in rule.arms and len(open_to) > 1:
        ask.channel = _draw(rule, ask, CHANNEL, open_to, subject, now, out)


def _draw(rule: AskRule, ask: Ask, what: str, arms: Sequence[str], subject: str, now: int, out: Out) -> str:
    drawn = draw(arms, out.learnt.weights(rule.name, what, now), rule.explore, rule.name, what, subject, ask.cause)
    ask.drawn = {**ask.drawn, what: drawn}
    return drawn.arm


def wait_of(rule: AskRule, ask: Ask) -> int:
    """How long after the event: as was drawn, else the rule's."""
    drawn = ask.drawn.get(WAIT)
    return rule.wait if drawn is None else rule.waits.get(drawn.arm, rule.wait)


def at_its_hour(rule: AskRule, ask: Ask, moment: int, zone: ZoneInfo) -> int:
    """The next time it is the hour that was drawn for the ask; the moment itself where none was."""
    drawn = ask.drawn.get(TIME)
    clock = None if drawn is None else rule.times.get(drawn.arm)
    return moment if clock is None else next_at(moment, clock, zone)


def asked_by(rule: AskRule, ask: Ask, asked: Asked, out: Out) -> None:
    """An ask has left: its answer will count for what was drawn."""
    if not ask.drawn:
        return
    asked.arms = tuple(named(what, one.arm) for what, one in ask.drawn.items())
    asked.until = asked.time + rule.answered_within
    for arm in asked.arms:
        out.count(ASKED, rule.name, arm)


def next_count(care: Care) -> int | None:
    """When the time of an ask to be answered is over."""
    return min((asked.until for asked in care.asked if asked.until is not None), default=None)


def count(care: Care, now: int, out: Out) -> None:
    """Asks whose time is over count for what was drawn, as answered or not.

    An answer does not count before: those who answer at once would make an arm look good while the others still wait.
    """
    for asked in care.asked:
        if asked.until is not None and asked.until <= now:
            for arm in asked.arms:
                out.count(SETTLED, asked.rule, arm, scaled(int(asked.answered)))
            asked.arms, asked.until = (), None


def said_of(ask: Ask) -> dict[str, Any]:
    """What the record says of it."""
    if not ask.drawn:
        return {}
    return {
        "learnt": {
            what: {"arm": one.arm, "share": one.share / WHOLE, "explored": one.explored}
            for what, one in ask.drawn.items()
        }
    }
