"""`CalibratedResidual` on the development half of the Numenta Anomaly Benchmark, 27 labelled series.

    python -m benchmarks.nab

One setting and one threshold for all series, and no look-ahead: each number is judged before it is learnt. The season
is a day, counted in updates from the spacing of the first fifty rows. An alarm at a budget of B a week is an alarm at
every larger one, more or less, so the budget is the threshold: the rows give B, the score of NAB's standard profile,
the windows found, and the alarms outside all windows, those of the first 15 % (750 rows at most) left out as NAB does.

What was tuned: the default options and the constants of `detectors/calibrated_residual.py` were chosen on these very
series, by the mean score over budgets and lengths of rest, so the score is that of a development set. Beside it stand
NAB's windowed Gaussian, computed here, and the outputs that others have published, scored on the same 27 series in the
same way (`PUBLISHED`; their own thresholds and options were tuned on all 58).
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from typing import Any

import numpy as np

from benchmarks.detection import nab_data, nab_scoring
from benchmarks.detection.nab_scoring import Floats, Series
from benchmarks.result import write
from detectors.calibrated_residual import CalibratedResidual

BUDGETS = (0.3, 1.0, 3.0, 10.0)
"""False alarms granted per week and series."""
PRODUCT = 1.0
"""The budget that the product begins with, in all and so for a single series."""
PUBLISHED = {
    "ARTime": 78.7,
    "CAD-OSE": 73.6,
    "Numenta HTM": 70.2,
    "KNN-CAD": 63.2,
    "random cut forest": 53.2,
    "windowed Gaussian": 47.3,
}
"""Scores of published outputs on these series, by this scorer."""


def alarms(series: Series, budget: float, **options: Any) -> Floats:
    """The detector's level at each of its alarms, 0 elsewhere."""
    period = nab_data.day(series)
    detector = CalibratedResidual(period=period, credit=budget / (7 * period), **options)
    verdicts = [detector.update(value) for value in series.values.tolist()]
    return np.array([verdict.level if verdict.alarm else 0.0 for verdict in verdicts])


def windowed_gaussian(series: Series, window: int = 6400, step: int = 100) -> Floats:
    """NAB's simplest serious rival: one minus the normal tail of a value among those before it."""
    values, scores = series.values, np.zeros(len(series.values))
    first = last = 0
    mean = deviation = 0.0
    for row, value in enumerate(values.tolist()):
        if last:
            scores[row] = 1.0 - 0.5 * math.erfc(abs(value - mean) / (deviation * math.sqrt(2.0)))
        if row < window:
            last = row + 1
        elif row + 1 - last == step:
            first, last = first + step, row + 1
        else:
            continue
        mean, deviation = float(values[first:last].mean()), float(values[first:last].std()) or 1e-6
    return np.round(scores, 12)  # as published; many alarms differ from others in the thirteenth digit


def measure(series: list[Series], budget: float) -> dict[str, Any]:
    """The row of one budget."""
    begun = time.process_time()
    found = [alarms(one, budget) for one in series]
    seconds = time.process_time() - begun
    scored = nab_scoring.at_threshold(found, series, 1.0)
    weeks = sum(nab_data.weeks(one) for one in series)
    scorable = [levels[nab_scoring.probation(len(levels)) :] for levels in found]
    return {
        "budget_per_series_week": budget,
        "standard": round(scored.score, 1),
        "reward_low_fp_rate": round(nab_scoring.at_threshold(found, series, 1.0, nab_scoring.LOW_FALSE).score, 1),
        "reward_low_fn_rate": round(nab_scoring.at_threshold(found, series, 1.0, nab_scoring.LOW_MISSED).score, 1),
        "windows_found": scored.found,
        "windows": scored.windows,
        "false_alarms": scored.false_rows,
        "alarms_per_series_week": round(sum(int((levels >= 1).sum()) for levels in found) / weeks, 2),
        "scored_alarms": sum(int((levels >= 1).sum()) for levels in scorable),
        "microseconds_per_update": round(seconds / sum(len(one.times) for one in series) * 1e6, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    absent = nab_data.missing()
    if absent is not None:
        print(absent, "Nothing was measured.")  # noqa: T201  # the benchmark's report
        sys.exit(0)
    series = nab_data.read()
    gaussian = nab_scoring.sweep([windowed_gaussian(one) for one in series], series)
    rows = []
    print("budget  standard  low FP  low FN  found  false  alarms per series-week  µs")  # noqa: T201  # as above
    for budget in BUDGETS:
        row = measure(series, budget)
        rows.append(row)
        print(  # noqa: T201  # as above
            f"{budget:6g}  {row['standard']:8.1f}  {row['reward_low_fp_rate']:6.1f}  {row['reward_low_fn_rate']:6.1f}"
            f"  {row['windows_found']:2d}/{row['windows']}  {row['false_alarms']:5d}"
            f"  {row['alarms_per_series_week']:22.2f}  {row['microseconds_per_update']:.0f}",
            flush=True,
        )
    print(f"windowed Gaussian, computed here: {gaussian.score:.1f}")  # noqa: T201  # as above
    print("published outputs:", ", ".join(f"{name} {score}" for name, score in PUBLISHED.items()))  # noqa: T201
    write(
        "nab",
        {
            "series": len(series),
            "profile": "standard",
            "threshold": "an alarm at the budget of the row",
            "tuned_on": "these series",
            "rows": rows,
            "windowed_gaussian_computed": round(gaussian.score, 1),
            "published": PUBLISHED,
        },
    )


if __name__ == "__main__":
    main()
