"""The table a replay ends with: what was read, what the journeys and signals came to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.reasons import INVALID

_COUNTS = ("entered", "completed", "abandoned", "in_flight", "recovered", "skipped", "repeated", "unattributed", "merged")


def print_report(console: Console, summary: Mapping[str, Any], dead_letters: Mapping[str, int], name: str) -> None:
    """Show a summary (its structure is `--summary`'s) and why records were not taken."""
    events = summary["events"]
    span = f"{summary['from']} … {summary['until']}" if summary["from"] else "no valid event"
    console.print(Text.assemble((f"\n{events['read']:,}", "bold"), " events read  ", (span, "dim")))
    parts = [f"{key.replace('_', ' ')} {value:,}" for key, value in events.items() if key != "read" and value]
    console.print("  " + " · ".join(parts) + f" · {summary['events_per_second']:,} events/s", highlight=False)
    for reason, count in sorted(dead_letters.items(), key=lambda item: -item[1]):
        console.print(f"  invalid: {count:,} × {reason} – {INVALID.get(reason, '')}", style="yellow", highlight=False)
    for journey, content in summary["journeys"].items():
        console.print(_journey(journey, content["steps"]))
    if summary["signals"]:
        console.print(_signals(summary["signals"]))
    if summary["decisions"]:
        console.print(
            "decisions  " + " · ".join(f"{kind} {count:,}" for kind, count in summary["decisions"].items()),
            highlight=False,
        )
    if not events["accepted"]:
        console.print(
            f"nothing was accepted: does {name} describe this input? (touchline check -c {name})", style="yellow"
        )


def _journey(name: str, steps: Mapping[str, Mapping[str, int]]) -> Table:
    shown = [count for count in _COUNTS if count in _COUNTS[:4] or any(step[count] for step in steps.values())]
    table = Table(title=f"journey {name}", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("step")
    for count in shown:
        table.add_column(count.replace("_", " "), justify="right")
    table.add_column("converted", justify="right")
    last = list(steps)[-1]
    for step, counts in steps.items():
        settled = counts["completed"] + counts["abandoned"]
        share = "goal" if step == last else f"{counts['completed'] / settled:.1%}" if settled else "–"
        table.add_row(step, *(f"{counts[count]:,}" for count in shown), share)
    return table


def _signals(signals: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(title="signals", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("signal", "n", "value", "95 % interval"):
        table.add_column(column, justify="left" if column == "signal" else "right")
    for name, estimate in signals.items():
        if estimate["value"] is None:
            table.add_row(name, f"{estimate['n']:,}", "–", "too few")
        else:
            low, high = estimate["low"], estimate["high"]
            interval = "–" if low is None or high is None else f"{low:.4g} … {high:.4g}"
            table.add_row(name, f"{estimate['n']:,}", f"{estimate['value']:.4g}", interval)
    return table
