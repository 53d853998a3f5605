"""The file, prepared for the hot path: which journeys and signals an event type concerns, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streams.care.engine import Engine
from streams.care.open_time import OpenTime, open_time
from streams.conditions import compile_where
from streams.config.caring import Calendar
from streams.config.journeys import DEFAULT_WITHIN
from streams.config.load import Loaded
from streams.config.structs import Config, Journey, Signal
from streams.fields import number, reader, scaled
from streams.notices import CHANGE, COMMANDS, ERASED
from streams.scores import Grid

Condition = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
Read = Callable[[Mapping[str, Any]], Any]

SESSION_GAP = 30 * 60 * 1_000_000
NO_CALENDARS: Mapping[str, Calendar] = {}

OBSERVE = 0
AMONG = 1
"""An event of a share's denominator."""
HIT = 2
"""An event of a share's numerator."""
SESSION = 3


class JourneyRule:
    """One journey: steps by index, deadlines, how its instances are told apart."""

    def __init__(self, name: str, journey: Journey, calendars: Mapping[str, Calendar] = NO_CALENDARS) -> None:
        self.name = name
        self.steps = tuple(step.name for step in journey.steps)
        self.index = {step: at for at, step in enumerate(self.steps)}
        self.last = len(self.steps) - 1
        self.optional = tuple(step.optional for step in journey.steps)
        self.by: Read | None = reader(journey.by) if journey.by else None
        self.value: Read | None = reader(journey.value) if journey.value else None
        self.keep = journey.keep
        self.start_any = journey.start == "any"
        self.deadlines = deadlines(journey)
        self.openings = openings(journey, calendars)

    def deadline(self, at: int, time: int) -> int:
        """Until when who entered a step at a time (UTC epoch microseconds) may go on."""
        opening = self.openings[at]
        return time + self.deadlines[at] if opening is None else opening.after(time, self.deadlines[at])

    def worth(self, data: Mapping[str, Any]) -> int | None:
        """The journey's `value` in an event, scaled by 1e6; None where it has none."""
        if self.value is None:
            return None
        amount = number(self.value(data))
        return None if amount is None else scaled(amount)


def deadlines(journey: Journey) -> tuple[int, ...]:
    """Microseconds an instance may stay in each step: the largest `within` up to the next non-optional step."""
    result = []
    for at in range(len(journey.steps)):
        longest = 0
        for step in journey.steps[at + 1 :]:
            longest = max(longest, DEFAULT_WITHIN if step.within is None else step.within)
            if not step.optional:
                break
        result.append(longest)
    return tuple(result)


def openings(journey: Journey, calendars: Mapping[str, Calendar]) -> tuple[OpenTime | None, ...]:
    """In which open time the wait in each step runs: that of the next step that is not optional; None: always."""
    result = []
    for at in range(len(journey.steps)):
        awaited = next((step for step in journey.steps[at + 1 :] if not step.optional), None)
        named = None if awaited is None else awaited.calendar
        result.append(None if named is None else open_time(calendars[named]))
    return tuple(result)


class SignalRule:
    """One face of a signal towards one event type."""

    def __init__(self, name: str, signal: Signal, role: int, where: Condition | None) -> None:
        self.name = name
        self.role = role
        self.where = where
        self.value: Read | None = reader(signal.value) if signal.value else None
        self.as_ = signal.as_
        self.quantiles = needs_histogram(signal)
        low, high = signal.scale if signal.scale is not None else (float("-inf"), float("inf"))
        self.low, self.high = low, high
        self.scale = list(signal.scale) if signal.scale is not None else None
        self.top, self.bottom = boxes(signal)
        self.grid = Grid(*signal.scale) if signal.scale is not None and signal.value else None
        """Where scores are counted by value; None unless the signal has a scale."""
        self.survey = signal.as_ in ("nps", "csat", "ces")


def needs_histogram(signal: Signal) -> bool:
    """Whether any quantile of the signal is shown or expected."""
    return signal.as_.startswith("p") or any(expect.quantity.startswith("p") for expect in signal.expect)


