"""JourneyStage: one partition's events in log order → partials, decisions, dead letters and customer state.

Pure: time reaches it only as records, nothing it returns depends on where a batch was cut (exactness rules 1 to 5).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush

import msgspec
import xxhash

from streams import customer as customers
from streams import merging, seen
from streams.codec import Rejection, decode_timed, encode, sequence_number, settle
from streams.customer import IN_FLIGHT, Customer
from streams.effects import DeadLetter, Effects
from streams.journeys import NEVER, SEPARATOR, Walk, segment_values
from streams.measures import end_session, observe
from streams.model import Event, Record
from streams.rules import Rules
from streams.tally import (
    ACCEPTED,
    DUPLICATE,
    EVICTED,
    FUTURE,
    INVALID,
    LATE,
    READ,
    Tally,
    reshape,
)

TICK = 1_000_000
TIME_ADVANCED = "touchline.time.advanced"
CONFIG_ACTIVATED = "touchline.config.activated"
BUCKETS = 1024
_FORGET_AFTER = 2 * seen.WINDOW
_COMPACT = 1024
"""Applied entries that may stay at the front of the reorder buffer before they are cut off."""

Decoded = tuple[Event, int | None] | Rejection
RulesByHash = Callable[[str], Rules]
Waiting = tuple[int, float, str, str, int, Event, Record, bool]
"""Time, sequence, source, id, offset (this far the order of application), event, its record, whether clamped."""


class Position(msgspec.Struct, frozen=True):
    """How far a partition has come; times in UTC epoch microseconds."""

    read: int
    """Offset of the next record to read."""
    low: int
    """Smallest offset still waiting for its time, else `read`: where recovery begins."""
    watermark: int | None
    """No on-time event is earlier; None before the first record."""


class Changes(msgspec.Struct, frozen=True):
    """What a commit writes, all of it together."""

    head: bytes
    position: Position
    states: dict[str, bytes | None]
    """Changed customers; None: forgotten."""
    timers: dict[str, int | None]
    """Earliest deadline of a customer, never later than the true one; None: no timer any more."""


class Head(msgspec.Struct):
    """The stage's own part of a partition's head. Field meanings as in exactness rules 3 to 6."""

    format: int
    read: int
    low: int
    watermark: int | None
    first_tick: int | None
    partials: int
    dead_letters: int
    config: str
    shapes: list[tuple[str, ...]]
    """Segment dimensions of each file that has been in force; a customer's `shape` is the index of one."""
    last_time: int | None
    seen_hours: dict[int, int]
    seen_floor: int
    tally: bytes


FORMAT = 1


