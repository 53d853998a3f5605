"""Whose silence ends the completions of a step."""

from __future__ import annotations

import msgspec

from streams.alerts.completion import LEAST, CompletingSources, Stored

DAY = 86_400
START = 20_000 * DAY
PAID = ("purchase", "checkout")


def heard(sources: CompletingSources, count: int, *names: str, start: int = START) -> None:
    for second in range(count):
        sources.take(start + second, set(names), [PAID])


def test_a_source_heard_whenever_the_step_is_completed_may_be_the_one() -> None:
    sources = CompletingSources()
    heard(sources, 20, "payments", "web")
    heard(sources, 20, "payments", "app", start=START + 20)
    assert sources.of(*PAID) == ["payments"]


def test_too_few_completions_say_nothing() -> None:
    sources = CompletingSources()
    heard(sources, LEAST - 1, "payments")
    assert sources.of(*PAID) == []
    heard(sources, 1, "payments", start=START + LEAST)
    assert sources.of(*PAID) == ["payments"]
    assert sources.of("purchase", "cart") == []


def test_seconds_without_completions_say_nothing() -> None:
    sources = CompletingSources()
    for second in range(100):
        assert not sources.take(START + second, {"web"}, []) or second == 0
    heard(sources, LEAST, "payments", start=START + 100)
    assert sources.of(*PAID) == ["payments"]


def test_a_silent_source_whose_step_is_still_completed_was_not_the_one() -> None:
    sources = CompletingSources()
    heard(sources, 40, "payments", "web")
    heard(sources, 1, "payments", start=START + 40)
    assert sources.of(*PAID) == ["payments"]


def test_sources_that_take_turns_are_none() -> None:
    sources = CompletingSources()
    for second in range(40):
        sources.take(START + second, {"app" if second % 2 else "web"}, [PAID])
    assert sources.of(*PAID) == []


def test_the_rest_of_the_sources_is_not_one() -> None:
    sources = CompletingSources()
    heard(sources, 40, "other", "payments")
    assert sources.of(*PAID) == ["payments"]


def test_a_source_may_change_its_name() -> None:
    sources = CompletingSources()
    heard(sources, 40, "payments")
    heard(sources, 40, "payments_v2", start=START + 100)
    assert sources.of(*PAID) == []
    heard(sources, 40, "payments_v2", start=START + DAY)
    assert sources.of(*PAID) == []
    heard(sources, 40, "payments_v2", start=START + 2 * DAY)
    assert sources.of(*PAID) == ["payments_v2"]


def test_a_step_completed_rarely_is_learnt_over_days() -> None:
    sources = CompletingSources()
    for day in range(10):
        heard(sources, 3, "payments", start=START + day * DAY)
    assert sources.of(*PAID) == ["payments"]


def test_nothing_changes_once_all_is_known() -> None:
    sources = CompletingSources()
    heard(sources, 40, "payments")
    assert not any(sources.take(START + second, {"payments", "web"}, [PAID]) for second in range(40, 400))


def test_it_goes_on_the_same_from_what_was_stored() -> None:
    sources, other = CompletingSources(), CompletingSources()
    heard(sources, 50, "payments", "web", start=START - 10)
    other.load(msgspec.msgpack.decode(msgspec.msgpack.encode(sources.dump()), type=Stored))
    for one in (sources, other):
        heard(one, 5, "payments", start=START + 60)
    assert other.dump() == sources.dump()
    assert other.of(*PAID) == ["payments"]
    other.keep(["signup"])
    assert other.of(*PAID) == []
