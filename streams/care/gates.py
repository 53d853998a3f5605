"""The gates an ask must pass at its due time, in the order and with the names of the format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from streams.care import fatigue
from streams.care.askrules import AskRule
from streams.care.chance import fraction
from streams.care.channels import allowed, choose, fit, preferred
from streams.care.quiet import customer_zone, quiet_until
from streams.care.state import CLOSED, Ask, Care
from streams.config.structs import Config

ARBITRATION = 60 * 1_000_000


class Found(NamedTuple):
    """What the gates said."""

    reasons: tuple[str, ...]
    """Those that failed, in order."""
    facts: tuple[str, ...]
    """`name=value`, what they failed by."""
    channel: str | None
    """The channel to use, where there is one."""
    until: int | None
    """The end of the quiet hours, when in them."""
    open_to: tuple[str, ...] = ()
    """Channels that would do as well, in the rule's order; none where the customer has stated a preference."""


class Gates:
    """The gates of one file."""

    def __init__(self, config: Config, rules: Mapping[str, AskRule]) -> None:
        self._fatigue = config.fatigue
        self._consent = config.consent
        self._quiet = config.quiet_hours
        self._zone = ZoneInfo(str(config.timezone))
        self._rules = rules

    def problems(self, rule: AskRule, care: Care) -> list[tuple[str, str]]:
        """The problems that hold this rule's asks back now, with the fact behind each."""
        found = []
        case = next((case for case in care.cases if case.state != CLOSED), None)
        if case is not None:
            found.append(("open_case", f"case={case.id}"))
        if care.talks:
            found.append(("live_conversation", f"conversation={min(care.talks)}"))
        if care.complaints:
            found.append(("unresolved_defect", f"complaint={care.complaints[0][0]}"))
        return [(name, fact) for name, fact in found if name not in rule.even_if]

    def check(self, rule: AskRule, ask: Ask, care: Care, subject: str, traits: Mapping[str, Any], now: int) -> Found:
        """Every gate at `now` (UTC epoch microseconds)."""
        failed: list[tuple[str, str]] = []
        if ask.cancelled:
            failed.append(("cancelled", ""))
        missing = [rule.requires[at].says for at in range(len(rule.requires)) if at not in ask.met]
        if missing:
            failed.append(("missing_requirement", f"requires={missing[0]}"))
        if ask.excluded:
            failed.append(("excluded", ""))
        failed += self.problems(rule, care)
        channel, open_to, refused = self._channel(rule, ask, care, traits)
        failed += refused
        failed += self._history(rule, ask, care, now)
        drawn = fraction(rule.name, subject)
        if drawn >= rule.sample:
            failed.append(("not_sampled", ""))
        if drawn >= 1 - rule.holdout:
            failed.append(("held_out", ""))
        winner = self._winner(rule, ask, care.asks, now)
        if winner is not None:
            failed.append(("lost_arbitration", f"rule={winner}"))
        until = None
        if self._quiet is not None:
            until = quiet_until(now, self._quiet, self.zone(traits))
        if until is not None:
            failed.append(("quiet_hours", ""))
        reasons = tuple(name for name, _ in failed)
        return Found(reasons, tuple(fact for _, fact in failed if fact), channel, until, open_to)

    def zone(self, traits: Mapping[str, Any]) -> ZoneInfo:
        """Where the customer lives, else the file's."""
        return customer_zone(traits.get("timezone"), self._zone)

    def _channel(
        self, rule: AskRule, ask: Ask, care: Care, traits: Mapping[str, Any]
    ) -> tuple[str | None, tuple[str, ...], list[tuple[str, str]]]:
        if not rule.channels:
            return None, (), [("no_consent", "")] if traits.get("consent") is False else []
        granted = [name for name in rule.channels if allowed(name, traits, self._consent)]
        if not granted:
            return None, (), [("no_consent", "")]
        available = fit(granted, ask.barred, traits, mails=rule.mails)
        if not available:
            return None, (), [("no_channel", "")]
        open_to = available if preferred(available, traits) is None else ()
        return choose(available, traits, care.last_channel), open_to, []

    def _history(self, rule: AskRule, ask: Ask, care: Care, now: int) -> list[tuple[str, str]]:
        failed = []
        if ask.case is not None and any(case.id == ask.case and case.asked for case in care.cases):
            failed.append(("case_already_asked", f"case={ask.case}"))
        of_case = ask.case is not None and rule.metric == fatigue.CASE_METRIC
        before = fatigue.tired(self._fatigue, care.asked, rule.metric, now, of_case=of_case)
        if before is not None:
            failed.append(("fatigue", f"asked={before.request}"))
        if fatigue.full(self._fatigue, care.asked, rule.metric, now):
            failed.append(("yearly_cap", ""))
        return failed

    def _winner(self, rule: AskRule, ask: Ask, asks: Sequence[Ask], now: int) -> str | None:
        """The rule of an ask due within a minute that goes first."""
        others = [
            other.rule
            for other in asks
            if other is not ask
            and other.due is not None
            and now <= other.due < now + ARBITRATION
            and other.rule in self._rules
            and self._rules[other.rule].rank < rule.rank
        ]
        return min(others, key=lambda name: self._rules[name].rank, default=None)
