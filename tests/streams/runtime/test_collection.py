"""Garbage in cycles is looked for rarely while a command works, and as before afterwards."""

from __future__ import annotations

import gc

import pytest

from streams.runtime.collection import THRESHOLDS, rare_collection


def fail_inside() -> None:
    with rare_collection():
        assert gc.get_threshold() == THRESHOLDS
        raise RuntimeError


def test_it_is_rare_inside_and_as_before_outside_also_after_an_error() -> None:
    before = gc.get_threshold()
    assert before != THRESHOLDS
    with pytest.raises(RuntimeError):
        fail_inside()
    assert gc.get_threshold() == before
