"""Whatever happens, in whatever order: the book is exact, and keeps its promises."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.alerts.book import AlertBook
from streams.decisions import encode
from streams.effects import Decision
from streams.findings import Finding, SeriesKey
from streams.units import SECOND
from tests.streams.alerts.shop import START, book, drop, finding, score, shop, silence

SERIES = [
    drop("cart"),
    drop(),
    drop(dimension="device", value="mobile"),
    drop(dimension="device", value="tablet"),
    drop("form", "signup"),
    drop("asked", "returns"),
    drop("sent", "delivery"),
    SeriesKey("conversion", "up", "purchase", "checkout"),
    SeriesKey("arrivals", "down", "purchase", "cart"),
    score(),
    silence("payments"),
    silence("shop"),
]
Act = Callable[[AlertBook, int], list[Decision]]

part = st.floats(0, 1, width=64)
segments = st.sampled_from([None, (), ({"device": "mobile"},), ({"device": "mobile"}, {"region": "kyiv"})])
known = st.fixed_dictionaries(
    {
        "loss": st.one_of(st.none(), part),
        "size": st.one_of(st.none(), part),
        "early": st.booleans(),
        "segments": segments,
        "evidence": st.floats(1, 1e9),
        "value_per_hour": st.one_of(st.none(), st.floats(0, 3000)),
    }
)


def found(series: SeriesKey, tick: int, begun: int, said: dict[str, Any]) -> Finding:
    since = tick - begun
    return finding(series, tick, since=since, since_low=since - 60, since_high=min(tick, since + 30), **said)


@st.composite
def acts(draw: st.DrawFn) -> tuple[int, Act]:
    """Seconds that pass, and what happens then."""
    gap = draw(st.sampled_from([1, 7, 59, 60, 61, 300, 3600, 7200, 90_000]))
    what = draw(st.sampled_from(["fire"] * 4 + ["update"] * 4 + ["resolve"] * 3 + ["other"] * 3))
    series, begun = draw(st.sampled_from(SERIES)), draw(st.integers(0, 4000))
    said = draw(known)
    if what == "fire":
        return gap, lambda alerts, tick: alerts.fire(found(series, tick, begun, said))
    if what == "update":
        return gap, lambda alerts, tick: alerts.update(found(series, tick, begun, said))
    if what == "resolve":
        return gap, lambda alerts, tick: alerts.resolve(series, tick)
    ratio = draw(part)
    kind = draw(st.sampled_from(["alert.acknowledged", "alert.snoozed", "alert.accepted"]))

    def command(alerts: AlertBook, tick: int) -> list[Decision]:
        names = sorted(view.fingerprint for view in alerts.views(tick))
        alerts.command(kind, tick * SECOND, names[begun % len(names)] if names else "none", "olena", begun)
        return alerts.answers(tick)

    def change(alerts: AlertBook, tick: int) -> list[Decision]:
        alerts.change((tick - begun) * SECOND, "ci", f"d-{tick}", {"version": begun})
        return []

    def hear(alerts: AlertBook, tick: int) -> list[Decision]:
        for second in range(begun % 40):
            alerts.hear(tick, {"payments", "shop"} if second % 3 else {"payments"}, {("purchase", "checkout")})
        return []

    others: list[Act] = [command, change, hear, lambda alerts, tick: alerts.rebaseline(series, tick, ratio)]
    return gap, draw(st.sampled_from(others))


stories = st.lists(acts(), min_size=1, max_size=40)


def of(decision: Decision) -> tuple[str, ...]:
    """The place a record is about."""
    return decision.subject, decision.data["signal"], decision.data["direction"]


def lived(story: list[tuple[int, Act]], reload: bool = False) -> tuple[list[Decision], bytes]:
    """What is decided, and the book in the end; `reload`: through a dump after every act."""
    alerts, tick, decisions = book(), START, []
    for gap, act in story:
        before, tick = tick, tick + gap
        while (due := alerts.next_due()) is not None and due < tick:
            # News may have been due before it came, and no call goes back in time.
            decisions += alerts.close(max(due, before))
        decisions += act(alerts, tick)
        if reload:
            stored, alerts = alerts.dump(), AlertBook(shop())
            alerts.load(stored)
            assert alerts.dump() == stored
    return decisions, alerts.dump()


@given(stories)
@settings(max_examples=60, deadline=None)
def test_a_book_stored_and_loaded_anywhere_goes_on_the_same(story: list[tuple[int, Act]]) -> None:
    straight, reloaded = lived(story), lived(story, reload=True)
    assert [encode(decision) for decision in straight[0]] == [encode(decision) for decision in reloaded[0]]
    assert straight[1] == reloaded[1]


@given(stories)
@settings(max_examples=60, deadline=None)
def test_every_alert_begins_with_firing_and_news_is_a_minute_apart_until_it_ends(
    story: list[tuple[int, Act]],
) -> None:
    decisions, _ = lived(story)
    assert len({decision.id for decision in decisions}) == len(decisions)
    assert [decision.time for decision in decisions] == sorted(decision.time for decision in decisions)
    for place in {of(decision) for decision in decisions}:
        told = [decision for decision in decisions if of(decision) == place]
        assert told[0].type == "touchline.alert.firing"
        for before, after in pairwise(told):
            is_over = before.type.endswith(("resolved", "rebaselined"))
            assert after.type.endswith("firing") == is_over
            # What people say is told at once.
            if any(fact.startswith("changed=") for fact in after.data["because"]):
                assert after.time - before.time >= 60 * SECOND


@given(stories)
@settings(max_examples=50, deadline=None)
def test_what_is_shown_is_consistent(story: list[tuple[int, Act]]) -> None:
    alerts, tick = book(), START
    for gap, act in story:
        tick += gap
        act(alerts, tick)
        views = alerts.views(tick)
        opened = [view for view in views if view.state != "resolved"]
        places = [(view.journey, view.step, view.signal, view.source, view.direction) for view in opened]
        assert len(set(places)) == len(places)
        assert [view.state == "resolved" for view in views] == sorted(view.state == "resolved" for view in views)
        for view in views:
            assert len(view.timeline) <= 10
            assert len(view.changes) <= 3
            assert [line.time for line in view.timeline] == sorted(line.time for line in view.timeline)
            assert (view.resolved_at is None) == (view.state != "resolved")
            assert len({other.root for other in views if other.incident == view.incident}) == 1


@given(st.lists(st.tuples(st.sampled_from(SERIES), known), unique_by=lambda one: one[0], max_size=8), st.randoms())
@settings(max_examples=50, deadline=None)
def test_who_finds_what_first_within_a_tick_does_not_matter(
    said: list[tuple[SeriesKey, dict[str, Any]]], chance: Any
) -> None:
    findings = [found(series, START, 60, what) for series, what in said]
    one, other = book(), book()
    straight = one.report(findings)
    chance.shuffle(findings)
    assert [encode(decision) for decision in other.report(findings)] == [encode(decision) for decision in straight]
    assert one.dump() == other.dump()
