"""Numbers as records and sentences show them."""

from __future__ import annotations

import math

_LARGEST = 1e300


def figure(value: float) -> float:
    """Six significant digits: the last bits of a float, which depend on the machine, never show.

    What is beyond 1e300 is shown as that, as JSON has no infinity; NaN is 0.
    """
    if math.isnan(value):
        return 0.0
    return float(f"{max(-_LARGEST, min(_LARGEST, value)):.6g}") + 0.0  # no minus before a zero


def figure_or_none(value: float | None) -> float | None:
    """`figure`, where there is one."""
    return None if value is None else figure(value)


def in_words(value: float) -> str:
    """`12,345`, `120`, `3.14`."""
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{float(f'{value:.3g}') + 0.0:g}"


def percent(ratio: float) -> str:
    """`62` for 0.62, `0.4` for 0.004."""
    return in_words(100 * ratio) if abs(ratio) < 0.0995 else f"{100 * ratio:.0f}"
