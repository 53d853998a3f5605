"""formats.md section 1, "Order at the door", "Canonical record" and "Identity", through `touchline replay`."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.replayed import Outcome, event, replay

ABC = """
version: 1
journeys:
  j:
    steps:
      - {name: a, on: page.viewed}
      - {name: b, on: cart.updated, within: 30m}
      - {name: c, on: order.completed, within: 30m}
signals:
  nps: {on: survey.answered, where: {metric: nps}, min_n: 1}
  views: {on: page.viewed, as: sum, value: amount, min_n: 1}
"""
RECEIVED = """
version: 1
journeys: {j: {steps: [{name: a, on: page.viewed}, {name: b, on: cart.updated, within: 1m}]}}
sources:
  web: {match: "*.csv", time: at, received: got, subject: who, id: id, type: page.viewed}
"""


def counts(outcome: Outcome) -> dict[str, int]:
    return {key: value for key, value in outcome.events.items() if value}


def test_read_is_accepted_plus_duplicate_plus_invalid(tmp_path: Path) -> None:
    """`read = accepted + duplicate + invalid`; `late` and `future` are subsets of `accepted`."""
    outcome = replay(
        tmp_path,
        ABC,
        [
            event("1", "page.viewed", "10:00:00"),
            event("1", "page.viewed", "10:00:00"),
            event("2", "page.viewed", "10:00:30", "d"),
            event("3", "page.viewed", "10:00:10", "e"),
            event("4", "page.viewed", None),
        ],
    )
    assert outcome.events == {"read": 5, "accepted": 3, "duplicate": 1, "late": 1, "future": 0, "invalid": 1}
    assert outcome.reasons == ["no_time"]


def test_late_is_strictly_before_the_watermark(tmp_path: Path) -> None:
    """Late = event time < watermark W on arrival; W <- max(W, t - allowed_lateness), 2 s by default."""
    exactly = replay(tmp_path, ABC, [event("1", "page.viewed", "10:00:10"), event("2", "page.viewed", "10:00:08", "d")])
    assert exactly.events["late"] == 0
    below = replay(
        tmp_path, ABC, [event("1", "page.viewed", "10:00:10"), event("2", "page.viewed", "10:00:07.999", "d")]
    )
    assert below.events["late"] == 1


def test_the_allowed_lateness_is_the_files(tmp_path: Path) -> None:
    """`allowed_lateness` (2s)."""
    events = [event("1", "page.viewed", "10:00:10"), event("2", "page.viewed", "10:00:01", "d")]
    assert replay(tmp_path, ABC + "allowed_lateness: 9s\n", events).events["late"] == 0
    assert replay(tmp_path, ABC + "allowed_lateness: 0s\n", events).events["late"] == 1


def test_a_duplicate_is_only_a_duplicate_however_late(tmp_path: Path) -> None:
    """A duplicate is only a duplicate, however late."""
    outcome = replay(
        tmp_path,
        ABC,
        [
            event("1", "page.viewed", "10:00:00"),
            event("2", "page.viewed", "11:00:00", "d"),
            event("1", "page.viewed", "10:00:00"),
        ],
    )
    assert counts(outcome) == {"read": 3, "accepted": 2, "duplicate": 1}


def test_a_copy_is_found_for_certain_within_24_hours_of_event_time(tmp_path: Path) -> None:
    """Found for certain within 24 h of event time and the `dedup` limits."""
    outcome = replay(
        tmp_path,
        ABC,
        [
            event("1", "page.viewed", "2026-03-02T10:00:00Z"),
            event("x", "page.viewed", "2026-03-02T20:00:00Z"),
            event("1", "page.viewed", "2026-03-03T10:00:00Z"),
        ],
    )
    assert counts(outcome) == {"read": 3, "accepted": 2, "duplicate": 1}


def test_identity_is_source_and_id(tmp_path: Path) -> None:
    """Identity = (source, id)."""
    outcome = replay(
        tmp_path,
        ABC,
        [
            event("1", "page.viewed", "10:00:00", source="web"),
            event("1", "page.viewed", "10:00:00", source="app"),
            event("1", "cart.updated", "10:00:05", source="web"),
        ],
    )
    assert counts(outcome) == {"read": 3, "accepted": 2, "duplicate": 1}


def test_without_subject_a_copy_is_found_too(tmp_path: Path) -> None:
    """512 ids per customer or bucket."""
    outcome = replay(tmp_path, ABC, [event("1", "page.viewed", "10:00:00", None)] * 2)
    assert counts(outcome) == {"read": 2, "accepted": 1, "duplicate": 1}


@pytest.mark.parametrize("id_", ["1 ", "\t1", " 1\n"])
def test_ids_are_trimmed(tmp_path: Path, id_: str) -> None:
    """Ids and subjects: Unicode NFC, trimmed, case kept."""
    outcome = replay(
        tmp_path, ABC, [event("1", "page.viewed", "10:00:00"), event(id_, "page.viewed", "10:00:00", " c ")]
    )
    assert counts(outcome) == {"read": 2, "accepted": 1, "duplicate": 1}


def test_subjects_are_nfc_and_keep_their_case(tmp_path: Path) -> None:
    """Ids and subjects: Unicode NFC, trimmed, case kept."""
    name = "Zoë Їжак"
    outcome = replay(
        tmp_path,
        ABC,
        [
            event("1", "page.viewed", "10:00:00", unicodedata.normalize("NFC", name)),
            event("2", "cart.updated", "10:00:01", unicodedata.normalize("NFD", name)),
            event("3", "order.completed", "10:00:02", name.upper()),
        ],
    )
    assert outcome.step("a") == {"entered": 1, "completed": 1}
    assert outcome.step("c") == {"unattributed": 1}


def test_a_late_event_counts_in_all_totals_and_uses_its_own_time_for_within(tmp_path: Path) -> None:
    """Late: ages, `within` and entry tick use its own time; counted in all totals of the summary."""
    outcome = replay(
        tmp_path,
        ABC,
        [
            event("1", "page.viewed", "10:00:00"),
            event("2", "page.viewed", "10:20:00", "d"),
            event("3", "cart.updated", "10:05:00", data={"amount": 7}),
            event("4", "page.viewed", "10:01:00", "e", {"amount": 7}),
        ],
    )
    assert outcome.events["late"] == 2
    assert outcome.step("a") == {"entered": 3, "completed": 1, "in_flight": 2}
    assert outcome.step("b") == {"entered": 1, "in_flight": 1}
    assert outcome.signals["views"]["value"] == 7


def test_no_timer_of_a_late_event_is_earlier_than_the_watermark(tmp_path: Path) -> None:
    """Takes effect at W (no decision or timer of it is earlier): its deadline has passed, so it is abandoned at W."""
    events = [event("1", "page.viewed", "12:00:02", "d"), event("2", "page.viewed", "10:00:00", "c")]
    assert replay(tmp_path, ABC, events).step("a") == {"entered": 2, "abandoned": 1, "in_flight": 1}


def test_future_is_more_than_max_ahead_after_reception(tmp_path: Path) -> None:
    """Future: more than `max_ahead` (30 s) after the time of reception (a mapped `received` column)."""
    rows = (
        "id,who,at,got\n"
        "1,c,2026-03-02T10:00:30Z,2026-03-02T10:00:00Z\n"
        "2,d,2026-03-02T10:00:30.001Z,2026-03-02T10:00:00Z\n"
    )
    outcome = replay(tmp_path, RECEIVED, rows, name="e.csv")
    assert counts(outcome) == {"read": 2, "accepted": 2, "future": 1}


def test_a_future_time_is_clamped_to_reception(tmp_path: Path) -> None:
    """Clamped to it: the customer entered at the time of reception, and is abandoned a minute later."""
    rows = "id,who,at,got\n1,c,2036-03-02T10:00:00Z,2026-03-02T10:00:00Z\n2,d,2026-03-02T10:05:00Z,\n"
    outcome = replay(tmp_path, RECEIVED, rows, name="e.csv")
    assert counts(outcome) == {"read": 2, "accepted": 2, "future": 1}
    assert outcome.step("a") == {"entered": 2, "abandoned": 1, "in_flight": 1}
    assert outcome.summary["until"] == "2026-03-02T10:05:00.000Z"


def test_a_file_without_received_has_no_future(tmp_path: Path) -> None:
    """Files without one have no future."""
    outcome = replay(tmp_path, ABC, [event("1", "page.viewed", "2190-01-01T00:00:00Z")])
    assert counts(outcome) == {"read": 1, "accepted": 1}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"metric": "nps", "score": 11}, "score_out_of_scale"),
        ({"metric": "nps", "score": -1}, "score_out_of_scale"),
        ({"metric": "enps", "score": 10.5}, "score_out_of_scale"),
        ({"metric": "csat", "score": 0}, "score_out_of_scale"),
        ({"metric": "csat", "score": 6}, "score_out_of_scale"),
        ({"metric": "ces", "score": 8}, "score_out_of_scale"),
        ({"metric": "ces", "score": 0}, "score_out_of_scale"),
        ({"metric": "csat", "score": 8, "scale": [1, 7]}, "score_out_of_scale"),
        ({"metric": "own", "score": 8, "scale": [1, 7]}, "score_out_of_scale"),
        ({"metric": "csat", "score": 7, "scale": [1, 7]}, None),
        ({"metric": "nps", "score": 0}, None),
        ({"metric": "nps", "score": 10}, None),
        ({"metric": "nps"}, None),
        ({"metric": "nps", "score": None, "text": "fine"}, None),
    ],
)
def test_a_score_outside_its_scale_is_a_dead_letter(tmp_path: Path, data: dict[str, Any], reason: str | None) -> None:
    """Default nps/enps [0,10], csat [1,5], ces [1,7]; a score outside its scale is a dead letter."""
    outcome = replay(tmp_path, ABC, [event("1", "survey.answered", "10:00:00", data=data)])
    assert outcome.reasons == ([reason] if reason else [])


def test_an_answer_without_a_score_does_not_count_in_n(tmp_path: Path) -> None:
    """An answer without a score is valid and does not count in n."""
    outcome = replay(
        tmp_path,
        ABC,
        [
            event("1", "survey.answered", "10:00:00", data={"metric": "nps"}),
            event("2", "survey.answered", "10:00:00", data={"metric": "nps", "score": 10}),
        ],
    )
    assert counts(outcome) == {"read": 2, "accepted": 2}
    assert outcome.signals["nps"]["n"] == 1


def test_our_own_types_are_refused(tmp_path: Path) -> None:
    """`touchline.` types are refused at the public doors."""
    outcome = replay(
        tmp_path,
        ABC,
        [event("1", "touchline.time.advanced", "10:00:00"), event("2", "touchline.config.activated", "10:00:00")],
    )
    assert outcome.reasons == ["reserved_type", "reserved_type"]


def test_ties_go_by_sequence_as_a_number_then_source_then_id(tmp_path: Path) -> None:
    """Ties order by (time, `sequence` as a number, source, id)."""
    numbers = replay(
        tmp_path,
        ABC,
        [
            event("1", "cart.updated", "10:00:00", sequence="10"),
            event("2", "page.viewed", "10:00:00", sequence="9"),
        ],
    )
    assert numbers.step("b") == {"entered": 1, "in_flight": 1}
    sources = replay(
        tmp_path,
        ABC,
        [
            event("1", "cart.updated", "10:00:00", source="b"),
            event("2", "page.viewed", "10:00:00", source="a"),
        ],
    )
    assert sources.step("b") == {"entered": 1, "in_flight": 1}
    ids = replay(tmp_path, ABC, [event("2", "cart.updated", "10:00:00"), event("1", "page.viewed", "10:00:00")])
    assert ids.step("b") == {"entered": 1, "in_flight": 1}


def test_a_later_event_of_the_old_id_reaches_the_survivor(tmp_path: Path) -> None:
    """Open instances move; later events of the old id reach the survivor; chains are followed."""
    outcome = replay(
        tmp_path,
        ABC,
        [
            event("1", "page.viewed", "10:00:00", "anon"),
            event("2", "customer.merged", "10:00:10", "anon", {"into": "user"}),
            event("3", "customer.merged", "10:00:20", "user", {"into": "final"}),
            event("4", "cart.updated", "10:00:30", "anon"),
            event("5", "order.completed", "10:00:40", "final"),
        ],
    )
    assert outcome.events["invalid"] == 0
    assert outcome.step("a") == {"entered": 1, "completed": 1}
    assert outcome.step("b") == {"entered": 1, "completed": 1}
    assert outcome.step("c") == {"entered": 1, "completed": 1}


def test_of_two_instances_the_one_further_along_stays(tmp_path: Path) -> None:
    """Same journey and key -> the one further along stays, the other counts as `merged`."""
    outcome = replay(
        tmp_path,
        ABC,
        [
            event("1", "page.viewed", "10:00:00", "anon"),
            event("2", "cart.updated", "10:00:05", "anon"),
            event("3", "page.viewed", "10:00:06", "user"),
            event("4", "customer.merged", "10:00:10", "anon", {"into": "user"}),
            event("5", "order.completed", "10:00:40", "user"),
        ],
    )
    assert outcome.step("a") == {"entered": 2, "completed": 1, "merged": 1}
    assert outcome.step("b") == {"entered": 1, "completed": 1}
    assert outcome.step("c") == {"entered": 1, "completed": 1}


def test_a_cycle_is_a_dead_letter(tmp_path: Path) -> None:
    """A cycle is a dead letter."""
    outcome = replay(
        tmp_path,
        ABC,
        [
            event("1", "customer.merged", "10:00:00", "a", {"into": "b"}),
            event("2", "customer.merged", "10:00:10", "b", {"into": "c"}),
            event("3", "customer.merged", "10:00:20", "c", {"into": "a"}),
            event("4", "customer.merged", "10:00:30", "x", {"into": "x"}),
        ],
    )
    assert outcome.reasons == ["merge_cycle", "merge_cycle"]


def test_two_who_were_both_identified_are_not_merged_unless_forced(tmp_path: Path) -> None:
    """Two customers who were both identified (unless `data.force`), is a dead letter."""
    both = [
        event("1", "customer.identified", "10:00:00", "a", {"tier": "gold"}),
        event("2", "customer.identified", "10:00:00", "b", {}),
        event("3", "page.viewed", "10:00:01", "a"),
    ]
    refused = replay(
        tmp_path,
        ABC,
        [
            *both,
            event("4", "customer.merged", "10:00:05", "a", {"into": "b"}),
            event("5", "cart.updated", "10:00:10", "b"),
        ],
    )
    assert refused.reasons == ["merge_both_identified"]
    assert refused.step("b") == {"unattributed": 1}
    forced = replay(
        tmp_path,
        ABC,
        [
            *both,
            event("4", "customer.merged", "10:00:05", "a", {"into": "b", "force": True}),
            event("5", "cart.updated", "10:00:10", "b"),
        ],
    )
    assert forced.reasons == []
    assert forced.step("b") == {"entered": 1, "in_flight": 1}


def test_a_record_dead_lettered_by_state_leaves_no_seen_id(tmp_path: Path) -> None:
    """A record dead-lettered by state leaves no seen id (exactness rule 4): sent again it is judged again."""
    outcome = replay(
        tmp_path,
        ABC,
        [
            event("1", "customer.identified", "10:00:00", "a"),
            event("2", "customer.identified", "10:00:00", "b"),
            event("3", "customer.merged", "10:00:05", "a", {"into": "b"}),
            event("3", "customer.merged", "10:00:15", "a", {"into": "b", "force": True}),
        ],
    )
    assert counts(outcome) == {"read": 4, "accepted": 3, "invalid": 1}


def test_a_merge_of_fifty_ids_in_a_ring_counts_everybody_once(tmp_path: Path) -> None:
    """Chains are followed; a cycle is a dead letter – however long."""
    ring = [
        event(f"m{n}", "customer.merged", f"10:00:{n:02d}", f"c{n}", {"into": f"c{(n + 1) % 50}"}) for n in range(50)
    ]
    outcome = replay(
        tmp_path,
        ABC,
        [event("v", "page.viewed", "09:59:50", "c0"), *ring, event("w", "cart.updated", "10:01:00", "c7")],
    )
    assert outcome.reasons == ["merge_cycle"]
    assert outcome.step("a") == {"entered": 1, "completed": 1}
    assert outcome.step("b") == {"entered": 1, "in_flight": 1}


def test_a_copy_under_the_new_id_after_a_merge_is_a_duplicate(tmp_path: Path) -> None:
    """Identity is (source, id); seen ids move with the customer (exactness rule 12)."""
    outcome = replay(
        tmp_path,
        ABC,
        [
            event("1", "page.viewed", "10:00:00", "anon"),
            event("2", "page.viewed", "10:00:00", "user"),
            event("m", "customer.merged", "10:00:10", "anon", {"into": "user"}),
            event("1", "page.viewed", "10:00:20", "user"),
            event("1", "page.viewed", "10:00:21", "anon"),
            event("2", "page.viewed", "10:00:22", "anon"),
        ],
    )
    assert counts(outcome) == {"read": 6, "accepted": 3, "duplicate": 3}


def test_a_merge_sent_twice_is_a_duplicate_and_no_cycle(tmp_path: Path) -> None:
    """A second copy by any route within 24 h is counted and dropped."""
    merge = event("m", "customer.merged", "10:00:10", "anon", {"into": "user"})
    outcome = replay(tmp_path, ABC, [merge, merge, event("v", "page.viewed", "10:00:20", "anon"), merge])
    assert counts(outcome) == {"read": 4, "accepted": 2, "duplicate": 2}


def test_traits_of_both_ids_are_known_after_a_merge(tmp_path: Path) -> None:
    """`trait.NAME` of the survivor; what only the old id had is kept."""
    config = ABC + "  gold: {on: cart.updated, where: {trait.tier: gold, trait.plan: pro}, as: rate, min_n: 1}\n"
    outcome = replay(
        tmp_path,
        config,
        [
            event("1", "customer.identified", "10:00:00", "anon", {"plan": "pro", "tier": "old"}),
            event("2", "customer.identified", "10:00:00", "user", {"tier": "gold"}),
            event("3", "customer.merged", "10:00:10", "anon", {"into": "user", "force": True}),
            event("4", "cart.updated", "10:00:20", "anon"),
        ],
    )
    assert outcome.signals["gold"]["n"] == 1


def test_instances_with_different_by_values_both_live_on_after_a_merge(tmp_path: Path) -> None:
    """Same journey **and key**: others are not merged."""
    config = ABC.replace("    steps:", "    by: order\n    steps:")
    outcome = replay(
        tmp_path,
        config,
        [
            event("1", "page.viewed", "10:00:00", "anon", {"order": 1}),
            event("2", "page.viewed", "10:00:00", "user", {"order": 2}),
            event("3", "customer.merged", "10:00:10", "anon", {"into": "user"}),
            event("4", "cart.updated", "10:00:20", "user", {"order": 1}),
            event("5", "cart.updated", "10:00:20", "anon", {"order": 2}),
        ],
    )
    assert outcome.step("a") == {"entered": 2, "completed": 2}


def test_timers_move_with_the_customer(tmp_path: Path) -> None:
    """Open instances, ledger, cases and timers move: abandoned at its own deadline, once."""
    events = [
        event("1", "page.viewed", "10:00:00", "anon"),
        event("2", "customer.merged", "10:00:10", "anon", {"into": "user"}),
    ]
    before = replay(tmp_path, ABC, events, "--until", "2026-03-02T10:29:59Z")
    assert before.step("a") == {"entered": 1, "in_flight": 1}
    after = replay(tmp_path, ABC, events, "--until", "2026-03-02T10:30:00Z")
    assert after.step("a") == {"entered": 1, "abandoned": 1}


def test_a_merge_that_came_late_still_joins(tmp_path: Path) -> None:
    """Late takes effect at W."""
    outcome = replay(
        tmp_path,
        ABC,
        [
            event("1", "page.viewed", "10:00:00", "anon"),
            event("2", "page.viewed", "10:10:00", "other"),
            event("3", "customer.merged", "10:05:00", "anon", {"into": "user"}),
            event("4", "cart.updated", "10:10:30", "user"),
        ],
    )
    assert outcome.step("b") == {"entered": 1, "in_flight": 1}


@pytest.mark.parametrize("into", [None, "", "  ", 5, ["x"], {"id": "x"}])
def test_a_merge_without_a_survivor_is_a_dead_letter(tmp_path: Path, into: Any) -> None:
    """`data.into` survives: without it nothing does."""
    assert replay(tmp_path, ABC, [event("1", "customer.merged", "10:00:00", "a", {"into": into})]).reasons == [
        "no_into"
    ]
