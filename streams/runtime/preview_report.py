"""What `touchline preview` shows: the decisions and alerts of one file, or of two side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from streams.effects import Decision
from streams.runtime import alert_words
from streams.runtime.episodes import Comparison, Episode, compare, episodes, lasted, moment
from streams.runtime.report import table_of

BREACHED = "touchline.signal.breached"


class Run(msgspec.Struct, frozen=True):
    """What one file made of the inputs."""

    name: str
    """The file's."""
    accepted: int
    """Events accepted."""
    letters: int
    """Dead letters."""
    types: Counter[str]
    """How many decisions of each type."""
    decisions: list[Decision]


def print_preview(console: Console, new: Run, old: Run | None = None) -> None:
    """Show one run, or how it differs from another."""
    for one in (new, *([old] if old is not None else [])):
        letters = f" · {one.letters:,} dead letters" if one.letters else ""
        decisions = f"{len(one.decisions):,} decision{'s' if len(one.decisions) != 1 else ''}"
        said = f"{one.name}: {one.accepted:,} events accepted{letters} · {decisions}"
        console.print(said, highlight=False, markup=False)
        if not one.accepted:
            console.print(f"nothing was accepted: does {one.name} describe this input?", style="yellow", markup=False)
    names = [new.name] if old is None else ["new", "old"]
    counts = [new.types] if old is None else [new.types, old.types]
    if any(counts):
        console.print(_counted("decisions", "type", names, counts))
    breaches = [_breaches(run.decisions) for run in (new, *([old] if old is not None else []))]
    if any(breaches):
        console.print(_counted("signal.breached by subject", "subject", names, breaches))
    ours = episodes(new.decisions)
    if old is None:
        _print_alerts(console, "alerts", ours)
        return
    found = compare(ours, episodes(old.decisions))
    if found == Comparison([], [], []):
        console.print("\nalerts: none under either file")
    else:
        _print_alerts(console, "alerts only under the new file", found.only_new)
        _print_alerts(console, "alerts only under the old file", found.only_old)
        _print_alerts(console, "alerts under both, as the new file sees them", found.both)


def _breaches(decisions: Sequence[Decision]) -> Counter[str]:
    """By subject and segment value."""
    return Counter(_breached(decision) for decision in decisions if decision.type == BREACHED)


def _breached(decision: Decision) -> str:
    segment = decision.data.get("segment") or {}
    return " ".join([decision.subject, *(f"{name}={value}" for name, value in sorted(segment.items()))])


def _counted(title: str, first: str, names: Sequence[str], counts: Sequence[Counter[str]]) -> Table:
    table = table_of(title, first, *names)
    if len(names) > 1:
        table.add_column("", no_wrap=True)
    for key in sorted(set().union(*counts)):
        row = [one[key] for one in counts]
        table.add_row(key.removeprefix("touchline."), *(f"{count:,}" for count in row), *_difference(row))
    return table


def _difference(row: Sequence[int]) -> Iterator[str]:
    """In which of two runs, where it is not in both."""
    if len(row) > 1:
        new, old = row
        yield "only new" if not old else "only old" if not new else f"{new - old:+,}" if new != old else "same"


def _print_alerts(console: Console, title: str, alerts: Sequence[Episode]) -> None:
    if not alerts:
        console.print(f"\n{title}: none", highlight=False)
        return
    table = table_of(f"{title}, times in UTC", "alert")
    for column in ("since", "lasted", "size", "segments", "severity", "n"):
        table.add_column(column, overflow="fold")  # narrow screens wrap, nothing is left out
    table.columns[0].no_wrap, table.columns[0].overflow = False, "fold"
    for episode in alerts:
        alert = episode.alert
        fired = f", fired {alert.fired} ×" if alert.fired > 1 else ""
        table.add_row(
            alert_words.place(alert),
            moment(alert.since),
            f"{lasted(episode)}{fired}",
            alert_words.short_size(alert),
            alert_words.who(alert),
            alert.severity,
            alert_words.short_numbers(alert),
        )
    console.print(table)
