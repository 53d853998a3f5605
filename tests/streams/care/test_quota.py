"""A quota as the customer meets it: the ask waits for its answer, and so does everything else there is to ask."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from streams.codec import encode
from streams.effects import Decision, Nominee, Verdicts
from streams.model import Event, Record
from streams.runtime.customer import customer_view
from streams.stages.journey import JourneyStage
from streams.stages.verdicts import JUDGED
from streams.units import SECOND, format_time
from tests.build import START, event, rules
from tests.streams.care.story import short, tell

FILE = """
version: 1
allowed_lateness: 0s
feedback:
  limited: {ask: csat, after: order.delivered, channels: [sms], quota: 5 per day}
  other: {ask: ces, after: product.used}
fatigue: {any: 10d}
"""


class Customers:
    """One partition whose quotas are decided elsewhere; times in seconds."""

    def __init__(self) -> None:
        self.stage = JourneyStage(rules(FILE), resident=True)
        self.decisions: list[Decision] = []
        self.nominees: list[Nominee] = []
        self._offset = 0

    def say(self, seconds: float, kind: str, who: str = "anna", **data: Any) -> None:
        self._take(encode(event(seconds, kind, who, **data)))

    def judge(
        self, seconds: float, number: int, *, allowed: tuple[Nominee, ...] = (), refused: tuple[Nominee, ...] = ()
    ) -> None:
        verdicts = msgspec.to_builtins(Verdicts(number, allowed, refused))
        time = format_time(START + round(seconds * SECOND))
        self._take(encode(Event(id="judged", source="touchline", type=JUDGED, time=time, data=verdicts)), internal=True)

    def _take(self, body: bytes, *, internal: bool = False) -> None:
        effects = self.stage.process([Record(self._offset, None, body, internal)])
        self._offset += 1
        self.decisions += effects.decisions
        self.nominees += [nominee for partial in effects.partials for nominee in partial.nominees]

    @property
    def told(self) -> list[str]:
        return short(self.decisions)


def nominated() -> Customers:
    """Anna's order came at second 10; at second 20 the quota has been asked."""
    customers = Customers()
    customers.say(10, "order.delivered")
    customers.say(20, "page.viewed")
    return customers


def test_an_ask_that_is_let_through_leaves_as_of_its_due_time() -> None:
    customers = nominated()
    assert customers.nominees == [Nominee("limited", START + 10 * SECOND, "anna")]
    assert not customers.decisions
    customers.judge(21, 0, allowed=tuple(customers.nominees))
    (asked,) = customers.decisions
    assert (asked.type, asked.time) == ("touchline.feedback.requested", START + 10 * SECOND)
    assert (asked.data["channel"], asked.data["attempt"]) == ("sms", 1)


def test_an_ask_that_is_not_is_withheld_and_the_quota_is_named() -> None:
    customers = nominated()
    customers.judge(21, 0, refused=tuple(customers.nominees))
    (withheld,) = customers.decisions
    assert (withheld.data["reason"], withheld.data["reasons"], withheld.data["final"]) == ("quota", ["quota"], True)
    assert withheld.data["because"][1:] == ["quota=5 per day"]


@pytest.mark.parametrize(("allowed", "end"), [(True, "withheld ces fatigue"), (False, "requested ces")])
def test_another_ask_waits_for_the_answer_and_is_judged_as_of_its_own_time(allowed: bool, end: str) -> None:
    customers = nominated()
    customers.say(30, "product.used")
    customers.say(40, "page.viewed")
    assert not customers.decisions
    customers.judge(41, 0, **{"allowed" if allowed else "refused": tuple(customers.nominees)})
    assert customers.told[1].endswith(end)
    assert customers.decisions[1].time == START + 30 * SECOND


def test_a_customer_who_is_merged_meanwhile_gets_the_answer_under_the_other_id() -> None:
    customers = nominated()
    customers.say(21, "customer.merged", "anna", into="ben")
    customers.say(22, "page.viewed")
    customers.judge(22, 0, allowed=tuple(customers.nominees))
    (asked,) = customers.decisions
    assert asked.subject == "ben"
    customers.say(23, "order.delivered", "ben")
    customers.say(33, "page.viewed")
    assert customers.told[1:] == ["0d0h withheld csat fatigue"]


def test_an_answer_to_nobody_or_one_heard_before_changes_nothing() -> None:
    customers = nominated()
    customers.judge(21, 0, refused=(Nominee("limited", START, "anna"), Nominee("limited", START, "zoe")))
    assert not customers.decisions
    customers.judge(22, 0, refused=tuple(customers.nominees))
    assert not customers.decisions
    customers.judge(23, 1, allowed=tuple(customers.nominees))
    assert len(customers.decisions) == 1


def test_what_makes_no_sense_in_our_own_record_stops_nothing() -> None:
    customers = nominated()
    customers._take(encode(Event(id="x", source="touchline", type=JUDGED, time=format_time(START))), internal=True)
    customers.judge(22, 0, allowed=tuple(customers.nominees))
    assert len(customers.decisions) == 1


def test_verdicts_that_overtake_others_are_all_heard_once_and_what_is_missing_is_known() -> None:
    customers = nominated()
    customers.judge(21, 2)
    assert customers.stage.unheard == [0, 1]
    customers.judge(22, 0, allowed=tuple(customers.nominees))
    customers.judge(23, 0, allowed=tuple(customers.nominees))
    assert len(customers.decisions) == 1
    again = JourneyStage.restore(rules(FILE), customers.stage.changes().head, ())
    assert (again.verdicts, again.unheard) == (3, [1])


def test_while_it_waits_it_is_shown() -> None:
    customers = nominated()
    found = customers.stage.find("anna")
    assert found is not None
    (ask,) = customer_view("anna", found).asks
    assert (ask.rule, ask.waits_for) == ("limited", "quota")


def test_an_ask_that_another_gate_stops_takes_no_place() -> None:
    file = (
        "feedback: {a: {ask: csat, after: order.delivered, quota: 1 per day}}\ncases: {c: {on: complaint.received}}\n"
    )
    story: list[tuple[Any, ...]] = [
        ("1h", "complaint.received", {}, "anna"),
        ("2h", "order.delivered", {}, "anna"),
        ("3h", "order.delivered", {}, "ben"),
        ("4h", "order.delivered", {}, "clara"),
    ]
    assert short(one for one in tell(file, story) if "feedback" in one.type) == [
        "0d2h withheld csat open_case",
        "0d3h requested csat",
        "0d4h withheld csat quota",
    ]
