"""Alarms over real logs without a known incident, each with what stood in the log around it.

    python -m benchmarks.real_logs [--only "loan;ratings"] [--budget 1] [--context]

The files are those of `../shared/data`; one that is absent is left out with a sentence. They are read through the
examples' files, with the watches named below switched on. Results of logs not in `--only` are kept as they are.
`credit` is the expected number of false alarms that was granted while somebody could be judged; whether an alarm is a
false one, only a look at the log can say: `--context` prints the days around it.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from benchmarks.log_diary import Diary, Place
from benchmarks.result import RESULTS, write
from connectors.files import Files
from streams.config.caring import Calendar
from streams.config.journeys import Step
from streams.config.load import Loaded, load_file
from streams.runtime.collection import rare_collection
from streams.runtime.episodes import Episode, episodes
from streams.runtime.replay import Replay
from streams.units import HOUR, Rate, format_time, parse_time

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
WEEK_SECONDS = 604_800
MICROSECONDS = 1_000_000
BEFORE, AFTER = timedelta(days=8), timedelta(days=4)
"""Days of the log shown around an alarm."""


class Log(NamedTuple):
    """One real file, the example that reads it, and what is watched beyond the usual."""

    file: str
    example: str
    watch: dict[str, str] = {}
    """Signal -> direction."""
    arrivals: dict[str, str] = {}
    """Journey -> direction."""
    office: dict[str, int] = {}
    """Step -> hours of `OFFICE` that there are to enter it, where its time runs in opening hours."""

    def by_hours(self, step: Step) -> Step:
        """A step of the example, its time in opening hours where it is to be."""
        hours = self.office.get(step.name)
        return step if hours is None else replace(step, calendar="office", within=hours * HOUR)


OFFICE = Calendar(
    timezone="Europe/Amsterdam",
    open={
        **dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ((9 * HOUR, 21 * HOUR),)),
        "sat": ((10 * HOUR, 17 * HOUR),),
    },
)
"""When the bank of the loan log works, as a look at its offers shows: 67 hours a week."""

LOGS = {
    "ratings": Log("ratings_elastic_anonreviews.csv.gz", "survey.yml", {"stars": "both"}, {"regained": "both"}),
    "help desk": Log("journey_helpdesk.csv.gz", "support.yml", {"received": "both", "waiting": "both"}),
    "loan": Log("journey_bpic2012_loan.csv.gz", "loan.yml", {"offers": "both"}, {"application": "both"}),
    # A week of the file's days is 67 open hours.
    "loan, opening hours": Log(
        "journey_bpic2012_loan.csv.gz",
        "loan.yml",
        {"offers": "both"},
        {"application": "both"},
        {"accepted": 48, "offered": 67, "returned": 201, "approved": 134},
    ),
    "hotline": Log("complaints_kyiv1551_meta.csv.gz", "survey.yml", {"complaints": "both"}),
}


def rules(log: Log, budget: float) -> Loaded:
    """The example's file with the watches, and `budget` false alarms a week."""
    loaded = load_file(str(ROOT / "examples" / log.example))
    config = loaded.config
    config = replace(
        config,
        signals={
            name: replace(signal, watch=log.watch.get(name, signal.watch)) for name, signal in config.signals.items()
        },
        journeys={
            name: replace(
                journey,
                arrivals=log.arrivals.get(name, journey.arrivals),
                steps=tuple(map(log.by_hours, journey.steps)),
            )
            for name, journey in config.journeys.items()
        },
        calendars={**config.calendars, "office": OFFICE},
        alerts=replace(config.alerts, false_alarms=Rate(budget, "week")),
    )
    return replace(loaded, config=config)


def replayed(log: Log, loaded: Loaded) -> tuple[Replay, Diary]:
    """The whole file through both stages."""
    replay = Replay(loaded)
    diary = Diary(loaded.config, loaded.hash)
    diary.keep(loaded.config.timezone)
    replay.signals = diary
    with rare_collection():
        for _ in replay.feed(Files([str(DATA / log.file)], loaded.config)):
            pass
        replay.finish()
    return replay, diary


