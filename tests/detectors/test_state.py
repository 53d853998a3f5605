"""States as bytes: bit for bit, or refused."""

from __future__ import annotations

import math
import struct

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import state
from detectors.recursion import Recursion


class Kept(msgspec.Struct, array_like=True, tag="kept"):
    number: float


class Other(msgspec.Struct, array_like=True, tag="other"):
    number: float


@given(number=st.floats(allow_nan=False))
def test_floats_come_back_with_all_their_bits(number: float) -> None:
    found = state.decode(state.encode(Kept(number)), Kept).number
    assert struct.pack("<d", found) == struct.pack("<d", number)


@given(body=st.binary(max_size=40))
def test_other_bytes_are_refused_and_nothing_else_happens(body: bytes) -> None:
    with pytest.raises(ValueError, match="no Kept"):
        state.decode(body, Kept)


def test_the_state_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no Kept"):
        state.decode(state.encode(Other(1.0)), Kept)


@pytest.mark.parametrize("values", [[0.1, 0.2, 0.3], [0.1], [0.1, math.nan], [0.1, math.inf], [0.1, -0.2]])
def test_evidence_of_other_series_or_that_is_no_evidence_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        state.fitting(np.array(values).tobytes(), Recursion(2, series=1))


def test_evidence_that_fits_is_passed_on() -> None:
    body = np.array([0.1, 0.2]).tobytes()
    assert state.fitting(body, Recursion(2, series=1)) == body
