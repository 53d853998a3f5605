"""What is normal in a step: the chance to go on in the next second, by age, learnt for every lane.

Per age bin b a hazard with a Gamma posterior: α_b = V_b + k_b·h_b of the parent, β_b = X_b + k_b, where V are
discounted completions and X discounted exposure (seconds in flight at that age). A lane with fewer than 30 completions
follows its parent, which is all lanes together. Where nobody has been seen yet the posterior is so wide that nothing
can be concluded from it.
"""

from __future__ import annotations

import math
import zlib
from collections import deque

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.recursion import Floats
from detectors.steps.packed import Packed, pack, unpack

HOUR = 3600
UNDO_HOURS = 48
"""Hours whose learning can be taken back."""
HALF_LIFE = 7 * 86_400
"""Seconds after which what was learnt counts half."""
_LAG_HOURS = 6
"""Hours that what was learnt waits before it is believed, once a day is known: a drop that is not found yet must not
become normal."""
_YOUNG_HOURS = 24
_YOUNG_BINS = 10
"""Age bins, of a second each, by which entrants are counted."""
_FOLLOW = 30.0
"""Completions with which a lane counts as much as its parent."""
_PRIOR = 0.1
"""Completions that an age bin of the parent is credited with before it has seen any."""

Mask = NDArray[np.bool_]


class _Stored(msgspec.Struct, array_like=True):
    completed: Packed
    exposure: Packed
    open_completed: Packed
    open_exposure: Packed
    held_completed: Packed
    held_exposure: Packed
    used_completed: Packed
    used_exposure: Packed
    hour: int | None
    began: int | None
    hours: list[_Hour]


class _Hour(msgspec.Struct, array_like=True):
    """What one hour taught: its number, how many lanes there were, V and X as compressed 32-bit floats."""

    hour: int
    lanes: int
    body: bytes


