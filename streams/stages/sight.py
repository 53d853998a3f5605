"""What a watched step can see by now: how soon it would notice an outage, and the smallest drop it would notice."""

from __future__ import annotations

import math

from detectors.negative_binomial_surge import SURGES
from detectors.recursion import RATIOS
from detectors.steps.step_drop import STANDARD_ERRORS, TOLERANCE
from streams.stages.lanes import WHOLE
from streams.stages.step_watch import StepWatch

_DAY = 86_400.0
_DROPS = (0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def delay_seconds(drop: float, rate: float, kappa: float, dispersion: float, credit: float) -> float:
    """About how long a drop would take to alarm: φ·ln(1/w̄) ÷ (μ·I), infinite for one the null allows.

    `rate`: expected completions per second; `kappa`: relative error of the baseline; `credit`: expected false alarms
    per second. I is the information of a completion between what is left and the edge of the null.
    """
    edge = (1 - TOLERANCE) * math.exp(-STANDARD_ERRORS * min(kappa, 50.0))
    left = max(1 - drop, float(RATIOS[0]))
    if left >= edge or rate <= 0 or credit <= 0:
        return math.inf
    information = left * math.log(left / edge) - left + edge
    share = credit / 2 / len(RATIOS)
    # Evidence starts from the credit of about the time it takes.
    delay = math.inf
    for _ in range(3):
        granted = min(share * (1.0 if math.isinf(delay) else max(delay, 1.0)), 0.5)
        delay = dispersion * math.log(1 / granted) / (rate * information)
    return delay


def in_words(watch: StepWatch, bar: float = 1.0) -> str:
    """`an outage within 4 min, nothing smaller than 60 %`, of opening hours where the step has them; `bar` ≥ 1: the
    evidence that fires."""
    if watch.state == "firing":
        return "whether it is well again"
    if watch.state == "learning":
        return "nothing yet: nobody has gone on so far"
    if watch.state == "quiet":
        return "too few to watch it by itself"
    drop = watch.drop
    rate, kappa, credit = float(drop.rate[WHOLE]), watch.kappa(), watch.credit_of() / bar
    fast, slow = float(drop.dispersion.fast[WHOLE]), float(drop.dispersion.slow[WHOLE])
    drift = math.sqrt(kappa**2 + float(drop.dispersion.drift[WHOLE])) if math.isfinite(kappa) else math.inf
    outage = delay_seconds(1.0, rate, drift, fast, credit)
    if math.isinf(outage) or outage > _DAY:
        outage = min(outage, delay_seconds(1.0, rate, kappa, slow, credit))
    if math.isinf(outage):
        return "nothing yet: the baseline is too uncertain"
    seen = [
        size
        for size in _DROPS
        if min(delay_seconds(size, rate, kappa, slow, credit), delay_seconds(size, rate, drift, fast, credit)) <= _DAY
    ]
    least = f"nothing smaller than {seen[0]:.0%}".replace("%", " %") if seen else "nothing smaller within a day"
    closed = "" if watch.schedule.opens is None else "closed now; once open "
    return f"{closed}an outage within {_span(outage)}, {least}"


def rise_in_words(watch: StepWatch, credit: float) -> str:
    """`a doubling within 4 min, nothing smaller than 20 %`; `credit`: false alarms per second."""
    state = watch.rise_state()
    if state == "firing":
        return "whether it is back to normal"
    if state == "learning":
        return "nothing yet: nobody has gone on so far, or fewer than usual do"
    if state == "quiet":
        return "too few to watch it by itself"
    drop = watch.drop
    rate, kappa = float(drop.rate[WHOLE]), watch.kappa()
    edge = (1 + TOLERANCE) * math.exp(STANDARD_ERRORS * min(kappa, 50.0))
    # Mirrored: twice the rate against the edge of what the null allows.
    gain = rate * (2 * math.log(2 / edge) + edge - 2) / float(drop.dispersion.fast[WHOLE]) if edge < 2 else 0.0
    if gain <= 0 or credit <= 0:
        return "nothing yet: the baseline is too uncertain"
    doubled = math.log(1 / min(credit / len(SURGES), 0.5)) / gain
    return f"a doubling within {_span(doubled)}, nothing smaller than {100 * (edge - 1):.0f} %"


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
