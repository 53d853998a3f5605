"""How bad it is: by what is lost over the whole step, one level up when much money goes with it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from streams.findings import Finding

LEVELS = ("info", "warning", "critical")
CRITICAL_LOSS, WARNING_LOSS = 0.30, 0.10
"""Part of the whole step's expected completions that is lost."""
_KEPT = 0.8
"""A level once reached is kept until the loss is below this part of its threshold, so that it does not waver."""
_INFO, _WARNING, _CRITICAL = range(3)


class Severity(msgspec.Struct, frozen=True, array_like=True):
    """A level, and how it came about."""

    base: int
    """Index in LEVELS by the loss, or by the file."""
    raised: bool = False
    """One level up for the value lost per hour."""

    @property
    def level(self) -> str:
        """`info`, `warning` or `critical`."""
        return LEVELS[min(self.base + self.raised, _CRITICAL)]


def judge(
    findings: Sequence[Finding], configured: str | None, page_above: float | None, before: Severity | None = None
) -> Severity:
    """Severity of one place by the findings of its firing series (at least one), the worst of them.

    `configured`: the file's `severity` of a signal. `page_above`: journey `value` per hour. `before`: the severity the
    alert has; None for a first judgement, or when only first estimates stood behind it.
    """
    base = max(_base(finding, configured, None if before is None else before.base) for finding in findings)
    raised = False
    if page_above is not None:
        bound = page_above * (_KEPT if before is not None and before.raised else 1.0)
        raised = any(finding.value_per_hour is not None and finding.value_per_hour > bound for finding in findings)
    return Severity(base, raised)


def _base(finding: Finding, configured: str | None, before: int | None) -> int:
    match finding.series.kind:
        case "source":
            return _CRITICAL
        case "signal":
            return _WARNING if configured is None else LEVELS.index(configured)
    loss = _loss(finding)
    if loss is None:
        return _WARNING
    for level, threshold in ((_CRITICAL, CRITICAL_LOSS), (_WARNING, WARNING_LOSS)):
        if loss >= threshold * (_KEPT if before is not None and before >= level else 1.0):
            return level
    return _INFO


def _loss(finding: Finding) -> float | None:
    """Part of the whole step's expected completions that is lost; None where that cannot be told."""
    if finding.series.direction == "up":
        return 0.0 if finding.loss is None else finding.loss
    if finding.loss is not None:
        return finding.loss
    if finding.series.dimension or not finding.expected > 0:
        return None
    return max(0.0, 1.0 - finding.observed / finding.expected)
