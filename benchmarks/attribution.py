"""How often an alarm names exactly the segments that fell.

    python -m benchmarks.attribution [--repeats 300]

Counts of cells are simulated around known expectations: one value fell, two values of a dimension, a pair of values of
two dimensions, all alike, or nothing at all. `found` is the share of repeats in which exactly that was said. Beside it:
the same among the repeats in which the step or a value of it would have alarmed (`alarmed`); the plain rule "smallest
value or pair with 80 % of the deficit" (`rule`); and one who is told the kind of set, what is left in it and how often
each set falls (`told`), whom no rule can be expected to beat. Then: what is found when the baseline is wrong.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator

from benchmarks.attribution_cases import TRUTHS, Named, Shop, Truth, counts
from benchmarks.result import write
from detectors.recursion import Floats
from detectors.steps.attribution import Attribution
from detectors.steps.subset_scan import SubsetScan

SHOPS = {"three dimensions": ((3, 6, 12), False), "four, two of them correlated": ((3, 6, 8, 13), True)}
EXPECTED = (300, 1_000, 5_000, 20_000)
DROPS = (0.3, 0.5, 0.8, 1.0)
DISPERSIONS = (1.0, 2.0)
TOLERANCE = 0.1
"""What the null of a step allows to be missing."""
SIZES = (0, 30, 100, 300, 1_000)
"""Expected completions in the fallen set from which a stratum begins."""
SHOP_REPEATS = 20
"""Repeats that share a shop."""
TARGETS: dict[Truth, int] = {"one value": 1_000, "everywhere": 1_000, "pair": 5_000}
"""Expected completions from which exactly the right set is to be named in 95 % of the alarms."""
BIASES = (0.0, -0.03, -0.06, 0.05)


class Case(NamedTuple):
    """One simulated alarm and what was said."""

    truth: Truth
    expected: int
    dispersion: float
    drop: float
    size: float
    """Expected completions in the fallen set."""
    found: bool
    alarmed: bool
    rule: bool
    told: bool


def named(found: Attribution) -> Named:
    """The answer as sets."""
    return None if found.segments is None else frozenset(frozenset(one.items()) for one in found.segments)


def cases(chance: Generator, widths: tuple[int, ...], correlated: bool, repeats: int) -> Iterator[Case]:
    """Every truth at every volume, drop and dispersion."""
    for repeat in range(repeats):
        if repeat % SHOP_REPEATS == 0:
            shop = Shop(chance, widths, correlated=correlated)
        for truth in TRUTHS:
            for expected in EXPECTED:
                for dispersion in DISPERSIONS:
                    for drop in DROPS if truth != "nothing" else (0.0,):
                        fell = shop.draw(chance, truth)
                        due = shop.sizes * expected
                        came = counts(chance, due * np.where(fell.cells, 1 - drop, 1.0), dispersion)
                        yield Case(
                            truth,
                            expected,
                            dispersion,
                            drop,
                            expected * shop.share(fell),
                            named(shop.scan.attribute(came, due, dispersion, TOLERANCE)) == fell.named,
                            shop.alarms(came, due, dispersion, TOLERANCE),
                            shop.eighty(came, due) == fell.named,
                            shop.told(truth, 1 - drop, came, due, dispersion) == fell.named,
                        )


def rate(hits: list[bool]) -> dict[str, Any]:
    """Share with its 95 % interval (Wilson); None of none."""
    n = len(hits)
    if not n:
        return {"n": 0, "value": None, "low": None, "high": None}
    z = 1.959963984540054
    p = sum(hits) / n
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return {
        "n": n,
        "value": round(p, 4),
        "low": round((centre - half) / scale, 4),
        "high": round((centre + half) / scale, 4),
    }


def row(some: list[Case]) -> dict[str, Any]:
    """All rates of some cases."""
    return {
        "found": rate([one.found for one in some]),
        "found_when_alarmed": rate([one.found for one in some if one.alarmed]),
        "rule": rate([one.rule for one in some]),
        "rule_when_alarmed": rate([one.rule for one in some if one.alarmed]),
        "told": rate([one.told for one in some]),
    }


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows without their intervals: a value and of how many."""
    return [
        {name: [one["value"], one["n"]] if isinstance(one, dict) else one for name, one in values.items()}
        for values in rows
    ]


def cut(every: list[Case]) -> list[dict[str, Any]]:
    """A row for every truth, volume, dispersion and drop."""
    keys = sorted({(TRUTHS.index(one.truth), one.dispersion, one.expected, one.drop) for one in every})
    rows = []
    for truth, dispersion, expected, drop in keys:
        some = [one for one in every if one[:4] == (TRUTHS[truth], expected, dispersion, drop)]
        rows.append({"truth": TRUTHS[truth], "dispersion": dispersion, "expected": expected, "drop": drop, **row(some)})
    return rows


