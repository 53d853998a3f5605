"""River's half-space trees behind the contract: how sparse the past is around the last few numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from river import anomaly
from river.__version__ import __version__ as river_version
from river.tree.padded import PaddedBranch

from detectors import state
from detectors.calibrated_residual import CalibratedResidual
from detectors.forecasters.forecaster import Forecaster

_SPARSEST = 1e-9
_FEATURES = ("x", "step", "lag")


class Sparsity(Forecaster):
    """How sparse the past is around a number, in place of a residual: −ln of the share of River's largest mass.

    A number is described by itself, by its step from the last, and by its distance from the mean of the last few, each
    brought between 0 and 1 by the spread so far. The trees are the same for the same seed, so that only their counts
    are kept.
    """

    def __init__(self, trees: int, height: int, window: int, lags: int, seed: int) -> None:
        if trees < 1 or not 1 <= height <= 12 or window < 10 or lags < 1:
            raise ValueError(
                "expected at least 1 tree, a height from 1 to 12, a window of at least 10, at least 1 lag;"
                f" got {trees}, {height}, {window}, {lags}"
            )
        self.trees = trees
        self.height = height
        self.window = window
        self.lags = lags
        self.seed = seed
        self._model = anomaly.HalfSpaceTrees(n_trees=trees, height=height, window_size=window, seed=seed)
        # The first number builds the trees; here they are there from the beginning, empty.
        self._model.learn_one(dict.fromkeys(_FEATURES, 0.5))  # type: ignore[no-untyped-call]  # nor has their learn_one
        for node in self._nodes():
            node.l_mass = 0
        self._model.counter = 0
        self._past: list[float] = []
        self._mean = 0.0
        self._square = 0.0
        self._seen = 0

    def _nodes(self) -> list[PaddedBranch]:
        return [node for tree in self._model._tree_nodes for node in tree]

    def _described(self, x: float) -> dict[str, float]:
        spread = math.sqrt(max(self._square - self._mean * self._mean, 0.0)) or 1.0
        before = self._past[-1] if self._past else x
        centre = math.fsum(self._past) / len(self._past) if self._past else x
        numbers = (x - self._mean, x - before, x - centre)
        return {
            name: 0.5 + math.atan(number / spread) / math.pi for name, number in zip(_FEATURES, numbers, strict=True)
        }

    def forecast(self, at: int) -> float | None:
        return None

    def left_over(self, x: float, at: int) -> float | None:
        if self._model._first_window:
            return None
        score = float(self._model.score_one(self._described(x)))  # type: ignore[no-untyped-call]  # nor their score_one
        return -math.log(max(1.0 - score, _SPARSEST))

    def learn(self, x: float, usual: float, at: int) -> None:
        self._model.learn_one(self._described(x))  # type: ignore[no-untyped-call]  # nor here
        self._seen += 1
        weight = 1.0 / min(self._seen, 4 * self.window)
        self._mean += weight * (x - self._mean)
        self._square += weight * (x * x - self._square)
        self._past = [*self._past[1 - self.lags :], x] if self.lags > 1 else [x]

    def snapshot(self) -> bytes:
        nodes = self._nodes()
        left = np.array([node.l_mass for node in nodes], "<i8").tobytes()
        right = np.array([node.r_mass for node in nodes], "<i8").tobytes()
        model = self._model
        numbers = [self._mean, self._square]
        return state.encode(
            _State(river_version, left, right, model.counter, model._first_window, self._past, numbers, self._seen)
        )

    def restore(self, body: bytes) -> None:
        found = state.decode(body, _State)
        if found.river != river_version:
            raise ValueError(f"expected trees of River {river_version}, got some of {found.river}")
        nodes = self._nodes()
        if (
            len(found.left) != 8 * len(nodes)
            or len(found.right) != 8 * len(nodes)
            or not 0 <= found.counter < self.window
            or len(found.past) > self.lags
            or len(found.numbers) != 2
            or not all(map(math.isfinite, [*found.past, *found.numbers]))
            or found.seen < 0
        ):
            raise ValueError(f"expected counts of {len(nodes)} nodes and the last {self.lags} numbers")
        left, right = (np.frombuffer(column, "<i8").tolist() for column in (found.left, found.right))
        for node, newer, older in zip(nodes, left, right, strict=True):
            node.l_mass, node.r_mass = newer, older
        self._model.counter, self._model._first_window = found.counter, found.first_window
        self._past, (self._mean, self._square), self._seen = found.past, found.numbers, found.seen


class HalfSpaceTrees(CalibratedResidual):
    """Notices that the last few numbers lie where there were hardly any before.

    For series that jump between several usual values, which no forecast follows. River's trees say how sparse the past
    is around a number, its step from the last one, and its distance from the mean of the last few; the evidence is
    that of `CalibratedResidual`, from this sparsity in place of a residual.

    Parameters
    ----------
    trees
        Number of trees, ≥ 1. More of them: finer, and costs more.
    height
        Height of a tree, 1 to 12. More of it: finer, and twice the memory.
    window
        Numbers that the trees count before they are used and replaced, ≥ 10. More of it: surer, and slower to follow.
    lags
        Numbers whose mean the newest is compared with, ≥ 1.
    seed
        Seed of the trees.
    memory
        Updates after which a number weighs 1/e in the ranking, ≥ 100.
    warm_up
        Updates before evidence is collected, ≥ 0; a window passes in any case.
    rest
        Updates after an alarm in which none is collected, ≥ 0; None: 60.
    credit
        Expected false alarms per update. The default is one a week at an update a minute.

    One update costs about 60 µs; memory 30 kB.

    Examples
    --------
    >>> import random
    >>> from detectors.half_space_trees import HalfSpaceTrees
    >>> chance, detector = random.Random(8), HalfSpaceTrees()
    >>> for minute in range(3000):
    ...     usual = chance.choice([10, 50]) + chance.gauss(0, 1)
    ...     if detector.update(usual if minute < 2500 else 30.0).alarm:
    ...         print("alarm at", minute)
    ...         break
    alarm at 2501

    References
    ----------
    Tan, Ting & Liu (2011). *Fast anomaly detection for streaming data.* River's `anomaly.HalfSpaceTrees`.
    """

    def __init__(
        self,
        trees: int = 10,
        height: int = 6,
        window: int = 1000,
        lags: int = 3,
        seed: int = 1,
        memory: float = 4000.0,
        warm_up: int = 100,
        rest: int | None = None,
        credit: float = 1 / 10_080,
    ) -> None:
        self.trees = trees
        self.height = height
        self.window = window
        self.lags = lags
        self.seed = seed
        self._set(0, "both", memory, warm_up, rest, credit)

    def _made(self) -> Sequence[Forecaster]:
        return [Sparsity(self.trees, self.height, self.window, self.lags, self.seed)]


class _State(msgspec.Struct, frozen=True, array_like=True, tag="half_space_trees"):
    river: str
    left: bytes
    right: bytes
    counter: int
    first_window: bool
    past: list[float]
    numbers: list[float]
    """Mean, and mean square."""
    seen: int
