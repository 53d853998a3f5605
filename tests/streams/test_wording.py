"""Decisions in plain words."""

from __future__ import annotations

import pytest

from streams.config.meaning import REASONS
from streams.wording import BECAUSE, decision_words


def test_every_reason_has_its_words() -> None:
    assert set(BECAUSE) == set(REASONS)


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        (
            "touchline.feedback.requested",
            {"rule": "r", "metric": "nps", "channel": "sms", "attempt": 2},
            "asked for nps by sms (rule r, at the second attempt)",
        ),
        (
            "feedback.withheld",
            {
                "rule": "r",
                "metric": "nps",
                "reason": "open_case",
                "reasons": ["open_case", "fatigue"],
                "because": ["shop/e-1", "case=tf55", "asked=x"],
                "final": False,
            },
            "not asked for nps (rule r): a case was open (case=tf55, asked=x); besides, the customer was asked not"
            " long ago; the question waits until that changes",
        ),
        (
            "feedback.withheld",
            {"rule": "r", "metric": "nps", "reason": "expired", "reasons": ["open_case", "expired"], "final": True},
            "not asked for nps (rule r): a case was open, and it waited too long",
        ),
        (
            "feedback.deferred",
            {"rule": "r", "metric": "ces", "reason": "quiet_hours"},
            "not asked for ces now (rule r): it was within quiet hours",
        ),
        ("case.assigned", {"rule": "late", "case": "k-1", "owner": "kim"}, "case late assigned, kim has it (k-1)"),
        (
            "case.breached",
            {"rule": "late", "case": "k-1", "owner": "kim"},
            "case late still without contact, it is too late (k-1)",
        ),
        ("offer.made", {"rule": "hi", "offer": "hi", "count": 3}, "offered hi, after 3 of its events"),
        ("signal.breached", {"rule": "csat"}, "signal csat breached"),
    ],
)
def test_a_decision_is_told_without_jargon(kind: str, data: dict[str, object], said: str) -> None:
    assert decision_words(kind, data) == said
