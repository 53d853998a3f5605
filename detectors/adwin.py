"""River's ADWIN behind the contract: a window that grows while the mean stays and is cut when it moves."""

from __future__ import annotations

import math
import zlib
from typing import ClassVar

import msgspec
from river import drift
from river.__version__ import __version__ as river_version

from detectors import state
from detectors.contract import Detector, Guarantee, Verdict

_LARGEST = 1e100
"""Beyond it the window's variance would overflow and never alarm again."""


class ADWIN(Detector):
    """Notices that the mean of a series has moved, up or down, by comparing the older and newer part of a window.

    For any number, such as minutes of handling or answers from 0 to 10. It knows no budget of false alarms: credit is
    not used, the level is 1 at an alarm and 0 otherwise.

    Parameters
    ----------
    delta
        Significance of one comparison, 0 < delta < 1. More of it: faster, and more false alarms.
    clock
        Observations between two comparisons, ≥ 1. More of it: cheaper and later.
    max_buckets
        Buckets kept of each size, ≥ 1. More of it: cuts the window more finely, and more memory.
    min_window_length
        Observations in each part of the window at least, ≥ 1. More of it: later, and fewer false alarms.
    grace_period
        Observations before the first comparison, ≥ 0.

    One update costs about 1 µs; memory about 1 kB, growing with the logarithm of the window.

    Examples
    --------
    >>> import random
    >>> from detectors.adwin import ADWIN
    >>> chance, detector = random.Random(7), ADWIN()
    >>> for second in range(2000):
    ...     if detector.update(chance.gauss(5 if second < 1000 else 4, 1)).alarm:
    ...         print("alarm at", second)
    ...         break
    alarm at 1055

    References
    ----------
    Bifet & Gavaldà (2007). *Learning from time-changing data with adaptive windowing.* River's `drift.ADWIN`, from
    which it does not depart: after an alarm it begins anew.
    """

    guarantee: ClassVar[Guarantee] = "none"

    def __init__(
        self,
        delta: float = 0.002,
        clock: int = 32,
        max_buckets: int = 5,
        min_window_length: int = 5,
        grace_period: int = 10,
    ) -> None:
        if not 0 < delta < 1 or clock < 1 or max_buckets < 1 or min_window_length < 1 or grace_period < 0:
            raise ValueError(
                "expected a delta between 0 and 1, a clock, buckets and a window length of at least 1, a grace period"
                f" of at least 0; got {delta}, {clock}, {max_buckets}, {min_window_length}, {grace_period}"
            )
        self.delta = delta
        self.clock = clock
        self.max_buckets = max_buckets
        self.min_window_length = min_window_length
        self.grace_period = grace_period
        self._model = self._fresh()

    def _fresh(self) -> drift.ADWIN:
        return drift.ADWIN(  # type: ignore[no-untyped-call]  # River's ADWIN has no annotations
            self.delta, self.clock, self.max_buckets, self.min_window_length, self.grace_period
        )

    def update(self, x: float, credit: float | None = None) -> Verdict:
        """Take one observation. Raises ValueError for one that is infinite or beyond 1e100."""
        if math.isnan(x):
            return Verdict(False, 0.0)
        if not abs(x) <= _LARGEST:
            raise ValueError(f"expected a number up to {_LARGEST}, got {x}")
        self._model.update(x)  # type: ignore[no-untyped-call]  # nor has its update
        if not self._model.drift_detected:
            return Verdict(False, 0.0)
        self._model = self._fresh()
        return Verdict(True, 1.0)

    def snapshot(self) -> bytes:
        window: bytes = self._model._helper.__getstate__()
        return state.encode(_State(river_version, window, zlib.crc32(window)))

    def restore(self, body: bytes) -> None:
        found = state.decode(body, _State)
        # River's window is compiled code that aborts on bytes it did not write, hence the sum.
        if found.river != river_version or zlib.crc32(found.window) != found.sum:
            raise ValueError(f"expected an intact window of River {river_version}, got one of {found.river}")
        self._model = self._fresh()
        self._model._helper.__setstate__(found.window)


class _State(msgspec.Struct, frozen=True, array_like=True, tag="adwin"):
    river: str
    window: bytes
    sum: int


Adwin = ADWIN
