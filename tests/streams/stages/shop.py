"""A shop whose checkout breaks for phones, as the partials of its journeys say; with the truth at hand."""

from __future__ import annotations

import random
from functools import cache
from typing import TypeVar

import numpy as np

from detectors.recursion import Floats
from streams.config.load import load_text
from streams.effects import Entered, Outcome
from tests.detectors.steps.simulation import START, Customers, draw
from tests.streams.stages.contents import Content, Item

T = TypeVar("T")

WITHIN = 300
DEVICES = ("mobile", "desktop", "tablet")
MOBILE = np.array([True, False, False])
FILE = """
version: 1
segments: [{device: [mobile, desktop]}]
journeys:
  purchase:
    owner: shop
    value: amount
    steps:
      - {name: checkout, on: checkout.started}
      - {name: paid, on: order.completed, within: 5m}
"""
LOADED = load_text(FILE, "shop.yml")
FAULT = START + 1200
"""When phones begin to fail."""
FIXED = FAULT + 240
END = FIXED + 420


@cache
def customers(part: float = 1.0, seed: int = 1, fault: int = FAULT, fixed: int = FIXED, end: int = END) -> Customers:
    """Who comes to the shop, and what becomes of them."""
    rates: Floats = np.array([1.5, 1.0, 0.2])
    everybody = draw(np.random.default_rng(seed), end - START, rates, within=WITHIN)
    return everybody.hit(part, fault, fixed, WITHIN, lanes=MOBILE)


def happened(who: Customers, seed: int, until: int = END) -> Content:
    """What the journeys' partials say of them, in the order of time; a tick's counts cut up as `seed` has it."""
    random_ = random.Random(seed)
    items: Content = []
    rows: dict[int, list[Item]] = {}
    amounts = (who.chance * 10_000).astype(np.int64) * 10_000 + 1
    entries: dict[tuple[int, int], list[int]] = {}
    for lane, second, amount in zip(who.lanes.tolist(), who.entered.tolist(), amounts.tolist(), strict=True):
        entries.setdefault((second, lane), []).append(amount)
    for (second, lane), values in entries.items():
        for part in _cut(random_, values):
            rows.setdefault(second, []).append(Entered("purchase", "checkout", (DEVICES[lane],), len(part), sum(part)))
    exits: dict[tuple[int, int, int], list[bool]] = {}
    for lane, entered, left, completed in zip(
        who.lanes.tolist(), who.entered.tolist(), who.left.tolist(), who.completed.tolist(), strict=True
    ):
        exits.setdefault((left, lane, entered), []).append(completed)
    for (left, lane, entered), ends in exits.items():
        for some in _cut(random_, ends):
            went = sum(some)
            rows.setdefault(left, []).append(
                Outcome("purchase", "checkout", (DEVICES[lane],), entered, went, len(some) - went, 0, 0)
            )
    for tick in sorted(rows):
        if tick <= until:
            items += [(tick, item) for item in rows[tick]]
    return items


def _cut(random_: random.Random, values: list[T]) -> list[list[T]]:
    parts: list[list[T]] = [[]]
    for value in values:
        if parts[-1] and random_.random() < 0.3:
            parts.append([])
        parts[-1].append(value)
    return parts
