"""A cluster's stages in memory: a log per partition, parcels between them, copies, delays, crashes."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterable

import msgspec

from streams import customer as customers
from streams.codec import encode
from streams.customer import IN_FLIGHT, Customer
from streams.effects import DeadLetter, Decision, Partial
from streams.model import Event, Record
from streams.partitioner import key_of, partition_of
from streams.rules import Rules
from streams.stages.journey import TIME_ADVANCED, JourneyStage
from streams.stages.parcels import record_of
from streams.units import format_time
from tests.partition import Partition


class Cluster:
    """As the cluster's shell does it: state and effects commit together, parcels leave in order, perhaps again."""

    def __init__(self, rules: Rules, partitions: int, seed: int = 0) -> None:
        self.count = partitions
        self.dice = random.Random(seed)
        self.logs: list[list[Record]] = [[] for _ in range(partitions)]
        self.nodes = [Node(rules, log, number, partitions) for number, log in enumerate(self.logs)]
        self._told = 0

    def append(self, partition: int, body: bytes, *, internal: bool = False) -> None:
        """One record into a log; like the embedded log of files it has no time of reception."""
        log = self.logs[partition]
        log.append(Record(offset=len(log), log_time=None, body=body, internal=internal))

    def produce(self, event: Event, *, misplace: bool = False) -> None:
        """An event to its partition, or to the next one."""
        home = partition_of(key_of(event.subject, event.source, event.id), self.count)
        self.append((home + misplace) % self.count, encode(event))

    def advance(self, time: int) -> None:
        """Time has reached `time` everywhere."""
        for partition in range(self.count):
            self._told += 1
            said = Event(id=f"t-{self._told}", source="touchline", type=TIME_ADVANCED, time=format_time(time))
            self.append(partition, encode(said), internal=True)

    def end(self, time: int) -> None:
        """Everything read, and every tick before `time` closed."""
        self.settle()
        for moment in range(time, time + 300_000_000, 10_000_000):  # a parcel may go round several times
            self.advance(moment)
            self.settle()

    def step(self, partition: int, size: int = 3, *, crash: bool = False, again: bool = False) -> None:
        """A partition reads on and commits, unless it crashes; what it committed leaves, perhaps once more."""
        node = self.nodes[partition]
        node.step(size)
        if crash:
            node.crash()
            return
        node.commit()
        if again:
            node.send_again()
        while node.outbox:
            receiver, body = node.outbox.popleft()
            self.append(receiver, body, internal=True)

    def settle(self) -> None:
        """Read everything, until no parcel is on its way."""
        while any(node.behind for node in self.nodes):
            for number in range(self.count):
                self.step(number, 1000)

    def state(self, key: str) -> Customer | None:
        """A stored customer, where it lives."""
        body = self.nodes[partition_of(key.encode(), self.count)].states.get(key)
        return None if body is None else customers.decode(body)

    def everyone(self) -> dict[str, Customer]:
        """All stored customers that did not end in a merge, each in its own partition only."""
        found: dict[str, Customer] = {}
        for node in self.nodes:
            for key, body in node.states.items():
                customer = customers.decode(body)
                assert partition_of(key.encode(), self.count) == node.stage.partition, f"{key} in the wrong place"
                if customer.into is None:
                    found[key] = customer
        return found

    @property
    def partials(self) -> list[Partial]:
        """Of all partitions."""
        return [partial for node in self.nodes for partial in node.partials]

    @property
    def decisions(self) -> list[Decision]:
        """Of all partitions."""
        return [decision for node in self.nodes for decision in node.decisions]

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """Of all partitions."""
        return [letter for node in self.nodes for letter in node.dead_letters]


class Node(Partition):
    """One partition of several."""

    def __init__(self, rules: Rules, log: list[Record], number: int, partitions: int) -> None:
        self._number, self._partitions = number, partitions
        self.outbox: deque[tuple[int, bytes]] = deque()
        self._sent: list[tuple[int, bytes]] = []
        self._new_parcels: list[tuple[int, bytes]] = []
        super().__init__(rules, log)

    def _fresh(self) -> JourneyStage:
        if self.head is None:
            return JourneyStage(self.rules, partition=self._number, partitions=self._partitions)
        return JourneyStage.restore(
            self.rules, self.head, self.timers.items(), partition=self._number, partitions=self._partitions
        )

    @property
    def behind(self) -> bool:
        """Whether its log holds something it has not read."""
        return self._next < len(self.records)

    def crash(self) -> None:
        """What was not committed is gone."""
        self._new_parcels = []
        super().crash()

    def step(self, size: int) -> bool:
        more = super().step(size)
        self._new_parcels += [(receiver, record_of(parcel, receiver)) for receiver, parcel in self.taken.parcels]
        self.taken.parcels = []
        return more

    def commit(self) -> None:
        self._sent = self._new_parcels or self._sent
        self.outbox.extend(self._new_parcels)
        self._new_parcels = []
        super().commit()

    def send_again(self) -> None:
        """As a relay does that did not hear whether its last records arrived."""
        self.outbox.extend(self._sent)


def balance(partials: Iterable[Partial]) -> Counter[tuple[str, str]]:
    """Per step: entered minus completed, abandoned and merged, which is who should be in flight."""
    left: Counter[tuple[str, str]] = Counter()
    for partial in partials:
        for entered in partial.entered:
            left[entered.journey, entered.step] += entered.count
        for outcome in partial.outcomes:
            left[outcome.journey, outcome.step] -= outcome.completed + outcome.abandoned + outcome.merged
    return Counter({step: count for step, count in left.items() if count})


def in_flight(everyone: dict[str, Customer]) -> Counter[tuple[str, str]]:
    """Who is in flight, by the states."""
    return Counter(
        (name.split("\0")[0], instance.step)
        for customer in everyone.values()
        for name, instance in customer.instances.items()
        if instance.state == IN_FLIGHT
    )


def events_of(letters: Iterable[DeadLetter]) -> Counter[str]:
    """Ids of the events in dead letters."""
    found: Counter[str] = Counter()
    for letter in letters:
        found[msgspec.json.decode(letter.body)["id"]] += 1
    return found
