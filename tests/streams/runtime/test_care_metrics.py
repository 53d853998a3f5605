"""Asks and cases in Prometheus: by rule and reason, and how many cases are open."""

from __future__ import annotations

from streams.runtime.care_metrics import care_families
from tests.streams.care.story import replayed


def samples(file: str, events: list[tuple[object, ...]]) -> dict[str, float]:
    counted = replayed(file, events, "60d").signals.totals().care
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in care_families(counted)
        for sample in family.samples
    }


def test_every_outcome_is_counted_by_rule_and_reason() -> None:
    file = "feedback:\n  nps: {ask: nps, after: order.delivered, wait: 1d, channels: [sms]}\nfatigue: {any: 14d}\n"
    file += "cases:\n  low: {on: survey.answered, where: {score: {lte: 6}}, owner: care}\n"
    found = samples(
        file,
        [
            ("0d", "order.delivered"),
            ("2d", "order.delivered"),
            ("4d", "survey.answered", {"metric": "nps", "score": 3}),
            ("5d1h", "case.contacted"),
        ],
    )
    assert found["touchline_feedback_requests_total nps sms"] == 1
    assert found["touchline_feedback_suppressed_total nps fatigue"] == 1
    assert found["touchline_answers_total nps detractor"] == 1
    assert found["touchline_answers_followed_total nps detractor"] == 1
    assert found["touchline_cases_open low"] == 1
    assert found["touchline_case_first_contact_seconds_total low"] == 25 * 3600
    assert found["touchline_case_sla_warned_total low"] == 1


def test_an_answer_to_our_ask_is_counted_with_the_time_it_took() -> None:
    file = "feedback:\n  nps: {ask: nps, after: order.delivered, channels: [sms]}\n"
    request = replayed(file, [("0d", "order.delivered")], "1d").decisions[0].id
    answer = ("2h", "survey.answered", {"metric": "nps", "score": 9, "request": request})
    found = samples(file, [("0d", "order.delivered"), answer, ("3h", *answer[1:])])
    assert found["touchline_feedback_responses_total nps sms"] == 1
    assert found["touchline_feedback_response_seconds_total nps sms"] == 7200
    assert found["touchline_feedback_scored_total nps day"] == 1
    assert found["touchline_feedback_scores_total nps day"] == 9


def test_a_closed_case_is_not_open_and_a_reopened_one_is() -> None:
    file = "cases:\n  low: {on: complaint.received}\n"
    closed = ("2d", "case.closed", {"cause": "x", "disposition": "resolved", "communicated": True})
    events: list[tuple[object, ...]] = [("0d", "complaint.received"), closed]
    assert samples(file, events)["touchline_cases_open low"] == 0
    assert samples(file, [*events, ("3d", "case.reopened")])["touchline_cases_open low"] == 1
