"""The customers of a partition that are in memory: their states, their timers, and what changed since a commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heappush

from streams import customer as customers
from streams import seen
from streams.customer import Customer
from streams.journeys import SEPARATOR
from streams.keys import bucket
from streams.rules import Rules
from streams.stages.waiting import Waiting
from streams.tally import mapping_of, reshape

_FORGET_AFTER = 2 * seen.WINDOW


class Residents:
    """States by key. With `stay`, all remain in memory and nothing is ever committed."""

    def __init__(self, *, stay: bool = False) -> None:
        self.stay = stay
        self.cache: dict[str, Customer | None] = {}
        """None: nothing is stored under this key."""
        self.dirty: set[str] = set()
        """Keys of states that changed since the last commit."""
        self.timers: list[tuple[int, str]] = []
        """A heap; an entry whose customer has another timer by now is passed over."""
        self.pending = 0
        """Customers with a timer."""
        self._timers_changed: set[str] = set()
        self.shapes: list[tuple[str, ...]] = []
        """Dimensions of all files so far; a state's `shape` is a place in it."""

    def use(self, rules: Rules) -> None:
        """Another file holds; states are brought under it by `admit`."""
        self._rules = rules
        self._retain = rules.config.retain
        self.shapes.append(rules.dimensions)
        self.shape = len(self.shapes) - 1

    def resume(self, shapes: list[tuple[str, ...]], timers: Iterable[tuple[str, int]]) -> None:
        """Go on with the shapes and timers of a commit, whose last shape is that of the file in force."""
        self.shapes, self.shape = shapes, len(shapes) - 1
        self.timers = sorted((due, key) for key, due in timers)
        self.pending = len(self.timers)

    # -- memory --------------------------------------------------------------------------------------------------

    def load(self, states: Mapping[str, bytes | None]) -> None:
        """Take stored states; None where nothing is stored."""
        for key, body in states.items():
            if key not in self.cache:
                self.cache[key] = None if body is None else customers.decode(body)

    def find(self, key: str) -> Customer | None:
        """A state, if it is in memory."""
        return self.cache.get(key)

    def evict(self, keep: int) -> None:
        """Drop the states that came into memory first, until at most `keep` are left; changed ones stay."""
        excess = len(self.cache) - keep
        if excess <= 0:
            return
        gone = []
        for key in self.cache:
            if key not in self.dirty:
                gone.append(key)
                if len(gone) >= excess:
                    break
        for key in gone:
            del self.cache[key]

    def changes(self) -> tuple[dict[str, bytes | None], dict[str, int | None]]:
        """States and timers that changed since the last call; None where there is none any more."""
        find = self.cache.get
        states = {key: None if (one := find(key)) is None else customers.encode(one) for key in self.dirty}
        timers = {key: None if (one := find(key)) is None else one.due for key in self._timers_changed}
        self.keep()
        return states, timers

    def keep(self) -> None:
        """What changed need not be committed."""
        self.dirty.clear()
        self._timers_changed.clear()

    def want(self, entries: Iterable[Waiting], wanted: set[str]) -> None:
        """Add the keys of states that these events may touch and that are not in memory."""
        cache, find, add = self.cache, self.cache.get, wanted.add
        for entry in entries:
            subject = entry[5]
            if entry[13] and subject is not None:  # plain
                customer = find(subject)
                if customer is None:
                    if subject not in cache:
                        add(subject)
                elif customer.into is not None:
                    self.want_key(subject, wanted)
                continue
            _, _, source, name, _, _, kind, _, _, _, _, data, _, _, _ = entry
            key = subject if subject is not None else bucket(source, name)
            self.want_key(key, wanted)
            if kind == "customer.merged" and data is not None:
                self.want_key(str(data.get("into")), wanted)
            elif not kind and data is not None:
                for more in data:  # of a parcel
                    self.want_key(more, wanted)

    def want_key(self, key: str, wanted: set[str]) -> None:
        """Add the key that is missing on the way from this one to where its merges lead."""
        while True:
            if key not in self.cache:
                wanted.add(key)
                return
            customer = self.cache[key]
            if customer is None or customer.into is None:
                return
            key = customer.into

    def want_due(self, reach: int, wanted: set[str]) -> None:
        """Add the keys of states with a timer before `reach` that are not in memory."""
        for _, key in _below(self.timers, reach):
            self.want_key(key, wanted)

    # -- states and timers ---------------------------------------------------------------------------------------

    def schedule(self, key: str, customer: Customer, due: int) -> None:
        """A customer's timer is this from now on (UTC epoch microseconds)."""
        if customer.due is None:
            self.pending += 1
        customer.due = due
        heappush(self.timers, (due, key))
        self._timers_changed.add(key)

    def unschedule(self, key: str, customer: Customer) -> None:
        """A customer has no timer any more."""
        customer.due = None
        self.pending -= 1
        self._timers_changed.add(key)

    def drop(self, key: str) -> None:
        """Forget a state; it remains known that nothing is stored under its key."""
        if self.stay:
            del self.cache[key]
        else:
            self.cache[key] = None

    def next_due(self, customer: Customer) -> int:
        """Earliest timer of a customer, the one that forgets it included."""
        due = customer.next_due()
        if customer.care is not None:
            owed = self._rules.care.next_due(customer.care)
            if owed is not None and (due is None or owed < due):
                due = owed
        if due is not None:
            return due
        if customer.care is not None or customer.traits or customer.into is not None or customer.identified:
            return customer.touched + self._retain
        return customer.touched + _FORGET_AFTER

    def put(self, key: str, customer: Customer, *, had_timer: int | None) -> None:
        """Another state takes a key's place, whose timer was this."""
        if had_timer is not None:
            self.pending -= 1
        self.cache[key] = customer
        self.schedule(key, customer, self.next_due(customer))
        self.dirty.add(key)

    def admit(self, customer: Customer) -> None:
        """Bring a state under the rules in force, when it is touched: other dimensions, steps that are gone.

        Never earlier, so that it makes no difference which states were in memory when the rules changed.
        """
        mapping = mapping_of(self.shapes[customer.shape], self._rules.dimensions)
        for instance in customer.instances.values():
            instance.cell = reshape(instance.cell, mapping)
        for session in customer.sessions.values():
            session.cell = reshape(session.cell, mapping)
        customer.shape = self.shape
        for key, instance in list(customer.instances.items()):
            rule = self._rules.journeys.get(key.split(SEPARATOR, 1)[0])
            if rule is None or instance.step not in rule.index:
                del customer.instances[key]


def _below(heap: Sequence[tuple[int, str]], limit: int) -> Iterator[tuple[int, str]]:
    """Entries of a heap whose first item is under a limit, without disturbing it."""
    stack = [0]
    while stack:
        at = stack.pop()
        if at < len(heap) and heap[at][0] < limit:
            yield heap[at]
            stack.append(2 * at + 1)
            stack.append(2 * at + 2)
