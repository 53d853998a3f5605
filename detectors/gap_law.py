"""How long a source is usually silent: the chance of an event, by the time since the last one."""

from __future__ import annotations

import bisect
import math

import numpy as np

from detectors.recursion import Floats

_WIDER = 1.25
_LONGEST = 30 * 86_400
_ERRORS = 3.0
"""Standard errors by which the chance of an event may be overestimated."""
_LEAST_TAIL = 30.0
_CONTRADICTS = 2.0
"""How many times the hazard of the whole tail the lower bound from its longest gaps has to be, to replace it."""
_STEEPEST = 3.0
_USUAL_BEND = 0.3
"""Standard deviation of the bend of a tail before it was seen: about exponential."""

ENDED, TRIED, EXPOSED = 0, 1, 2


class GapLaw:
    """The hazard of a gap by age: gaps that ended, updates tried and seconds exposed, in bins of age.

    Bins are one update wide at first and then a quarter wider each, to 30 days. Beyond the age that 3√n of n gaps (at
    least 30) have reached, these longest gaps are one tail. Its hazard is theirs together, and stays so with age as in
    an exponential law, unless they show it falling as a power of age, as it does for clumped arrivals: then it goes on
    falling. That power is the posterior mean less one standard deviation, from a prior around 0, never above 0. The 30
    longest gaps are a tail of their own where they plainly end sooner than that, as the pauses between batches do.

    Parameters
    ----------
    seconds
        Length of an update, > 0.
    half_life
        Seconds after which a gap counts half, > 0. More of it: surer, and slower to follow.

    One gap costs about 2 µs to learn, its bounds 7 µs at ages often reached and 0.2 ms in the tail; memory 1.6 kB.

    References
    ----------
    Wilson (1927). *Probable inference, the law of succession, and statistical inference.* – the bound.
    Coles (2001). *An introduction to statistical modeling of extreme values*, §4 – that a tail follows a law of its
    own; his generalised Pareto has the hazard 1/(σ + ξa), ours a power of age, which is as flexible and is fitted by
    counting.
    """

    def __init__(self, seconds: float, half_life: float) -> None:
        starts = [0.0, seconds]
        while starts[-1] < _LONGEST:
            starts.append(max(starts[-1] + seconds, starts[-1] * _WIDER))
        self._starts = starts
        ends = np.array([*starts[1:], starts[-1] * _WIDER])
        self._log_ages: Floats = np.log((np.array(starts) + ends) / 2)
        self.half_life = half_life
        self.sums: Floats = np.zeros((3, len(starts)))
        """Discounted, shape (ENDED | TRIED | EXPOSED, bins)."""
        self._tail: tuple[int, Floats] | None = None

    @property
    def bins(self) -> int:
        return len(self._starts)

    @property
    def gaps(self) -> float:
        """Discounted number of gaps learnt."""
        return float(self.sums[ENDED].sum())

    @property
    def rate(self) -> float:
        """Updates with an event per second."""
        exposed = float(self.sums[EXPOSED].sum())
        return self.gaps / exposed if exposed > 0 else 0.0

    def bin(self, age: float) -> int:
        """The bin of an age in seconds, ≥ 0."""
        return bisect.bisect_right(self._starts, age) - 1

    def end(self, at: int) -> float:
        """The age at which a bin ends; the last one does not."""
        return self._starts[at + 1] if at + 1 < len(self._starts) else math.inf

    def learn(self, gap: Floats, elapsed: float) -> None:
        """One gap that ended, shape as `sums`, and how many seconds it took."""
        self.sums *= 0.5 ** (elapsed / self.half_life)
        self.sums += gap
        self._tail = None

    def hazard(self, at: int) -> float:
        """The least chance of an event in that bin, as −ln P(none) per second; 0 where too little is known.

        The bound on P(none) is Wilson's at three standard errors, which also holds where an event came every time.
        """
        reached: Floats = np.cumsum(self.sums[ENDED, ::-1])[::-1]
        if reached[0] < _LEAST_TAIL:
            return 0.0
        if reached[at] >= _in_tail(float(reached[0])):
            return _least(*(float(number) for number in self.sums[:, at]))
        if self._tail is None:
            self._tail = self._fit(reached)
        start, hazards = self._tail
        return float(hazards[at - start])

    def _fit(self, reached: Floats) -> tuple[int, Floats]:
        """The first bin of the tail and the hazards from there on; `reached`: gaps that reached each bin."""
        leasts = _in_tail(float(reached[0])), _LEAST_TAIL
        start, deep = (int(np.flatnonzero(reached >= least)[-1]) for least in leasts)
        hazards, of_longest = self._beyond(start), self._beyond(deep)
        if of_longest[0] > _CONTRADICTS * hazards[deep - start]:
            hazards[deep - start :] = of_longest
        return start, hazards

    def _beyond(self, start: int) -> Floats:
        """The least hazards of a tail that begins there: its level, and its bend from its middle on."""
        ended, tried, exposed = self.sums[:, start:]
        log_ages = self._log_ages[start:]
        bend, around = _bend(ended, exposed, log_ages)
        level = _least(float(ended.sum()), float(tried.sum()), float(exposed.sum()))
        falling: Floats = level * np.exp(bend * np.maximum(0.0, log_ages - around))
        return falling


def _in_tail(gaps: float) -> float:
    return max(_LEAST_TAIL, 3.0 * math.sqrt(gaps))


def _least(ended: float, tried: float, exposed: float) -> float:
    """−ln of Wilson's upper bound on the share of updates without an event, per second of exposure."""
    if tried <= 0:
        return 0.0
    z2 = _ERRORS * _ERRORS
    none = max(tried - ended, 0.0)
    most = (none + z2 / 2 + _ERRORS * math.sqrt(none * ended / tried + z2 / 4)) / (tried + z2)
    return -math.log(min(most, 1.0)) * tried / exposed


def _bend(ended: Floats, exposed: Floats, log_ages: Floats) -> tuple[float, float]:
    """The power of age by which the hazard falls, ≤ 0, and the logarithm of the age around which it was fitted.

    Poisson regression of the gaps that ended on the logarithm of age with exposure, level profiled out: the slope of
    its log posterior falls with the bend, so that Newton between two ends that close in finds the one place.
    """
    prior = 1 / _USUAL_BEND**2
    low, high, bend = -_STEEPEST, _STEEPEST, 0.0
    for _ in range(50):
        due = exposed * np.exp(bend * (log_ages - log_ages[0]))
        due *= ended.sum() / due.sum()
        around = float((due * log_ages).sum() / due.sum())
        information = float((due * (log_ages - around) ** 2).sum()) + prior
        slope = float(((ended - due) * (log_ages - around)).sum()) - prior * bend
        low, high = (bend, high) if slope > 0 else (low, bend)
        step = slope / information
        if abs(step) < 1e-4 or high - low < 1e-4:
            break
        bend = bend + step if low < bend + step < high else (low + high) / 2
    return min(0.0, bend - 1 / math.sqrt(information)), around