def study(log: Log, budget: float) -> dict[str, Any]:
    """One log: what was granted, what fired, and each alarm with its surroundings."""
    loaded = rules(log, budget)
    begun = time.process_time()
    replay, diary = replayed(log, loaded)
    alarms = diary.view().alarms
    totals = diary.totals()
    assert alarms is not None
    assert totals.first is not None
    assert totals.last is not None
    weeks = (totals.last - totals.first) / MICROSECONDS / WEEK_SECONDS
    found = episodes(replay.decisions)
    fired = sum(episode.alert.fired for episode in found)
    zone = loaded.config.timezone
    return {
        "file": log.file,
        "events": totals.door.accepted,
        "first": format_time(totals.first),
        "last": format_time(totals.last),
        "weeks": round(weeks, 1),
        "budget": budget,
        "credit": round(alarms.credit_used, 2),
        "alarms": fired,
        "alarms_per_week": round(fired / weeks, 3),
        "seconds_of_cpu": round(time.process_time() - begun, 1),
        "found": [described(episode, diary, zone) for episode in found],
        "watched": [
            f"{one.kind} {one.journey or one.signal}/{one.step or ''} {one.direction}: {one.state}, sees {one.sees}"
            for one in alarms.watched
            if one.value is None
        ],
    }


def described(episode: Episode, diary: Diary, zone: str) -> dict[str, Any]:
    """An alarm in words and numbers, with the days around it."""
    alert = episode.alert
    since = parse_time(alert.since)
    ended = None if episode.ended is None else local(episode.ended, zone)
    first, last = day(since, zone), day(episode.ended or parse_time(alert.fired_at or alert.since), zone)
    of_a_signal = alert.signal in diary.config.signals
    place: Place = (alert.signal, "") if of_a_signal else (alert.journey or "", alert.step or "")
    return {
        "what": f"{alert.journey or ''}/{alert.step or ''} {alert.signal} {alert.direction}",
        "segments": alert.segments,
        "since": local(since, zone),
        "fired": None if alert.fired_at is None else local(parse_time(alert.fired_at), zone),
        "ended": ended,
        "times": alert.fired,
        "observed": alert.observed,
        "expected": round(alert.expected, 1),
        "size": alert.size,
        "size_low": alert.size_low,
        "size_high": alert.size_high,
        "severity": alert.severity,
        "explanation": alert.explanation,
        "notes": alert.notes,
        "context": diary.page(place, first - BEFORE, min(last, first + 2 * BEFORE) + AFTER),
    }


def day(moment: int, zone: str) -> date:
    """Local day of a time in UTC epoch microseconds."""
    return datetime.fromtimestamp(moment / MICROSECONDS, UTC).astimezone(ZoneInfo(zone)).date()


def local(moment: int, zone: str) -> str:
    """Weekday, day and minute, local."""
    return f"{datetime.fromtimestamp(moment / MICROSECONDS, UTC).astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M}"


def show(name: str, figures: dict[str, Any], *, context: bool) -> None:
    """The report of one log."""
    lines = [
        f"\n{name}: {figures['events']:,} events, {figures['first'][:10]} to {figures['last'][:10]},"
        f" {figures['weeks']} weeks; {figures['alarms']} alarms, {figures['alarms_per_week']} a week"
        f" (budget {figures['budget']:g}, credit granted {figures['credit']}); {figures['seconds_of_cpu']} s of CPU"
    ]
    for one in figures["found"]:
        change = "on top" if one["what"].endswith("up") else "gone"
        size = "" if one["size"] is None else f", {100 * one['size']:.0f} % {change}"
        lines.append(
            f"  {one['what']} {one['segments']}: since {one['since']}, fired {one['fired']} ({one['times']} x),"
            f" ended {one['ended']}; {one['observed']:g} of {one['expected']:g}{size}; {one['severity']}"
        )
        lines.append(f"    {one['explanation']} {' '.join(one['notes'])}".rstrip())
        if context:
            lines += [f"      {line}" for line in one["context"]]
    lines += [f"  {line}" for line in figures["watched"]]
    print("\n".join(lines), flush=True)  # noqa: T201  # the benchmark's report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=";".join(LOGS), help="names, separated by semicolons")
    parser.add_argument("--budget", type=float, default=1.0, help="false alarms per week")
    parser.add_argument("--context", action="store_true", help="print the days around each alarm")
    args = parser.parse_args()
    written = RESULTS / "real_logs.json"
    figures: dict[str, Any] = json.loads(written.read_text(encoding="utf-8")) if written.exists() else {}
    figures.pop("machine", None)
    for name in args.only.split(";"):
        log = LOGS[name]
        if not (DATA / log.file).exists():
            print(f"{name}: left out, {log.file} is not in {DATA}")  # noqa: T201
            continue
        figures[name] = study(log, args.budget)
        show(name, figures[name], context=args.context)
        # The days around each alarm are printed, not kept.
        figures[name]["found"] = [
            {key: value for key, value in one.items() if key != "context"} for one in figures[name]["found"]
        ]
        write("real_logs", figures)


if __name__ == "__main__":
    main()
