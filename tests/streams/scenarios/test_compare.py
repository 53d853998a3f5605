"""What a story expects against what came: equal, missing, unexpected, forbidden, refused."""

from __future__ import annotations

from tests.streams.scenarios.telling import EVENTS, FILE, lines, outcome


def test_a_story_that_comes_as_told_is_ok() -> None:
    told = outcome("expect:\n  - 1d 10:00 feedback.requested: {metric: csat, channel: email}\n")
    assert told.ok
    assert [row.mark for row in told.rows] == ["="]
    assert told.day == "Mon 5 Jan 2026, UTC"


def test_a_decision_at_another_time_is_shown_with_both() -> None:
    assert lines("expect:\n  - 1d 09:00 feedback.requested: {metric: csat}\nuntil: 3d\n") == [
        "- 1d 09:00 feedback.requested metric csat; expected by line 10; came: at 1d 10:00 instead of 1d 09:00",
        "+ 1d 10:00 feedback.requested metric csat, channel email; asked for csat by email (rule delivery)",
    ]


def test_another_reason_is_shown_with_what_it_means() -> None:
    events = EVENTS + "  - 0d 12:00 order.cancelled\n"
    assert lines("expect:\n  - 1d 10:00 feedback.withheld: {metric: csat, reason: fatigue}\n", events) == [
        "- 1d 10:00 feedback.withheld metric csat, reason fatigue; expected by line 11;"
        " came: reason cancelled instead of fatigue",
        "+ 1d 10:00 feedback.withheld metric csat, reason cancelled;"
        " not asked for csat (rule delivery): it was cancelled",
    ]


def test_what_never_came_is_said_so() -> None:
    assert lines("expect:\n  - 1d 10:00 case.opened\n") == [
        "- 1d 10:00 case.opened; expected by line 10; nothing like it came"
    ]


def test_other_kinds_of_decisions_than_the_expected_ones_do_not_matter() -> None:
    file = FILE + "  cases:\n    late: {on: order.delivered}\n"
    assert outcome("expect:\n  - 1d 10:00 feedback.withheld\n", file=file).ok


def test_more_of_an_expected_kind_is_a_difference_unless_the_story_is_not_complete() -> None:
    events = EVENTS + "  - 3d 10:00 order.delivered\n"
    rest = "expect:\n  - 1d 10:00 feedback.requested\nuntil: 9d\n"
    assert [row.mark for row in outcome(rest, events).rows] == ["=", "+"]
    assert outcome(rest + "complete: false\n", events).ok


def test_the_order_matters_except_at_one_time() -> None:
    events = EVENTS + "  - 3d 10:00 order.delivered\n"
    swapped = "expect:\n  - {what: feedback.requested, at: 4d 10:00}\n  - {what: feedback.requested, at: 1d 10:00}\n"
    assert not outcome(swapped, events).ok
    file = FILE + "  cases:\n    late: {on: order.delivered, owner: support}\n"
    assert outcome("expect:\n  - 0d 10:00 case.opened\n  - 0d 10:00 case.assigned\n", file=file).ok


def test_bounds_say_not_before_and_earlier_than() -> None:
    def comes(bounds: str) -> bool:
        return outcome(f"expect:\n  - {{what: feedback.requested, {bounds}}}\nuntil: 9d\n").ok

    assert comes("after: 1d 10:00, before: 1d 10:01")
    assert not comes("after: 1d 10:01")
    assert not comes("before: 1d 10:00")


def test_what_must_never_come_is_shown_when_it_does() -> None:
    assert lines("never:\n  - {what: feedback.requested, before: 2d}\nuntil: 5d\n") == [
        "! 1d 10:00 feedback.requested metric csat, channel email;"
        " must never come (line 10); asked for csat by email (rule delivery)"
    ]
    assert outcome("never:\n  - {what: feedback.requested, before: 1d 10:00}\nuntil: 5d\n").ok


def test_a_cause_may_be_named_without_its_source() -> None:
    for cause in ("e1", "scenario/e1", "[e1]"):
        assert outcome(f"expect:\n  - 1d 10:00 feedback.requested: {{because: {cause}}}\n").ok
    assert not outcome("expect:\n  - 1d 10:00 feedback.requested: {because: e2}\n").ok


def test_a_field_may_be_expected_to_be_empty_but_not_to_be_another_kind_of_value() -> None:
    file = FILE.replace("channels: [email], ", "")
    assert outcome("expect:\n  - 1d 10:00 feedback.requested: {channel: null}\n", file=file).ok
    assert not outcome("expect:\n  - 1d 10:00 feedback.requested: {attempt: true}\n").ok
    assert not outcome("expect:\n  - 1d 10:00 feedback.requested: {colour: red}\n").ok


def test_an_event_that_is_refused_is_a_difference_unless_the_story_says_so() -> None:
    events = EVENTS + "  - {at: 0d 11:00, what: survey.answered, data: {metric: csat, score: 9}%s}\n"
    rest = "expect:\n  - 1d 10:00 feedback.requested\n"
    (refused, came) = lines(rest, events % "")
    assert refused.startswith("! 0d 11:00 survey.answered line 9; was refused: score_out_of_scale; ")
    assert came.startswith("= ")
    assert outcome(rest, events % ", refused: score_out_of_scale").ok
    assert not outcome(
        rest,
        EVENTS.replace(
            "- 0d 10:00 order.delivered: {order: o-1}", "- {at: 0d 10:00, what: order.delivered, refused: no_time}"
        ),
    ).ok


def test_customers_are_shown_where_there_are_several() -> None:
    file = FILE.replace("file:", "customers: [anna, ben]\nfile:")
    events = "events:\n  - 0d ben order.delivered\n  - 0d anna order.delivered\n"
    assert lines("expect:\n  - 1d ben feedback.requested\n", events, file) == [
        "= 1d 00:00 ben feedback.requested metric csat, channel email",
        "+ 1d 00:00 anna feedback.requested metric csat, channel email; asked for csat by email (rule delivery)",
    ]
