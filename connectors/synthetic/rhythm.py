"""How busy the shop is: the hour of the day and the day of the week in the customers' zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

# Visits by local hour, relative to each other: quiet nights, a lunch peak, an evening peak. The floor is kept
# well above a real shop's so that a demo started at night still moves.
_HOURS = (
    *(0.62, 0.56, 0.52, 0.50, 0.50, 0.55, 0.66, 0.82, 0.96, 1.04, 1.10, 1.18),
    *(1.28, 1.24, 1.12, 1.08, 1.14, 1.26, 1.42, 1.54, 1.52, 1.36, 1.06, 0.80),
)
_DAYS = (0.94, 0.92, 0.95, 0.98, 1.08, 1.10, 1.03)
_MEAN = sum(_HOURS) / 24 * sum(_DAYS) / 7


class Rhythm:
    """The factor on the mean rate at an instant; its mean over a week is 1."""

    def __init__(self, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)

    def factor(self, at: int) -> float:
        """The factor at `at` (UTC epoch microseconds), between about 0.45 and 1.75."""
        local = datetime.fromtimestamp(at / 1_000_000, UTC).astimezone(self._zone)
        through = local.minute / 60
        hour = _HOURS[local.hour] * (1 - through) + _HOURS[(local.hour + 1) % 24] * through
        return hour * _DAYS[local.weekday()] / _MEAN
