"""The bed whose part was missing: nobody is asked to recommend a shop while its bed cannot stand."""

from __future__ import annotations

from tests.streams.care.story import short, tell

BED = """
feedback:
  delivery_nps:
    ask: nps
    after: order.delivered
    wait: 3d
    channels: [email, sms]
  case_ces:
    ask: ces
    after: case.closed
    wait: 2h
fatigue: {any: 14d, nps: 90d, per_year: 4}
cases:
  complaint: {on: complaint.received, owner: support}
"""


def test_the_customer_with_a_missing_part_is_asked_about_the_case_first_and_about_the_bed_after_using_it_once() -> None:
    decisions = tell(
        BED,
        [
            ("0d", "order.delivered", {"order": "o-1"}),
            ("1d", "complaint.received", {"text": "a part is missing"}),
            ("1d5h", "case.contacted"),
            ("5d", "part.delivered", {"order": "o-1"}),
            ("6d", "case.communicated"),
            ("6d", "case.closed", {"cause": "missing part", "disposition": "resolved"}),
        ],
        until="60d",
    )
    assert short(decisions) == [
        "1d0h case.assigned complaint",
        "1d0h case.opened complaint",
        "1d5h case.contacted complaint",
        "3d0h withheld nps open_case",
        "6d0h case.closed complaint",
        "6d0h case.communicated complaint",
        "6d2h requested ces",
        "9d0h requested nps",
    ]
    withheld, nps = decisions[3].data, decisions[-1].data
    case = decisions[0].data["case"]
    assert withheld["because"] == ["shop/e-0", f"case={case}"]
    assert (withheld["reasons"], withheld["final"]) == (["open_case"], False)
    assert (nps["attempt"], nps["channel"], nps["scheduled_for"]) == (2, "email", "2026-01-10T00:00:00.000Z")
    assert nps["request"] == decisions[-1].id
