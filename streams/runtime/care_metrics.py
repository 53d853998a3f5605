"""Asks, answers, cases, promises and offers as Prometheus shows them: totals since the beginning, by rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import Metric as Family

from streams.care.arms import ASKED, SETTLED, named
from streams.runtime import metric_names as names
from streams.runtime.families import Families
from streams.runtime.metric_names import Metric
from streams.units import SECOND
from streams.view import ArmView

COUNTED: dict[str, tuple[Metric, bool]] = {
    "feedback_requested": (names.FEEDBACK_REQUESTS, True),
    "feedback_withheld": (names.FEEDBACK_WITHHELD, True),
    "feedback_deferred": (names.FEEDBACK_DEFERRED, True),
    "feedback_answered": (names.FEEDBACK_RESPONSES, True),
    "feedback_scored": (names.FEEDBACK_SCORED, True),
    ASKED: (names.ARM_ASKED, True),
    SETTLED: (names.ARM_SETTLED, True),
    "answered": (names.ANSWERS, True),
    "followed": (names.ANSWERS_FOLLOWED, True),
    "resurveyed": (names.RESURVEYED, True),
    "recovered": (names.RECOVERED, True),
    "case_opened": (names.CASES_OPENED, False),
    "case_joined": (names.CASES_JOINED, False),
    "case_contacted": (names.CASES_CONTACTED, False),
    "case_closed": (names.CASES_CLOSED, True),
    "case_reopened": (names.CASES_REOPENED, False),
    "case_warned": (names.CASES_WARNED, False),
    "case_breached": (names.CASES_BREACHED, False),
    "case_unrouted": (names.CASES_UNROUTED, False),
    "case_incomplete": (names.CASES_INCOMPLETE, False),
    "case_handed_over": (names.CASES_HANDED_OVER, False),
    "case_repeated": (names.CASE_REPEATS, True),
    "case_unattributed": (names.CASE_STRAYS, False),
    "promise_given": (names.PROMISES_GIVEN, False),
    "promise_kept": (names.PROMISES_KEPT, False),
    "promise_broken": (names.PROMISES_BROKEN, False),
    "offer_made": (names.OFFERS, False),
}
"""What is counted -> its metric, and whether the detail is a label beside the rule."""
# Times are counted in microseconds, scores and answers in millionths: they all come out in whole units.
_SUMS = {
    "feedback_answered": names.FEEDBACK_RESPONSE_SECONDS,
    "feedback_scored": names.FEEDBACK_SCORES,
    SETTLED: names.ARM_ANSWERED,
    "case_contacted": names.CASES_CONTACT_SECONDS,
}
_OPENED = {"case_opened": 1, "case_closed": -1}


def care_families(counted: Mapping[str, Sequence[int]], learning: Iterable[ArmView] = ()) -> Iterator[Family]:
    """Families of `WHAT NUL RULE NUL DETAIL` -> [count, total], and of what rules learn."""
    families = Families()
    sums: dict[tuple[Metric, tuple[str, ...]], float] = {}
    unclosed: dict[str, int] = {}
    for key, (count, total) in sorted(counted.items()):
        what, rule, detail = key.split("\0")
        if what in COUNTED:
            metric, detailed = COUNTED[what]
            place = (metric, (rule, detail) if detailed else (rule,))
            sums[place] = sums.get(place, 0) + count
        if what in _SUMS:
            metric = _SUMS[what]
            place = (metric, (rule, detail) if len(metric.labels) == 2 else (rule,))
            sums[place] = sums.get(place, 0) + total / SECOND
        if what in _OPENED or (what == "case_reopened" and detail == "closed"):
            unclosed[rule] = unclosed.get(rule, 0) + count * _OPENED.get(what, 1)
    for (metric, labels), value in sums.items():
        families.add(metric, labels, value)
    for rule, count in unclosed.items():
        families.add(names.CASES_OPEN, (rule,), count)
    for arm in learning:
        families.add(names.ARM_CHANCE, (arm.rule, named(arm.what, arm.arm)), arm.chance)
    return iter(families)