def boxes(signal: Signal) -> tuple[float, float]:
    """Scores from the first on are counted as `top`, scores up to the second as `bottom`."""
    if signal.as_ == "nps" and signal.scale is not None:
        return signal.scale[1] - 1, signal.scale[1] - 4
    if signal.as_ == "csat" and signal.scale is not None:
        return signal.scale[1] - 1, float("-inf")
    return float("inf"), float("-inf")


class Match:
    """The steps of one journey that an event type may enter."""

    __slots__ = ("always", "candidates", "rule")

    def __init__(self, rule: JourneyRule, candidates: tuple[tuple[int, Condition | None], ...]) -> None:
        self.rule = rule
        self.candidates = candidates
        """Step and its condition, in the order of the file."""
        self.always: tuple[int, ...] = ()
        """These steps, where every event of the type matches all of them; else empty."""
        if all(where is None for _, where in candidates):
            self.always = tuple(at for at, _ in candidates)


class Hits:
    """What one event type sets in motion."""

    __slots__ = ("care", "journeys", "only", "plain", "signals")

    def __init__(self, plain: bool = True) -> None:
        self.plain = plain
        """No more than journeys and signals: unlike the types of `SPECIAL`, and of rules about customers."""
        self.care = False
        """Rules about customers name it."""
        self.journeys: list[Match] = []
        self.signals: list[SignalRule] = []
        self.only: Match | None = None
        """The one journey's match, where the type concerns nothing else and `data` decides nothing in it.

        Then its segment values and its `value` are all that is needed of `data`.
        """

    def close(self) -> None:
        """All rules are in."""
        if self.plain and len(self.journeys) == 1 and not self.signals:
            match = self.journeys[0]
            if match.always and match.rule.by is None:
                self.only = match


SPECIAL = ("customer.identified", "customer.merged", CHANGE, ERASED, *COMMANDS)
"""Types that mean something whatever the rules say."""
NOTHING = Hits()
"""For a type that no rule names."""


class Rules:
    """A file's rules by event type; immutable after construction."""

    def __init__(self, config: Config, config_hash: str) -> None:
        self.config = config
        self.hash = config_hash
        self.dimensions = tuple(segment.name for segment in config.segments)
        self.journeys = {
            name: JourneyRule(name, journey, config.calendars) for name, journey in config.journeys.items()
        }
        self.hits = {event_type: Hits(plain=False) for event_type in SPECIAL}
        self.care = Engine(config)
        self.learns = any(rule.learn is not None for rule in config.feedback.values())
        """What is learnt by the end of an hour matters later."""
        for event_type in sorted(self.care.types):
            hits = self.hits.setdefault(event_type, Hits(plain=False))
            hits.care = True
        self.sessions: dict[str, SignalRule] = {}
        for name, journey in config.journeys.items():
            steps: dict[str, list[tuple[int, Condition | None]]] = {}
            for at, step in enumerate(journey.steps):
                for event_type in step.on:
                    steps.setdefault(event_type, []).append((at, compile_where(step.where)))
            for event_type, matches in steps.items():
                self._hits(event_type).journeys.append(Match(self.journeys[name], tuple(matches)))
        for name, signal in config.signals.items():
            self._add_signal(name, signal)
        for hits in self.hits.values():
            hits.close()

    @classmethod
    def of(cls, loaded: Loaded) -> Rules:
        """The rules of a decoded file."""
        return cls(loaded.config, loaded.hash)

    def _hits(self, event_type: str) -> Hits:
        return self.hits.setdefault(event_type, Hits())

    def _add_signal(self, name: str, signal: Signal) -> None:
        where = compile_where(signal.where)
        if signal.as_ == "share":
            among = signal.of
            among_types = among.on if among is not None else signal.on
            among_where = compile_where(among.where) if among is not None else None
            for event_type in among_types:
                self._hits(event_type).signals.append(SignalRule(name, signal, AMONG, among_where))
            for event_type in signal.on:
                self._hits(event_type).signals.append(SignalRule(name, signal, HIT, where))
            return
        role = SESSION if signal.as_ == "session" else OBSERVE
        rule = SignalRule(name, signal, role, where)
        if role == SESSION:
            self.sessions[name] = rule
        for event_type in signal.on:
            self._hits(event_type).signals.append(rule)
