"""The development half of the Numenta Anomaly Benchmark: 27 series with their labelled windows, read from beside us."""

from __future__ import annotations

import csv
import gzip
import json
import statistics
from datetime import datetime
from pathlib import Path

import numpy as np

from benchmarks.detection.nab_scoring import Series

FOLDER = Path(__file__).parents[3] / "shared" / "data"
"""Never copied into the project."""
_NUMBERS = "anom_nab_data.csv.gz"
_LABELS = "anom_nab_labels_and_results.dev.json"
_ROWS_FOR_SPACING = 50


def missing(folder: Path = FOLDER) -> str | None:
    """Why the data cannot be read, in a sentence; None when they are there."""
    absent = [name for name in (_NUMBERS, _LABELS) if not (folder / name).exists()]
    return f"The data of NAB are not here: {folder} has no {' and no '.join(absent)}." if absent else None


def read(folder: Path = FOLDER) -> list[Series]:
    """All series, in the order of the labels."""
    times: dict[str, list[str]] = {}
    values: dict[str, list[float]] = {}
    with gzip.open(folder / _NUMBERS, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            times.setdefault(row["series"], []).append(row["timestamp"])
            values.setdefault(row["series"], []).append(float(row["value"]))
    labels = json.loads((folder / _LABELS).read_text(encoding="utf-8"))["combined_windows"]
    return [
        Series(name, times[name], np.array(values[name]), [(_second(first), _second(last)) for first, last in windows])
        for name, windows in labels.items()
    ]


def day(series: Series) -> int:
    """Updates in a day, by the spacing of the first rows: all that is known when a detector begins."""
    seconds = [datetime.fromisoformat(time).timestamp() for time in series.times[:_ROWS_FOR_SPACING]]
    spacing = statistics.median(later - earlier for earlier, later in zip(seconds, seconds[1:], strict=False))
    return round(86_400 / spacing)


def weeks(series: Series) -> float:
    """Length of a series in weeks of updates."""
    return len(series.times) / (7 * day(series))


def _second(moment: str) -> str:
    """`2014-04-10 07:15:00.000000` as it is written in the series."""
    return moment.partition(".")[0]
