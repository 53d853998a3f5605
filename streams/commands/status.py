"""`touchline status`: how a cluster is doing, partition by partition, from what its workers tell Redis."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Sequence

import msgspec

from streams.runtime.cluster.overview import DecisionsRow, Overview, Row, look, shares, slowest
from streams.units import format_time

HELP = "how a cluster is doing: who has each partition, how far behind it is, what waits there"
_COLUMNS = (
    ("PARTITION", 9),
    ("WORKER", 24),
    ("LAG", 10),
    ("RECORDS", 10),
    ("PER S", 8),
    ("CPU", 5),
    ("TIMERS", 10),
    ("OUTBOX", 8),
    ("WATERMARK", 24),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "--redis", required=True, metavar="URL", help="the store: redis://HOST:PORT/DB or redis+cluster://HOST:PORT"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """0, or 1 when a partition or the signals have no worker that takes their records."""
    overview = asyncio.run(look(args.redis))
    if args.json:
        sys.stdout.write(msgspec.json.encode(overview).decode() + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _told(overview))
    return 0 if overview.well else 1


def _told(overview: Overview) -> list[str]:
    lines = ["  ".join(f"{name:<{width}}" for name, width in _COLUMNS).rstrip()]
    for row in overview.partitions:
        cells = zip(_cells(row), _COLUMNS, strict=True)
        trouble = "" if row.trouble is None else f"  {row.trouble}"
        lines.append("  ".join(f"{cell:<{width}}" for cell, (_, width) in cells).rstrip() + trouble)
    worst = slowest(overview.partitions)
    if worst is not None:
        records, cpu = shares(worst, overview.partitions)
        lines += [
            "",
            f"most behind: partition {worst.partition}, {worst.lag_seconds:.1f} s; it takes"
            f" {worst.events_per_second:,.0f} records/s ({records:.0%} of all) and {worst.cpu_share:.0%} of a core"
            f" ({cpu:.0%} of all partitions' processor time)",
        ]
    signals = overview.signals
    lines += ["", f"signals: {signals.worker or 'nobody has them'}"]
    if signals.worker is not None:
        lag = "" if signals.lag_records is None else f", {signals.lag_records} counts behind"
        held = ", ".join(map(str, signals.held_back_by))
        lines[-1] += f"{lag}, outbox {signals.outbox}" + (f", waiting for partitions {held}" if held else "")
    if overview.decisions:
        lines.append(_of_decisions(overview.decisions))
        lines += [f"decisions:{row.partition}: {row.trouble}" for row in overview.decisions if row.trouble is not None]
    lines += [
        f"receiver {one.name}: {one.state}, {one.pending} wait" + (f", {one.last_error}" if one.last_error else "")
        for one in overview.receivers
    ]
    for worker in overview.workers:
        state = "ready" if worker.not_ready is None else worker.not_ready
        lines.append(f"worker {worker.name}: {worker.partitions} partitions, file {worker.config}, {state}")
    if len({worker.config for worker in overview.workers}) > 1:
        lines.append("the workers have different files: start them all with the same one")
    if len(followed := Counter(row.config for row in overview.partitions if row.config)) > 1:
        lines += [f"{count} partitions follow file {config}" for config, count in sorted(followed.items())]
    return lines


def _of_decisions(rows: Sequence[DecisionsRow]) -> str:
    behind = [row.lag_records for row in rows if row.lag_records is not None]
    lag = max((row.lag_seconds for row in rows if row.lag_seconds is not None), default=None)
    told = f"decisions: {len(rows)} partitions"
    if behind:
        told += f", {sum(behind)} records behind" + ("" if lag is None else f", {lag:.1f} s")
    return f"{told}, {sum(row.pending for row in rows)} deliveries wait"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        str(row.partition),
        row.worker or "-",
        "-" if row.lag_seconds is None else f"{row.lag_seconds:.1f} s",
        "-" if row.lag_records is None else str(row.lag_records),
        "-" if row.worker is None else f"{row.events_per_second:.0f}",
        "-" if row.worker is None else f"{row.cpu_share:.0%}",
        str(row.timers),
        str(row.outbox),
        "-" if row.watermark is None else format_time(row.watermark),
    )
