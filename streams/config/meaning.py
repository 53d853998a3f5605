"""Faults that need the whole file: names that must exist elsewhere in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from streams.config.access import EMPLOYEES
from streams.config.faults import Faults, Path, unknown
from streams.config.journeys import DEFAULT_WITHIN
from streams.config.kinds import Severity
from streams.config.nodes import Node
from streams.config.structs import Config, FeedbackRule, QuietHours, Segment, Signal, Subscription, When
from streams.units import DAY, HOUR, WEEK, format_clock

FAMILIES: dict[str, tuple[str, ...]] = {
    "feedback": ("requested", "withheld", "deferred"),
    "case": (
        "opened",
        "assigned",
        "contacted",
        "resolved",
        "communicated",
        "closed",
        "reopened",
        "warned",
        "breached",
    ),
    "alert": ("firing", "updated", "resolved", "rebaselined"),
    "signal": ("breached", "recovered"),
    "promise": ("broken",),
    "offer": ("made",),
    "cluster": ("found",),
}
"""Decision types without `touchline.`, by family."""
REASONS = (
    "cancelled",
    "missing_requirement",
    "excluded",
    "open_case",
    "live_conversation",
    "unresolved_defect",
    "no_consent",
    "no_channel",
    "case_already_asked",
    "fatigue",
    "yearly_cap",
    "not_sampled",
    "held_out",
    "quota",
    "lost_arbitration",
    "quiet_hours",
    "expired",
)
"""Why an ask is withheld or deferred, in the order of the gates."""
_MOST_YEARS = 10
CONVERSION = "conversion"
"""Stands where a signal's name can: the conversion of a step."""


def check_meaning(root: Node, config: Config | None, faults: Faults) -> None:
    """Note every name that is used but not there. What could not be decoded is known by its name only.

    `config` has all that could be decoded; None when nothing could.
    """
    if config is None:
        return
    names = _Names(root)
    _segments(config.segments, root, faults)
    for name, signal in config.signals.items():
        _signal(signal, ("signals", name), names, root, faults)
    for name, rule in config.feedback.items():
        _feedback(rule, ("feedback", name), names, root, faults)
        _learnt_times(rule, config.quiet_hours, ("feedback", name, "learn", "times"), root, faults)
    for name in config.alerts.split:
        if name not in names.journeys:
            where: Path = ("alerts", "split", name)
            faults.add(where, root.line_of(where), unknown("journey", name, names.journeys))
    for place, calendar in _calendars(config):
        if calendar is not None and calendar not in names.calendars:
            faults.add(place, root.line_of(place), unknown("calendar", calendar, names.calendars))
    _waits(config, root, faults)
    # Match keys are checked against the dimensions; a list that is itself wrong would make good keys look wrong.
    dimensions = tuple(segment.name for segment in config.segments)
    if len(dimensions) == len(_items(root.at("segments"))):
        _employees(config, dimensions, root, faults)
        for at, subscription in enumerate(config.subscriptions):
            _subscription(subscription, ("subscriptions", at), dimensions, names, root, faults)


class _Names:
    """Names in the file, whether or not what they name could be decoded."""

    def __init__(self, root: Node) -> None:
        self.signals = _keys(root, "signals")
        self.calendars = _keys(root, "calendars")
        self.journeys: dict[str, tuple[str, ...]] = {}
        for name in _keys(root, "journeys"):
            steps = _items(root.at("journeys", name, "steps"))
            named = [step.at("name") for step in steps]
            self.journeys[name] = tuple(str(node.value) for node in named if node is not None)
        blocks = ("signals", "feedback", "cases", "clusters", "promises", "offers")
        self.rules = tuple(name for block in blocks for name in _keys(root, block))

    def steps(self, journeys: Iterable[str] = ()) -> tuple[str, ...]:
        """Steps of these journeys, of all without any."""
        chosen = [name for name in journeys if name in self.journeys] or list(self.journeys)
        return tuple(dict.fromkeys(step for name in chosen for step in self.journeys[name]))


def _keys(root: Node, *path: str) -> tuple[str, ...]:
    node = root.at(*path)
    return node.keys() if node is not None else ()


def _items(node: Node | None) -> list[Node]:
    return node.value if node is not None and isinstance(node.value, list) else []


def _segments(segments: tuple[Segment, ...], root: Node, faults: Faults) -> None:
    seen: set[str] = set()
    for at, segment in enumerate(segments):
        if segment.name in seen:
            place: Path = ("segments", at)
            faults.add(place, root.line_of(place), f"the dimension '{segment.name}' is there twice")
        seen.add(segment.name)


def _employees(config: Config, dimensions: tuple[str, ...], root: Node, faults: Faults) -> None:
    access = config.access
    if access.employees != EMPLOYEES:
        for at, name in enumerate(access.employees):
            if name not in dimensions:
                place: Path = ("access", "employees", at)
                faults.add(place, root.line_of(place), unknown("segment", name, dimensions))
    for at, subscription in enumerate(config.subscriptions):
        for name in subscription.match.segments:
            if name in access.employees and name in dimensions:
                place = ("subscriptions", at, "match", name)
                faults.add(place, root.line_of(place), "no alert names single employees; see access.employees")
    for name, signal in config.signals.items():
        if (signal.where or {}).get("metric") == "enps" and signal.min_n < access.minimum_group:
            place = ("signals", name, "min_n")
            said = f"answers of employees are shown from access.minimum_group ({access.minimum_group}) on"
            faults.add(place, root.line_of(place), said)


