"""Promises: kept in time, or broken before the customer has to say so."""

from __future__ import annotations

from tests.streams.care.story import short, tell

PHOTOS = """
promises:
  photos: {says: "Photos after four weeks", from: order.completed, until: order.delivered, within: 28d, by: order_id}
cases:
  late: {on: promise.broken, where: {promise: photos}, owner: studio}
"""


def test_a_promise_that_is_kept_in_time_is_nobodys_business() -> None:
    events = [("0d", "order.completed", {"order_id": "o-1"}), ("28d", "order.delivered", {"order_id": "o-1"})]
    assert tell(PHOTOS, events, "60d") == []


def test_a_broken_promise_is_told_at_once_and_opens_a_case_before_the_customer_complains() -> None:
    decisions = tell(PHOTOS, [("0d", "order.completed", {"order_id": "o-1"})], "28d12h")
    assert short(decisions) == [
        "28d0h case.assigned late",
        "28d0h case.opened late",
        "28d0h promise.broken photos",
    ]
    broken = decisions[-1]
    assert broken.subject == "c-1"
    assert broken.data == {
        "rule": "photos",
        "because": ["shop/e-0"],
        "promise": "photos",
        "due_at": "2026-01-29T00:00:00.000Z",
    }
    assert decisions[0].data["because"][0] == f"touchline/{broken.id}"


def test_two_orders_are_two_promises() -> None:
    events = [
        ("0d", "order.completed", {"order_id": "o-1"}),
        ("1d", "order.completed", {"order_id": "o-2"}),
        ("2d", "order.delivered", {"order_id": "o-1"}),
        ("3d", "order.completed", {}),
    ]
    decisions = [one for one in tell(PHOTOS, events, "90d") if one.type == "touchline.promise.broken"]
    assert short(decisions) == ["29d0h promise.broken photos"]
    assert decisions[0].data["because"] == ["shop/e-1"]


def test_what_comes_after_the_promise_was_broken_does_not_mend_it() -> None:
    events = [
        ("0d", "order.completed", {"order_id": "o-1"}),
        ("30d", "order.delivered", {"order_id": "o-1"}),
        ("31d", "order.delivered", {"order_id": "o-1"}),
    ]
    assert [line for line in short(tell(PHOTOS, events, "90d")) if "broken" in line] == ["28d0h promise.broken photos"]


def test_a_promise_may_count_open_hours_only() -> None:
    file = """
timezone: Europe/Kyiv
calendars:
  office: {open: {mon: ["09:00", "18:00"], fri: ["09:00", "18:00"]}}
promises:
  answer:
    {says: "Two working hours", from: mail.received, until: mail.answered, within: 2h, calendar: office}
"""
    # Friday 2026-01-02, 17:00 in Kyiv is 15:00Z; an hour is left that day, the other one is on Monday from 9.
    decisions = tell(file, [("1d15h", "mail.received")], "9d")
    assert decisions[0].data["due_at"] == "2026-01-05T08:00:00.000Z"


def test_a_merge_keeps_the_promises_of_both_ids() -> None:
    events = [
        ("0d", "order.completed", {"order_id": "o-1"}, "old"),
        ("1d", "customer.merged", {"into": "c-1"}, "old"),
        ("2d", "order.delivered", {"order_id": "o-1"}, "c-1"),
    ]
    assert tell(PHOTOS, events, "60d") == []
