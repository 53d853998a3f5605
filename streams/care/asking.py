"""Asks: scheduled by events, held back by problems, judged when due; every outcome is a record with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from streams.care import arms, drawing, fatigue
from streams.care.askrules import AskRule, ask_rules
from streams.care.chance import fraction
from streams.care.conditions import completes
from streams.care.gates import Found, Gates
from streams.care.said import Out, Said
from streams.care.state import PROBLEM, QUIET, REQUIREMENT, SCHEDULED, Ask, Asked, Care
from streams.config.asking import PROBLEM_GATES
from streams.config.structs import Config
from streams.decisions import decision_id
from streams.effects import Nominee
from streams.fields import number, scaled
from streams.units import DAY, HOUR, format_time

REQUESTED = "touchline.feedback.requested"
PATIENCE = 30 * DAY
"""How long an ask waits for a missing experience."""
SENT, ANSWERED = "survey.sent", "survey.answered"


DELAYS = ((HOUR, "hour"), (DAY, "day"), (7 * DAY, "week"))
"""Answers are told apart by how long they took: dissatisfaction is under-reported the later one answers."""


def delay_class(delay: int) -> str:
    """`hour`, `day`, `week`, or `later`: within what an answer came, microseconds after its ask."""
    return next((name for longest, name in DELAYS if delay <= longest), "later")


class Asking:
    """The rules of one file. Times are UTC epoch microseconds."""

    def __init__(self, config: Config) -> None:
        self.rules = ask_rules(config)
        self._fatigue = config.fatigue
        self._gates = Gates(config, self.rules)
        self._concerned: dict[str, list[AskRule]] = {}
        for rule in self.rules.values():
            conditions = (rule.after, rule.absent, rule.then)
            types = {kind for trigger in conditions if trigger is not None for kind in trigger.types}
            for kind in types:
                self._concerned.setdefault(kind, []).append(rule)

    def types(self) -> Iterable[str]:
        """Event types that may change anything."""
        for rule in self.rules.values():
            for trigger in rule.triggers():
                yield from trigger.types
        if self.rules:
            yield from (SENT, ANSWERED)

    # Events

    def take(self, care: Care, said: Said, out: Out, case: str | None) -> None:
        """An event; `case` is the one it is about."""
        if said.kind == SENT:
            self._sent(care, said)
        elif said.kind == ANSWERED:
            self._answered(care, said, out)
        for ask in care.asks:
            self._mark(ask, said)
        for watch in care.watches.values():
            if watch.early is not None:
                self._mark(watch.early, said)
        for rule in self._concerned.get(said.kind, ()):
            made = completes(rule, care, said)
            if made is not None and (not rule.guarded or rule.name in out.standing):
                self._schedule(rule, made, care, said, case, out)
        self.settle(care, said.traits, said.effective)

    def settle(self, care: Care, traits: Mapping[str, Any], now: int) -> None:
        """A problem may have ended, an experience may have been made: asks that waited for it are due again."""
        for ask in care.asks:
            rule = self.rules.get(ask.rule)
            if rule is None:
                continue
            if ask.phase == PROBLEM and not self._gates.problems(rule, care):
                self._due(ask, self._at_its_hour(rule, ask, now + drawing.wait_of(rule, ask), traits))
            elif ask.phase == REQUIREMENT and all(at in ask.met for at in range(len(rule.requires))):
                self._due(ask, self._at_its_hour(rule, ask, now, traits))

    @staticmethod
    def _due(ask: Ask, due: int) -> None:
        ask.due = ask.scheduled = due
        ask.phase = SCHEDULED
        ask.attempt += 1

    def _mark(self, ask: Ask, said: Said) -> None:
        rule = self.rules.get(ask.rule)
        if rule is None:
            return
        met = [at for at, trigger in enumerate(rule.requires) if at not in ask.met and trigger.matches(said)]
        if met:
            ask.met = tuple(sorted((*ask.met, *met)))
        ask.cancelled = ask.cancelled or any(trigger.matches(said) for trigger in rule.cancel_on)
        ask.excluded = ask.excluded or any(trigger.matches(said) for trigger in rule.unless)
        self._bar(rule, ask, said)

    @staticmethod
    def _bar(rule: AskRule, ask: Ask, said: Said) -> None:
        barred = [
            name
            for name, triggers in rule.barred.items()
            if name not in ask.barred and any(trigger.matches(said) for trigger in triggers)
        ]
        if barred:
            ask.barred = (*ask.barred, *barred)

    def _at_its_hour(self, rule: AskRule, ask: Ask, moment: int, traits: Mapping[str, Any]) -> int:
        return drawing.at_its_hour(rule, ask, moment, self._gates.zone(traits))

    def _schedule(self, rule: AskRule, made: Ask, care: Care, said: Said, case: str | None, out: Out) -> None:
        spread = int(rule.jitter * fraction(rule.name, said.subject, said.cause)) if rule.jitter else 0
        waiting = next((ask for ask in care.asks if ask.rule == rule.name), None)
        if waiting is None:
            drawing.draw_when(rule, made, said, out)
        ask = waiting or made
        moment = said.time + drawing.wait_of(rule, ask)
        if arms.TIME in ask.drawn:
            moment = self._at_its_hour(rule, ask, max(moment, said.effective), said.traits)
        due = max(moment + spread, said.effective)
        if waiting is None:
            made.due = made.scheduled = due
            made.case = case
            self._bar(rule, made, said)
            care.asks = [*care.asks, made]
            return
        # No second one: the later due time holds.
        waiting.cause = said.cause
        waiting.case = case or waiting.case
        if waiting.phase == REQUIREMENT:
            self._due(waiting, due)
        elif waiting.due is not None and due > waiting.due:
            waiting.due = waiting.scheduled = due
            waiting.phase = SCHEDULED

    @staticmethod
    def _sent(care: Care, said: Said) -> None:
        request = said.data.get("request")
        if isinstance(request, str) and any(ask.request == request for ask in care.asked):
            return
        metric, channel = said.data.get("metric"), said.data.get("channel")
        asked = Asked(
            said.effective,
            metric if isinstance(metric, str) else "",
            said.cause,
            channel=channel if isinstance(channel, str) else "",
        )
        care.asked = [*care.asked, asked]

    def _answered(self, care: Care, said: Said, out: Out) -> None:
        request, channel = said.data.get("request"), said.data.get("channel")
        asked = None
        if isinstance(request, str):
            asked = next((ask for ask in care.asked if ask.request == request), None)
        if asked is not None and asked.rule and not asked.answered:
            asked.answered = True
            delay = max(said.effective - asked.time, 0)
            out.count("feedback_answered", asked.rule, asked.channel, delay)
            score = number(said.data.get("score"))
            if score is not None:
                out.count("feedback_scored", asked.rule, delay_class(delay), scaled(score))
        elif asked is None:
            out.count("feedback_answered", "")
        if isinstance(channel, str) and channel:
            care.last_channel = channel
        elif asked is not None and asked.channel:
            care.last_channel = asked.channel

    # Timers

    def next_due(self, care: Care) -> int | None:
        """The earliest moment at which an ask must be judged."""
        due = drawing.next_count(care)
        if care.nominees:
            return due  # what they are told may change what becomes of the others
        for ask in care.asks:
            for moment in (ask.due, ask.until if ask.phase == REQUIREMENT else None):
                if moment is not None and (due is None or moment < due):
                    due = moment
        return due

    def fire(self, care: Care, subject: str, traits: Mapping[str, Any], now: int, out: Out) -> None:
        """Judge what is due by now. Those that rank lower come first: they must still see who goes before them."""
        drawing.count(care, now, out)
        due = [ask for ask in care.asks if self._is_due(ask, now)]
        if not due or care.nominees:
            return
        for ask in sorted(due, key=self._rank, reverse=True):
            rule = self.rules.get(ask.rule)
            if rule is None:
                self._gone(care, ask, subject, now, out)
                continue
            found = self._gates.check(rule, ask, care, subject, traits, now)
            self._judge(rule, ask, care, subject, now, found, out)
        care.asked = fatigue.remembered(self._fatigue, care.asked, now)

    @staticmethod
    def _is_due(ask: Ask, now: int) -> bool:
        expires = ask.phase == REQUIREMENT and ask.until is not None and ask.until <= now
        return expires or (ask.due is not None and ask.due <= now)

    def _rank(self, ask: Ask) -> tuple[int, str]:
        rule = self.rules.get(ask.rule)
        return (0, ask.rule) if rule is None else rule.rank

    def _judge(self, rule: AskRule, ask: Ask, care: Care, subject: str, now: int, found: Found, out: Out) -> None:
        reasons = found.reasons
        if not reasons:
            ask.channel = found.channel
            drawing.draw_channel(rule, ask, found.open_to, subject, now, out)
            if rule.quota is None:
                self._request(ask, care, subject, now, out)
            elif out.nominate is None:
                self._full(rule, ask, care, subject, now, out)
            else:
                care.asks = [other for other in care.asks if other is not ask]
                care.nominees = [*care.nominees, ask]
                ask.due = now
                out.nominate(Nominee(rule.name, now, subject))
            return
        reason = reasons[0]
        if reason == "quiet_hours" and found.until is not None:
            ask.phase, ask.due = QUIET, found.until
            data = {
                "because": [ask.cause],
                "metric": ask.metric,
                "reason": reason,
                "until": format_time(found.until),
            }
            out.decide("feedback.deferred", rule.name, rule.name, subject, ask.cause, now, data)
            out.count("feedback_deferred", rule.name, reason)
            return
        final, expired = True, False
        if reason in PROBLEM_GATES and not rule.drop:
            ask.problems += 1
            final = expired = ask.problems >= rule.attempts
            ask.phase, ask.due = PROBLEM, None
        elif reason == "missing_requirement":
            if ask.until is None:
                ask.until = now + PATIENCE
            final = expired = ask.until <= now
            ask.phase, ask.due = REQUIREMENT, None
        if expired:
            reason, reasons = "expired", (*reasons, "expired")
        self._withhold(care, ask, subject, now, out, reason, reasons, found.facts, final=final)

    def _withhold(
        self,
        care: Care,
        ask: Ask,
        subject: str,
        now: int,
        out: Out,
        reason: str,
        reasons: tuple[str, ...],
        facts: tuple[str, ...],
        *,
        final: bool,
    ) -> None:
        data = {
            "because": [ask.cause, *facts],
            "metric": ask.metric,
            "reason": reason,
            "reasons": list(reasons),
            "scheduled_for": format_time(ask.scheduled),
            "final": final,
        }
        out.decide("feedback.withheld", ask.rule, ask.rule, subject, ask.cause, now, data)
        out.count("feedback_withheld", ask.rule, reason)
        if final:
            care.asks = [other for other in care.asks if other is not ask]

    def _gone(self, care: Care, ask: Ask, subject: str, now: int, out: Out) -> None:
        """The file no longer has its rule."""
        self._withhold(care, ask, subject, now, out, "cancelled", ("cancelled",), (f"rule={ask.rule}",), final=True)

    def judged(
        self,
        care: Care,
        subject: str,
        traits: Mapping[str, Any],
        nominee: Nominee,
        now: int,
        out: Out,
        *,
        allowed: bool,
    ) -> None:
        """The quota of a rule has decided about its nominee: the ask leaves, or not, as of its due time.

        What has fallen due before `now` meanwhile is judged then. A nominee that is no longer there changes nothing.
        """
        ask = next((ask for ask in care.nominees if (ask.rule, ask.due) == (nominee.rule, nominee.due)), None)
        if ask is None:
            return
        care.nominees = [other for other in care.nominees if other is not ask]
        rule = self.rules.get(ask.rule)
        if rule is None:
            self._gone(care, ask, subject, nominee.due, out)
        elif allowed:
            self._request(ask, care, subject, nominee.due, out)
        else:
            self._full(rule, ask, care, subject, nominee.due, out)
        while (due := self.next_due(care)) is not None and due < now:
            self.fire(care, subject, traits, due, out)

    def _full(self, rule: AskRule, ask: Ask, care: Care, subject: str, now: int, out: Out) -> None:
        facts = () if rule.quota is None else (f"quota={rule.quota.count:g} per {rule.quota.unit}",)
        self._withhold(care, ask, subject, now, out, "quota", ("quota",), facts, final=True)

    def _request(self, ask: Ask, care: Care, subject: str, now: int, out: Out) -> None:
        request = decision_id(REQUESTED, ask.rule, subject, ask.cause, now)
        data = {
            "because": [ask.cause],
            "metric": ask.metric,
            "channel": ask.channel,
            "scheduled_for": format_time(ask.scheduled),
            "attempt": ask.attempt,
            "request": request,
            **drawing.said_of(ask),
        }
        out.decide("feedback.requested", ask.rule, ask.rule, subject, ask.cause, now, data)
        out.count("feedback_requested", ask.rule, ask.channel or "")
        of_case = ask.case is not None and ask.metric == fatigue.CASE_METRIC
        asked = Asked(now, ask.metric, request, ask.rule, ask.channel or "", of_case)
        drawing.asked_by(self.rules[ask.rule], ask, asked, out)
        # Another tool may have asked while it waited for its quota.
        care.asked = sorted([*care.asked, asked], key=lambda one: one.time)
        care.asks = [other for other in care.asks if other is not ask]
        for case in care.cases:
            if case.id == ask.case:
                case.asked = True
