"""A case begins: its id, its owner, its clocks, what puts it before others."""

from __future__ import annotations

from typing import Any

from streams.care import case_clock
from streams.care.case_meant import named
from streams.care.case_record import record
from streams.care.case_rules import CaseRule, Routing
from streams.care.exposure import exposed_per_hour
from streams.care.said import Out, Said
from streams.care.state import ASSIGNED, OPEN, Care, Case
from streams.decisions import decision_id
from streams.fields import number, text

FALLBACK = "routed=fallback"
"""The fact behind an owner who got the case because nobody else did."""


def open_case(care: Care, rule: CaseRule, routing: Routing, said: Said, out: Out, *, foreign: bool) -> Case:
    """Open a case of a rule, and assign it where an owner is known.

    `foreign`: the event is another system's `case.opened`, whose id and owner hold.
    """
    now = said.effective
    owner, routed = _route(rule, routing, said, foreign=foreign)
    case = Case(
        id=(named(said) if foreign else None) or decision_id("case", rule.name, said.subject, said.cause, now),
        rule=rule.name,
        state=OPEN,
        owner=owner,
        cause=said.cause,
        opened=now,
        since=now,
        warn=None,
        breach=None,
        due=now,
        priority=rule.priority,
        worth=_worth(said),
        exposed=exposed_per_hour(rule.exposure, said),
    )
    case_clock.start(case, rule, now)
    care.cases.append(case)
    out.count("case_opened", rule.name)
    record(out, "opened", case, said.subject, [said.cause, *rule.facts(said)], now, _precedence(case))
    if routed in ("", FALLBACK):
        out.count("case_unrouted", rule.name)
    if owner is not None:
        case.state = ASSIGNED
        out.count("case_assigned", rule.name)
        record(out, "assigned", case, said.subject, [said.cause, routed], now)
    return case


def _route(rule: CaseRule, routing: Routing, said: Said, *, foreign: bool) -> tuple[str | None, str]:
    """The owner, if there is one, and by what."""
    stated = text(said.data.get("owner")) if foreign else None
    if stated is not None:
        return stated, "routed=event"
    if rule.owner is not None:
        return rule.owner, "routed=rule"
    found = routing.owner(said)
    if found is not None:
        return found[0], f"routed={found[1]}"
    return (None, "") if routing.fallback is None else (routing.fallback, FALLBACK)


def _worth(said: Said) -> float:
    """`trait.value` times `trait.risk`; 0 unless both are numbers above 0."""
    value, risk = number(said.traits.get("value")), number(said.traits.get("risk"))
    return 0.0 if value is None or risk is None else float(max(value, 0) * max(risk, 0))


def _precedence(case: Case) -> dict[str, Any]:
    """What puts it before others, where anything does."""
    found = {"priority": case.priority, "worth": case.worth, "exposed_per_hour": case.exposed}
    return {name: amount for name, amount in found.items() if amount}
