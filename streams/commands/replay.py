"""`touchline replay`: history through the same stages at full speed, nothing delivered, the same result every time."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from connectors.files import Files, read_files
from streams.config.load import Loaded, load_file
from streams.decisions import encode
from streams.effects import DeadLetter
from streams.errors import InputError, UsageError
from streams.runtime.collection import rare_collection
from streams.runtime.replay import Replay
from streams.runtime.report import print_report
from streams.summary import summary
from streams.units import format_time, parse_time

HELP = "Run history from files through the rules of a file; the same result on every run."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--config", required=True, metavar="FILE", help="the rules (YAML)")
    parser.add_argument("events", nargs="+", metavar="EVENTS", help="NDJSON or CSV, .gz too; - is standard input")
    parser.add_argument("--out", metavar="FILE", help="write the decisions, one JSON record per line")
    parser.add_argument("--summary", metavar="FILE", help="write the totals as JSON")
    parser.add_argument("--signals", metavar="FILE", help="write every signal and conversion at the end, as NDJSON")
    parser.add_argument("--dead-letters", metavar="FILE", help="write what could not be taken, as NDJSON")
    parser.add_argument("--source", metavar="NAME", help="read the inputs through this entry of `sources:`")
    parser.add_argument("--sort", action="store_true", help="sort the inputs by event time first, in bounded memory")
    parser.add_argument("--until", metavar="TIME", help="let time run on to here after the last event (RFC 3339)")
    parser.add_argument("--log", action="store_true", help="the input is a recorded log: take `touchline.` records")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress and no table")


def run(args: argparse.Namespace) -> int:
    loaded = load_file(args.config)
    until = _until(args.until)
    screen = Console(stderr=True, quiet=args.quiet)
    if loaded.warnings:
        count = len(loaded.warnings)
        name = f"{count} warning{'s' if count > 1 else ''} about {args.config}"
        said = f"{name}: touchline check -c {args.config} lists them"
        screen.print(said, style="yellow", highlight=False, markup=False, soft_wrap=True)
    begun = time.perf_counter()
    for path in (args.out, args.summary, args.signals, args.dead_letters):
        _spare_inputs(path, [*args.events, args.config])
    with ExitStack() as files:
        files.enter_context(rare_collection())
        out, letters = (_open(files, path) for path in (args.out, args.dead_letters))
        summary_file, signals_file = (_open(files, path) for path in (args.summary, args.signals))
        with _progress(screen) as told:
            rows = read_files(args.events, loaded.config, args.source, sort=args.sort, internal=args.log, progress=told)
            replay = Replay(loaded)
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
    if not args.quiet:
        units = {signal.name: (signal.as_, signal.unit) for signal in replay.signals.view().signals}
        print_report(Console(), totals, replay.dead_letters, args.config, units)
    return 0


def _until(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError as fault:
        raise UsageError(f"--until: {fault}") from None


def _spare_inputs(path: str | None, inputs: Sequence[str]) -> None:
    """Refuse to write over what is read: opening it would empty it."""
    if path is None or not Path(path).is_file():
        return
    for given in inputs:
        if Path(given).is_file() and Path(path).samefile(given):
            raise UsageError(f"{path}: is read here and cannot be written too; name another file")


def _open(files: ExitStack, path: str | None) -> IO[bytes] | None:
    if path is None:
        return None
    if path == "-":
        return sys.stdout.buffer
    try:
        return files.enter_context(Path(path).open("wb"))
    except OSError as fault:
        raise InputError(f"{path}: cannot be written: {fault.strerror or fault}") from None


@contextmanager
def _progress(screen: Console) -> Iterator[Any]:
    """A bar of bytes read, on a terminal only."""
    if screen.quiet or not screen.is_terminal:
        yield None
        return
    columns = (TextColumn("replaying"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("replaying", total=None)
        yield lambda read, total: bar.update(task, completed=read, total=total or None)


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