def _place(journey: str | None, step: str | None, place: Path, names: _Names, root: Node, faults: Faults) -> None:
    if journey is None:
        return
    if journey not in names.journeys:
        where = (*place, "journey")
        faults.add(where, root.line_of(where), unknown("journey", journey, names.journeys))
    elif step is not None and step not in names.journeys[journey]:
        where = (*place, "step")
        faults.add(where, root.line_of(where), unknown("step", step, names.journeys[journey], of=journey))


def _signal(signal: Signal, place: Path, names: _Names, root: Node, faults: Faults) -> None:
    _place(signal.journey, signal.step, place, names, root, faults)


def _feedback(rule: FeedbackRule, place: Path, names: _Names, root: Node, faults: Faults) -> None:
    if rule.when is not None:
        _when(rule.when, (*place, "when"), names, root, faults)


def _learnt_times(rule: FeedbackRule, quiet: QuietHours | None, place: Path, root: Node, faults: Faults) -> None:
    """Hours that are never used, because nobody is asked then."""
    if rule.learn is None or quiet is None:
        return
    for at, time in enumerate(rule.learn.times):
        if quiet.covers(time):
            hours = f"{format_clock(quiet.from_)} to {format_clock(quiet.to)}"
            where = (*place, at)
            faults.add(where, root.line_of(where), f"{format_clock(time)} is within quiet_hours, {hours}")


def _when(when: When, place: Path, names: _Names, root: Node, faults: Faults) -> None:
    if when.signal == CONVERSION:
        if when.journey is None or when.step is None:
            faults.add(place, root.line_of(place), "a conversion needs its journey and step")
    elif when.signal not in names.signals:
        where = (*place, "signal")
        faults.add(where, root.line_of(where), unknown("signal", when.signal, (*names.signals, CONVERSION)))
    if when.step is not None and when.journey is None and when.signal != CONVERSION:
        where = (*place, "step")
        faults.add(where, root.line_of(where), "a step needs its journey: add `journey`")
    _place(when.journey, when.step, place, names, root, faults)


def _calendars(config: Config) -> Iterable[tuple[Path, str | None]]:
    for name, journey in config.journeys.items():
        for at, step in enumerate(journey.steps):
            yield ("journeys", name, "steps", at, "calendar"), step.calendar
    for name, case in config.cases.items():
        yield ("cases", name, "calendar"), case.calendar
    for name, promise in config.promises.items():
        yield ("promises", name, "calendar"), promise.calendar


def _waits(config: Config, root: Node, faults: Faults) -> None:
    """A wait in opening hours must have an end that anybody lives to see."""
    for name, journey in config.journeys.items():
        longest = 0
        for at, step in enumerate(journey.steps):
            # Those that may be left out are waited for together with the next one.
            together = at > 0 and journey.steps[at - 1].optional
            longest = max(longest if together else 0, DEFAULT_WITHIN if step.within is None else step.within)
            calendar = None if step.calendar is None else config.calendars.get(step.calendar)
            if at == 0 or step.optional or calendar is None or not calendar.week:
                continue
            years = longest / calendar.week * WEEK / (365 * DAY)
            if years > _MOST_YEARS:
                place: Path = ("journeys", name, "steps", at, "calendar")
                hours = calendar.week / HOUR
                message = (
                    f"`within` takes {years:,.0f} years in '{step.calendar}', which is open {hours:g} hours a week:"
                    f" expected at most {_MOST_YEARS}"
                )
                faults.add(place, root.line_of(place), message)


def _subscription(
    subscription: Subscription,
    place: Path,
    dimensions: tuple[str, ...],
    names: _Names,
    root: Node,
    faults: Faults,
) -> None:
    match = subscription.match
    types = (*FAMILIES, *(f"{family}.{verb}" for family, verbs in FAMILIES.items() for verb in verbs))
    known: dict[str, tuple[tuple[str, ...], Iterable[str]]] = {
        "type": (tuple(value.removeprefix("touchline.") for value in match.type), types),
        "journey": (match.journey, names.journeys),
        "step": (match.step, names.steps(match.journey)),
        "signal": (match.signal, (*names.signals, CONVERSION)),
        "rule": (match.rule, names.rules),
        "severity": (match.severity, get_args(Severity)),
        "reason": (match.reason, REASONS),
    }
    for key, (values, possible) in known.items():
        for value in values:
            if value not in possible:
                where: Path = (*place, "match", key)
                faults.add(where, root.line_of(where), unknown(key, value, possible))
    for dimension in match.segments:
        if dimension not in dimensions:
            where = (*place, "match", dimension)
            faults.add(where, root.line_of(where), unknown("key", dimension, (*known, "owner", *dimensions)))
