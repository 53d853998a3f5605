"""Simulated shop traffic: seeded, pure in (seed, interval), fast enough for benchmarks, with the truth at hand.

Same seed, same settings, same interval: identical events, wherever the calls begin and end.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from connectors.synthetic import shop
from connectors.synthetic.incidents import Incident, Incidents, Schedule
from connectors.synthetic.rhythm import Rhythm
from connectors.synthetic.shop import Block, Ints, Visit
from streams.model import Event

SECOND = 1_000_000
BLOCK = 20 * SECOND
MINUTE = 60 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHIFT = 24
_MASK = (1 << _SHIFT) - 1
_DUPLICATES = 0.005
_STRAGGLERS = 0.002

_SHOP, _DELIVERY, _SUPPORT, _SURVEY = "shop", "delivery", "callcentre", "survey"
_KINDS: dict[int, tuple[str, str]] = {
    shop.VIEW: ("page.viewed", _SHOP),
    shop.CART: ("cart.updated", _SHOP),
    shop.CHECKOUT: ("checkout.started", _SHOP),
    shop.FAILED: ("payment.failed", _SHOP),
    shop.ORDER: ("order.completed", _SHOP),
    shop.PACKED: ("order.packed", _DELIVERY),
    shop.DISPATCHED: ("order.dispatched", _DELIVERY),
    shop.DELIVERED: ("order.delivered", _DELIVERY),
    shop.USED: ("product.used", _SHOP),
    shop.NPS: ("survey.answered", _SURVEY),
    shop.CALL: ("call.started", _SUPPORT),
    shop.ANSWERED: ("call.answered", _SUPPORT),
    shop.ENDED: ("call.ended", _SUPPORT),
    shop.CSAT: ("survey.answered", _SURVEY),
    shop.COMPLAINT: ("complaint.received", _SUPPORT),
    shop.SOLVED: ("complaint.resolved", _SUPPORT),
    shop.MERGED: ("customer.merged", _SHOP),
    shop.IDENTIFIED: ("customer.identified", _SHOP),
    shop.ACCOUNT: ("account.created", _SHOP),
    shop.CONFIRMED: ("account.confirmed", _SHOP),
    shop.CES: ("survey.answered", _SURVEY),
}
_CHATS = {shop.CALL: "chat.started", shop.ANSWERED: "chat.answered", shop.ENDED: "chat.ended"}
_UNDER_ALIAS = (shop.VIEW, shop.CART)
"""Until then a visitor nobody knows yet goes by the anonymous id."""

Columns = list[Ints]
"""arrival, time, visit, kind, seq, extra, gate, payment; a visit is block << 24 | index."""
_ARRIVAL, _TIME, _VISIT, _KIND, _SEQ, _EXTRA, _GATE, _PAYMENT = range(8)


class Traffic:
    """The event stream of one simulated shop.

    Parameters
    ----------
    seed
        Another seed, another world.
    rate
        Mean events per second over a week; the hour and the day move it between 0.45 and 1.75 times that.
    customers
        Size of the pool returning customers are drawn from; more of them: fewer come twice. About one event in
        thirty belongs to somebody never seen before, so ids are not bounded by the pool.
    timezone
        IANA zone of the day's rhythm.
    opens
        No visit starts before this (UTC epoch microseconds). None: the shop has always been open.
    schedule
        Incidents that come by themselves.
    disorder
        Events arrive with a delay of about 0.3 s, two in a thousand 5 to 20 s late, and one in two hundred twice.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        rate: float = 50.0,
        customers: int = 200_000,
        timezone: str = "Europe/Kyiv",
        opens: int | None = None,
        schedule: Schedule | None = None,
        disorder: bool = False,
    ) -> None:
        if not 0 < rate <= 1_000_000 or customers < 1:
            raise ValueError(f"rate must be in (0, 1000000] and customers at least 1, got {rate} and {customers}")
        self.seed, self.rate = seed, rate
        self._customers = customers
        self._rhythm = Rhythm(timezone)
        self._opens = opens
        self._disorder = disorder
        self._incidents = Incidents(schedule)
        self._visits: dict[int, list[Visit]] = {}
        self._pending: Columns = []
        self._current: Columns = []
        self._next_block = 0
        self._position: int | None = None

    def trigger_incident(self, now: int) -> Incident:
        """Start an incident at `now` (UTC epoch microseconds); one already going on is returned instead."""
        return self._incidents.trigger(now)

    def plan_incidents(self, schedule: Schedule) -> None:
        """Let incidents come by this schedule, whose first lies ahead; an earlier schedule no longer holds."""
        self._incidents.plan(schedule)

    def incidents(self, since: int, until: int) -> list[Incident]:
        """The truth: every incident any part of which lies in [since, until)."""
        return self._incidents.between(since, until)

    def events(self, since: int, until: int) -> Iterator[Event]:
        """The events of [since, until) (UTC epoch microseconds) in order; by time of arrival with `disorder`.

        Going on where the last call ended costs nothing extra; any other `since` draws the three hours before
        it again, because what visitors began there may still be under way.
        """
        if since != self._position:
            self._seek(since)
        while since < until:
            end = min(until, self._next_block * BLOCK)
            if end > since:
                yield from self._between(since, end)
                since = self._position = end
            if since == self._next_block * BLOCK and since < until:
                self._open_block()

    def _seek(self, since: int) -> None:
        self._visits.clear()
        self._pending = []
        self._current = []
        oldest = since - shop.HORIZON if self._opens is None else max(self._opens, since - shop.HORIZON)
        self._next_block = max(0, min(oldest, since)) // BLOCK
        while self._next_block * BLOCK <= since:
            self._open_block()
        self._position = since

    def _open_block(self) -> None:
        """Draw the next block's visits and set apart what arrives during it."""
        number = self._next_block
        start, end = number * BLOCK, (number + 1) * BLOCK
        self._next_block = number + 1
        self._visits.pop(number - shop.HORIZON // BLOCK - 3, None)
        parts = [self._pending] if self._pending else []
        if self._opens is None or end > self._opens:
            mean = self.rate * self._rhythm.factor(start) * (BLOCK / SECOND) / shop.EVENTS_PER_VISIT
            block = shop.draw(self.seed, number, start, BLOCK, mean, self._customers)
            self._visits[number] = block.visits
            parts.append(self._arrive(number, block))
        if not parts:
            self._current = []
            return
        columns = parts[0] if len(parts) == 1 else [np.concatenate(pair) for pair in zip(*parts, strict=True)]
        now = columns[_ARRIVAL] < end
        self._pending = [column[~now] for column in columns]
        current = [column[now] for column in columns]
        order = np.lexsort((current[_SEQ], current[_VISIT], current[_ARRIVAL]))
        self._current = [column[order] for column in current]

    def _arrive(self, number: int, block: Block) -> Columns:
        """Give a block's events their time of arrival, and the copies theirs."""
        rows = [block.time, block.time, block.visit + (number << _SHIFT), block.kind, block.seq, block.extra,
                block.gate, block.payment]  # fmt: skip
        if self._opens is not None and number * BLOCK < self._opens:
            rows = self._since_opening(rows)
        if not self._disorder:
            return rows
        # Drawn apart, so that disorder changes when events arrive and never what happened.
        rng = np.random.default_rng((self.seed, number, 1))
        size = len(rows[_TIME])
        lag = rng.exponential(0.3, size)
        lag = np.where(rng.random(size) < _STRAGGLERS, rng.uniform(5, 20, size), np.minimum(lag, 1.8))
        rows[_ARRIVAL] = rows[_TIME] + (lag * 1000).astype(np.int64) * 1000
        again = rng.random(size) < _DUPLICATES
        copies = [column[again] for column in rows]
        copies[_ARRIVAL] = copies[_ARRIVAL] + (rng.uniform(0.5, 30, len(copies[_TIME])) * 1000).astype(np.int64) * 1000
        return [np.concatenate(pair) for pair in zip(rows, copies, strict=True)]

    def _since_opening(self, rows: Columns) -> Columns:
        first = np.full(int(rows[_VISIT].max() & _MASK) + 1, np.iinfo(np.int64).max)
        np.minimum.at(first, rows[_VISIT] & _MASK, rows[_TIME])
        open_ = first[rows[_VISIT] & _MASK] >= (self._opens or 0)
        return [column[open_] for column in rows]

    def _between(self, since: int, until: int) -> Iterator[Event]:
        """What arrives in [since, until), which lies in the open block."""
        for incident in self._incidents.between(since, until + MINUTE):
            if since <= incident.deployed < until:
                yield from self._happening(since, incident.deployed)
                yield _deployment(incident)
                since = incident.deployed
        yield from self._happening(since, until)

    def _happening(self, since: int, until: int) -> Iterator[Event]:
        """The planned events of an interval that do happen, incidents being what they are."""
        if not self._current:
            return
        low, high = np.searchsorted(self._current[_ARRIVAL], (since, until), side="left")
        rows = [column[low:high] for column in self._current]
        broken = self._incidents.hit(rows[_PAYMENT])
        gate = rows[_GATE]
        happens = (gate == shop.ALWAYS) | np.where(broken, gate == shop.IF_BROKEN, gate == shop.UNLESS_BROKEN)
        yield from self._build([column[happens] for column in rows])

    def _build(self, rows: Columns) -> Iterator[Event]:
        visits = self._visits
        data = shop.data
        prefix, minute = "", -1  # a date is formatted once per minute
        for time, key, kind, seq, extra in zip(*(rows[at].tolist() for at in range(_TIME, _EXTRA + 1)), strict=True):
            visit = visits[key >> _SHIFT][key & _MASK]
            type_, source = _KINDS[kind]
            content = data(kind, visit, extra)
            if kind in _CHATS and content["channel"] == "chat":
                type_ = _CHATS[kind]
            if time // MINUTE != minute:
                minute = time // MINUTE
                prefix = _minute(minute)
            anonymous = visit.alias is not None and (kind in _UNDER_ALIAS or kind == shop.MERGED)
            yield Event(
                id=f"{visit.name}-{seq:x}",
                source=source,
                type=type_,
                time=f"{prefix}{time % MINUTE // SECOND:02d}.{time % SECOND // 1000:03d}Z",
                subject=visit.alias if anonymous else visit.subject,
                data=content,
            )


def _deployment(incident: Incident) -> Event:
    """The change behind an incident, as the deployment pipeline reports it."""
    at = incident.deployed
    return Event(
        id=f"deploy-{at // 1000}",
        source="deploys",
        type="change.deployed",
        time=f"{_minute(at // MINUTE)}{at % MINUTE // SECOND:02d}.{at % SECOND // 1000:03d}Z",
        data={"service": "payments-mobile", "version": f"2.{at // MINUTE % 1000}.0"},
    )


def _minute(number: int) -> str:
    """`2026-03-07T07:00:` of a minute counted from the epoch."""
    return (_EPOCH + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:")
