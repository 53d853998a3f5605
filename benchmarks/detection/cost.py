"""What watching drops costs: time per update and memory, by the number of series."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from detectors.contract import WEEK_SECONDS
from detectors.steps.flight import Entrants, Leavers
from detectors.steps.step_drop import StepDrop

WITHIN = 1800
_ENTRANTS = 200
"""Customers who enter, and who leave, in an update of all steps together."""


class Shape(NamedTuple):
    """How the series come about."""

    name: str
    steps: int
    cells: int
    """Cells of each step."""
    values: int
    """Segment values of each step, beside the whole; 0: each cell is a series."""

    @property
    def series(self) -> int:
        """Of all steps."""
        return self.steps * ((1 + self.values) if self.values else self.cells)


SHAPES = (
    Shape("10 steps of 100 series", 10, 200, 99),
    Shape("100 steps of 100 series", 100, 200, 99),
    Shape("1,000 steps of 100 series", 1000, 200, 99),
)
QUICK = SHAPES[:1]


def measure(shape: Shape) -> Iterator[dict[str, Any]]:
    """The row of a shape; medians over updates."""
    tracemalloc.start()
    steps = [_step(shape) for _ in range(shape.steps)]
    _run(steps, shape, 0, 3)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    took = statistics.median(_run(steps, shape, 3, 20))
    yield {
        "shape": shape.name,
        "series": shape.series,
        "cells": shape.steps * shape.cells,
        "microseconds_per_update": round(took * 1e6, 1),
        "nanoseconds_per_series": round(took * 1e9 / shape.series, 1),
        "bytes_per_series": round(held / shape.series),
        "bytes_per_cell": round(held / (shape.steps * shape.cells)),
    }


def _step(shape: Shape) -> StepDrop:
    step = StepDrop(WITHIN)
    whole = np.zeros(shape.cells, dtype=np.int64)
    third = shape.values // 3
    dimensions = [1 + at * third + np.arange(shape.cells) // (1 if at == 0 else 3**at) % third for at in range(3)]
    step.extend(shape.cells, np.stack([whole, *dimensions]), 1 + shape.values)
    return step


def _run(steps: list[StepDrop], shape: Shape, first: int, updates: int) -> list[float]:
    """Seconds of CPU of each update of all steps."""
    chance = np.random.default_rng(first)
    each = max(_ENTRANTS // len(steps), 1)
    credit = np.full(steps[0].series, 1 / WEEK_SECONDS / shape.series)
    took = []
    for tick in range(1_800_000_000 + first, 1_800_000_000 + first + updates):
        moves = [
            (
                Entrants(chance.integers(0, shape.cells, each), np.full(each, tick), np.ones(each)),
                Leavers(chance.integers(0, shape.cells, each), np.full(each, tick - 1), np.ones(each), np.zeros(each)),
            )
            for _ in steps
        ]
        begun = time.process_time()
        for step, (entered, left) in zip(steps, moves, strict=True):
            step.update(tick, entered, left, credit)
        took.append(time.process_time() - begun)
    return took
