"""Series under watch by name: which live, which are due and when, what they said, and what of them is to be stored."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from detectors.series.granted import Granted
from detectors.series.report import Report as News
from streams.stages.budget import REST


class Watching(Protocol):
    """What watches one series; ticks are seconds, UTC epoch."""

    granted: Granted

    @property
    def credit(self) -> float:
        """False alarms per second granted to it now."""
        ...

    @property
    def live(self) -> bool:
        """Whether it can be given credit."""
        ...

    @property
    def waits(self) -> bool:
        """Whether it knows what is usual from a history and has not begun."""
        ...

    @property
    def position(self) -> int | None:
        """The tick up to which it has judged."""
        ...

    def begin(self, tick: int) -> None: ...

    def due(self) -> int | None: ...

    def settle(self, tick: int) -> Sequence[News]: ...

    def grant(self, credit: float, bar: float = 1.0, second: int = 0) -> None: ...

    def dump(self) -> bytes: ...

    def load(self, body: bytes) -> None: ...


K = TypeVar("K", bound="str | tuple[str, ...]")
W = TypeVar("W", bound=Watching)


class Stored(msgspec.Struct, Generic[K], array_like=True):
    """What a roster keeps beside the pieces of its series."""

    names: list[K]
    credit: float
    # What follows came later.
    granted: dict[K, Granted] | None = None
    bar: float = 1.0


class Roster(Generic[K, W]):
    """Series by name, and everything about them that does not depend on what they watch.

    Parameters
    ----------
    head
        Name of the piece that says which series there are.
    piece_of
        Name of a series' own piece.
    part_of
        The part of the budget a series takes its credit from: a journey, or REST.
    """

    def __init__(self, head: str, piece_of: Callable[[K], str], part_of: Callable[[K], str]) -> None:
        self.series: dict[K, W] = {}
        self.live: dict[str, int] = {}
        """How many can be given credit now, by part of the budget."""
        self.next_due: int | None = None
        """The earliest tick that has to be closed though nothing arrives."""
        self.bar = 1.0
        """The evidence that fires; part of the state."""
        self.changed = True
        """Whether the head has to be stored."""
        self._head = head
        self._piece_of = piece_of
        self._part_of = part_of
        self._alive: dict[K, str] = {}
        """Those that live, and the part they are counted in."""
        self._credit: dict[str, float] = {}
        """False alarms per second of one series that is live, by part."""
        self._turned: set[K] = set()
        """Those that may have to be granted something else."""
        self._dues: dict[K, int] = {}
        self._waiting: set[K] = set()
        self._news: list[tuple[K, News]] = []
        self._dirty: set[K] = set()

    # Who is on it

    def replace(self, series: dict[K, W]) -> None:
        """Follow these from now on; those that are the same as before keep what is known of them."""
        fresh = {name for name, one in series.items() if self.series.get(name) is not one}
        for name in self.series.keys() - series.keys():
            self._forget(name)
        self.series, self._alive, self.live, self._dues = series, {}, {}, {}
        for name in series:
            self.note(name, touched=False)
        # Nothing that was stored under the name of a new one may come back.
        self._dirty |= fresh
        self.review()

    def review(self) -> None:
        """Look at all of them anew: what they wait for, and what they are granted."""
        self._waiting = {name for name, one in self.series.items() if one.waits}
        self._turned = set(self.series)
        self.changed = True
        self.plan()

    def add(self, name: K, one: W, tick: int) -> None:
        """Follow one more; it is granted nothing before it lives."""
        one.grant(0.0, self.bar, tick)
        self.series[name] = one
        self.changed = True

    def drop(self, name: K) -> None:
        """Follow one no longer."""
        del self.series[name]
        self._forget(name)
        self.changed = True
        self.plan()

    def _forget(self, name: K) -> None:
        self._count(name, False)
        self._dues.pop(name, None)
        for names in (self._dirty, self._waiting, self._turned):
            names.discard(name)
        # What it saw last is told no more; that it was well again is.
        self._news = [told for told in self._news if told[0] != name or told[1].facts is None]

    def _count(self, name: K, live: bool) -> None:
        if live:
            part = self._alive[name] = self._part_of(name)
            self.live[part] = self.live.get(part, 0) + 1
        elif name in self._alive:
            part = self._alive.pop(name)
            self.live[part] -= 1
            if not self.live[part]:
                del self.live[part]

    # Every tick

    def begin(self, tick: int) -> bool:
        """Those that wait for their first tick have it now; whether there were any."""
        waiting, self._waiting = sorted(self._waiting), set()
        for name in waiting:
            self.series[name].begin(tick)
            self.note(name)
        return bool(waiting)

    def wait(self, name: K) -> None:
        """It knows what is usual and begins with the next tick."""
        self._waiting.add(name)
        self.note(name)

    def note(self, name: K, news: Iterable[News] = (), *, touched: bool = True) -> None:
        """Whatever a series says; what it is due for, and whether it lives, may have changed."""
        self._news += [(name, one) for one in news]
        one = self.series[name]
        if (name in self._alive) != one.live:
            self._count(name, one.live)
            self._turned.add(name)
        due = one.due()
        if due is None:
            self._dues.pop(name, None)
        else:
            self._dues[name] = due
        if touched:
            self._dirty.add(name)

    def plan(self) -> None:
        """Find the earliest tick at which one is due."""
        self.next_due = min(self._dues.values(), default=None)

    def judge(self, tick: int, credit: Mapping[str, float], bar: float) -> list[tuple[K, News]]:
        """Judge what is due at the close of a tick; everything said since the last, in order of its tick and name.

        `credit`: false alarms per second granted from here on to each that is live, by part, REST for parts that have
        none of their own; `bar` ≥ 1: the evidence that fires.
        """
        anew = credit != self._credit or bar != self.bar
        turned = sorted(self.series if anew else self._turned)
        self._turned.clear()
        for name in turned:
            one = self.series[name]
            wanted = credit.get(self._alive[name], credit.get(REST, 0.0)) if name in self._alive else 0.0
            if one.credit != wanted or one.granted.bar != bar:
                # What has passed was granted by the credit of then.
                before = one.position
                said = one.settle(tick - 1)
                one.grant(wanted, bar, tick + 1)
                self.note(name, said, touched=bool(said) or one.position != before)
                self.changed = True
        self._credit, self.bar = dict(credit), bar
        if self.next_due is not None and self.next_due <= tick:
            for name in sorted(name for name, due in self._dues.items() if due <= tick):
                self.note(name, self.series[name].settle(tick))
        self.plan()
        news, self._news = self._news, []
        return sorted(news, key=lambda told: (told[1].tick, told[0]))

    # Pieces

    def changes(self, *, whole: bool = False) -> dict[str, bytes]:
        """Pieces that changed since the last call, by name; all of them where `whole`."""
        names = self.series.keys() if whole else self._dirty & self.series.keys()
        pieces = {self._piece_of(name): zlib.compress(self.series[name].dump(), 1) for name in sorted(names)}
        if whole or self.changed:
            granted = {name: one.granted for name, one in sorted(self.series.items())}
            pieces[self._head] = msgspec.msgpack.encode(Stored(sorted(self.series), 0.0, granted, self.bar))
        if not whole:
            self._dirty.clear()
            self.changed = False
        return pieces

    def load(self, stored: Stored[K], pieces: Mapping[str, bytes], make: Callable[[K], W | None]) -> None:
        """Take the latest of what `changes` gave. What has no piece begins anew; what is not made is left out."""
        self.bar = stored.bar
        for name in stored.names:
            one = self.series.get(name) or make(name)
            if one is None:
                continue
            self.series[name] = one
            body = pieces.get(self._piece_of(name))
            if body is not None:
                one.load(zlib.decompress(body))
            one.granted = Granted(stored.credit) if stored.granted is None else stored.granted.get(name, Granted())
            self.note(name)
        self.review()
        self._dirty.clear()
        self.changed = False