def by_size(every: list[Case]) -> list[dict[str, Any]]:
    """The deep drops by what was expected in the fallen set."""
    rows = []
    for truth in TRUTHS[:3]:
        for dispersion in DISPERSIONS:
            for low, high in zip(SIZES, (*SIZES[1:], math.inf), strict=True):
                some = [
                    one
                    for one in every
                    if one.truth == truth
                    and one.dispersion == dispersion
                    and one.drop >= 0.5
                    and low <= one.size < high
                ]
                rows.append({"truth": truth, "dispersion": dispersion, "expected_in_set_from": low, **row(some)})
    return rows


def against_targets(every: list[Case]) -> list[dict[str, Any]]:
    """The rows that the issue sets a target for: drops of half and more from a volume on, both shops together."""
    return [one for one in cut(every) if one["expected"] >= TARGETS.get(one["truth"], math.inf) and one["drop"] >= 0.5]


def wrong_baseline(chance: Generator, repeats: int) -> list[dict[str, Any]]:
    """What is found in alarms when all expectations are off by the same part, and each by an error of its own.

    `own`: each cell's expectation was learnt from ten times as many completions.
    """
    rows = []
    for truth in ("one value", "pair", "everywhere"):
        for bias in BIASES:
            for tolerance in (0.0, TOLERANCE):
                hits = []
                for repeat in range(repeats):
                    if repeat % SHOP_REPEATS == 0:
                        shop = Shop(chance, *SHOPS["four, two of them correlated"][:1], correlated=True)
                    for expected in (1_000, 5_000, 20_000):
                        for drop in (0.5, 1.0):
                            fell = shop.draw(chance, truth)
                            means = shop.sizes * expected
                            due = chance.poisson(means * 10) / 10 / (1 + bias)
                            came = counts(chance, means * np.where(fell.cells, 1 - drop, 1.0), 1.0)
                            if shop.alarms(came, due, 1.0, TOLERANCE):
                                hits.append(named(shop.scan.attribute(came, due, 1.0, tolerance)) == fell.named)
                rows.append({"truth": truth, "bias": bias, "tolerance": tolerance, "found_when_alarmed": rate(hits)})
    return rows


def cost(chance: Generator) -> dict[str, float]:
    """Microseconds of CPU for 3,000 cells of four dimensions with 45 values."""
    widths = (4, 20, 15, 6)
    texts: set[tuple[str, ...]] = set()
    while len(texts) < 3_000:
        texts.add(tuple(f"value{chance.integers(width):02d}" for width in widths))
    cells, dimensions = sorted(texts), [f"dimension{at}" for at in range(len(widths))]
    due: Floats = chance.gamma(0.3, 10.0, len(cells))
    came = counts(chance, due * 0.5, 1.0)
    scan = SubsetScan(cells, dimensions)
    coding, looking = [], []
    for _ in range(200):
        begun = time.process_time()
        SubsetScan(cells, dimensions)
        coded = time.process_time()
        scan.attribute(came, due, 1.0, TOLERANCE)
        coding.append(coded - begun)
        looking.append(time.process_time() - coded)
    return {
        "cells": len(cells),
        "coding_microseconds": round(statistics.median(coding) * 1e6),
        "looking_microseconds": round(statistics.median(looking) * 1e6),
    }


def show(rows: list[dict[str, Any]]) -> None:
    """A table: what a row is of, then the rates in percent, of how many."""
    for one in rows:
        head = "  ".join(f"{value!s:>10}" for value in one.values() if not isinstance(value, dict))
        rates = "  ".join(
            f"{name} {'–' if value['value'] is None else format(100 * value['value'], '.1f')} % of {value['n']}"
            for name, value in one.items()
            if isinstance(value, dict)
        )
        print(f"{head}  {rates}")  # noqa: T201  # the benchmark's report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    figures: dict[str, Any] = {"repeats": args.repeats, "seed": args.seed, "tolerance": TOLERANCE, "shops": {}}
    every: list[Case] = []
    for at, (name, (widths, correlated)) in enumerate(SHOPS.items()):
        some = list(cases(np.random.default_rng([args.seed, at]), widths, correlated, args.repeats))
        every += some
        rows = cut(some)
        figures["shops"][name] = plain(rows)
        print(f"\n{name}")  # noqa: T201
        show(rows)
    tables = {
        "by_size": by_size(every),
        "targets": against_targets(every),
        "wrong_baseline": wrong_baseline(np.random.default_rng([args.seed, len(SHOPS)]), args.repeats // 2),
    }
    for name, rows in tables.items():
        print(f"\n{name}")  # noqa: T201
        show(rows)
        figures[name] = rows if name == "targets" else plain(rows)
    figures["cost"] = cost(np.random.default_rng([args.seed, len(SHOPS) + 1]))
    print("\ncost", figures["cost"])  # noqa: T201
    write("attribution", figures)


if __name__ == "__main__":
    main()
