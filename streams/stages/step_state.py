"""What is stored of a watched step."""

from __future__ import annotations

import msgspec

from detectors.steps.packed import Packed
from streams.effects import Cell
from streams.stages.flood import FloodState
from streams.stages.lanes import Groups
from streams.stages.step_illness import Opened


class StepState(msgspec.Struct, array_like=True):
    """Everything but what is gone through again."""

    within: int
    drop: bytes
    season: bytes
    flood: FloodState
    lanes: tuple[list[Cell], Groups, list[tuple[str, str] | None]]
    interval: int
    last: int | None
    seconds: int
    entered: int
    value: tuple[float, float]
    falls: list[int]
    aside: list[tuple[int, int, float, float]]
    levels: Packed
    credit: Packed
    open: Opened | None
    # What follows came later.
    rise: bytes = b""
    calendar: str = ""
    """The pattern of the step's clock."""


decode_step = msgspec.msgpack.Decoder(StepState).decode
"""Raises DecodeError for anything else."""
