"""Warnings: what a right file asks for that is not acted upon yet, and what its author probably overlooked."""

from __future__ import annotations

from collections.abc import Iterator

from streams.config.faults import Path, shown_path
from streams.config.journeys import DEFAULT_WITHIN
from streams.config.nodes import Node
from streams.config.structs import Condition, Config
from streams.config.vocabulary import near_miss
from streams.errors import Fault

NOT_BUILT: frozenset[str] = frozenset()
"""Keys that are decoded and checked but not acted upon yet; `*` stands for any name or position."""
MATCH_KEYS = frozenset(("type", "journey", "step", "signal", "rule", "owner", "severity", "reason"))


def warnings_of(root: Node, config: Config) -> tuple[Fault, ...]:
    """Every warning, in the order of the file."""
    found = [*_not_built(root), *_unplaced_steps(config), *_unreceived_asks(config), *_reserved_dimensions(config)]
    found += [*_unsigned(config), *_near_misses(config), *_idle_calendars(config)]
    found += _unreplaced(root, ())
    warnings = [Fault(shown_path(path), root.line_of(path), message) for path, message in found]
    return tuple(sorted(warnings, key=lambda warning: (warning.line, warning.path)))


def _not_built(root: Node) -> Iterator[tuple[Path, str]]:
    for pattern in sorted(NOT_BUILT):
        for path in _matching(root, tuple(pattern.split(".")), ()):
            yield path, "valid, not acted upon yet"


def _matching(node: Node, pattern: tuple[str, ...], path: Path) -> Iterator[Path]:
    if not pattern:
        if node.value is not None:
            yield path
        return
    first, rest = pattern[0], pattern[1:]
    parts: list[str | int]
    if first != "*":
        parts = [first]
    elif isinstance(node.value, list):
        parts = list(range(len(node.value)))
    else:
        parts = list(node.keys())
    for part in parts:
        below = node.child(part)
        if below is not None:
            yield from _matching(below, rest, (*path, part))


def _unplaced_steps(config: Config) -> Iterator[tuple[Path, str]]:
    placed = {(signal.journey, signal.step) for signal in config.signals.values()}
    for name, journey in config.journeys.items():
        bare = [step.name for step in journey.steps if (name, step.name) not in placed and not step.expect]
        if bare:
            steps = ", ".join(bare)
            yield (
                ("journeys", name),
                f"no signal measures {steps}; place one with `journey: {name}` and `step:`, or give a step an `expect`",
            )


def _idle_calendars(config: Config) -> Iterator[tuple[Path, str]]:
    for name, journey in config.journeys.items():
        for at, step in enumerate(journey.steps):
            path: Path = ("journeys", name, "steps", at, "calendar")
            if step.calendar is None:
                continue
            if at == 0:
                yield path, "nobody waits for the first step: its calendar says nothing"
            elif step.optional:
                awaited = next(later for later in journey.steps[at:] if not later.optional)
                if awaited.calendar != step.calendar:
                    own = "none" if awaited.calendar is None else f"'{awaited.calendar}'"
                    yield (
                        path,
                        f"who may leave out a step waits by the calendar of the next one that nobody can,"
                        f" '{awaited.name}', which names {own}: this one says nothing",
                    )
            elif step.within is None and step.calendar in config.calendars:
                weeks = DEFAULT_WITHIN / max(config.calendars[step.calendar].week, 1)
                yield (
                    path,
                    f"without `within` there are 30 days of open time, {weeks:.0f} weeks: say how long it may take",
                )


def _unreceived_asks(config: Config) -> Iterator[tuple[Path, str]]:
    for name, rule in config.feedback.items():
        if not rule.to and not config.asks.to:
            yield ("feedback", name), "its asks are only recorded: add `to` here, or `asks: {to: […]}`"


def _unsigned(config: Config) -> Iterator[tuple[Path, str]]:
    told = "its webhooks are not signed: add a `secret`, so that their receiver can tell who sends them"
    for at, subscription in enumerate(config.subscriptions):
        if subscription.secret is None and any(target.kind == "webhook" for target in subscription.to):
            yield ("subscriptions", at), told
    targets = [*config.asks.to, *(target for rule in config.feedback.values() for target in rule.to)]
    targets += [target for offer in config.offers.values() for target in offer.to]
    if config.asks.secret is None and any(target.kind == "webhook" for target in targets):
        yield ("asks",), "webhooks of asks and offers are not signed: add `asks: {secret: …}`"


def _reserved_dimensions(config: Config) -> Iterator[tuple[Path, str]]:
    for at, segment in enumerate(config.segments):
        if segment.name in MATCH_KEYS:
            yield ("segments", at), f"subscriptions cannot match it: `{segment.name}` means the decision's own there"


def _near_misses(config: Config) -> Iterator[tuple[Path, str]]:
    own = {made for source in config.sources.values() for made in (source.type.constant, *source.type.map.values())}
    for path, types in _used_types(config):
        for event_type in types:
            meant = near_miss(event_type)
            if meant is not None and event_type not in own:
                yield path, f"'{event_type}' is a type of your own; did you mean '{meant}'?"


def _used_types(config: Config) -> Iterator[tuple[Path, tuple[str, ...]]]:
    for name, journey in config.journeys.items():
        for at, step in enumerate(journey.steps):
            yield ("journeys", name, "steps", at, "on"), step.on
    for name, signal in config.signals.items():
        yield ("signals", name, "on"), signal.on
        if signal.of is not None and signal.of.on != signal.on:
            yield ("signals", name, "of", "on"), signal.of.on
    for name, rule in config.feedback.items():
        yield ("feedback", name, "after"), rule.after
        for key in ("requires", "unless", "cancel_on"):
            conditions: tuple[Condition, ...] = getattr(rule, key)
            yield ("feedback", name, key), tuple(on for condition in conditions for on in condition.on)
    for name, case in config.cases.items():
        yield ("cases", name, "on"), case.on
    for name, promise in config.promises.items():
        yield ("promises", name, "from"), promise.from_
        yield ("promises", name, "until"), promise.until


def _unreplaced(node: Node, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(node.value, dict):
        for key, below in node.value.items():
            if key not in ("to", "secret", "token", "url"):
                yield from _unreplaced(below, (*path, key))
    elif isinstance(node.value, list):
        for at, below in enumerate(node.value):
            yield from _unreplaced(below, (*path, at))
    elif isinstance(node.value, str) and "${" in node.value:
        yield path, "${…} is replaced only in to, secret, token and url; here it stays as it is"
