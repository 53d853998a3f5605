"""`replay --learn` and `--learnt`: a new service that is not blind."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from streams.cli import main
from streams.config.load import load_text
from streams.stages.detection import Detection

pytestmark = pytest.mark.timeout(600)  # a day of history is replayed first

FILE = """
version: 1
timezone: Europe/Kyiv
segments: [{region: [kyiv, lviv]}]
journeys:
  purchase:
    arrivals: down
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 10m}
signals:
  csat: {on: survey.answered, where: {metric: csat}}
  calls: {on: call.started, watch: both}
  wait: {on: call.answered, value: wait_s, watch: up, detector: {name: calibrated_residual, period: 0}}
"""
BEGAN = datetime(2026, 3, 2, 6, tzinfo=UTC)
LEARNT_HOURS = 25
LATER = BEGAN + timedelta(days=40)
BROKEN = 900
"""Seconds into the new service at which everything breaks."""
UNTIL = BROKEN + 1500


class Events:
    """Events of a shop, made up second by second."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.rows: list[dict[str, Any]] = []

    def add(self, at: datetime, kind: str, source: str, subject: str, **data: object) -> None:
        self.rows.append(
            {
                "specversion": "1.0", "id": str(len(self.rows)), "source": source, "type": kind, "subject": subject,
                "time": at.isoformat().replace("+00:00", "Z"), "data": data,
            }
        )  # fmt: skip

    def live(self, began: datetime, seconds: int, broken: int | None = None) -> None:
        """Everything as it should be, and from second `broken` on: no calls, no payments, no good word, long waits."""
        chance = self.chance
        for second in range(seconds):
            at, ill = began + timedelta(seconds=second), broken is not None and second >= broken
            if chance.random() < 0.04:
                region, who = chance.choice(["kyiv", "lviv"]), f"c-{len(self.rows)}"
                self.add(at, "cart.updated", "shop", who, region=region)
                if chance.random() < 0.8 and not ill:
                    self.add(at + timedelta(seconds=chance.uniform(10, 60)), "order.completed", "bank", who)
            if chance.random() < 0.06 and not ill:
                self.add(at, "call.started", "phone", f"c-{second}")
            if chance.random() < 0.04:
                good = chance.random() < (0.1 if ill else 0.9)
                self.add(at, "survey.answered", "forms", f"c-{second}", metric="csat", score=5 if good else 1)
            if chance.random() < 0.03:
                wait = chance.uniform(40, 60) * (20 if ill else 1)
                self.add(at, "call.answered", "desk", f"c-{second}", wait_s=round(wait, 1))

    def write(self, path: Path) -> None:
        self.rows.sort(key=lambda row: str(row["time"]))
        path.write_text("".join(json.dumps(row) + "\n" for row in self.rows))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, a history that teaches, what it taught, and a new service's first half hour."""
    path = tmp_path_factory.mktemp("learning")
    (path / "shop.yml").write_text(FILE)
    history = Events(1)
    history.live(BEGAN, LEARNT_HOURS * 3600)
    history.write(path / "history.ndjson")
    begun = Events(2)
    begun.live(LATER, UNTIL, BROKEN)
    begun.write(path / "begun.ndjson")
    told = main(["replay", "-c", f"{path}/shop.yml", f"{path}/history.ndjson", "--learn", f"{path}/learnt", "-q"])
    assert told == 0
    return path


def fired(folder: Path, name: str, *options: str) -> Iterator[tuple[str, int]]:
    """Subject of each alarm of the new service, and its second."""
    out = folder / name
    begun = [f"{folder}/begun.ndjson", "--out", str(out), "-q"]
    assert main(["replay", "-c", f"{folder}/shop.yml", *begun, *options]) == 0
    for line in out.read_text().splitlines():
        decision = json.loads(line)
        if decision["type"] == "touchline.alert.firing":
            at = datetime.fromisoformat(decision["time"])
            yield decision["subject"], round((at - LATER).total_seconds())


def test_a_service_that_was_taught_alarms_at_once_where_a_blind_one_sees_nothing(folder: Path) -> None:
    blind = dict(fired(folder, "blind.ndjson"))
    taught = dict(fired(folder, "taught.ndjson", "--learnt", f"{folder}/learnt"))
    assert not {"calls", "wait", "phone", "bank"} & blind.keys()
    assert {"calls", "csat", "wait", "phone", "bank"} <= taught.keys()
    assert all(at > BROKEN for at in taught.values())
    assert taught["phone"] < BROKEN + 480
    assert taught["calls"] < BROKEN + 480
    # Scores fall plainly enough to be seen by what one quarter of an hour has taught, but later.
    assert taught["csat"] < blind["csat"]


def test_each_says_what_it_sees_from_the_first_second_on(folder: Path) -> None:
    config = load_text(FILE, "shop.yml").config
    detection = Detection(config)
    detection.learn((folder / "learnt").read_bytes())
    second = int(LATER.timestamp())
    detection.close(second)
    detection.take(second + 1, [])
    detection.close(second + 1)
    watched = {(one.kind, one.signal, one.direction): one for one in detection.view(second + 1).watched}
    assert watched["signal", "calls", "down"].sees.startswith("an outage within ")
    assert watched["signal", "calls", "up"].sees.startswith("a tripling within ")
    assert watched["signal", "csat", "down"].sees.startswith("the worst score from everybody within ")
    assert watched["signal", "wait", "up"].sees == "what its detector finds, minute by minute"
    assert watched["source", "phone", "down"].sees.startswith("a silence of ")
    assert watched["arrivals", None, "down"].sees.startswith("an outage within ")


def test_without_anything_wrong_a_taught_service_says_nothing(folder: Path) -> None:
    calm = Events(3)
    calm.live(LATER, 5400)
    calm.write(folder / "calm.ndjson")
    out = folder / "calm.out"
    given = [f"{folder}/calm.ndjson", "--learnt", f"{folder}/learnt", "--out", str(out), "-q"]
    assert main(["replay", "-c", f"{folder}/shop.yml", *given]) == 0
    assert "touchline.alert.firing" not in out.read_text()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("watch: both", "watch: up", "calls: learnt as another signal than it is in the file now"),
        ("timezone: Europe/Kyiv", "timezone: UTC", "learnt by the hours of Europe/Kyiv, the file has UTC"),
        ("name: calibrated_residual, period: 0", "name: page_hinkley", "wait: learnt as another signal"),
        ("within: 10m", "within: 5m", "purchase/cart: learnt with 600 s to go on, here it is 300 s"),
        ("region: [kyiv, lviv]", "device: [phone]", "learnt by region, the file has device"),
    ],
)
def test_what_was_learnt_under_other_rules_is_refused(
    folder: Path, old: str, new: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = folder / "other.yml"
    assert old in FILE
    other.write_text(FILE.replace(old, new))
    assert main(["replay", "-c", str(other), f"{folder}/begun.ndjson", "--learnt", f"{folder}/learnt", "-q"]) != 0
    assert told in capsys.readouterr().err


def test_a_signal_that_is_no_longer_in_the_file_is_left_out(folder: Path) -> None:
    line = "  calls: {on: call.started, watch: both}\n"
    detection = Detection(load_text(FILE.replace(line, ""), "shop.yml").config)
    detection.learn((folder / "learnt").read_bytes())
    assert "calls" not in {one.signal for one in detection.view(None).watched}
