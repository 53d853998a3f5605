"""How many answered, whose answers were followed up, what rules learn: over HTTP, each with its n and interval."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.estimates import share
from streams.runtime.asking_api import asking
from streams.runtime.service import Internals
from streams.view import ArmView
from tests.streams.runtime.memory_service import MemoryService, serving

CARE = {
    "feedback_requested\0after_call\0sms": [400, 0],
    "feedback_requested\0nps\0email": [12, 0],
    "feedback_answered\0after_call\0sms": [100, 7_000_000],
    "feedback_answered\0\0": [55, 0],
    "answered\0nps\0detractor": [80, 0],
    "answered\0nps\0promoter": [200, 0],
    "followed\0nps\0detractor": [60, 0],
    "case_opened\0complaint\0": [9, 0],
}
LEARNING = [
    ArmView("after_call", "channel", "sms", 300, 90, 0.83),
    ArmView("after_call", "channel", "email", 40, 4, 0.17),
]


async def test_rates_have_their_n_and_an_interval_and_too_few_have_no_value() -> None:
    service = MemoryService()
    service.kept = Internals(care=CARE, learning=LEARNING)
    async with serving(service) as client:
        answer = await client.get("/api/v1/asking")
        assert answer.status == 200
        told = await answer.json()
    sms, mail = told["responses"]
    assert (sms["rule"], sms["channel"], sms["answered"]["n"], sms["answered"]["value"]) == (
        "after_call",
        "sms",
        400,
        0.25,
    )
    assert sms["answered"]["low"] < 0.25 < sms["answered"]["high"]
    assert mail["answered"] == {"n": 12, "value": None, "low": None, "high": None}
    assert [
        (one["metric"], one["class"], one["followed"]["n"], one["followed"]["value"]) for one in told["coverage"]
    ] == [
        ("nps", "detractor", 80, 0.75),
        ("nps", "promoter", 200, 0.0),
    ]
    assert [(one["arm"], one["answered"]["n"], one["answered"]["value"], one["chance"]) for one in told["arms"]] == [
        ("sms", 300, 0.3, 0.83),
        ("email", 40, 0.1, 0.17),
    ]


async def test_where_nobody_is_asked_there_is_nothing() -> None:
    async with serving(MemoryService()) as client:
        assert await (await client.get("/api/v1/asking")).json() == {"responses": [], "coverage": [], "arms": []}


def test_answers_that_nobody_asked_for_are_in_no_rate() -> None:
    told = asking({"feedback_answered\0\0": [55, 0], "feedback_requested\0nps\0sms": [100, 0]})
    assert [(one.rule, one.answered) for one in told.responses] == [("nps", share(0, 100))]


@given(st.dictionaries(st.sampled_from(sorted(CARE)), st.tuples(st.integers(0, 10**9), st.integers(0, 10**15))))
def test_a_rate_is_a_share_whatever_was_counted(counted: dict[str, tuple[int, int]]) -> None:
    told = asking(counted)
    for one in [*(found.answered for found in told.responses), *(found.followed for found in told.coverage)]:
        assert one.value is None or 0 <= (one.low or 0) <= one.value <= (one.high or 0) <= 1
