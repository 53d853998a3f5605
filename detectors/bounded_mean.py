"""Lower scores than usual: the evidence, by betting, under which the mean of a bounded score has moved."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import msgspec
import numpy as np

from detectors import state
from detectors.contract import WEEK_SECONDS, Detector, Guarantee, Verdict
from detectors.learnt_mean import LearntMean
from detectors.recursion import PENDING, Floats, Recursion

STAKES: Floats = np.array([0.1, 0.25, 0.5, 0.9])
"""Alternatives: parts of the largest bet. Small ones find small changes, large ones find large ones sooner."""
_LEAST_ROOM = 1e-3
"""Part of the scale that the largest bet is reckoned over at least; a smaller bet than allowed is always allowed."""


def log_evidence(
    counts: Floats,
    values: Floats,
    null: Floats,
    lowest: float,
    highest: float,
    direction: Literal["down", "up"] = "down",
    stakes: Floats = STAKES,
) -> Floats:
    """log e = Σ_v n_v ln(1 + λ(m₀ − v)) for every series and stake, shape (series, stakes).

    `counts`: answers of one update by value, shape (series, values); `values`: shape (values,), each in
    [lowest, highest]; `null` m₀: the lowest mean the null allows (`up`: the highest), shape (series,).
    λ = stake/(highest − m₀), so that each factor is at least 1 − stake, and its expectation 1 + λ(m₀ − mean) ≤ 1 for
    every law on [lowest, highest] whose mean given the past is at least m₀; one factor per answer, so their product
    too. `up` is the mirror, λ = −stake/(m₀ − lowest). Raises ValueError for values outside the scale.
    """
    if values.size and not (lowest <= values.min() and values.max() <= highest):
        raise ValueError(f"expected values from {lowest} to {highest}, got {values.min()} to {values.max()}")
    room = highest - null if direction == "down" else null - lowest
    bet = stakes / np.maximum(room, _LEAST_ROOM * (highest - lowest))[:, None]
    gain = null[:, None] - values if direction == "down" else values - null[:, None]
    factors = np.log1p(bet[:, :, None] * gain[:, None, :])
    log_e: Floats = (counts[:, None, :] * factors).sum(axis=2)
    return log_e


class BoundedMean(Detector):
    """Notices that scores – satisfaction, NPS answers, sentiment, quality marks – are lower (or higher) than usual.

    It learns what is usual itself, unless told: the discounted mean of the scores before, with its standard error.
    Scores that look like a change are held back, and what was learnt since it began is forgotten at its alarm.

    Parameters
    ----------
    lowest, highest
        Ends of the scale, in units of the score; a score outside is refused. A wider scale than needed: slower.
    direction
        `down` or `up`.
    tolerance
        How far the mean may move without being called a change, in units of the score, ≥ 0. More of it: blind to
        small changes, and safe from slow ones.
    baseline
        The usual mean, if it is agreed rather than learnt; None: learnt, with three standard errors allowed for.
    half_life
        Scores after which one counts half in what is learnt, > 0. More of it: a surer baseline that follows slower.
    credit
        Expected false alarms per score, ≥ 0. The default is one a week at one score a second. More of it: faster, and
        more false alarms.

    One update costs about 60 µs alone; among many, `log_evidence` takes 0.2 µs per distinct value and series. Memory
    about 300 bytes.

    Notes
    -----
    E[e | past] ≤ 1 for every law on the scale whose mean, given the past, is at least the baseline − tolerance − three
    standard errors (mirrored for `up`); no law of the scores is assumed. The standard error takes scores to be
    independent; one more score at either end of the scale is counted in it. Nothing is said before the second score.

    Examples
    --------
    >>> import random
    >>> from detectors.bounded_mean import BoundedMean
    >>> chance, detector = random.Random(7), BoundedMean(lowest=0, highest=10)
    >>> for answer in range(5000):
    ...     score = chance.choice([6, 7, 8, 9, 10] if answer < 3000 else [3, 5, 7, 8, 9])
    ...     if detector.update(score).alarm:
    ...         print("alarm at", answer)
    ...         break
    alarm at 3049

    References
    ----------
    Waudby-Smith & Ramdas (2024). *Estimating means of bounded random variables by betting.* Fixed stakes in place of
    their adaptive ones, so that evidence depends on nothing but the null and the scores.
    """

    guarantee: ClassVar[Guarantee] = "given baseline"

    def __init__(
        self,
        lowest: float = 0.0,
        highest: float = 10.0,
        direction: Literal["down", "up"] = "down",
        tolerance: float = 0.25,
        baseline: float | None = None,
        half_life: float = 5000.0,
        credit: float = 1 / WEEK_SECONDS,
    ) -> None:
        if not -math.inf < lowest < highest < math.inf or direction not in ("down", "up"):
            raise ValueError(f"expected lowest < highest and down or up, got {lowest}, {highest}, {direction!r}")
        if baseline is not None and not lowest <= baseline <= highest:
            raise ValueError(f"expected a baseline from {lowest} to {highest}, got {baseline}")
        if not 0 <= tolerance < math.inf or not half_life > 0 or not 0 <= credit < math.inf:
            raise ValueError(
                "expected a tolerance of at least 0, a half-life above 0, a credit of at least 0;"
                f" got {tolerance}, {half_life}, {credit}"
            )
        self.lowest = lowest
        self.highest = highest
        self.direction: Literal["down", "up"] = direction
        self.tolerance = tolerance
        self.baseline = baseline
        self.half_life = half_life
        self.credit = credit
        self._recursion = Recursion(len(STAKES), series=1)
        self._usual = LearntMean.empty(len(STAKES))

    @property
    def null(self) -> float | None:
        """m₀: the mean from which on scores count as changed; None before the first score of a mean to be learnt."""
        known = (self.baseline - self.lowest, 0.0) if self.baseline is not None else self._bound()
        if known is None:
            return None
        mean, error = known
        away = self.tolerance + 3 * error
        return self.lowest + (mean - away if self.direction == "down" else mean + away)

    def _bound(self) -> tuple[float, float] | None:
        return self._usual.bound(self.highest - self.lowest)

    def update(self, x: float, credit: float | None = None) -> Verdict:
        """Take one score. Raises ValueError for one outside the scale."""
        if math.isnan(x):
            return Verdict(False, float(self._recursion.levels[0]))
        if not self.lowest <= x <= self.highest:
            raise ValueError(f"expected a score from {self.lowest} to {self.highest}, got {x}")
        x = float(x)  # a numpy number would end up in the state
        null = self.null
        if null is None:
            log_e, level = np.zeros((1, len(STAKES))), 0.0
        else:
            one, score, bar = np.ones((1, 1)), np.array([x]), np.array([null])
            log_e = log_evidence(one, score, bar, self.lowest, self.highest, self.direction)
            level = float(self._recursion.update(log_e, np.array([self.credit if credit is None else credit]))[0])
        if self.baseline is None:
            kept = 0.5 ** (1 / self.half_life)
            self._usual.take(x - self.lowest, [float(e) for e in log_e[0]], kept=kept, pending=level > PENDING)
        if level >= 1:
            self._usual.forget_change(self._recursion.best(0))
            self._recursion.reset([0])
        return Verdict(level >= 1, level)

    def settle(self) -> None:
        self._recursion.reset([0])

    def snapshot(self) -> bytes:
        return state.encode(_State(self._recursion.snapshot(), self._usual))

    def restore(self, body: bytes) -> None:
        found = state.decode(body, _State)
        if not found.usual.sound(len(STAKES)):
            raise ValueError("expected a learnt mean over as many alternatives, in finite numbers")
        self._recursion.restore(state.fitting(found.evidence, self._recursion))
        self._usual = found.usual


class _State(msgspec.Struct, frozen=True, array_like=True, tag="bounded_mean"):
    evidence: bytes
    usual: LearntMean
