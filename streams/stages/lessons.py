"""Lessons as a partition's log has them."""

from __future__ import annotations

import msgspec

from streams.effects import Lesson
from streams.model import Event

LESSON = "touchline.learning.told"
"""What rules that learn have learnt: the fields of `Lesson` as `data`."""


def lesson_of(event: Event) -> Lesson | None:
    """None where a record makes no sense; it is heard by nobody."""
    try:
        return msgspec.convert(event.data, Lesson)
    except msgspec.ValidationError:
        return None
