"""The table a replay ends with: what was read, what the journeys and signals came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.estimates import share
from streams.reasons import INVALID
from streams.runtime import episodes
from streams.runtime.episodes import Episode

_ALERTS = 50
"""Alerts listed; of more it is said how many."""
_ALSO = ("recovered", "skipped", "repeated", "unattributed", "merged")


def print_report(
    console: Console,
    summary: Mapping[str, Any],
    dead_letters: Mapping[str, int],
    name: str,
    units: Mapping[str, tuple[str, str]],
    alerts: Sequence[Episode] = (),
) -> None:
    """Show a summary (its structure is `--summary`'s) and why records were not taken.

    `units` gives each signal's `as` and unit; `alerts` are in the order in which they fired.
    """
    events = summary["events"]
    span = f"{summary['from']} … {summary['until']}" if summary["from"] else "no valid event"
    console.print(Text.assemble((f"\n{events['read']:,}", "bold"), " events read  ", (span, "dim")))
    parts = [f"{key.replace('_', ' ')} {value:,}" for key, value in events.items() if key != "read" and value]
    console.print("  " + " · ".join(parts) + f" · {summary['events_per_second']:,} events/s", highlight=False)
    if not events["accepted"]:
        console.print(
            f"nothing was accepted: does {name} describe this input? (touchline check -c {name})", style="yellow"
        )
    for reason, count in sorted(dead_letters.items(), key=lambda item: -item[1]):
        console.print(f"  invalid: {count:,} × {reason} – {INVALID.get(reason, '')}", style="yellow", highlight=False)
    silent = []
    for journey, content in summary["journeys"].items():
        steps = content["steps"]
        if not any(any(counts.values()) for counts in steps.values()):
            silent.append(journey)
            continue
        console.print(_journey(journey, steps))
        for line in _besides(steps):
            console.print(line, style="dim", highlight=False)
    heard = {signal: estimate for signal, estimate in summary["signals"].items() if estimate["n"]}
    silent += [signal for signal in summary["signals"] if signal not in heard]
    if heard:
        console.print(_signals(heard, units))
    if silent:
        console.print(f"\nno event for: {', '.join(silent)}", style="dim", highlight=False)
    if alerts:
        console.print(Text("\nalerts, times in UTC", style="bold"))
        for episode in alerts[:_ALERTS]:
            console.print(f"▲ {episodes.line(episode)}", highlight=False, markup=False, soft_wrap=True)
        if len(alerts) > _ALERTS:
            console.print(f"and {len(alerts) - _ALERTS:,} more: --out writes them all", style="dim", highlight=False)
    if summary["decisions"]:
        console.print(
            "\ndecisions  " + " · ".join(f"{kind} {count:,}" for kind, count in summary["decisions"].items()),
            highlight=False,
        )


def _journey(name: str, steps: Mapping[str, Mapping[str, int]]) -> Table:
    table = table_of(f"journey {name}", "step", "entered", "completed", "abandoned", "in flight", "of settled")
    last = list(steps)[-1]
    for step, counts in steps.items():
        settled = counts["completed"] + counts["abandoned"]
        converted = share(counts["completed"], settled, 1)
        shown = "–"
        if step == last:
            shown = "goal"
        elif converted.value is not None and converted.low is not None and converted.high is not None:
            shown = f"{converted.value:.1%}  {converted.low * 100:.1f}–{converted.high * 100:.1f}"
        numbers = (f"{counts[count]:,}" for count in ("entered", "completed", "abandoned", "in_flight"))
        table.add_row(step, *numbers, shown)
    return table


def _besides(steps: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """The rarer counts, a line per kind: they are mostly zero."""
    for count in _ALSO:
        where = ", ".join(f"{counts[count]:,} at {step}" for step, counts in steps.items() if counts[count])
        if where:
            yield f"{count}: {where}"


def _signals(signals: Mapping[str, Mapping[str, Any]], units: Mapping[str, tuple[str, str]]) -> Table:
    table = table_of("signals over the whole input", "signal", "n", "value", "95 % interval")
    table.add_column("as", style="dim")
    for name, estimate in signals.items():
        low, high = estimate["low"], estimate["high"]
        as_, unit = units.get(name, ("", ""))
        kind = f"{as_}, {unit.replace('_', ' ')}" if unit else as_
        if estimate["value"] is None:
            table.add_row(name, f"{estimate['n']:,}", "–", "too few to say", kind)
        else:
            interval = "–" if low is None or high is None else f"{_short(low)} … {_short(high)}"
            table.add_row(name, f"{estimate['n']:,}", _short(estimate["value"]), interval, kind)
    return table


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def table_of(title: str, first: str, *numbers: str) -> Table:
    """An empty table in the look of all reports: its first column holds words, the others numbers."""
    table = Table(
        title=f"\n{title}",
        title_justify="left",
        title_style="bold",
        box=box.HORIZONTALS,
        show_edge=False,
        pad_edge=False,
        border_style="dim",
        header_style="dim",
    )
    table.add_column(first, no_wrap=True)
    for column in numbers:
        table.add_column(column, justify="right", no_wrap=True)
    return table
