"""Where an alert stands: a step, a signal or a source, in one direction, and what the file says about it."""

from __future__ import annotations

import msgspec

from streams.config.structs import Config
from streams.findings import SeriesKey


class Place(msgspec.Struct, frozen=True):
    """What the file calls a place, and who looks after it."""

    rule: str
    """Name in the file: `journey/step`, or the signal's; a silent source's own name."""
    journey: str | None
    step: str | None
    next_step: str | None
    """The step that customers do not reach; None unless a conversion changed."""
    signal: str
    """`conversion`, `arrivals`, `silence`, or the signal's name."""
    source: str | None
    owner: str | None
    runbook: str | None
    severity: str | None = None
    """What the file says, for signals."""
    position: int | None = None
    """Order along the journey, for steps: arrivals come before the conversion of the first step."""


def place_key(series: SeriesKey) -> SeriesKey:
    """The series of the whole that a segment's series belongs to: there is one open alert for each."""
    return msgspec.structs.replace(series, dimension="", value="") if series.dimension or series.value else series


def find_place(config: Config, series: SeriesKey) -> Place | None:
    """The place in the file; None when the file does not have it (any more). A source needs no entry."""
    match series.kind:
        case "conversion" | "arrivals":
            return _step(config, series)
        case "signal":
            return _signal(config, series.signal)
        case "source":
            return Place(series.signal, None, None, None, "silence", series.signal, None, None)


def _step(config: Config, series: SeriesKey) -> Place | None:
    journey = config.journeys.get(series.journey)
    if journey is None:
        return None
    names = [step.name for step in journey.steps]
    arrivals = series.kind == "arrivals"
    step = series.step or (names[0] if arrivals else "")
    if step not in names:
        return None
    index = names.index(step)
    following = None if arrivals or index + 1 == len(names) else names[index + 1]
    return Place(
        rule=f"{series.journey}/{step}",
        journey=series.journey,
        step=step,
        next_step=following,
        signal=series.kind,
        source=None,
        owner=journey.owner,
        runbook=journey.runbook,
        position=2 * index + (0 if arrivals else 1),
    )


def _signal(config: Config, name: str) -> Place | None:
    signal = config.signals.get(name)
    if signal is None:
        return None
    journey = config.journeys.get(signal.journey) if signal.journey else None
    return Place(
        rule=name,
        journey=signal.journey,
        step=signal.step,
        next_step=None,
        signal=name,
        source=None,
        owner=journey.owner if journey else None,
        runbook=journey.runbook if journey else None,
        severity=signal.severity,
    )
