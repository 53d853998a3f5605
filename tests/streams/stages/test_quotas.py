"""Quotas: so many asks of a rule in any period, over all customers and partitions, and not one fewer."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.config.load import load_text
from streams.config.structs import Config
from streams.effects import Nominee, Partial, Verdicts
from streams.stages.quotas import Quotas, nameless
from streams.stages.signal import SignalStage
from streams.units import DAY, HOUR, SECOND
from tests.streams.stages.contents import START

FILE = """
version: 1
feedback:
  few: {ask: csat, after: order.delivered, quota: 3 per hour}
  one: {ask: ces, after: call.ended, quota: 1 per day}
  none: {ask: ces, after: chat.ended, quota: 0 per week}
  free: {ask: nps, after: order.completed}
"""
LOADED = load_text(FILE, "test.yml")
RULES = ("few", "one", "none", "free")
PERIODS = {"few": (3, HOUR), "one": (1, DAY)}


def config(file: str = FILE) -> Config:
    return load_text(file, "test.yml").config


def partial(tick: int, nominees: list[Nominee], partition: int = 0, sequence: int = 0, first: int = 0) -> Partial:
    return Partial(
        partition, sequence, first or tick, tick, LOADED.hash, nominees=tuple(sorted(nominees, key=lambda n: n.due))
    )


def answers(quotas: Quotas, partitions: int = 1) -> dict[Nominee, bool]:
    """What is still to be told, nominee by nominee."""
    found: dict[Nominee, bool] = {}
    for partition in range(partitions):
        for verdicts in quotas.untold(partition):
            found |= dict.fromkeys(verdicts.allowed, True) | dict.fromkeys(verdicts.refused, False)
    return found


def crowd(seed: int) -> list[list[Nominee]]:
    """Asks of some rules and many customers, tick by tick."""
    randomness = random.Random(seed)
    tick, ticks = START, []
    for number in range(randomness.randrange(1, 60)):
        tick += randomness.choice([1, 1, 60, 900, 3600, 86_400])
        ticks.append(
            [
                Nominee(randomness.choice(RULES), tick * SECOND + randomness.randrange(4), f"c-{number}-{at}")
                for at in range(randomness.choice([1, 1, 2, 6]))
            ]
        )
    return ticks


@given(st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_no_period_has_more_asks_than_the_quota_and_nobody_is_refused_while_there_is_room(seed: int) -> None:
    quotas = Quotas(config())
    for nominees in crowd(seed):
        quotas.judge(nominees[0].due // SECOND, [partial(nominees[0].due // SECOND, nominees)])
    told = sorted(answers(quotas).items(), key=lambda one: (one[0].due, one[0].subject, one[0].rule))
    for rule, (most, period) in PERIODS.items():
        asked: list[int] = []
        for nominee, allowed in told:
            if nominee.rule == rule:
                in_period = [due for due in asked if due > nominee.due - period]
                assert allowed == (len(in_period) < most)
                asked += [nominee.due] * allowed
    assert all(allowed == (nominee.rule == "free") for nominee, allowed in told if nominee.rule in ("free", "none"))


@given(st.integers(0, 2**32), st.integers(2, 4))
@settings(max_examples=50, deadline=None)
def test_it_does_not_matter_over_how_many_partitions_the_customers_are_spread(seed: int, partitions: int) -> None:
    randomness = random.Random(seed)
    one, many = Quotas(config()), Quotas(config())
    for nominees in crowd(seed):
        tick = nominees[0].due // SECOND
        one.judge(tick, [partial(tick, nominees)])
        homes = [randomness.randrange(partitions) for _ in nominees]
        spread = [
            partial(tick, [nominee for nominee, home in zip(nominees, homes, strict=True) if home == at], at)
            for at in range(partitions)
        ]
        many.judge(tick, spread)
    assert answers(one) == answers(many, partitions)


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_a_stage_that_was_stored_and_comes_back_says_what_it_would_have_said(seed: int) -> None:
    whole = SignalStage(LOADED.config, LOADED.hash)
    stage = SignalStage(LOADED.config, LOADED.hash)
    pieces = stage.snapshot()
    first = START
    for number, nominees in enumerate(crowd(seed)):
        one = partial(nominees[0].due // SECOND, nominees, sequence=number, first=first)
        first = one.tick + 1
        whole.process(one)
        stage.process(one)
        pieces |= stage.changes()
        stage = SignalStage.restore(LOADED.config, LOADED.hash, pieces)
    assert stage.quotas.untold(0) == whole.quotas.untold(0)
    assert stage.quotas.places == whole.quotas.places
    assert stage.snapshot() == whole.snapshot()


def test_of_those_due_at_one_moment_the_first_by_name_have_the_places() -> None:
    quotas = Quotas(config())
    due = START * SECOND
    quotas.judge(START, [partial(START, [Nominee("few", due, name) for name in ("dan", "anna", "clara", "ben")])])
    assert {nominee.subject for nominee, allowed in answers(quotas).items() if not allowed} == {"dan"}


def test_a_place_is_free_again_exactly_a_period_later() -> None:
    quotas = Quotas(config())
    due = START * SECOND
    for at, moment in enumerate((due, due + DAY - 1, due + DAY)):
        quotas.judge(moment // SECOND, [partial(moment // SECOND, [Nominee("one", moment, f"c-{at}")])])
    assert list(answers(quotas).values()) == [True, False, True]


def test_verdicts_are_told_until_the_partition_has_taken_them() -> None:
    quotas = Quotas(config())
    for tick in range(START, START + 3):
        quotas.judge(tick, [partial(tick, [Nominee("free", tick * SECOND, "anna")])])
    assert [verdicts.number for verdicts in quotas.untold(0)] == [0, 1, 2]
    quotas.confirmed(0, 2)
    assert [verdicts.number for verdicts in quotas.untold(0)] == [2]
    quotas.confirmed(0, 3)
    assert not quotas.untold(0)
    quotas.judge(START + 9, [partial(START + 9, [Nominee("free", (START + 9) * SECOND, "anna")])])
    assert [verdicts.number for verdicts in quotas.untold(0)] == [3]


def test_a_crowd_at_one_moment_is_told_in_records_that_the_log_takes() -> None:
    quotas = Quotas(config())
    crowd = [Nominee("free", START * SECOND, f"{at:06}" + "x" * 250) for at in range(5_000)]
    quotas.judge(START, [partial(START, crowd)])
    told = quotas.untold(0)
    assert [verdicts.number for verdicts in told] == list(range(len(told)))
    assert len(told) > 1
    assert max(sum(len(one.subject) for one in verdicts.allowed) for verdicts in told) < 512 * 1024
    assert len(answers(quotas)) == 5_000


def test_under_another_file_places_stay_taken_and_a_rule_without_quota_lets_everyone_through() -> None:
    quotas = Quotas(config())
    due = START * SECOND
    quotas.judge(START, [partial(START, [Nominee("one", due, "anna"), Nominee("few", due, "anna")])])
    other = config(FILE.replace("quota: 1 per day", "quota: 2 per day").replace(", quota: 3 per hour", ""))
    quotas = Quotas(other, quotas.stored, quotas.places)
    later = [Nominee("one", due + HOUR, "ben"), Nominee("one", due + HOUR, "clara")]
    later += [Nominee("few", due + HOUR, f"c-{at}") for at in range(5)]
    quotas.judge(START + 3600, [partial(START + 3600, later)])
    told = answers(quotas)
    assert (told[later[0]], told[later[1]]) == (True, False)
    assert all(told[nominee] for nominee in later[2:])


def test_an_erased_customer_is_named_no_more_and_keeps_the_place_taken() -> None:
    quotas = Quotas(config())
    quotas.judge(
        START, [partial(START, [Nominee("one", START * SECOND, "anna"), Nominee("one", START * SECOND, "ben")])]
    )
    quotas.forget({"anna"})
    (verdicts,) = quotas.untold(0)
    assert verdicts == Verdicts(0, (Nominee("one", START * SECOND, ""),), (Nominee("one", START * SECOND, "ben"),))
    assert nameless(verdicts, {"ben"}).refused[0].subject == ""
    assert len(quotas.places["one"]) == 1
