"""Expressions that several boards use. `$job` limits every one to the services chosen at the top."""

from __future__ import annotations

from collections.abc import Sequence

from streams.runtime import metric_names as names
from streams.runtime.metric_names import Metric

JOB = 'job=~"$job"'
_CHANGE = f'{names.EVENTS.name}{{{JOB}, type="change.deployed"}}'
_SEEN = f"{names.UP_TIME.name}{{{JOB}}}"


def of(metric: Metric | str, where: str = "", suffix: str = "") -> str:
    """The metric of the chosen services, `where` further conditions hold."""
    name = metric if isinstance(metric, str) else metric.name
    return f"{name}{suffix}{{{JOB}{', ' + where if where else ''}}}"


def total(metric: Metric, by: str = "", where: str = "") -> str:
    """Sum over workers."""
    return f"sum{_by(by)} ({of(metric, where)})"


def rate(metric: Metric, by: str = "", where: str = "", over: str = "$__rate_interval") -> str:
    """Per second, over all workers."""
    return f"sum{_by(by)} (rate({of(metric, where)}[{over}]))"


def grown(metric: Metric, by: str = "", where: str = "", over: str = "$__range") -> str:
    """By how much a total has grown, exactly.

    Totals last through restarts, so a difference is exact where `increase` would extrapolate, and miss the first of a
    series that begins with it. What was not there at the beginning was 0 if the service was scraped then; else the
    first value known counts as the beginning.
    """
    now = total(metric, by, where)
    before = (
        f"sum{_by(by)} ({of(metric, where)} offset {over})"
        f" or (0 * {now} and on () count({_SEEN} offset {over}))"
        f" or sum{_by(by)} (min_over_time({of(metric, where)}[{over}]))"
    )
    return f"clamp_min({now} - ({before}), 0)"


def share(part: str, whole: str) -> str:
    """One expression over another; absent where the whole is 0."""
    return f"{part} / ({whole} > 0)"


def changes() -> str:
    """Above 0 for a minute after a `change.deployed` came."""
    now = f"sum({_CHANGE})"
    return f"({now} > (sum({_CHANGE} offset 1m) or 0 * {now})) and on () count({_SEEN} offset 1m)"


def firing(where: str = "") -> str:
    """1 for each alert that fires, with the owner and runbook of its journey where there is one."""
    labels = "journey, step, signal, source, direction, severity"
    alerts = f"max by ({labels}) ({of(names.ALERT_FIRING, where)})"
    owner = f"max by (journey, owner, runbook) ({of(names.JOURNEY)})"
    return f"({alerts} == 1) * on (journey) group_left (owner, runbook) {owner} or on ({labels}) ({alerts} == 1)"


def any_of(names_of: Sequence[str]) -> str:
    """A regular expression of these words."""
    return "|".join(names_of)


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""
