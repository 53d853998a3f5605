"""Stories of alerts in `stories.yml`, as a support lead would tell them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.alerts.book import AlertBook
from streams.effects import Decision
from streams.findings import Finding, SeriesKey
from streams.units import SECOND, parse_duration
from streams.view import AlertView
from tests.streams.alerts.shop import START, book, drop, finding, score, silence

STORIES = yaml.safe_load(Path(__file__).with_name("stories.yml").read_text(encoding="utf-8"))


def seconds(text: str) -> int:
    return parse_duration(text) // SECOND


def series(place: str) -> SeriesKey:
    """`purchase/checkout [device=mobile]`, `signal csat`, `source payments`."""
    where, _, segment = place.partition(" [")
    dimension, _, value = segment.removesuffix("]").partition("=")
    kind, _, name = where.partition(" ")
    if kind == "source":
        return silence(name)
    if kind == "signal":
        return score(name)
    journey, _, step = where.partition("/")
    return drop(step, journey, dimension, value)


def heard(line: dict[str, Any], place: str, tick: int, began: dict[SeriesKey, int]) -> Finding:
    """What a watcher says; a drop began a minute before it fired, and its size is known within five points."""
    known: dict[str, Any] = {name: line[name] for name in ("loss", "early", "segments") if name in line}
    if "segments" in known:
        known["segments"] = tuple(known["segments"])
    if "size" in line:
        size = line["size"]
        known |= {"size": size, "size_low": size - 0.05, "size_high": size + 0.05}
    since = began.setdefault(series(place), tick - 60)
    return finding(series(place), tick, since=since, since_low=since - 10, since_high=since + 10, **known)


def acted(alerts: AlertBook, line: dict[str, Any], tick: int, began: dict[SeriesKey, int]) -> list[Decision]:
    """What a line brings about."""
    if "change" in line:
        source, _, name = line["change"].partition("/")
        alerts.change((tick - seconds(line["before"])) * SECOND, source, name, {})
    if "learns" in line:
        source, _, place = line["learns"].split()
        for second in range(40):
            alerts.hear(tick - 40 + second, {source}, {tuple(place.split("/"))})
    if "says" in line:
        names = [view.fingerprint for view in alerts.views(tick) if f"{view.journey}/{view.step}" == line["to"]]
        alerts.command(line["says"], tick * SECOND, names[0], "olena", None)
    if "fires" in line:
        began.pop(series(line["fires"]), None)
        return alerts.fire(heard(line, line["fires"], tick, began))
    if "updates" in line:
        return alerts.update(heard(line, line["updates"], tick, began))
    if "resolves" in line:
        return alerts.resolve(series(line["resolves"]), tick)
    if "rebaselines" in line:
        return alerts.rebaseline(series(line["rebaselines"]), tick, line["ratio"])
    return []


def record(decision: Decision) -> str:
    """`updated purchase/checkout critical severity size`."""
    words = [decision.type.removeprefix("touchline.alert."), decision.subject, decision.data["severity"]]
    words += [fact.removeprefix("changed=") for fact in decision.data["because"] if fact.startswith("changed=")]
    if words[0] == "firing" and decision.data["fired"] > 1:
        words.append("again")
    if decision.data["state"] == "flapping":
        words.append("flapping")
    return " ".join(words)


def picture(view: AlertView, every: list[AlertView]) -> str:
    """`firing critical device=mobile 1 change root`."""
    words = [view.state, view.severity]
    segments = [",".join(f"{name}={value}" for name, value in one.items()) for one in view.segments or []]
    words += segments or ["everywhere"]
    if view.changes:
        words.append(f"{len(view.changes)} change")
    if view.root == view.fingerprint and len([one for one in every if one.incident == view.incident]) > 1:
        words.append("root")
    return " ".join(words)


@pytest.mark.parametrize("story", STORIES, ids=[story["story"] for story in STORIES])
def test_it_goes_as_the_story_says(story: dict[str, Any]) -> None:
    alerts, tick = book(), START
    began: dict[SeriesKey, int] = {}
    told: list[Decision] = []
    for number, line in enumerate(story["lines"], 1):
        tick = START + seconds(line["at"]) if "at" in line else tick
        while (due := alerts.next_due()) is not None and due <= tick:
            told += alerts.close(due)
        told += acted(alerts, line, tick, began)
        if "told" in line:
            assert [record(decision) for decision in told] == line["told"], f"line {number}: {line}"
            told = []
        if "shown" in line:
            views = alerts.views(tick)
            assert [picture(view, views) for view in views] == line["shown"], f"line {number}: {line}"
    assert told == []
