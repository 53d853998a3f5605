"""The printed tables of `benchmarks.quality`: a head and a line for each row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Row = dict[str, Any]

HEADS = {
    "delay": (
        "\nmean seconds to the alarm (×: not found by the end in some)\n"
        "per second law         series drop | sharp tolerant    ours  3κ % | (ours−1)/tolerant  known/sharp"
        " | rolling δ=0, 10 %, funnel δ=0, 10 %"
    ),
    "false": (
        "\nfalse alarms for each one granted\n"
        "family                      rate     one a | alarms granted  ratio  95 % interval  worst tenth"
    ),
    "cost": "\nshape                              series | µs per update  ns per series  bytes per series",
}


def _delay(row: Row) -> str:
    seconds = row["seconds"]

    def of(name: str) -> str:
        mark = "×" if name in row["not_found"] else ""
        return f"{seconds[name]:.0f}{mark}" if seconds[name] >= 100 else f"{seconds[name]:.1f}{mark}"

    known = row.get("known_baseline_ratio_to_sharp")
    rivals = " ".join(f"{rival['seconds']:.0f}{'×' if rival['not_found'] else ''}" for rival in row.get("rivals", []))
    ratio = row["ratio_to_tolerant_less_a_tick"]
    return (
        f"{row['completions_per_second']:>10} {row['law']:<12} {row['series']:>5} {row['drop']:>5.0%}"
        f" | {of('sharp'):>5} {of('tolerant'):>8} {of('ours'):>7} {100 * row['three_kappa']:>5.1f}"
        f" | {ratio:>17.2f} {'' if known is None else format(known, '.2f'):>12} | {rivals}"
    )


def _false(row: Row) -> str:
    if "total_outage_seconds" in row:
        seen = row["total_outage_seconds"]
        return (
            f"{row['family']:<27} total outage seen after {seen['median']:.0f} s (median), {seen['p90']:.0f} s (p90),"
            f" {seen['largest']:.0f} s at most; {row['not_seen']} not seen in 6 h; an alarm stood already in"
            f" {row['alarm_stood_already']}"
        )
    low, high = row["interval"]
    case = f"{row['family']:<27} {row['rate']:<8} {row['one_false_alarm_a']:<5}"
    return (
        f"{case} | {row['alarms']:>6} {row['granted']:>7.0f}"
        f" {row['ratio']:>6.3f}  {low:.3f} to {high:.3f} {row['worst_decile']:>12.2f}"
    )


def _cost(row: Row) -> str:
    return (
        f"{row['shape']:<33} {row['series']:>7,} | {row['microseconds_per_update']:>13,.0f}"
        f" {row['nanoseconds_per_series']:>14,.0f} {row['bytes_per_series']:>17,.0f}"
    )


LINES: dict[str, Callable[[Row], str]] = {"delay": _delay, "false": _false, "cost": _cost}
