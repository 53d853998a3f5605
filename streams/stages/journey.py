"""JourneyStage: one partition's events in log order → partials, decisions, dead letters and customer state.

Pure: time reaches it only as records, nothing it returns depends on where a batch was cut (exactness rules 1 to 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop

import msgspec

from streams import seen
from streams.care.arms import Learnt
from streams.care.said import Out
from streams.codec import Rejection
from streams.customer import Customer
from streams.effects import Effects, Lesson, Partial, Verdicts
from streams.journeys import NEVER, TICK, Walk
from streams.model import Event, Record
from streams.rules import Rules
from streams.stages.applying import Applying
from streams.stages.arrivals import Arrivals
from streams.stages.happened import Happened
from streams.stages.head import FORMAT, Changes, Head, Position, beginning
from streams.stages.lessons import LESSON, lesson_of
from streams.stages.lives import Lives
from streams.stages.needs import Needs
from streams.stages.open_tick import OpenTick
from streams.stages.reading import Own, Prepared, Reader
from streams.stages.residents import Residents
from streams.stages.transit import Transit
from streams.stages.verdicts import JUDGED, Hearing, verdicts_of
from streams.stages.waiting import Arrived, Waiting, WaitingRoom, waiting_parcel
from streams.tally import READ, Tally, mapping_of

TIME_ADVANCED = "touchline.time.advanced"
CONFIG_ACTIVATED = "touchline.config.activated"
STOOD = "touchline.signals.stood"
"""Which rules' `when` holds from here on, all of them: `data.rules`. In a cluster `data.number` counts these records:
one that is not above the highest so far came twice."""

RulesByHash = Callable[[str], Rules]


class JourneyStage:
    """Parameters
    ----------
    rules
        The file, compiled.
    partition
        Number of the partition; part of every partial.
    partitions
        Of the log. What belongs to another one of them leaves as a parcel.
    resident
        All states stay in memory and nothing is ever committed (replay): `needs` and `changes` are not used.
    rules_by_hash
        Finds the rules a `touchline.config.activated` record names.
    closed
        Is given each partial the moment its tick closes, and may `stand` and `judge` at once: replay, where nothing
        else comes between.
    head
        Of a commit, where one is gone on from; see `restore`.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        partition: int = 0,
        partitions: int = 1,
        resident: bool = False,
        rules_by_hash: RulesByHash | None = None,
        closed: Callable[[Partial], None] | None = None,
        head: Head | None = None,
    ) -> None:
        self.partition = partition
        self.resident = resident
        self._rules_by_hash = rules_by_hash
        stored = head or beginning()
        self._read, self._cursor = stored.read, stored.low
        self._watermark, self._last_time = stored.watermark, stored.last_time
        self._tally = Tally() if head is None else Tally.restore(head.tally)
        self._population = seen.Population(rules.config.dedup.max_ids, stored.seen_minutes, stored.seen_floor)
        self._happened = Happened(self._tally, closed, stored.dead_letters)
        self._tick = OpenTick(
            partition,
            self._tally,
            self._happened.close,
            first=stored.first_tick,
            partials=stored.partials,
            watermark=stored.watermark,
        )
        self._residents = Residents(stay=resident)
        self._room = WaitingRoom()
        self._reader = Reader()
        self._needs = Needs(self._reader, self._residents, self._room)
        self._transit = Transit(self._residents, self._tally, self._happened, partition, partitions, stored.crossed)
        self._out = Out(self._happened.decide, self._tally.care_for, self._tally.nominate, self._tally.sight)
        self._out.standing, self._out.learnt = frozenset(stored.standing), Learnt(stored.learnt)
        self._lives = Lives(self._residents, self._tally, self._population, self._out)
        self._applying = Applying(
            self._residents,
            self._tally,
            self._population,
            self._lives,
            self._transit,
            self._happened,
            # What comes in a parcel is applied as well, once it is unpacked: each of the two needs the other.
            lambda arrived, effective: self._arrivals.open(arrived, effective),
        )
        self._arrivals = Arrivals(
            self._residents,
            self._reader,
            self._lives,
            self._transit,
            self._applying,
            self._happened,
            stored.crossed,
        )
        self._stood = stored.stood
        self._hearing = Hearing(stored.verdicts, stored.unheard)
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
        partitions: int = 1,
        rules_by_hash: RulesByHash | None = None,
    ) -> JourneyStage:
        """The stage as it was at a commit; the shell goes on reading at `position.low`.

        `rules` must be those of `head_config(head)`.
        """
        stored = msgspec.msgpack.decode(head, type=Head)
        stage = cls(rules, partition=partition, partitions=partitions, rules_by_hash=rules_by_hash, head=stored)
        stage._residents.resume(stored.shapes, timers)
        stage._reader.aheads = stored.aheads or [(0, rules.config.max_ahead)]
        return stage

    @property
    def position(self) -> Position:
        """Where the partition stands."""
        return Position(self._read, self._room.low(self._cursor), self._watermark)

    @property
    def read(self) -> int:
        """Offset of the next record to read; `position` looks through all that waits."""
        return self._read

    @property
    def last_time(self) -> int | None:
        """Time of the latest event taken (UTC epoch microseconds)."""
        return self._last_time

    @property
    def config_hash(self) -> str:
        """Hash of the rules in force."""
        return self._rules.hash

    @property
    def pending_timers(self) -> int:
        """Customers with a timer."""
        return self._residents.pending

    @property
    def counting(self) -> bool:
        """Whether records have been read that no partial tells of yet."""
        return any(self._tally.door)

    @property
    def cached(self) -> int:
        """States in memory."""
        return len(self._residents.cache)

    @property
    def misplaced(self) -> int:
        """Records that lay in this partition and were sent on to their own."""
        return self._transit.misplaced

    @property
    def dedup_window_seconds(self) -> float:
        """How far back a duplicate would be found for certain; 24 h unless the `dedup` limits cut it."""
        return self._population.covered(self._watermark or 0) / 1e6

    @property
    def standing(self) -> frozenset[str]:
        """Rules under `feedback` whose `when` holds, as the log has said."""
        return self._out.standing

    @property
    def verdicts(self) -> int:
        """Number of the next verdicts of quotas to take."""
        return self._hearing.following

    @property
    def unheard(self) -> list[int]:
        """Numbers of verdicts that have not come, though later ones have: they will, unless the log has lost them."""
        return self._hearing.missing

    def stand(self, rules: frozenset[str]) -> None:
        """The `when` of these rules holds from here on, and of no other."""
        self._out.standing = rules

    def judge(self, verdicts: Verdicts) -> None:
        """What quotas say to asks of this partition's customers; what was said before is not heard again."""
        if not self._hearing.take(verdicts.number):
            return
        # Timers before this have fired, also where a tick has just closed and the watermark follows only then.
        fired = max(self._watermark or 0, (self._tick.first or 0) * TICK)
        for nominees, allowed in ((verdicts.allowed, True), (verdicts.refused, False)):
            for nominee in nominees:
                self._arrivals.answer(nominee, nominee.subject, fired, allowed=allowed)

    @property
    def lessons(self) -> int:
        """Number of the next lesson to come."""
        return self._out.learnt.following

    def learn(self, lesson: Lesson | None) -> None:
        """What rules that learn have learnt; what was said before is not heard again."""
        if lesson is not None:
            self._out.learnt.hear(lesson)

    def next_deadline(self) -> int | None:
        """Time of the earliest timer (UTC epoch microseconds); it fires when the watermark passes it."""
        timers = self._residents.timers
        return timers[0][0] if timers else None

    def activate(self, rules: Rules) -> None:
        """Other rules hold from here; journeys, steps and dimensions keep their state by name."""
        self._catch_up()
        old = self._rules.dimensions
        self._use(rules)
        if rules.dimensions != old:
            self._tally.reshape(mapping_of(old, rules.dimensions))
        self._population.resize(rules.config.dedup.max_ids)
        self._room.reread(self._reader.again)

    def needs(self, batch: Sequence[Record]) -> set[str]:
        """Keys of states that `process(batch)` may touch and that are not in memory; ask again after `load`."""
        return self._needs.of(batch, self._watermark, self._lateness)

    def load(self, states: Mapping[str, bytes | None]) -> None:
        """Hand over stored states; None where nothing is stored."""
        self._residents.load(states)
        self._transit.expect([key for key, state in states.items() if state is None])

    def process(self, batch: Sequence[Record]) -> Effects:
        """Take records in log order; returns what happened, also for records that had been waiting."""
        while (taken := self._read_on(batch, self._needs.read(batch))) < len(batch):
            # Other rules hold from here: what was read under the old ones is void.
            batch = batch[taken:]
        self._catch_up()
        return self._drain()

    def finish(self, until: int | None = None) -> Effects:
        """End of input: flush the buffer, move time to the later of the last event and `until`, close the tick."""
        end = self._last_time
        if until is not None and (end is None or until > end):
            end = until
        if end is not None:
            self._advance(end + 1)
            self._watermark = max(end, self._watermark or end)
            last = end // TICK
            self._tick.close_until(last)
            while not self._tally.empty:
                # What quotas said at the close of the last tick, to be counted.
                last += 1
                self._tick.close_until(last)
        elif any(self._tally.door):
            # Nothing but records that could not be taken: they still count, at no time in particular.
            self._tick.close_until(0)
        return self._drain()

    def changes(self) -> Changes:
        """Everything since the last call; to be committed together with the effects returned meanwhile."""
        position = self.position
        self._reader.forget_before(position.low)
        states, timers = self._residents.changes()
        head = Head(
            FORMAT,
            position.read,
            position.low,
            self._watermark,
            self._tick.first,
            self._tick.partials,
            self._happened.dead_letters,
            self._rules.hash,
            self._residents.shapes,
            self._last_time,
            self._population.counted(),
            self._population.floor,
            self._tally.snapshot(),
            self._reader.aheads,
            sorted(self._out.standing),
            self._stood,
            self._arrivals.snapshot(),
            self._hearing.following,
            self._hearing.missing,
            self._out.learnt.lessons,
        )
        return Changes(msgspec.msgpack.encode(head), position, states, timers)

    def evict(self, keep: int) -> None:
        """Drop the states that came into memory first, until at most `keep` are left; changed ones stay."""
        self._needs.look_again()
        self._residents.evict(keep)

    def find(self, key: str) -> Customer | None:
        """A customer's state, if it is in memory."""
        return self._residents.cache.get(key)

    # -- reading -------------------------------------------------------------------------------------------------

    def _read_on(self, batch: Sequence[Record], entries: Iterable[Prepared]) -> int:
        """Take records until other rules hold; returns how many.

        Here only what nearly every record is: new, on time, after those that wait. Events are applied when the tick is
        over, or the batch, or when something else must come after them: their own times order them.
        """
        waiting, tick = self._room.entries, self._tick
        append = waiting.append
        lateness = self._lateness
        watermark, newest = self._heights()
        taken = reads = 0
        read = self._read
        for record, entry in zip(batch, entries, strict=True):
            if type(entry) is tuple:
                time = entry[0]
                if entry[4] >= read and (time > newest or (time >= watermark and waiting[-1] < entry)):
                    append(entry)
                    newest = time
                    reads += 1
                    log_time = record.log_time
                    reached = (time if log_time is None or time < log_time else log_time) - lateness
                    if reached > watermark:
                        if reached >= tick.end:
                            self._note(reads, entry)
                            taken += reads
                            reads = 0
                            self._advance(reached)
                        self._watermark = watermark = reached
                    continue
            if reads:
                self._note(reads, waiting[-1])
                taken += reads
                reads = 0
            rules = self._rules
            self._take(record, entry)
            taken += 1
            if self._rules is not rules:
                return taken
            watermark, newest = self._heights()
            read = self._read
        if reads:
            self._note(reads, waiting[-1])
        return taken + reads

    def _heights(self) -> tuple[int, int]:
        """The watermark, and the time after which an event comes after all that wait and is not late."""
        watermark = self._watermark
        if watermark is None:
            return NEVER, NEVER
        newest = watermark - 1
        waiting = self._room.entries
        if waiting and waiting[-1][0] > newest:
            newest = waiting[-1][0]
        return watermark, newest

    def _note(self, reads: int, last: Waiting) -> None:
        """So many new records have been read, up to this one, which is the latest in time as well."""
        self._tally.door[READ] += reads
        self._read = self._cursor = last[4] + 1
        if self._last_time is None or last[0] > self._last_time:
            self._last_time = last[0]

    def _take(self, record: Record, entry: Prepared) -> None:
        """Take any record."""
        offset = record.offset
        fresh = offset >= self._read
        self._cursor = offset + 1
        if fresh:
            self._read = offset + 1
        if isinstance(entry, Own):
            if fresh:
                self._obey(entry.event, entry.time, record.log_time)
            return
        if isinstance(entry, Arrived):
            self._receive(entry, fresh)
            return
        if fresh:
            self._tally.door[READ] += 1
        if isinstance(entry, Rejection):
            if fresh:
                self._catch_up()
                self._happened.reject(record, entry.reason, entry.message, entry.body)
            return
        time = entry[0]
        watermark = self._watermark
        if not fresh and watermark is not None and time < watermark:
            return
        if self._last_time is None or time > self._last_time:
            self._last_time = time
        if watermark is not None and time < watermark:
            self._catch_up()
            self._applying.apply(entry, watermark)
        else:
            self._room.put(entry)
        if fresh:  # else the watermark has followed it already, under the file of that time
            self._move(time if record.log_time is None else min(time, record.log_time))

    def _receive(self, arrived: Arrived, fresh: bool) -> None:
        """A parcel of another partition; it waits for its time like an event, but does not move the watermark."""
        offset = arrived.record.offset
        if not (self._arrivals.in_turn(arrived.parcel) if fresh else offset in self._arrivals.waiting):
            return
        watermark = self._watermark
        entry = waiting_parcel(arrived)
        if watermark is not None and entry[0] < watermark:
            self._catch_up()
            self._applying.apply(entry, watermark)
            self._catch_up()  # timers may have come that are due already
        else:
            self._arrivals.waiting.add(offset)
            self._room.put(entry)

    def _obey(self, event: Event, time: int | None, log_time: int | None) -> None:
        """A record of our own: time has reached t, or other rules hold."""
        if event.type == TIME_ADVANCED and time is not None:
            self._move(time if log_time is None else min(time, log_time))
        elif event.type == CONFIG_ACTIVATED and self._rules_by_hash is not None:
            named = (event.data or {}).get("hash")
            if isinstance(named, str) and named != self._rules.hash:
                self.activate(self._rules_by_hash(named))
        elif event.type == STOOD:
            data = event.data or {}
            rules, number = data.get("rules"), data.get("number")
            if isinstance(number, int):
                if number <= self._stood:
                    return
                self._stood = number
            named = rules if isinstance(rules, list) else []
            self._catch_up()
            self.stand(frozenset(rule for rule in named if isinstance(rule, str)))
        elif event.type == JUDGED:
            self._catch_up()
            self.judge(verdicts_of(event))
        elif event.type == LESSON:
            self._catch_up()
            self.learn(lesson_of(event))

    # -- time ----------------------------------------------------------------------------------------------------

    def _move(self, moment: int) -> None:
        """The watermark follows a record: it never goes back."""
        reached = moment - self._lateness
        watermark = self._watermark
        if watermark is None:
            self._watermark = reached
            self._tick.begin(reached)
        elif reached > watermark:
            if reached >= self._tick.end:
                self._advance(reached)
            self._watermark = reached

    def _catch_up(self) -> None:
        """Apply what the watermark has passed."""
        if self._watermark is not None:
            self._advance(self._watermark)

    def _advance(self, reached: int) -> None:
        """Apply everything before `reached` in order: events, then timers of the same time; close full ticks."""
        room, tick, timers = self._room, self._tick, self._residents.timers
        cache = self._residents.cache
        while True:
            while timers and timers[0][0] < reached:
                due, key = timers[0]
                customer = cache.get(key)
                if customer is not None and customer.due == due:
                    break
                heappop(timers)  # another one was set meanwhile: whoever restarts does not even know of it
            timer_time = timers[0][0] if timers and timers[0][0] < reached else reached
            if self._tally.nominees and timer_time >= tick.end and room.next_time() >= tick.end:
                # Nothing else comes in this tick. What quotas say at its end may make something due before the rest.
                tick.close_before(tick.end // TICK)
                continue
            # Up to and including the timer's own time.
            limit = timer_time + 1 if timer_time < reached else reached
            if (time := room.next_time()) < limit:
                if time >= tick.end:
                    tick.close_before(time // TICK)
                room.front += self._applying.apply_all(room.before(min(limit, tick.end)))
                continue
            if timer_time >= reached:
                break
            if timer_time >= tick.end:
                tick.close_before(timer_time // TICK)
            assert customer is not None
            heappop(timers)
            self._lives.fire(key, customer, due)
        room.trim()
        if reached >= tick.end:
            tick.close_until(reached // TICK - 1)

    # -- inner ---------------------------------------------------------------------------------------------------

    def _use(self, rules: Rules) -> None:
        config = rules.config
        self._rules = rules
        self._needs.void()
        self._lateness = config.allowed_lateness
        self._reader.use(rules, self._cursor)
        walk = Walk(rules, self._tally)
        self._tick.use(rules)
        self._residents.use(rules)
        self._lives.use(rules, walk)
        self._transit.use(rules)
        self._applying.use(rules, walk)
        self._arrivals.use(rules)

    def _drain(self) -> Effects:
        if self.resident:
            self._residents.keep()
        return self._happened.take()
