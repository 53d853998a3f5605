"""`touchline replay`: history through the same stages at full speed, the same result every time."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import IO, Any

import msgspec
from rich.console import Console

from connectors.files import Files
from streams.config.load import Loaded, load_file
from streams.decisions import encode
from streams.effects import DeadLetter, Decision
from streams.runtime import baselines, history, logs
from streams.runtime.clock import SystemClock
from streams.runtime.collection import rare_collection
from streams.runtime.deliver_history import deliver_history
from streams.runtime.episodes import episodes
from streams.runtime.replay import Replay
from streams.runtime.report import print_report
from streams.runtime.sinks import check_receivers
from streams.summary import summary
from streams.units import format_time

HELP = "Run history from files through the rules of a file; the same result on every run."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--config", required=True, metavar="FILE", help="the rules (YAML)")
    history.inputs(parser)
    parser.add_argument("--out", metavar="FILE", help="write the decisions, one JSON record per line")
    parser.add_argument("--summary", metavar="FILE", help="write the totals as JSON")
    parser.add_argument("--signals", metavar="FILE", help="write every signal and conversion at the end, as NDJSON")
    parser.add_argument("--dead-letters", metavar="FILE", help="write what could not be taken, as NDJSON")
    parser.add_argument("--learn", metavar="FILE", help="write what is normal, to begin with it elsewhere (--learnt)")
    parser.add_argument(
        "--deliver",
        action="store_true",
        help="send the decisions to the file's receivers, which a replay else never does; gives up on what nobody has"
        " taken for a minute, exit code 1",
    )
    baselines.option(parser)
    history.reading(parser)


def run(args: argparse.Namespace) -> int:
    loaded = load_file(args.config)
    until = history.until(args.until)
    learnt = baselines.read(args.learnt, loaded)
    if args.deliver:
        check_receivers(loaded)
    screen = Console(stderr=True, quiet=args.quiet)
    history.say_warnings(screen, loaded, args.config)
    begun = time.perf_counter()
    for path in (args.out, args.summary, args.signals, args.dead_letters, args.learn):
        history.spare_inputs(path, [*args.events, args.config])
    with ExitStack() as files:
        files.enter_context(rare_collection())
        out, letters = (history.opened(files, path) for path in (args.out, args.dead_letters))
        learn_file = history.opened(files, args.learn)
        summary_file, signals_file = (history.opened(files, path) for path in (args.summary, args.signals))
        with history.progress(screen) as told:
            rows = history.rows_of(args, loaded, told)
            replay = Replay(loaded, learnt=learnt, recorded=args.log)
            for batch in replay.feed(rows):
                _write(letters, batch)
            _write(letters, replay.finish(until))
        seconds = time.perf_counter() - begun
        if out is not None:
            for decision in replay.decisions:
                out.write(encode(decision) + b"\n")
        totals = _summary(replay, rows, seconds)
        if summary_file is not None:
            summary_file.write(json.dumps(totals, indent=2, ensure_ascii=False).encode() + b"\n")
        if signals_file is not None:
            for line in _signals(replay, loaded):
                signals_file.write(line)
        units = {signal.name: (signal.as_, signal.unit) for signal in replay.signals.view().signals}
        if learn_file is not None:
            learn_file.write(replay.learnt())
    if not args.quiet:
        print_report(Console(), totals, replay.dead_letters, args.config, units, episodes(replay.decisions))
    return _deliver(loaded, replay.decisions, screen) if args.deliver else 0


def _deliver(loaded: Loaded, decisions: Sequence[Decision], screen: Console) -> int:
    """0 when every receiver took what is meant for it, else 1."""
    logs.configure("warning")
    receivers = asyncio.run(deliver_history(loaded, decisions, SystemClock()))
    left = 0
    for one in receivers:
        disabled = one.state == "disabled"
        left += one.pending + one.failed + disabled
        trouble = f", {one.pending:,} left: {one.last_error}" if one.pending or disabled else ""
        screen.print(f"{one.name}: {one.delivered:,} delivered{trouble}", highlight=False, markup=False)
    return 1 if left else 0


def _summary(replay: Replay, rows: Files, seconds: float) -> dict[str, Any]:
    totals = replay.signals.totals()
    made = summary(
        totals,
        decisions=Counter(decision.type for decision in replay.decisions),
        until=replay.journeys.position.watermark,
        events_per_second=round(totals.door.read / seconds) if seconds else 0,
    )
    if rows.skipped_rows:
        made["events"]["skipped_rows"] = rows.skipped_rows
    return made


def _write(file: IO[bytes] | None, letters: Iterable[DeadLetter]) -> None:
    if file is not None:
        file.writelines(map(_dead_letter, letters))


def _dead_letter(letter: DeadLetter) -> bytes:
    return (
        msgspec.json.encode(
            {
                "offset": letter.offset,
                "reason": letter.reason,
                "message": letter.message,
                "body": letter.body.decode("utf-8", "backslashreplace"),
            }
        )
        + b"\n"
    )


def _signals(replay: Replay, loaded: Loaded) -> Iterator[bytes]:
    """One line per signal or conversion, segment value and window, as things stand at the end of the input."""
    view = replay.signals.view()
    at = replay.journeys.position.watermark
    time_text = None if at is None else format_time(at)

    def line(subject: str, kind: str | None, quantity: str, segment: dict[str, str], window: str, value: Any) -> bytes:
        estimate = msgspec.structs.asdict(value)
        return (
            msgspec.json.encode(
                {
                    "time": time_text,
                    "subject": subject,
                    "kind": kind,
                    "quantity": quantity,
                    "segment": segment,
                    "window": window,
                    **{name: estimate[name] for name in ("n", "value", "low", "high")},
                }
            )
            + b"\n"
        )

    for journey in view.journeys:
        for step in journey.steps:
            if step.next_step is None:
                continue
            subject = f"{journey.name}/{step.name}"
            parts = [({}, step.windows), *(({s.dimension: s.value}, s.windows) for s in step.segments)]
            for segment, windows in parts:
                for name, window in windows.items():
                    yield line(subject, "outcome", "conversion_cohort", segment, name, window.cohort)
                    yield line(subject, "outcome", "conversion_throughput", segment, name, window.throughput)
    for signal in view.signals:
        for name, estimate in signal.windows.items():
            yield line(signal.name, signal.kind, signal.as_, {}, name, estimate)
        yield line(signal.name, signal.kind, signal.as_, {}, "all", signal.total)
        for part in signal.segments:
            for name, estimate in part.windows.items():
                yield line(signal.name, signal.kind, signal.as_, {part.dimension: part.value}, name, estimate)