class JourneyStage:
    """Parameters
    ----------
    rules
        The file, compiled.
    partition
        Number of the partition; part of every partial.
    resident
        All states stay in memory and nothing is ever committed (replay): `needs` and `changes` are not used.
    rules_by_hash
        Finds the rules a `touchline.config.activated` record names.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        partition: int = 0,
        resident: bool = False,
        rules_by_hash: RulesByHash | None = None,
    ) -> None:
        self.partition = partition
        self.resident = resident
        self._rules_by_hash = rules_by_hash
        self._tally = Tally()
        self._cache: dict[str, Customer | None] = {}
        self._dirty: set[str] = set()
        self._timers: list[tuple[int, str]] = []
        """A heap; an entry whose customer has another timer by now is passed over."""
        self._pending = 0
        self._timers_changed: set[str] = set()
        self._waiting: list[Waiting] = []
        """The reorder buffer: sorted; those before `_front` have been applied. Mostly appended to."""
        self._front = 0
        self._read = 0
        self._cursor = 0
        self._watermark: int | None = None
        self._first_tick: int | None = None
        self._tick_end = 0
        self._partials = 0
        self._dead_letters = 0
        self._last_time: int | None = None
        self._shapes: list[tuple[str, ...]] = []
        self._population = seen.Population(rules.config.dedup.max_ids)
        self._effects = Effects([], [], [])
        self._decoded: tuple[Sequence[Record], list[Decoded]] | None = None
        self._use(rules)

    # -- what the shell calls ------------------------------------------------------------------------------------

    @classmethod
    def restore(
        cls,
        rules: Rules,
        head: bytes,
        timers: Iterable[tuple[str, int]],
        *,
        partition: int = 0,
        rules_by_hash: RulesByHash | None = None,
    ) -> JourneyStage:
        """The stage as it was at a commit; the shell goes on reading at `position.low`.

        `rules` must be those of `head_config(head)`.
        """
        stored = msgspec.msgpack.decode(head, type=Head)
        stage = cls(rules, partition=partition, rules_by_hash=rules_by_hash)
        stage._read, stage._cursor = stored.read, stored.low
        stage._watermark, stage._first_tick = stored.watermark, stored.first_tick
        stage._tick_end = 0 if stored.watermark is None else (stored.watermark // TICK + 1) * TICK
        stage._partials, stage._dead_letters = stored.partials, stored.dead_letters
        stage._last_time = stored.last_time
        stage._shapes, stage._shape = stored.shapes, len(stored.shapes) - 1
        stage._population = seen.Population(rules.config.dedup.max_ids, stored.seen_hours, stored.seen_floor)
        stage._tally = Tally.restore(stored.tally)
        stage._walk = Walk(rules.dimensions, stage._tally)
        stage._timers = sorted((due, key) for key, due in timers)
        stage._pending = len(stage._timers)
        return stage

    @property
    def position(self) -> Position:
        """Where the partition stands."""
        low = min((entry[4] for entry in self._waiting[self._front :]), default=self._cursor)
        return Position(self._read, min(low, self._cursor), self._watermark)

    @property
    def config_hash(self) -> str:
        """Hash of the rules in force."""
        return self._rules.hash

    @property
    def pending_timers(self) -> int:
        """Customers with a timer."""
        return self._pending

    @property
    def cached(self) -> int:
        """States in memory."""
        return len(self._cache)

    @property
    def dedup_window_seconds(self) -> float:
        """How far back a duplicate would be found for certain; 24 h unless the `dedup` limits cut it."""
        return self._population.covered(self._watermark or 0) / 1e6

    def next_deadline(self) -> int | None:
        """Time of the earliest timer (UTC epoch microseconds); it fires when the watermark passes it."""
        return self._timers[0][0] if self._timers else None

    def activate(self, rules: Rules) -> None:
        """Other rules hold from here; journeys, steps and dimensions keep their state by name."""
        old = self._rules.dimensions
        self._use(rules)
        if rules.dimensions != old:
            self._tally.reshape(_mapping(old, rules.dimensions))
        self._population.resize(rules.config.dedup.max_ids)

    def needs(self, batch: Sequence[Record]) -> set[str]:
        """Keys of states that `process(batch)` may touch and that are not in memory; ask again after `load`."""
        if self._decoded is None or self._decoded[0] is not batch:
            self._decoded = (batch, [self._decode(record) for record in batch])
        decoded = self._decoded[1]
        wanted: set[str] = set()
        reach = self._watermark
        for record, result in zip(batch, decoded, strict=True):
            if isinstance(result, Rejection):
                continue
            event, time = result
            self._want(event, wanted)
            moments = [moment for moment in (time, record.log_time) if moment is not None]
            if moments and (reach is None or min(moments) - self._lateness > reach):
                reach = min(moments) - self._lateness
        if reach is not None:
            for entry in self._waiting[self._front : bisect_left(self._waiting, (reach,), self._front)]:
                self._want(entry[5], wanted)
            for timer in _below(self._timers, reach):
                self._want_key(timer[1], wanted)
        return wanted

    def load(self, states: Mapping[str, bytes | None]) -> None:
        """Hand over stored states; None where nothing is stored."""
        for key, body in states.items():
            if key not in self._cache:
                self._cache[key] = None if body is None else customers.decode(body)

    def process(self, batch: Sequence[Record]) -> Effects:
        """Take records in log order; returns what happened, also for records that had been waiting."""
        decoded = None
        if self._decoded is not None:
            if self._decoded[0] is batch:
                decoded = self._decoded[1]
            self._decoded = None
        if decoded is None:
            take, decode = self._take, self._decode
            for record in batch:
                take(record, decode(record))
        else:
            for record, result in zip(batch, decoded, strict=True):
                self._take(record, result)
        return self._drain()

    def finish(self, until: int | None = None) -> Effects:
        """End of input: flush the buffer, move time to the later of the last event and `until`, close the tick."""
        end = self._last_time
        if until is not None and (end is None or until > end):
            end = until
        if end is not None:
            self._advance(end + 1)
            self._watermark = max(end, self._watermark or end)
            self._close(end // TICK)
        elif any(self._tally.door):
            # Nothing but records that could not be taken: they still count, at no time in particular.
            self._close(0)
        return self._drain()

    def changes(self) -> Changes:
        """Everything since the last call; to be committed together with the effects returned meanwhile."""
        position = self.position
        states: dict[str, bytes | None] = {}
        for key in self._dirty:
            customer = self._cache.get(key)
            states[key] = None if customer is None else customers.encode(customer)
        timers = {key: None if (one := self._cache.get(key)) is None else one.due for key in self._timers_changed}
        self._dirty.clear()
        self._timers_changed.clear()
        head = Head(
            FORMAT,
            position.read,
            position.low,
            self._watermark,
            self._first_tick,
            self._partials,
            self._dead_letters,
            self._rules.hash,
            self._shapes,
            self._last_time,
            self._population.counted(),
            self._population.floor,
            self._tally.snapshot(),
        )
        return Changes(msgspec.msgpack.encode(head), position, states, timers)

    def evict(self, keep: int) -> None:
        """Drop the states that came into memory first, until at most `keep` are left; changed ones stay."""
        excess = len(self._cache) - keep
        if excess <= 0:
            return
        gone = []
        for key in self._cache:
            if key not in self._dirty:
                gone.append(key)
                if len(gone) >= excess:
                    break
        for key in gone:
            del self._cache[key]

    def find(self, key: str) -> Customer | None:
        """A customer's state, if it is in memory."""
        return self._cache.get(key)

    # -- reading -------------------------------------------------------------------------------------------------

    @staticmethod
    def _decode(record: Record) -> Decoded:
        body = record.body
        if isinstance(body, Event):
            if record.time is not None:
                return body, record.time
            time = settle(body, internal=record.internal)
            return time if isinstance(time, Rejection) else (body, time)
        return decode_timed(body, internal=record.internal)

    def _take(self, record: Record, decoded: Decoded) -> None:
        offset = record.offset
        fresh = offset >= self._read
        self._cursor = offset + 1
        if fresh:
            self._read = offset + 1
        if isinstance(decoded, Rejection):
            if fresh:
                self._tally.door[READ] += 1
                self._reject(record, decoded.reason, decoded.message, decoded.body)
            return
        event, own_time = decoded
        log_time = record.log_time
        time = log_time if own_time is None else own_time
        if record.internal and event.type.startswith("touchline."):
            if fresh:
                self._obey(event, time, log_time)
            return
        if time is None:
            if fresh:
                self._tally.door[READ] += 1
                self._reject(record, "no_time", "time: missing, and this log has no time of reception")
            return
        future = False
        if log_time is not None and time > log_time + self._max_ahead:
            time = log_time
            future = True
        watermark = self._watermark
        if fresh:
            self._tally.door[READ] += 1
        elif watermark is not None and time < watermark:
            return
        if self._last_time is None or time > self._last_time:
            self._last_time = time
        if watermark is not None and time < watermark:
            self._apply(event, record, time, watermark, future)
        else:
            sequence = event.sequence
            order = 0 if sequence is None else sequence_number(sequence)
            entry = (time, order, event.source, event.id, offset, event, record, future)
            waiting = self._waiting
            if not waiting or waiting[-1] < entry:
                waiting.append(entry)
            else:
                insort(waiting, entry, self._front)
        self._move(time if log_time is None or time < log_time else log_time)

    def _obey(self, event: Event, time: int | None, log_time: int | None) -> None:
        """A record of our own: time has reached t, or other rules hold."""
        if event.type == TIME_ADVANCED and time is not None:
            self._move(time if log_time is None else min(time, log_time))
        elif event.type == CONFIG_ACTIVATED and self._rules_by_hash is not None:
            named = (event.data or {}).get("hash")
            if isinstance(named, str) and named != self._rules.hash:
                self.activate(self._rules_by_hash(named))

    def _reject(self, record: Record, reason: str, message: str, original: bytes | None = None) -> None:
        self._tally.door[INVALID] += 1
        body = original
        if body is None:
            body = encode(record.body) if isinstance(record.body, Event) else record.body
        self._effects.dead_letters.append(
            DeadLetter(self._dead_letters, record.offset, record.log_time, reason, message, body)
        )
        self._dead_letters += 1

    # -- time ----------------------------------------------------------------------------------------------------

    def _move(self, moment: int) -> None:
        """The watermark follows a record: it never goes back."""
        reached = moment - self._lateness
        watermark = self._watermark
        if watermark is None:
            self._watermark = reached
            self._first_tick = reached // TICK
            self._tick_end = (self._first_tick + 1) * TICK
        elif reached > watermark:
            if (
                (self._front < len(self._waiting) and self._waiting[self._front][0] < reached)
                or reached >= self._tick_end
                or (self._timers and self._timers[0][0] < reached)
            ):
                self._advance(reached)
            self._watermark = reached

    def _advance(self, reached: int) -> None:
        """Apply everything before `reached` in order: events, then timers of the same time; close full ticks."""
        waiting, timers = self._waiting, self._timers
        at, end = self._front, len(waiting)
        while True:
            timer_time = timers[0][0] if timers else reached
            while at < end:
                entry = waiting[at]
                time = entry[0]
                if time > timer_time or time >= reached:
                    break
                if time >= self._tick_end:
                    self._close_open(time // TICK)
                at += 1
                self._apply(entry[5], entry[6], time, time, entry[7])
                if timers and timers[0][0] < timer_time:
                    timer_time = timers[0][0]
            if timer_time >= reached or not timers:
                break
            if timer_time >= self._tick_end:
                self._close_open(timer_time // TICK)
            due, key = heappop(timers)
            customer = self._cache.get(key)
            if customer is not None and customer.due == due:
                self._fire(key, customer, due)
        if at > _COMPACT and 2 * at > end:
            del waiting[:at]
            at = 0
        self._front = at
        if reached >= self._tick_end:
            self._close(reached // TICK - 1)

    def _close_open(self, following: int) -> None:
        """Close the open tick because something happens in a later one; empty ticks between are its to declare."""
        if not self._tally.empty:
            self._emit(self._tick_end // TICK - 1)
        self._tick_end = (following + 1) * TICK

    def _close(self, last: int) -> None:
        """Declare all ticks up to `last` closed: the open one if it has content, then the empty rest as one range."""
        if self._first_tick is None:
            self._first_tick = last
            self._tick_end = (last + 1) * TICK
        if not self._tally.empty:
            self._emit(self._tick_end // TICK - 1)
        if self._first_tick <= last:
            self._emit(last)
        self._tick_end = (last + 2) * TICK

    def _emit(self, tick: int) -> None:
        """The partial of `tick`, which also declares the empty ticks since the last one."""
        first = tick if self._first_tick is None else self._first_tick
        self._effects.partials.append(self._tally.close(self.partition, self._partials, first, tick, self._rules.hash))
        self._partials += 1
        self._first_tick = tick + 1

    # -- applying ------------------------------------------------------------------------------------------------

    def _apply(
        self,
        event: Event,
        record: Record,
        time: int,
        effective: int,
        future: bool,
    ) -> None:
        subject = event.subject
        key = subject if subject is not None else bucket_key(event)
        cache = self._cache
        customer = cache.get(key)
        if customer is None:
            customer = cache[key] = Customer(shape=self._shape)
        elif customer.into is not None:
            key = merging.resolve(key, cache.get)
            customer = cache.get(key)
            if customer is None:
                customer = cache[key] = Customer(shape=self._shape)
        if customer.shape != self._shape:
            self._admit(customer)
            self._dirty.add(key)
        tally = self._tally
        door = tally.door
        population = self._population
        if effective - customer.seen_since >= seen.WINDOW or population.floor > customer.seen_since:
            seen.turn(customer, effective, population.floor)
            self._dirty.add(key)
        identity = seen.digest(event.source, event.id)
        if (identity in customer.seen or identity in customer.seen_before) and seen.is_duplicate(customer, identity):
            door[DUPLICATE] += 1
            return
        event_type = event.type
        data = event.data
        if data is None:
            data = {}
        if event_type == "customer.merged":
            refusal = self._merge(event, key, customer, data, identity, effective)
            if refusal is not None:
                self._reject(record, *refusal)
                if customer.due is None:
                    self._drop(key)
                return
            customer = cache.get(key) or customer
        else:
            if effective >= population.hour_end or population.room <= 0:
                door[EVICTED] += population.make_room(effective)
            population.room -= 1
            customer.seen += identity
            if len(customer.seen) + len(customer.seen_before) > self._most_seen_bytes:
                door[EVICTED] += seen.trim(customer, self._max_ids_per_key)
        door[ACCEPTED] += 1
        if time < effective:
            door[LATE] += 1
        if future:
            door[FUTURE] += 1
        customer.touched = effective
        types = tally.types
        types[event_type] = types.get(event_type, 0) + 1
        tally.see(event.source, time)
        walk = self._walk
        walk.earliest = NEVER
        if event_type == "customer.identified":
            customer.identified = True
            customer.traits.update(data)
        hits = self._hits.get(event_type)
        if hits is not None:
            if subject is not None:
                for rule, candidates in hits.journeys:
                    walk.take(rule, candidates, customer, key, data, time, effective)
            if hits.signals:
                cell = segment_values(self._rules.dimensions, data, None, customer.traits)
                for signal in hits.signals:
                    due = observe(signal, customer, data, cell, time, effective, tally)
                    if due < walk.earliest:
                        walk.earliest = due
        if customer.due is None:
            self._schedule(key, customer, self._next_due(customer))
        elif walk.earliest < customer.due:
            self._schedule(key, customer, walk.earliest)
        self._dirty.add(key)

    def _schedule(self, key: str, customer: Customer, due: int) -> None:
        if customer.due is None:
            self._pending += 1
        customer.due = due
        heappush(self._timers, (due, key))
        self._timers_changed.add(key)

    def _drop(self, key: str) -> None:
        """Forget a state; it remains known that nothing is stored under its key."""
        if self.resident:
            del self._cache[key]
        else:
            self._cache[key] = None

    def _next_due(self, customer: Customer) -> int:
        """Earliest timer of a customer, the one that forgets it included."""
        due = customer.next_due()
        if due is not None:
            return due
        if customer.traits or customer.into is not None or customer.identified:
            return customer.touched + self._retain
        return customer.touched + _FORGET_AFTER

    def _fire(self, key: str, customer: Customer, due: int) -> None:
        """A customer's timer: whatever is due by now happens, then the next one is set."""
        if customer.shape != self._shape:
            self._admit(customer)
        if customer.instances or customer.sessions:
            self._expire(customer, due)
        customer.due = None
        self._pending -= 1
        next_due = self._next_due(customer)
        if next_due <= due:
            self._drop(key)
        else:
            self._schedule(key, customer, next_due)
        self._timers_changed.add(key)
        self._dirty.add(key)

    def _expire(self, customer: Customer, due: int) -> None:
        for name, instance in list(customer.instances.items()):
            if instance.due > due:
                continue
            rule = self._rules.journeys.get(name.split(SEPARATOR, 1)[0])
            if instance.state == IN_FLIGHT and rule is not None:
                self._walk.abandon(rule, instance, due)
                if instance.due > due:
                    continue
            del customer.instances[name]
        for name, session in list(customer.sessions.items()):
            if session.due <= due:
                if (signal := self._sessions.get(name)) is not None:
                    end_session(signal, session, self._tally)
                del customer.sessions[name]

    def _merge(
        self,
        event: Event,
        ending: str,
        gone: Customer,
        data: Mapping[str, object],
        identity: bytes,
        effective: int,
    ) -> tuple[str, str] | None:
        """`customer.merged`: returns why it is refused, else moves everything and leaves a forwarding address."""
        find = self._cache.get
        into = merging.resolve(str(data["into"]), find)
        repeated = into == ending and event.subject != ending
        if not repeated:
            refused = merging.refusal(ending, into, data.get("force") is True, find)
            if refused is not None:
                return refused
        self._population.make_room(effective)
        self._population.room -= 1
        gone.seen += identity
        if repeated:
            return None
        survivor = find(into)
        if survivor is None:
            survivor = self._cache[into] = Customer(shape=self._shape, seen_since=gone.seen_since)
        elif survivor.shape != self._shape:
            self._admit(survivor)
        merging.absorb(gone, survivor, self._walk, self._rules)
        survivor.touched = max(survivor.touched, effective)
        self._cache[ending] = Customer(shape=self._shape, touched=effective, into=into)
        self._dirty.add(into)
        self._dirty.add(ending)
        if gone.due is not None:
            self._pending -= 1
        due = self._next_due(survivor)
        if survivor.due is None or due < survivor.due:
            self._schedule(into, survivor, due)
        return None

    # -- inner ---------------------------------------------------------------------------------------------------

    def _use(self, rules: Rules) -> None:
        config = rules.config
        self._rules = rules
        self._hits = rules.hits
        self._lateness = config.allowed_lateness
        self._max_ahead = config.max_ahead
        self._max_ids_per_key = config.dedup.max_ids_per_key
        self._most_seen_bytes = config.dedup.max_ids_per_key * seen.WIDTH
        self._retain = config.retain
        self._walk = Walk(rules.dimensions, self._tally)
        self._sessions = rules.sessions
        self._shapes.append(rules.dimensions)
        self._shape = len(self._shapes) - 1

    def _admit(self, customer: Customer) -> None:
        """Bring a state under the rules in force, when it is touched: other dimensions, steps that are gone.

        Never earlier, so that it makes no difference which states were in memory when the rules changed.
        """
        mapping = _mapping(self._shapes[customer.shape], self._rules.dimensions)
        for instance in customer.instances.values():
            instance.cell = reshape(instance.cell, mapping)
        for session in customer.sessions.values():
            session.cell = reshape(session.cell, mapping)
        customer.shape = self._shape
        for key, instance in list(customer.instances.items()):
            rule = self._rules.journeys.get(key.split(SEPARATOR, 1)[0])
            if rule is None or instance.step not in rule.index:
                del customer.instances[key]

    def _want(self, event: Event, wanted: set[str]) -> None:
        self._want_key(event.subject if event.subject is not None else bucket_key(event), wanted)
        if event.type == "customer.merged" and event.data is not None:
            self._want_key(str(event.data.get("into")), wanted)

    def _want_key(self, key: str, wanted: set[str]) -> None:
        while True:
            if key not in self._cache:
                wanted.add(key)
                return
            customer = self._cache[key]
            if customer is None or customer.into is None:
                return
            key = customer.into

    def _drain(self) -> Effects:
        effects = self._effects
        if self.resident:
            self._dirty.clear()
            self._timers_changed.clear()
        self._effects = Effects([], [], [])
        return effects


def head_config(head: bytes) -> str:
    """Hash of the rules that were in force at a commit."""
    return msgspec.msgpack.decode(head, type=Head).config


def bucket_key(event: Event) -> str:
    """Key of an event without subject: its ids are remembered in one of 1,024 buckets of its source."""
    return f"{event.source}#{xxhash.xxh3_64_intdigest(event.id.encode()) % BUCKETS}"


def _mapping(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(old.index(name) if name in old else -1 for name in new)


def _below(heap: Sequence[tuple[int, str]], limit: int) -> Iterator[tuple[int, str]]:
    """Entries of a heap whose first item is under a limit, without disturbing it."""
    stack = [0]
    while stack:
        at = stack.pop()
        if at < len(heap) and heap[at][0] < limit:
            yield heap[at]
            stack.append(2 * at + 1)
            stack.append(2 * at + 2)
