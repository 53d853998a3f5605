"""`touchline replay` on the real files of `../shared/data`: every count equals an independent one, to the unit."""

from __future__ import annotations

import csv
import gzip
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.examples_independent import journeys, logs
from tests.examples_independent.funnel import Result

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
EXAMPLES = ROOT / "examples"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # years of history, second by second where it matters


def real(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the real data is not here: {path}")
    return path


def replay(example: str, *inputs: Path | str, out: Path) -> dict[str, Any]:
    """The summary of a replay, with the bytes of its decisions and signals under `outputs`."""
    summary, decisions, signals = out / "summary.json", out / "decisions.ndjson", out / "signals.ndjson"
    command = [sys.executable, "-m", "streams", "replay", "-q", "-c", str(EXAMPLES / example), *map(str, inputs)]
    command += ["--summary", str(summary), "--out", str(decisions), "--signals", str(signals)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(summary.read_text())
    found["outputs"] = (decisions.read_bytes(), signals.read_bytes())
    return found


def assert_counted(summary: dict[str, Any], journey: str, independent: Result) -> None:
    assert {name: summary["events"][name] for name in independent.door} == independent.door
    assert summary["journeys"][journey]["steps"] == independent.steps


@pytest.fixture(scope="module")
def ratings_as_entered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ratings in the order in which they were once entered: nearly every one is late."""
    with gzip.open(real("ratings_elastic_anonreviews.csv.gz"), "rt", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    rows.sort(key=lambda row: int(row[header.index("src_row")]))
    path = tmp_path_factory.mktemp("ratings") / "ratings.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_loan_applications_are_counted_to_the_unit(tmp_path: Path) -> None:
    path = real("journey_bpic2012_loan.csv.gz")
    summary = replay("loan.yml", path, out=tmp_path)
    assert_counted(summary, "application", journeys.loan().count(logs.loan(path)))
    amounts = [touch.data["amount"] for touch in logs.loan(path) if touch.type == "application.submitted"]
    requested = summary["signals"]["requested"]
    assert requested["n"] == len(amounts)
    assert requested["value"] == pytest.approx(math.fsum(amounts) / len(amounts), rel=1e-12)
    ends = ("application.declined", "application.cancelled", "application.approved")
    types = [touch.type for touch in logs.loan(path) if touch.type in ends]
    assert summary["signals"]["declined"]["n"] == len(types)
    assert summary["signals"]["declined"]["value"] == types.count("application.declined") / len(types)


def test_shop_clicks_are_counted_to_the_unit(tmp_path: Path) -> None:
    path = real("clicks_rees46_multicategory_5k.csv.gz")
    summary = replay("shop.yml", path, out=tmp_path)
    assert_counted(summary, "purchase", journeys.purchase().count(logs.clicks(path)))
    assert_counted(summary, "browsing", journeys.browsing().count(logs.clicks(path)))
    assert summary["events"]["duplicate"] == 3


def test_help_desk_tickets_are_counted_to_the_unit(tmp_path: Path) -> None:
    path = real("journey_helpdesk.csv.gz")
    summary = replay("support.yml", path, out=tmp_path)
    assert_counted(summary, "ticket", journeys.ticket().count(logs.tickets(path)))
    assert summary["events"]["duplicate"] == 126


def test_ratings_in_hostile_disorder_are_counted_to_the_unit(ratings_as_entered: Path, tmp_path: Path) -> None:
    summary = replay("survey.yml", ratings_as_entered, out=tmp_path)
    assert_counted(summary, "regained", journeys.regained().count(logs.ratings(ratings_as_entered)))
    assert_counted(summary, "returning", journeys.returning().count(logs.ratings(ratings_as_entered)))
    assert summary["events"]["late"] > 0.99 * summary["events"]["read"]


def test_sorted_ratings_have_no_late_ones(ratings_as_entered: Path, tmp_path: Path) -> None:
    path = real("ratings_elastic_anonreviews.csv.gz")
    summary = replay("survey.yml", path, out=tmp_path)
    assert summary["events"]["late"] == 0
    assert_counted(summary, "regained", journeys.regained().count(logs.ratings(path)))


def test_sorting_undoes_the_disorder(ratings_as_entered: Path, tmp_path: Path) -> None:
    summary = replay("survey.yml", ratings_as_entered, "--sort", out=tmp_path)
    ordered = sorted(logs.ratings(ratings_as_entered), key=lambda touch: (touch.time, touch.sequence, touch.id))
    assert_counted(summary, "regained", journeys.regained().count(ordered))
    assert summary["events"]["late"] == 0


def test_calls_and_hotline_requests_are_read_together(tmp_path: Path) -> None:
    calls, hotline = real("calls_pwc_phonenow.csv.gz"), real("complaints_kyiv1551_meta.csv.gz")
    summary = replay("survey.yml", calls, hotline, out=tmp_path)
    answers, requests = [row for _, row in logs.rows(calls)], [row for _, row in logs.rows(hotline)]
    assert summary["events"]["read"] == len(answers) + len(requests)
    assert summary["events"]["invalid"] == 0
    scores = [float(row["Satisfaction rating"]) for row in answers if row["Satisfaction rating"]]
    assert summary["signals"]["csat"]["n"] == len(scores) == 4054
    assert summary["signals"]["csat"]["value"] == sum(score >= 4 for score in scores) / len(scores)
    unanswered = sum(row["Answered (Y/N)"] == "N" for row in answers)
    assert summary["signals"]["unanswered"]["value"] == unanswered / len(answers)
    assert summary["signals"]["complaints"]["n"] == len(requests)


def test_nps_answers_have_their_score_and_interval(tmp_path: Path) -> None:
    path = real("nps_fr_store_survey.csv.gz")
    summary = replay("survey.yml", path, out=tmp_path)
    answers = [touch.data for touch in logs.nps(path)]
    scores = [data["score"] for data in answers if "score" in data]
    assert (summary["events"]["accepted"], summary["events"]["invalid"]) == (len(answers), 0)
    assert 0 < len(scores) < len(answers)
    # Adjusted Wald: three pseudo-answers, 0.75 promoters, 1.5 passives, 0.75 detractors.
    promoters, detractors = sum(score >= 9 for score in scores), sum(score <= 6 for score in scores)
    n = len(scores) + 3
    p, d = (promoters + 0.75) / n, (detractors + 0.75) / n
    half = 1.959963984540054 * math.sqrt((p + d - (p - d) ** 2) / n)
    nps = summary["signals"]["nps"]
    assert nps["n"] == len(scores)
    assert nps["value"] == pytest.approx(100 * (promoters - detractors) / len(scores), abs=1e-9)
    assert (nps["low"], nps["high"]) == pytest.approx((100 * (p - d - half), 100 * (p - d + half)), abs=0.01)


def test_a_replay_is_the_same_to_the_byte_every_time(tmp_path: Path) -> None:
    path = real("clicks_rees46_multicategory_5k.csv.gz")
    runs = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        found = replay("shop.yml", path, out=tmp_path / name)
        del found["events_per_second"]
        runs.append(found)
    assert runs[0] == runs[1]
    assert runs[0]["outputs"][1]
