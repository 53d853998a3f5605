"""`feedback:` and `offers:` prepared: conditions as closures, rules by the event types that concern them."""

from __future__ import annotations

from collections.abc import Iterable

from streams.care.arms import arms_of
from streams.care.said import Said
from streams.conditions import compile_where
from streams.config.structs import Asks, Condition, Config, FeedbackRule, Learn, Offer
from streams.units import format_clock, format_duration


class Trigger:
    """Events of some types, with conditions."""

    __slots__ = ("_on", "_where", "says")

    def __init__(self, on: Iterable[str], where: object = None) -> None:
        self._on = frozenset(on)
        self._where = compile_where(where)  # type: ignore[arg-type]  # a `where` as the file has it
        self.says = ",".join(sorted(self._on))
        """Its types, for people."""

    @classmethod
    def of(cls, conditions: Iterable[Condition]) -> tuple[Trigger, ...]:
        """One for each condition of the file."""
        return tuple(cls(condition.on, condition.where) for condition in conditions)

    @property
    def types(self) -> frozenset[str]:
        """The event types."""
        return self._on

    def matches(self, said: Said) -> bool:
        """Whether an event is one of them."""
        return said.kind in self._on and (self._where is None or self._where(said.data, said.traits))


class AskRule:
    """One rule under `feedback`."""

    def __init__(self, name: str, rule: FeedbackRule, others: Asks) -> None:
        self.name = name
        self.key = f"feedback/{name}"
        self.metric = rule.ask
        self.after = Trigger(rule.after, rule.where)
        self.count = rule.count
        self.absent = None if rule.absent is None else Trigger(rule.absent.on, rule.absent.where)
        self.absent_within = 0 if rule.absent is None else rule.absent.within
        self.then = None if rule.then is None else Trigger(rule.then.on, rule.then.where)
        self.then_within = 0 if rule.then is None else rule.then.within
        self.traits = compile_where(rule.traits)
        self.guarded = rule.when is not None
        """It is set off only while its `when` holds."""
        self.arms = arms_of(rule)
        """What it chooses between by the answers: `channel`, `wait`, `time` -> arms."""
        learn = rule.learn or Learn()
        self.explore = learn.explore
        self.answered_within = learn.within
        self.waits = {format_duration(wait): wait for wait in learn.waits}
        self.times = {format_clock(time): time for time in learn.times}
        self.wait = rule.wait if not learn.waits else learn.waits[0]
        self.jitter = rule.jitter
        self.requires = Trigger.of(rule.requires)
        self.unless = Trigger.of(rule.unless)
        self.cancel_on = Trigger.of(rule.cancel_on)
        self.even_if = frozenset(rule.even_if)
        self.drop = rule.on_problem == "drop"
        self.attempts = rule.attempts
        self.channels = rule.channels
        self.barred = {name: Trigger.of(bars.unless) for name, bars in rule.channel_rules.items()}
        self.priority = rule.priority
        self.sample = rule.sample
        self.holdout = rule.holdout
        self.quota = rule.quota
        # As written, so that it is the same with and without the environment the file names.
        self.mails = any(target.address.written.startswith("email:") for target in rule.to or others.to)
        """Our own sender delivers it: without an address there is no channel `email`."""

    @property
    def rank(self) -> tuple[int, str]:
        """Smaller wins."""
        return -self.priority, self.name

    def triggers(self) -> Iterable[Trigger]:
        """Everything that may concern it."""
        yield self.after
        yield from (trigger for trigger in (self.absent, self.then) if trigger is not None)
        for group in (self.requires, self.unless, self.cancel_on, *self.barred.values()):
            yield from group


class OfferRule:
    """One rule under `offers`."""

    def __init__(self, name: str, offer: Offer) -> None:
        self.name = name
        self.key = f"offers/{name}"
        self.on = Trigger(offer.on, offer.where)
        self.count = offer.count
        self.once = offer.once


def ask_rules(config: Config) -> dict[str, AskRule]:
    """By name, in the order of the file."""
    return {name: AskRule(name, rule, config.asks) for name, rule in config.feedback.items()}


def offer_rules(config: Config) -> dict[str, OfferRule]:
    """By name, in the order of the file."""
    return {name: OfferRule(name, offer) for name, offer in config.offers.items()}
