"""An alert in plain words, as the terminal and the reports say it."""

from __future__ import annotations

from streams.alerts.figures import in_words, percent
from streams.alerts.reading import segments_in_words
from streams.units import SECOND, format_duration
from streams.view import AlarmsView, AlertView

FIRING = ("firing", "flapping")
_COUNTS = ("conversion", "arrivals", "silence")
"""What is counted; other signals have a level."""
_CHANGE_KEYS = ("service", "name", "title", "version", "text")


def what(alert: AlertView) -> str:
    """Which number has changed, and which way: `purchase: fewer than expected go from checkout to paid`."""
    fewer = "fewer" if alert.direction == "down" else "more"
    match alert.signal:
        case "conversion":
            return f"{alert.journey}: {fewer} than expected go from {alert.step} to {alert.next_step}"
        case "arrivals":
            return f"{alert.journey}, {alert.step}: {fewer} customers arrive than expected"
        case "silence":
            return f"{alert.source}: nothing comes any more"
    level = "lower" if alert.direction == "down" else "higher"
    return f"{alert.signal.replace('_', ' ')} is {level} than expected"


def place(alert: AlertView) -> str:
    """Where, in short: `purchase/checkout → paid`, `delivery silent`, `handle_time up`."""
    if alert.signal == "silence":
        return f"{alert.source} silent"
    if alert.signal not in _COUNTS:
        return f"{alert.signal} {alert.direction}"
    where = f"{alert.journey}/{alert.step}"
    if alert.signal == "arrivals":
        return f"{where} arrivals {alert.direction}"
    return f"{where} → {alert.next_step}" + (" up" if alert.direction == "up" else "")


def who(alert: AlertView) -> str:
    """Which customers: `device=mobile`, `everywhere` or `not enough data to tell`."""
    return segments_in_words(alert.segments)


def size(alert: AlertView) -> str:
    """`62 % fewer (51 to 70 %), early`; empty where it is not known."""
    if alert.size is None:
        return ""
    down = alert.direction == "down"
    way = ("fewer" if down else "more") if alert.signal in _COUNTS else ("lower" if down else "higher")
    words = f"{percent(alert.size)} % {'missing' if alert.signal == 'silence' else way}"
    if alert.size_low is not None and alert.size_high is not None:
        words += f" ({percent(alert.size_low)} to {percent(alert.size_high)} %)"
    return words + (", early" if alert.early else "")


def short_size(alert: AlertView) -> str:
    """`−62 % (51–70)` or `+80 %`, for tables; `–` where it is not known."""
    if alert.size is None:
        return "–"
    words = f"{'−' if alert.direction == 'down' else '+'}{percent(alert.size)} %"
    if alert.size_low is not None and alert.size_high is not None:
        words += f" ({percent(alert.size_low)}–{percent(alert.size_high)})"
    return words


def short_numbers(alert: AlertView) -> str:
    """`31 of 82.4`: seen, of expected."""
    return f"{in_words(alert.observed)} of {in_words(alert.expected)}"


def numbers(alert: AlertView) -> str:
    """`31 seen, 82.4 expected`."""
    return f"{in_words(alert.observed)} seen, {in_words(alert.expected)} expected"


def lasting(since: int, until: int) -> str:
    """How long from one time to another (UTC epoch microseconds), in whole seconds: `4m`."""
    return format_duration(max(0, until - since) // SECOND * SECOND)


def change(alert: AlertView) -> str:
    """What was deployed nearest to its beginning; empty where nothing is known."""
    if not alert.changes:
        return ""
    nearest = alert.changes[0]
    named = [str(nearest.data[key]) for key in _CHANGE_KEYS if nearest.data.get(key)]
    return " ".join(named) or nearest.event


def budget(alarms: AlarmsView) -> str:
    """`budget 1 per week · expected false alarms handed out so far 0.03 · 120 series watched, 14 still learning`."""
    learning = sum(1 for one in alarms.watched if one.state == "learning")
    watched = f"{len(alarms.watched):,} series watched" + (f", {learning:,} still learning" if learning else "")
    used = "less than 0.01" if 0 < alarms.credit_used < 0.005 else f"{alarms.credit_used:.2f}"
    granted = in_words(alarms.budget_per_week)
    return f"budget {granted} per week · expected false alarms handed out so far {used} · {watched}"
