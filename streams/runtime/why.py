"""The story of one customer in plain words: what they did, what was decided and why, what is still to come."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from streams.care.quiet import customer_zone
from streams.config.load import load_text
from streams.config.structs import Config
from streams.customer import Customer
from streams.errors import ConfigError
from streams.runtime import commit as commits
from streams.runtime.customer import AskView, Chapter, CustomerView, customer_view
from streams.runtime.store.committing import read_head
from streams.runtime.store.of_customer import decisions_of, ids_of, log_since, state_of, touchpoints_of
from streams.units import parse_time
from streams.wording import decision_words

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DATA = 60


def gather(
    connection: sqlite3.Connection, name: str, config: Config | None, limit: int, state: Customer | None = None
) -> CustomerView | None:
    """Everything about a customer in a data file; None when there is nothing. `state`: fresher than the stored one."""
    ids = ids_of(connection, name)
    touchpoints = touchpoints_of(connection, ids.all, limit)
    decisions = [body for _, body in decisions_of(connection, ids.all, limit)]
    state = state or state_of(connection, ids.id)
    if state is None and not touchpoints and not decisions:
        return None
    known = state or Customer(touched=max((parse_time(one.time) for one in touchpoints), default=0))
    return customer_view(
        ids.id,
        known,
        config,
        merged=ids.merged,
        touchpoints=touchpoints,
        decisions=decisions,
        log_since=log_since(connection),
    )


def config_of(connection: sqlite3.Connection) -> Config | None:
    """The file in force, its secrets unread; None where the data file has none that this release can read."""
    head = read_head(connection)
    if not head:
        return None
    row = connection.execute("SELECT text FROM configs WHERE hash = ?", (commits.decode(head).config,)).fetchone()
    try:
        return None if row is None else load_text(row[0]).config
    except ConfigError:
        return None


def told(view: CustomerView, default: str) -> Iterator[str]:
    """The story, line by line; `default` is the zone of customers who name none."""
    clock = _Clock(customer_zone(view.traits.get("timezone"), ZoneInfo(default)))
    yield f"{view.id}, last heard of {clock.show(view.last_event)} (all times {clock.zone.key})"
    if view.merged:
        yield f"  earlier known as {', '.join(view.merged)}"
    if view.traits:
        yield f"  traits: {_facts(view.traits)}"
    if view.log_since is not None:
        yield f"  events received before {clock.show(view.log_since)} are no longer in the log"
    for chapter in chapters(view, default):
        yield ""
        yield chapter.title
        yield from (f"  {line}" for line in chapter.lines)


def chapters(view: CustomerView, default: str) -> list[Chapter]:
    """The parts of the story in which there is anything; `default` is the zone of customers who name none."""
    clock = _Clock(customer_zone(view.traits.get("timezone"), ZoneInfo(default)))
    made = (
        Chapter("What happened", list(_happened(view, clock))),
        Chapter("Journeys", list(_journeys(view, clock))),
        Chapter("Open cases", list(_cases(view, clock))),
        Chapter("What is to come", list(_to_come(view, clock))),
        Chapter("Asked so far", list(_asked(view, clock))),
    )
    return [chapter for chapter in made if chapter.lines]


def _happened(view: CustomerView, clock: _Clock) -> Iterator[str]:
    """Events and decisions in one order: at one moment events first, as they bring the decisions about."""
    entries = []
    for at, event in enumerate(reversed(view.touchpoints)):
        under = f"as {event.subject} " if event.subject not in ("", view.id) else ""
        entries.append((parse_time(event.time), 0, at, f"{under}{event.type}  {_facts(event.data)}".rstrip()))
    for at, body in enumerate(reversed(view.decisions)):
        record = msgspec.json.decode(bytes(body))
        said = f"→ {decision_words(record['type'], record['data'])}"
        until = record["data"].get("until")
        if until:
            said += f"; looked at again {clock.show(until)}"
        entries.append((parse_time(record["time"]), 1, at, said))
    for time, _, _, said in sorted(entries):
        yield f"{clock.at(time)}  {said}"


def _journeys(view: CustomerView, clock: _Clock) -> Iterator[str]:
    for one in view.journeys:
        by = f" {one.by}" if one.by else ""
        deadline = f", in time until {clock.show(one.deadline)}" if one.state == "in_flight" else ""
        yield f"{one.journey}{by}: {one.step} since {clock.show(one.entered)}, {one.state.replace('_', ' ')}{deadline}"


def _cases(view: CustomerView, clock: _Clock) -> Iterator[str]:
    for case in view.cases:
        if case.state != "closed":
            owner = f"{case.owner} has it" if case.owner else "nobody has it"
            opened = clock.show(case.opened_at)
            yield f"{case.rule}: {case.state}, {owner}, opened {opened} because of {case.because} ({case.id})"


def _to_come(view: CustomerView, clock: _Clock) -> Iterator[str]:
    for ask in view.asks:
        yield _waiting(ask, clock)
    for one in view.waiting:
        says = _COMING.get(one.what)
        if says is not None:
            yield f"{clock.show(one.at)}  {says.format(one.about)}"


def _waiting(ask: AskView, clock: _Clock) -> str:
    about = f"for {ask.metric} (rule {ask.rule}, because of {ask.because})"
    if ask.waits_for == "problem":
        return f"as long as {' and '.join(map(_problem, ask.what))}  nobody is asked {about}"
    if ask.waits_for == "requirement":
        what = f"until {' and '.join(ask.what)} comes" if ask.what else "until an experience is made"
        end = f", at most until {clock.show(ask.expires)}" if ask.expires else ""
        return f"{what}{end}  nobody is asked {about}"
    if ask.waits_for == "quota":
        return f"once it is known whether the quota has room  an ask leaves {about}"
    quiet = ", after the quiet hours" if ask.waits_for == "quiet_hours" else ""
    return f"{clock.show(ask.due or ask.scheduled_for)}{quiet}  an ask is due {about}"


def _problem(fact: str) -> str:
    name, _, value = fact.partition("=")
    return {
        "case": f"case {value} is open",
        "conversation": f"a {value} goes on",
        "complaint": f"complaint {value} is not settled",
    }.get(name, fact)


_COMING = {
    "case_warned": "without contact the owner of case {} is reminded",
    "case_breached": "without contact case {} is too late",
    "promise_broken": "the promise {} is broken unless it is kept",
    "conversation_over": "the {} counts as over",
    "complaint_over": "complaint {} counts as settled",
}


def _asked(view: CustomerView, clock: _Clock) -> Iterator[str]:
    for one in view.asked:
        who = f"rule {one.rule}" if one.rule else "another tool"
        by = f" by {one.channel}" if one.channel else ""
        answered = ", answered" if one.answered else ""
        yield f"{clock.show(one.time)}  {one.metric or 'something'}{by} ({who}){answered}"


def _facts(data: dict[str, Any]) -> str:
    said = ", ".join(
        f"{name} {value if isinstance(value, str) else msgspec.json.encode(value).decode()}"
        for name, value in data.items()
    )
    return said if len(said) <= _MOST_DATA else said[: _MOST_DATA - 1] + "…"


class _Clock:
    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone

    def show(self, time: str) -> str:
        return self.at(parse_time(time))

    def at(self, time: int) -> str:
        local = (_EPOCH + timedelta(microseconds=time)).astimezone(self.zone)
        return local.strftime("%Y-%m-%d %H:%M:%S")