class Hazards:
    """Baselines of the lanes of one step. Arrays have shape (bins, lanes).

    Parameters
    ----------
    bins
        Age bins, at most 64.
    lanes
        Lanes to begin with.
    pooled
        Whether the lanes are parts of one step and learn from each other; else each is on its own.

    Memory per lane: 48 bytes per bin, and at most 8 bytes per bin and hour of the last 48, compressed.
    """

    def __init__(self, bins: int, lanes: int = 0, *, pooled: bool = True) -> None:
        self.bins = bins
        self.pooled = pooled
        self.completed: Floats = np.zeros((bins, lanes))
        self.exposure: Floats = np.zeros((bins, lanes))
        self._open_completed: Floats = np.zeros((bins, lanes))
        self._open_exposure: Floats = np.zeros((bins, lanes))
        self._held_completed: Floats = np.zeros((bins, lanes))
        self._held_exposure: Floats = np.zeros((bins, lanes))
        self.hour: int | None = None
        """The hour being learnt, counted from the epoch."""
        self._recent: tuple[Floats, Floats] = (np.zeros((bins, lanes)), np.zeros((bins, lanes)))
        """V and X of the hours that are over and not believed yet."""
        self._began: int | None = None
        """The second at which learning began."""
        self.hours: deque[_Hour] = deque(maxlen=UNDO_HOURS)
        self.rates: Floats = np.zeros((bins, lanes))
        """Hazard per second; as of the last `refresh`."""
        self._spread: Floats = np.zeros((bins, lanes))
        self._follows: Floats = np.zeros((bins, lanes))
        self._shared: Floats = np.zeros((bins, lanes if not pooled else 1))
        self._stale = True
        """Whether `rates` may lag behind the hours that are over."""
        self._used: tuple[Floats, Floats] = (np.zeros((bins, lanes)), np.zeros((bins, lanes)))
        """V and X as of the last `refresh`."""

    @property
    def lanes(self) -> int:
        """Lanes learnt."""
        return int(self.completed.shape[1])

    def extend(self, lanes: int) -> None:
        """So many more lanes, which follow their parent."""
        for name in (
            "completed", "exposure", "_open_completed", "_open_exposure", "_held_completed", "_held_exposure",
        ):  # fmt: skip
            setattr(self, name, np.pad(getattr(self, name), ((0, 0), (0, lanes))))
        self._recall()
        self.refresh()

    # Learning

    def learn(self, completed: Floats | None, exposure: Floats, held: Mask | None) -> None:
        """What happened in an update; `completed` is None where nobody went on.

        Lanes in `held` wait until their evidence has calmed down, or are forgotten.
        """
        if held is None:
            if completed is not None:
                self._open_completed += completed
            self._open_exposure += exposure
            return
        free = ~held
        if completed is not None:
            self._open_completed += completed * free
            self._held_completed += completed * held
        self._open_exposure += exposure * free
        self._held_exposure += exposure * held

    def release(self, lanes: Mask) -> None:
        """These lanes have calmed down: what was held back is learnt."""
        self._open_completed[:, lanes] += self._held_completed[:, lanes]
        self._open_exposure[:, lanes] += self._held_exposure[:, lanes]
        self.forget_held(lanes)

    def forget_held(self, lanes: Mask) -> None:
        """What was held back in these lanes is not normal."""
        self._held_completed[:, lanes] = 0.0
        self._held_exposure[:, lanes] = 0.0

    @property
    def seen(self) -> Floats:
        """Discounted completions of each lane."""
        seen: Floats = self.completed.sum(axis=0) + self._open_completed.sum(axis=0)
        return seen

    @property
    def young_exposure(self) -> Floats:
        """Discounted seconds of each lane at the first ages, in proportion to its entrants."""
        young: Floats = (self.exposure + self._open_exposure)[:_YOUNG_BINS].sum(axis=0)
        return young

    def turn(self, second: int) -> None:
        """It is this second (UTC epoch): what an hour that is over taught joins the baseline, and older fades."""
        hour = second // HOUR
        if self.hour is None:
            self.hour = hour
            self._began = second if self._began is None else self._began
            return
        if hour <= self.hour:
            return
        if self._open_exposure.any():
            body = np.empty((2, self.bins, self.lanes), dtype="<f4")
            body[0], body[1] = self._open_completed, self._open_exposure
            self.hours.append(_Hour(self.hour, self.lanes, zlib.compress(body.tobytes(), 1)))
        fade = 0.5 ** ((hour - self.hour) * HOUR / HALF_LIFE)
        self.completed += self._open_completed
        self.completed *= fade
        self.exposure += self._open_exposure
        self.exposure *= fade
        self._open_completed[:] = 0.0
        self._open_exposure[:] = 0.0
        self.hour = hour
        self._recall()

    def _recall(self) -> None:
        """Sum the hours that are over and wait to be believed."""
        completed, exposure = np.zeros((self.bins, self.lanes)), np.zeros((self.bins, self.lanes))
        if self.hour is not None and not self.young:
            since = self.hour - _LAG_HOURS
            for hour in [hour for hour in self.hours if hour.hour >= since]:
                taught = self._taught(hour)
                completed[:, : hour.lanes] += taught[0]
                exposure[:, : hour.lanes] += taught[1]
        self._recent = (completed, exposure)
        self._stale = True

    @property
    def young(self) -> bool:
        """Whether less than a day is known: then everything is believed at once."""
        return self._began is None or (self.hour is not None and self.hour - self._began // HOUR < _YOUNG_HOURS)

    def _taught(self, hour: _Hour) -> Floats:
        """V and X of an hour that is over, as they count now; shape (2, bins, lanes of then)."""
        assert self.hour is not None
        fade = 0.5 ** ((self.hour - hour.hour) * HOUR / HALF_LIFE)
        taught: Floats = np.frombuffer(zlib.decompress(hour.body), "<f4").reshape(2, self.bins, hour.lanes) * fade
        return taught

    def undo(self, second: int, tick: int, completed: Floats) -> None:
        """Take back what was learnt from a second on (UTC epoch), as far back as two days; it is `tick` now.

        `completed`: shape (lanes,), completions since then. Hours that are over go as a whole; of the one under way as
        much as the change has lasted, unless that began earlier.
        """
        if self.hour is None:
            return
        began = max(self.hour * HOUR, self._began or 0)
        if second <= began:
            self._open_completed[:] = 0.0
            self._open_exposure[:] = 0.0
        else:
            counted = self._open_completed.sum(axis=0)
            kept = 1 - np.divide(completed, counted, out=np.zeros_like(counted), where=counted > 0)
            self._open_completed *= np.clip(kept, 0.0, 1.0)
            self._open_exposure *= min(max((second - began) / max(tick + 1 - began, 1), 0.0), 1.0)
        while self.hours and self.hours[-1].hour >= second // HOUR and self.hours[-1].hour != self.hour:
            hour = self.hours.pop()
            taught = self._taught(hour)
            self.completed[:, : hour.lanes] = np.maximum(self.completed[:, : hour.lanes] - taught[0], 0.0)
            self.exposure[:, : hour.lanes] = np.maximum(self.exposure[:, : hour.lanes] - taught[1], 0.0)
        self.forget_held(np.ones(self.lanes, dtype=bool))
        self._recall()
        self.refresh()

    def scale(self, ratio: float) -> None:
        """A new normal: everybody goes on `ratio` > 0 times as often. What was learnt before cannot be taken back."""
        for exposure in (self.exposure, self._open_exposure, self._held_exposure):
            exposure /= ratio
        self.hours.clear()
        self._recall()
        self.refresh()

    # Using

    def refresh(self) -> None:
        """Bring `rates` and their errors up to what has been learnt."""
        if self.young:
            self._stale = True
            self._use(self.completed + self._open_completed, self.exposure + self._open_exposure)
        elif self._stale:
            # From here on they follow only when an hour ends or is taken back.
            self._stale = False
            completed, exposure = self._recent
            self._use(np.maximum(self.completed - completed, 0.0), np.maximum(self.exposure - exposure, 0.0))

    def _use(self, completed: Floats, exposure: Floats) -> None:
        self._used = (completed, exposure)
        if self.pooled:
            self._use_together(completed, exposure)
            return
        total = completed.sum(axis=0)
        spent = exposure.sum(axis=0)
        mean = np.divide(total, spent, out=np.zeros_like(total), where=spent > 0)
        prior = np.divide(_PRIOR, mean, out=np.full_like(mean, np.inf), where=mean > 0)
        self.rates = (completed + _PRIOR) / (exposure + prior)
        self._spread = self._shared = self.rates / (exposure + prior)
        self._follows = np.zeros_like(self.rates)

    def _use_together(self, completed: Floats, exposure: Floats) -> None:
        parent_completed, parent_exposure = completed.sum(axis=1), exposure.sum(axis=1)
        total, spent = float(parent_completed.sum()), float(parent_exposure.sum())
        if total <= 0 or spent <= 0:
            self.rates, self._spread, self._follows = (np.zeros((self.bins, self.lanes)) for _ in range(3))
            self._shared = np.zeros((self.bins, 1))
            return
        prior = _PRIOR / (total / spent)
        weight = parent_exposure + prior
        parent = (parent_completed + _PRIOR) / weight
        self._shared = (parent / weight)[:, None]
        followed = _FOLLOW * parent_exposure / total + prior
        reach = exposure + followed[:, None]
        self.rates = (completed + (followed * parent)[:, None]) / reach
        self._spread = completed / (reach * reach)
        self._follows = followed[:, None] / reach

    def relative_variance(self, at_risk: Floats, lanes: NDArray[np.intp] | slice) -> float:
        """κ² of some lanes together: variance of their expected completions divided by its square, for φ = 1.

        `at_risk` is Y of all lanes. What a lane takes from its parent it shares with the others; own and shared errors
        are added as if they went together, as the parent has learnt from the lane too.
        """
        here = at_risk[:, lanes]
        expected = float((here * self.rates[:, lanes]).sum())
        if expected <= 0:
            return math.inf
        own = float((here * here * self._spread[:, lanes]).sum())
        common = (here * self._follows[:, lanes]).sum(axis=1, keepdims=True)
        shared = float((common * common * self._shared).sum()) if self.pooled else 0.0
        return (math.sqrt(own) + math.sqrt(shared)) ** 2 / (expected * expected)

    def relative_variances(self, at_risk: Floats, member: NDArray[np.int64], series: int) -> Floats:
        """`relative_variance` of many series at once, shape (series,): row g of `member` gives each lane its series in
        grouping g."""
        groups, lanes = member.shape
        places = member.ravel()
        by_lane = np.empty((2, groups, lanes))
        by_lane[0] = (at_risk * self.rates).sum(axis=0)
        by_lane[1] = (at_risk * at_risk * self._spread).sum(axis=0)
        expected, own = (np.bincount(places, each.ravel(), series) for each in by_lane)
        spread = np.sqrt(own)
        if self.pooled:
            common = np.empty((self.bins, groups, lanes))
            common[:] = (at_risk * self._follows)[:, None]
            places = (np.arange(self.bins)[:, None] * series + places).ravel()
            by_bin = np.bincount(places, common.ravel(), self.bins * series).reshape(self.bins, series)
            spread += np.sqrt((by_bin * by_bin * self._shared).sum(axis=0))
        variances: Floats = np.divide(
            spread * spread, expected * expected, out=np.full(series, np.inf), where=expected > 0
        )
        return variances

    def lane_variances(self, at_risk: Floats) -> Floats:
        """κ² of each lane on its own, shape (lanes,), for φ = 1."""
        expected = (at_risk * self.rates).sum(axis=0)
        own = (at_risk * at_risk * self._spread).sum(axis=0)
        common = at_risk * self._follows
        shared = (common * common * self._shared).sum(axis=0) if self.pooled else 0.0
        spread = (np.sqrt(own) + np.sqrt(shared)) ** 2
        variances: Floats = np.divide(spread, expected**2, out=np.full_like(expected, np.inf), where=expected > 0)
        return variances

    # Storing

    def settle(self) -> None:
        """Believe everything, and forget when it was learnt: it is the baseline of somebody who begins now."""
        self.release(np.ones(self.lanes, dtype=bool))
        self.completed += self._open_completed
        self.exposure += self._open_exposure
        self._open_completed[:] = 0.0
        self._open_exposure[:] = 0.0
        self.hours.clear()
        self.hour, self._began = None, 0
        self._recall()
        self.refresh()

    def snapshot(self) -> bytes:
        """Everything, for `restore`."""
        stored = _Stored(
            pack(self.completed),
            pack(self.exposure),
            pack(self._open_completed),
            pack(self._open_exposure),
            pack(self._held_completed),
            pack(self._held_exposure),
            pack(self._used[0]),
            pack(self._used[1]),
            self.hour,
            self._began,
            list(self.hours),
        )
        return msgspec.msgpack.encode(stored)

    def restore(self, body: bytes) -> None:
        """Take what `snapshot` of as many bins wrote; lanes follow."""
        stored = _DECODE(body)
        self.completed, self.exposure = unpack(stored.completed), unpack(stored.exposure)
        self._open_completed, self._open_exposure = unpack(stored.open_completed), unpack(stored.open_exposure)
        self._held_completed, self._held_exposure = unpack(stored.held_completed), unpack(stored.held_exposure)
        self.hour, self._began = stored.hour, stored.began
        self.hours = deque(stored.hours, maxlen=UNDO_HOURS)
        self._recall()
        self._use(unpack(stored.used_completed), unpack(stored.used_exposure))


_DECODE = msgspec.msgpack.Decoder(_Stored).decode
