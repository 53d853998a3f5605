"""Remembering where a cell counts changes nothing about where it counts."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.segments import OTHER, Dimension
from streams.stages.series import Columns, Table

START = 1_800_000_000


class Named:
    """A series that is only a row."""

    def __init__(self, row: int) -> None:
        self.row = row


class Rows:
    """Gives rows out one after the other."""

    def __init__(self) -> None:
        self.given = 0

    def __call__(self) -> Named:
        self.given += 1
        return Named(self.given)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32))
def test_a_cell_counts_in_the_whole_and_in_one_value_of_each_dimension(seed: int) -> None:
    random_ = random.Random(seed)
    dimensions = [Dimension("device", ("mobile",)), Dimension("region"), Dimension("tier", (), START + 20)]
    columns: Columns = ((dimensions[0], 0), (dimensions[1], 1), (dimensions[2], -1))
    table, make = Table(Named(0)), Rows()
    tick = START
    for _ in range(60):
        tick += random_.choice([0, 1, 5, 8 * 86_400 if random_.random() < 0.05 else 2])
        cell = random_.choice(["mobile", "a", "b"]), random_.choice(["x", "y", "unknown"])
        for dimension, value in zip(dimensions, (*cell, "unknown"), strict=True):
            for freed in dimension.silent(tick):
                table.remove((dimension.name, freed))
            if dimension.count({value: random_.choice([1, 30])}, set(), tick):
                table.forget()
        entry_tick = tick - random_.choice([0, 0, 1, 10])
        found = table.find(columns, cell, entry_tick, make)
        names = {id(series): place for place, series in table}
        expected = [("", "")]
        for dimension, value in zip(dimensions, (*cell, "unknown"), strict=True):
            if entry_tick >= dimension.since:
                expected.append((dimension.name, dimension.series(value, entry_tick)))
        assert [names[id(series)] for series in found] == expected


def test_segments_are_listed_by_dimension_of_the_file_then_by_value_with_other_last() -> None:
    device, region = Dimension("device"), Dimension("region", ("z", "kyiv"))
    table, make = Table(Named(0)), Rows()
    for value in ("z", "kyiv", "lviv"):
        table.find(((device, 0), (region, 1)), ("mobile", value), START, make)
    assert [(dimension, value) for dimension, value, _ in table.in_order([region, device])] == [
        ("region", "kyiv"),
        ("region", "z"),
        ("region", OTHER),
        ("device", OTHER),
    ]
