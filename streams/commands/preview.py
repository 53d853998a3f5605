"""`touchline preview`: what a changed file would have made of the same history; nothing is delivered."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from streams.config.load import Loaded, load_file
from streams.decisions import encode
from streams.effects import Decision
from streams.errors import UsageError
from streams.runtime import baselines, history
from streams.runtime.collection import rare_collection
from streams.runtime.preview_report import Run, print_preview
from streams.runtime.replay import Replay

HELP = "show what would have fired, been asked or withheld under a changed file"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--config", required=True, metavar="NEW", help="the rules to try (YAML)")
    parser.add_argument("--against", metavar="OLD", help="the rules to compare them with, over the same events")
    history.inputs(parser)
    parser.add_argument("--out", metavar="FILE", help="write the decisions under NEW, one JSON record per line")
    baselines.option(parser)
    history.reading(parser)


def run(args: argparse.Namespace) -> int:
    if args.against is not None and "-" in args.events:
        raise UsageError("-: standard input can be read only once; with --against name a file")
    until = history.until(args.until)
    files = [load_file(name) for name in (args.config, args.against) if name is not None]
    history.spare_inputs(args.out, [*args.events, args.config, *([args.against] if args.against else [])])
    screen = Console(stderr=True, quiet=args.quiet)
    with ExitStack() as open_files:
        open_files.enter_context(rare_collection())
        out = history.opened(open_files, args.out)
        runs = [_replayed(args, loaded, until, screen) for loaded in files]
        if out is not None:
            out.writelines(encode(decision) + b"\n" for decision in runs[0].decisions)
    if not args.quiet:
        print_preview(Console(), runs[0], runs[1] if len(runs) > 1 else None)
    return 0


def _replayed(args: argparse.Namespace, loaded: Loaded, until: int | None, screen: Console) -> Run:
    """What one file makes of the inputs."""
    name, learnt = Path(loaded.name).name, baselines.read(args.learnt, loaded)
    with history.progress(screen, f"replaying under {name}") as told:
        replay = Replay(loaded, learnt=learnt)
        letters = sum(len(batch) for batch in replay.feed(history.rows_of(args, loaded, told)))
        letters += len(replay.finish(until))
    return Run(name, replay.signals.totals().door.accepted, letters, _types(replay.decisions), replay.decisions)


def _types(decisions: Sequence[Decision]) -> Counter[str]:
    """How many of each type; those with a reason by reason too."""
    return Counter(
        f"{decision.type} ({decision.data['reason']})" if decision.data.get("reason") else decision.type
        for decision in decisions
    )
