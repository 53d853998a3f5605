"""What an answer says at a glance: detractor, passive or promoter, dissatisfied or satisfied, difficult or easy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.codec import SCALES
from streams.fields import number

CLASSES: dict[str, tuple[str, str, str]] = {
    "nps": ("detractor", "passive", "promoter"),
    "enps": ("detractor", "passive", "promoter"),
    "csat": ("dissatisfied", "neutral", "satisfied"),
    "ces": ("difficult", "neutral", "easy"),
}
"""Metric -> its classes, worst first. Metrics of one's own have none."""


def class_of(data: Mapping[str, Any]) -> tuple[str, str] | None:
    """Metric and class of an answer; None without a score or for a metric that has no classes.

    nps and enps: promoters give the two highest values, detractors are four below the highest or lower, as the signal
    counts them. csat: the two highest values and the two lowest, 4–5 and 1–2 on [1, 5]. ces: on either side of the
    middle, 5–7 and 1–3 on [1, 7]. On scales narrower than 4 a class is a quarter of the scale wide.
    """
    metric, score = data.get("metric"), number(data.get("score"))
    if not isinstance(metric, str) or metric not in CLASSES or score is None:
        return None
    stated = data.get("scale")
    low, high = stated if isinstance(stated, list) and len(stated) == 2 else SCALES[metric]
    step = min(1.0, (high - low) / 4)
    match metric:
        case "csat":
            worst, best = low + step, high - step
        case "ces":
            worst, best = (low + high) / 2 - step, (low + high) / 2 + step
        case _:
            worst, best = high - 4, high - 1
    # The better class first: where a narrow scale makes them meet, the signal counts the answer as a good one.
    rank = 2 if score >= best else 0 if score <= worst else 1
    return metric, CLASSES[metric][rank]


def better(metric: str, new: str, old: str) -> bool:
    """Whether a class of the metric is better than another."""
    return CLASSES[metric].index(new) > CLASSES[metric].index(old)
