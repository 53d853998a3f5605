"""Warnings: what a right file asks for that is not acted upon yet, and what its author probably overlooked."""

from __future__ import annotations

from collections.abc import Iterator

from streams.config.faults import Path, shown_path
from streams.config.nodes import Node
from streams.config.structs import Config
from streams.errors import Fault

NOT_BUILT = frozenset(
    {
        "feedback",
        "offers",
        "fatigue",
        "quiet_hours",
        "cases",
        "promises",
        "alerts",
        "subscriptions",
        "asks",
        "calendars",
        "consent",
        "closing",
        "journeys.*.watch",
        "journeys.*.arrivals",
        "journeys.*.steps.*.calendar",
        "signals.*.watch",
        "signals.*.severity",
        "signals.*.detector",
    }
)
"""Keys that are decoded and checked but not acted upon yet; `*` stands for any name or position."""
MATCH_KEYS = frozenset(("type", "journey", "step", "signal", "rule", "owner", "severity", "reason"))


def warnings_of(root: Node, config: Config) -> tuple[Fault, ...]:
    """Every warning, in the order of the file."""
    found = [*_not_built(root), *_unplaced_steps(config), *_unreceived_asks(config), *_reserved_dimensions(config)]
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
        for at, step in enumerate(journey.steps):
            if (name, step.name) not in placed and not step.expect:
                yield ("journeys", name, "steps", at), "no signal is placed on this step"


def _unreceived_asks(config: Config) -> Iterator[tuple[Path, str]]:
    for name, rule in config.feedback.items():
        if not rule.to and not config.asks.to:
            yield ("feedback", name), "its asks are only recorded: add `to` here, or `asks: {to: […]}`"


def _reserved_dimensions(config: Config) -> Iterator[tuple[Path, str]]:
    for at, segment in enumerate(config.segments):
        if segment.name in MATCH_KEYS:
            yield ("segments", at), f"subscriptions cannot match it: `{segment.name}` means the decision's own there"


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
