"""Shops whose segments fall, and two rivals of the subset scan: the plain 80 % rule, and one who is told more."""

from __future__ import annotations

from itertools import combinations, product
from typing import Literal, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from detectors.recursion import RATIOS, Floats
from detectors.steps.subset_scan import SubsetScan

Truth = Literal["one value", "two values", "pair", "everywhere", "nothing"]
TRUTHS: tuple[Truth, ...] = ("one value", "two values", "pair", "everywhere", "nothing")
Named = frozenset[frozenset[tuple[str, str]]] | None
"""The union of conjunctions; empty: everywhere; None: no answer."""
Mask = NDArray[np.bool_]

EVIDENCE = 100_000.0
"""From this likelihood ratio on against the edge of the null an alarm is taken to fire."""
MOST_OF_IT = 0.8


class Set(NamedTuple):
    """A set that may have fallen."""

    truth: Truth
    named: Named
    cells: Mask


class Shop:
    """One population: sizes of cells, and all sets that may fall.

    Values of a dimension have sizes like 1, 1/2, 1/3 …; a cell's size is their product times a Gamma factor of mean 1
    and variance 1/4. With `correlated` four of five customers have a value of the second dimension that belongs to
    their value of the first.
    """

    def __init__(self, chance: Generator, widths: tuple[int, ...], *, correlated: bool) -> None:
        self.dimensions = [f"dimension{at}" for at in range(len(widths))]
        places = np.array(list(product(*map(range, widths))))
        sizes = np.ones(len(places))
        for at, width in enumerate(widths):
            usual = 1 / np.arange(1, width + 1)
            usual /= usual.sum()
            own = usual[places[:, at]]
            if correlated and at == 1:
                belongs = np.arange(width) % widths[0] == np.arange(widths[0])[:, None]
                within = usual * belongs / (usual * belongs).sum(axis=1, keepdims=True)
                own = 0.2 * own + 0.8 * within[places[:, 0], places[:, 1]]
            sizes *= own
        sizes *= chance.gamma(4.0, 0.25, len(sizes))
        self.sizes: Floats = sizes / sizes.sum()
        self.texts = [tuple(f"value{at:02d}" for at in cell) for cell in places.tolist()]
        self.scan = SubsetScan(self.texts, self.dimensions)
        values = [
            [places[:, at] == place for place in range(width)] for at, width in enumerate(widths)
        ]  # (dimension)(value) -> cells
        self.sets: dict[Truth, list[Set]] = {
            "one value": [
                Set("one value", frozenset({self._condition((at, place))}), cells)
                for at, masks in enumerate(values)
                for place, cells in enumerate(masks)
            ],
            "two values": [
                Set("two values", frozenset({self._condition((at, one)), self._condition((at, two))}), mask)
                for at, masks in enumerate(values)
                if len(masks) > 2
                for (one, first), (two, second) in combinations(enumerate(masks), 2)
                for mask in [first | second]
            ],
            "pair": [
                Set("pair", frozenset({self._condition((at, one), (other, two))}), first & second)
                for at, other in combinations(range(len(widths)), 2)
                for one, first in enumerate(values[at])
                for two, second in enumerate(values[other])
            ],
            "everywhere": [Set("everywhere", frozenset(), np.ones(len(sizes), dtype=bool))],
            "nothing": [Set("nothing", None, np.zeros(len(sizes), dtype=bool))],
        }
        self._members = {truth: np.array([one.cells for one in sets], float) for truth, sets in self.sets.items()}
        self._shares = {truth: members @ self.sizes for truth, members in self._members.items()}

    def _condition(self, *conditions: tuple[int, int]) -> frozenset[tuple[str, str]]:
        return frozenset((self.dimensions[at], f"value{place:02d}") for at, place in conditions)

    def draw(self, chance: Generator, truth: Truth) -> Set:
        """A set of this kind, the larger the likelier: an outage strikes customers."""
        shares = self._shares[truth]
        total = shares.sum()
        return self.sets[truth][int(chance.choice(len(shares), p=shares / total)) if total > 0 else 0]

    def share(self, one: Set) -> float:
        """Part of all expected completions that lies in the set."""
        return float(self.sizes[one.cells].sum())

    def eighty(self, observed: Floats, expected: Floats) -> Named:
        """The smallest value or pair that holds 80 % of the deficit, else everywhere."""
        missing = float(expected.sum() - observed.sum())
        sets = self.sets["one value"] + self.sets["pair"]
        members = np.concatenate([self._members["one value"], self._members["pair"]])
        due = members @ expected
        enough = due - members @ observed >= MOST_OF_IT * missing
        if missing <= 0 or not enough.any():
            return frozenset()
        return sets[int(np.argmin(np.where(enough, due, np.inf)))].named

    def told(self, truth: Truth, left: float, observed: Floats, expected: Floats, dispersion: float) -> Named:
        """The likeliest set of one who knows the kind of the set, what is left there, and how often each falls."""
        members, shares = self._members[truth], self._shares[truth]
        log = np.log(max(left, 1e-9))
        evidence = ((members @ observed) * log + (1 - left) * (members @ expected)) / dispersion
        return self.sets[truth][int(np.argmax(evidence + np.log(np.maximum(shares, 1e-300))))].named

    def alarms(self, observed: Floats, expected: Floats, dispersion: float, tolerance: float) -> bool:
        """Whether the step as a whole or a value would have alarmed."""
        members = np.concatenate([self._members["everywhere"], self._members["one value"]])
        came, due = members @ observed, members @ expected * (1 - tolerance)
        evidence = (came[:, None] * np.log(RATIOS) + due[:, None] * (1 - RATIOS)) / dispersion
        return bool(evidence.max() >= np.log(EVIDENCE))


def counts(chance: Generator, means: Floats, dispersion: float) -> Floats:
    """Independent counts of variance `dispersion` × mean: Poisson, or Poisson of a Gamma mean (negative binomial)."""
    if dispersion > 1:
        means = chance.gamma(np.maximum(means, 1e-12) / (dispersion - 1), dispersion - 1)
    return chance.poisson(means).astype(np.float64)
