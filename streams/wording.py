"""Decisions about customers in plain words, for people who have never seen a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BECAUSE: dict[str, str] = {
    "cancelled": "it was cancelled",
    "missing_requirement": "the customer has not had the experience yet that the question is about",
    "excluded": "something happened after which this is not asked",
    "open_case": "a case was open",
    "live_conversation": "the customer was talking to us",
    "unresolved_defect": "a complaint was not settled",
    "no_consent": "the customer does not allow it",
    "no_channel": "there was no channel to ask on",
    "case_already_asked": "feedback about this case was asked before",
    "fatigue": "the customer was asked not long ago",
    "yearly_cap": "the customer was asked often enough this year",
    "not_sampled": "the customer is not in the sample",
    "held_out": "the customer belongs to those who are never asked, to compare with",
    "quota": "enough customers were asked",
    "lost_arbitration": "another question went first",
    "quiet_hours": "it was within quiet hours",
    "expired": "it waited too long",
}
"""Reason -> what it means, as the rest of "not asked, because …"."""
WAITS = ("live_conversation", "missing_requirement", "open_case", "unresolved_defect")
"""Reasons that can pass by themselves."""


def decision_words(type_: str, data: Mapping[str, Any]) -> str:
    """A decision as a sentence without its time and its customer; `type_` with or without `touchline.`."""
    kind = type_.removeprefix("touchline.")
    about, _, what = kind.partition(".")
    rule = data.get("rule", "")
    if kind == "feedback.requested":
        by = f" by {data['channel']}" if data.get("channel") else ""
        again = f", at the {_nth(data['attempt'])} attempt" if data.get("attempt", 1) > 1 else ""
        drawn = "".join(f"; {one}" for one in _drawn(data))
        return f"asked for {data.get('metric')}{by} (rule {rule}{again}){drawn}"
    if kind == "feedback.withheld":
        return f"not asked for {data.get('metric')} (rule {rule}): {_reasons(data)}"
    if kind == "feedback.deferred":
        return f"not asked for {data.get('metric')} now (rule {rule}): {why(str(data.get('reason')))}"
    if about == "case":
        owner = f", {data['owner']} has it" if data.get("owner") and what in ("assigned", "reopened") else ""
        return f"case {rule} {_CASE.get(what, what)}{owner} ({data.get('case')})"
    if kind == "offer.made":
        return f"offered {data.get('offer')}, after {data.get('count')} of its events"
    if kind == "cluster.found":
        return f"{data.get('customers')} customers have met the same (cluster {rule}), the first at {data.get('since')}"
    return f"{about} {rule} {what}"


def _drawn(data: Mapping[str, Any]) -> list[str]:
    """What a rule that learns has drawn for an ask, with which chance."""
    return [
        f"{_ARM.get(what, what)} {one['arm']} was {'tried' if one['explored'] else 'chosen for its answers'}, "
        f"with a chance of {100 * one['share']:.0f} %"
        for what, one in data.get("learnt", {}).items()
    ]


def why(reason: str) -> str:
    """A reason as a clause; the reason itself where it is none of ours."""
    return BECAUSE.get(reason, reason)


def _reasons(data: Mapping[str, Any]) -> str:
    reason = str(data.get("reason"))
    said = why(reason)
    others = [name for name in data.get("reasons", ()) if name != reason]
    if reason == "expired" and others:
        said, others = f"{why(others[0])}, and {said}", others[1:]
    facts = [fact for fact in data.get("because", ())[1:] if "=" in fact]
    if facts:
        said += f" ({', '.join(facts)})"
    if others:
        said += f"; besides, {', and '.join(why(name) for name in others)}"
    if not data.get("final", True):
        said += "; the question waits until that changes"
    return said


_ARM = {"channel": "the channel", "wait": "the wait of", "time": "the hour"}
_CASE = {
    "assigned": "assigned",
    "contacted": "contacted: the customer heard from us",
    "communicated": "communicated: the customer was told the outcome",
    "warned": "still without contact, the owner is reminded",
    "breached": "still without contact, it is too late",
}


def _nth(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
