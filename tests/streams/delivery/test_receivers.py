"""Who receives what: the receivers of a file, their names, and where asks and offers go."""

from __future__ import annotations

from streams.config.load import load_text
from streams.delivery.grouping import Book
from streams.delivery.message import Message
from streams.delivery.receivers import Abilities, Receiver, receivers_of
from streams.units import SECOND
from tests.streams.delivery.messages import alert, decision

SECRET = "https://hooks.example/T0KEN"
RULES = """
feedback:
  nps: {ask: nps, after: order.delivered, to: "webhook:https://own.example/nps"}
  csat: {ask: csat, after: chat.ended}
offers:
  coffee: {on: order.completed, to: ["ndjson:offers.ndjson"]}
asks: {to: ["webhook:https://asks.example/all", "redis:redis://asks"]}
"""


def receivers(text: str, **environ: str) -> dict[str, Receiver]:
    able = {"slack": Abilities(groups=True, most=10), "alertmanager": Abilities(families=("alert", "signal"))}
    return receivers_of(load_text(text, environ=environ).config, lambda kind: able.get(kind, Abilities()))


def who(found: dict[str, Receiver], message: Message) -> list[str]:
    return [f"{found[one.receiver].kind}" for one in Book().address(found, message)[0]]


def test_a_subscription_gives_its_name() -> None:
    found = receivers('subscriptions: [{name: ops, to: "slack:https://x.example"}]')
    assert list(found) == ["ops"]


def test_further_receivers_of_a_subscription_are_numbered() -> None:
    found = receivers('subscriptions: [{name: ops, to: ["slack:https://x.example", "ndjson:a", "ndjson:b"]}]')
    assert [(name, one.kind) for name, one in found.items()] == [
        ("ops", "slack"),
        ("ops-2", "ndjson"),
        ("ops-3", "ndjson"),
    ]


def test_two_subscriptions_of_one_name_stay_apart() -> None:
    found = receivers('subscriptions: [{name: ops, to: "ndjson:a"}, {name: ops, to: "ndjson:b"}]')
    assert list(found) == ["ops", "ops-2"]


def test_a_name_made_up_shows_nothing_of_the_address_and_survives_its_change() -> None:
    text = 'subscriptions: [{to: "slack:${HOOK}"}]'
    (before,), (after,) = receivers(text, HOOK=SECRET), receivers(text, HOOK=SECRET + "2")
    assert before == after
    assert before.startswith("slack-")
    (literal,) = receivers(f'subscriptions: [{{to: "slack:{SECRET}"}}]')
    assert literal != before
    assert not any(part in literal for part in ("hooks", "T0KEN", "example"))


def test_nothing_shows_the_address_of_a_receiver() -> None:
    (receiver,) = receivers(f'subscriptions: [{{to: "slack:{SECRET}"}}]').values()
    assert "T0KEN" not in repr(receiver)


def test_asks_go_to_their_rule_or_else_to_the_asks_of_all() -> None:
    found = receivers(RULES)
    own, others = decision("feedback.requested", rule="nps"), decision("feedback.requested", rule="csat")
    assert who(found, own) == ["webhook"]
    assert who(found, others) == ["webhook", "redis"]
    (one,) = [one.receiver for one in Book().address(found, own)[0]]
    assert found[one].address.reveal() == "https://own.example/nps"


def test_only_the_ask_itself_goes_there() -> None:
    found = receivers(RULES)
    for kind in ("feedback.withheld", "feedback.deferred"):
        assert who(found, decision(kind, rule="nps", reason="fatigue")) == []


def test_offers_go_to_their_own_receivers_only() -> None:
    found = receivers(RULES)
    assert who(found, decision("offer.made", rule="coffee", offer="coffee")) == ["ndjson"]
    assert who(found, decision("offer.made", rule="tea", offer="tea")) == []


def test_the_same_address_twice_is_one_receiver_and_hears_once() -> None:
    text = """
subscriptions:
  - {match: {type: alert}, to: "webhook:https://x.example", group_wait: 20s}
  - {match: {type: [alert, case]}, to: "webhook:https://x.example"}
"""
    found = receivers(text)
    assert len(found) == 1
    assert who(found, alert()) == ["webhook"]
    assert who(found, decision("case.opened", case="k-1")) == ["webhook"]


def test_a_sink_that_can_put_alerts_together_waits_for_them_and_no_other_does() -> None:
    text = (
        'subscriptions: [{match: {type: [alert, case]}, to: ["slack:https://x.example", "ndjson:a"], group_wait: 20s}]'
    )
    leaving, _ = Book().address(receivers(text), alert(incident="i-7"))
    assert [(one.bundle, one.wait) for one in leaving] == [("i-7", 20 * SECOND), ("", 0)]
    leaving, _ = Book().address(receivers(text), decision("case.opened", case="k-1"))
    assert [(one.bundle, one.wait) for one in leaving] == [("", 0), ("", 0)]


def test_a_kind_hears_only_what_it_has_a_use_for() -> None:
    found = receivers('subscriptions: [{match: {type: [alert, case]}, to: "alertmanager:http://am:9093"}]')
    assert who(found, alert()) == ["alertmanager"]
    assert who(found, decision("case.opened", case="k-1")) == []
