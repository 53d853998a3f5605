"""The scorer of the anomaly benchmark: what earns, what costs, and figures that others have published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import nab
from benchmarks.detection import nab_data, nab_scoring
from benchmarks.detection.nab_scoring import Floats, Series


def made(rows: int = 1000, windows: tuple[tuple[int, int], ...] = ((400, 499), (700, 749))) -> Series:
    times = [f"{row:04d}" for row in range(rows)]
    return Series("made", times, np.zeros(rows), [(times[first], times[last]) for first, last in windows])


def alarms(*rows: int, of: int = 1000) -> Floats:
    scores = np.zeros(of)
    scores[list(rows)] = 1.0
    return scores


def score(*rows: int) -> float:
    return nab_scoring.at_threshold([alarms(*rows)], [made()], 1.0).score


def test_who_never_alarms_scores_0_and_who_alarms_at_the_beginning_of_each_window_100() -> None:
    assert score() == 0.0
    assert score(400, 700) == pytest.approx(100.0)
    assert nab_scoring.sweep([np.zeros(1000)], [made()]).score == 0.0


@pytest.mark.parametrize("profile", [nab_scoring.STANDARD, nab_scoring.LOW_FALSE, nab_scoring.LOW_MISSED])
def test_so_it_is_in_every_profile(profile: nab_scoring.Profile) -> None:
    for found, expected in ((alarms(), 0.0), (alarms(400, 700), 100.0)):
        assert nab_scoring.at_threshold([found], [made()], 1.0, profile).score == pytest.approx(expected)


def test_the_sooner_in_a_window_the_more_and_only_the_first_counts() -> None:
    assert 100 > score(410, 700) > score(450, 700) > score(499, 700) > score(700) == pytest.approx(50.0)
    assert score(410, 420, 498, 700) == score(410, 700)


def test_false_alarms_cost_and_less_just_after_a_window() -> None:
    assert score(400, 700, 300) == pytest.approx(100 - 100 * 0.11 / 4)
    assert score(400, 700, 300) < score(400, 700, 510) < 100
    assert score(400, 700, 900) == pytest.approx(score(400, 700, 300))


def test_the_first_rows_are_not_scored() -> None:
    assert nab_scoring.probation(1000) == 150
    assert nab_scoring.probation(20_000) == 750
    assert score(0, 149, 400, 700) == pytest.approx(100.0)
    assert score(150, 400, 700) < 100


def test_the_sweep_takes_one_threshold_for_all_series() -> None:
    one, other = alarms(400, 700) * 0.9, alarms(300, 400, 700) * 0.4
    best = nab_scoring.sweep([one, other], [made(), made()])
    assert best.threshold == 0.4
    assert (best.found, best.windows, best.false_rows) == (4, 4, 1)
    assert nab_scoring.at_threshold([one, other], [made(), made()], 0.5).score == pytest.approx(50.0)


def test_scores_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 1000 scores of made, got 999"):
        nab_scoring.sweep([np.zeros(999)], [made()])


def test_absent_data_are_said_to_be_absent(tmp_path: Path) -> None:
    assert "are not here" in (nab_data.missing(tmp_path) or "")


@pytest.mark.slow
def test_the_windowed_gaussian_scores_what_its_published_output_does() -> None:
    absent = nab_data.missing()
    if absent is not None:
        pytest.skip(absent)
    series = nab_data.read()
    scored = nab_scoring.sweep([nab.windowed_gaussian(one) for one in series], series)
    assert scored.score == pytest.approx(47.3296, abs=1e-3)
    assert (scored.found, scored.windows, scored.false_rows) == (40, 53, 242)


@pytest.mark.slow
def test_our_detector_reaches_65_at_the_budget_of_the_product() -> None:
    absent = nab_data.missing()
    if absent is not None:
        pytest.skip(absent)
    row = nab.measure(nab_data.read(), nab.PRODUCT)
    assert row["standard"] >= 65
    assert row["alarms_per_series_week"] <= 1.0
