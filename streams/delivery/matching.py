"""Whether a subscription's `match` takes a decision."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from streams.config.alerting import Match
from streams.delivery.message import PREFIX, Message

OWN = ("journey", "step", "signal", "rule", "owner", "severity", "reason")
"""Keys that are compared with the field of that name in the decision's `data`."""


def takes_type(match: Match, kind: str) -> bool:
    """Whether decisions of a type (without its prefix) are wanted: by family (`alert`) or whole (`alert.firing`)."""
    family = kind.partition(".")[0]
    return any(wanted.removeprefix(PREFIX) in (family, kind) for wanted in match.type)


def names_type(match: Match, kind: str) -> bool:
    """Whether the type is wanted by its own name, not only by its family."""
    return any(wanted.removeprefix(PREFIX) == kind for wanted in match.type)


def matches(match: Match, message: Message) -> bool:
    """All keys hold, each by one of its values. A field that the decision does not have matches nothing."""
    if not takes_type(match, message.kind):
        return False
    for key in OWN:
        wanted: tuple[str, ...] = getattr(match, key)
        if wanted and message.data.get(key) not in wanted:
            return False
    return all(_in_segment(message.data, dimension, wanted) for dimension, wanted in match.segments.items())


def _in_segment(data: Mapping[str, Any], dimension: str, wanted: Collection[str]) -> bool:
    """Whether one of the values is concerned.

    An alert that is everywhere (`segments: []`, of a signal `segment: {}`), or of which nobody can tell where it is
    (`null`), concerns every value; one that names other dimensions only does not.
    """
    if "segments" in data:
        segments = data["segments"]
    elif "segment" in data:
        segments = [data["segment"]] if data["segment"] else []
    else:
        return data.get(dimension) in wanted
    if not segments:
        return True
    return any(segment.get(dimension) in wanted for segment in segments)
