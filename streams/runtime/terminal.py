"""The live terminal of the demo: the same views as the console, drawn with rich; plain lines where there is no
terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from streams.estimates import Estimate
from streams.runtime import alert_words
from streams.runtime.service import Health
from streams.runtime.simulation import IncidentState
from streams.view import AlarmsView, AlertView, JourneyView, SignalView, StepView

WINDOW = "5m"
"""The window all numbers of the terminal are of."""
_BAR, _SHORT_BAR = 24, 10
_DECISIONS = 4
_ALERTS, _FEW_ALERTS = 3, 2
"""Alerts shown; of more it is said how many."""
_GOOD, _BAD, _SOFT, _MARK, _UNSURE = "green", "bold red", "bright_black", "cyan", "yellow"


class Frame(msgspec.Struct, frozen=True):
    """Everything one picture shows."""

    journeys: Sequence[JourneyView]
    signals: Sequence[SignalView]
    health: Health
    decisions: Sequence[Mapping[str, Any]]
    """Decision records, newest first."""
    incident: IncidentState
    url: str
    keys: bool = False
    """Whether key presses are read."""
    alarms: AlarmsView | None = None
    """None where no detection runs."""


def draw(frame: Frame, width: int = 120, height: int = 40) -> RenderableType:
    """The whole picture, for a terminal of so many columns and lines.

    Narrower than 100 columns, the bars are short and the entrants left out; lower than 28 lines, only signals that
    are breached are shown, and alerts take one line each.
    """
    wide, high = width >= 100, height >= 28
    signals = [signal for signal in frame.signals if high or signal.state == "breached"]
    alarming = _alarming(frame.alarms)
    parts: list[RenderableType] = [_title(frame), Text()]
    if frame.alarms is not None:
        parts += [_alarms(frame.alarms, high), *([Text()] if high else [])]
    parts += [_journeys(frame.journeys, wide, alarming), Text()]
    if signals:
        parts += [_signals(signals), Text()]
    return Group(*parts, _decisions(frame.decisions[: _DECISIONS if high else 2]), Text(), _foot(frame))


def line(frame: Frame) -> str:
    """One plain line: the state of things for logs and pipes."""
    health = frame.health
    parts = [
        _clock(health.watermark),
        f"{health.events_per_second:.0f} events/s",
        f"lag {_seconds(health.lag_seconds)}",
        f"read {health.events.read:,}",
    ]
    parts.extend(
        f"ALARM {alert_words.place(alert)} {alert_words.size(alert)}".rstrip()
        for alert in (frame.alarms.alerts if frame.alarms is not None else ())
        if alert.state in alert_words.FIRING
    )
    parts.extend(
        f"BREACHED {journey.name}/{step.name} {_estimate(step.windows[WINDOW].cohort)}"
        for journey in frame.journeys
        for step in journey.steps
        if step.state == "breached"
    )
    parts.extend(
        f"BREACHED {signal.name} {shown(signal, signal.windows[WINDOW])}"
        for signal in frame.signals
        if signal.state == "breached"
    )
    parts.append(f"{len(frame.decisions)} decisions")
    if frame.incident.running:
        parts.append(f"planted: {frame.incident.what}")
    return " · ".join(parts)


def sentence(decision: Mapping[str, Any]) -> str:
    """One decision in words."""
    data = decision.get("data") or {}
    kind = str(decision.get("type", "")).removeprefix("touchline.").replace(".", " ")
    subject = str(decision.get("subject", ""))
    if "direction" in data and "fingerprint" in data:
        return f"{kind}: {_alert_sentence(data)}"
    if "quantity" not in data:
        because = data.get("reason") or data.get("rule") or ""
        return f"{kind}: {subject} {because}".rstrip()
    name = subject if data.get("signal") in (subject, "conversion") else f"{subject} {data.get('signal')}"
    number = _percent if data["quantity"] in ("share", "conversion") else _number
    value = data.get("value")
    found = "" if value is None else f" {number(value)} ({number(data['low'])}–{number(data['high'])}, n {data['n']:,})"
    return f"{kind}: {name} {data['quantity']}{found}, expected {number(data['target'])}"


def shown(signal: SignalView, estimate: Estimate) -> str:
    """A signal's value in its unit."""
    if estimate.value is None:
        return f"collecting {estimate.n}/{signal.min_n}"
    if signal.unit == "ratio":
        return _percent(estimate.value)
    if signal.unit == "points":
        return f"{estimate.value:+.0f}"
    return _number(estimate.value) + {"per_minute": "/min", "seconds": " s"}.get(signal.unit, "")


def bar(estimate: Estimate, width: int = _BAR) -> Text:
    """A ratio and its 95 % interval on a scale from 0 to 1: the interval thick, the value a dot."""
    text = Text("─" * width, style=_SOFT)
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return text
    low, at, high = (min(width - 1, int(part * width)) for part in (estimate.low, estimate.value, estimate.high))
    cells = ["─"] * width
    cells[low : high + 1] = ["━"] * (high + 1 - low)
    cells[at] = "●"
    text = Text("".join(cells), style=_SOFT)
    text.stylize(_MARK, low, high + 1)
    return text


def _title(frame: Frame) -> RenderableType:
    health = frame.health
    vitals = Text.assemble(
        (f"{health.events_per_second:.0f}", "bold"), " events/s   lag ", (_seconds(health.lag_seconds), "bold"),
        "   read ", (f"{health.events.read:,}", "bold"), "   duplicate ", f"{health.events.duplicate:,}",
        "   late ", f"{health.events.late:,}", "   dead letters ",
        (f"{health.dead_letters:,}", _BAD if health.dead_letters else ""),
    )  # fmt: skip
    title = Text.assemble(("Touchline", "bold cyan"), "   ", (frame.url, "underline"), "   ", _clock(health.watermark))
    if health.status != "ok":
        vitals.append(f"   {health.status}: {health.reason or ''}", _BAD)
    return Group(title, vitals)


def _alert_sentence(data: Mapping[str, Any]) -> str:
    alert = msgspec.convert(data, AlertView)
    found = alert_words.size(alert) or alert_words.numbers(alert)
    return " · ".join((alert_words.place(alert), found, alert_words.who(alert)))


def _alarming(alarms: AlarmsView | None) -> set[tuple[str | None, str | None]]:
    """Journey and step of what fires."""
    alerts = [] if alarms is None else alarms.alerts
    return {(alert.journey, alert.step) for alert in alerts if alert.state in alert_words.FIRING}


def _alarms(alarms: AlarmsView, high: bool) -> RenderableType:
    """The budget, and what fires or may soon."""
    live = [alert for alert in alarms.alerts if alert.state != "resolved"]
    lines = [
        Text.assemble(("alarms  ", "bold"), (alert_words.budget(alarms), _SOFT), overflow="ellipsis", no_wrap=True)
    ]
    if not live:
        lines.append(Text("✓ nothing fires", style=_GOOD))
    most = _ALERTS if high else _FEW_ALERTS
    for alert in live[:most]:
        lines += _alert(alert, high, alarms.bar)
    if len(live) > most:
        lines.append(Text(f"  and {len(live) - most} more", style=_SOFT))
    noted = [one for one in alarms.watched if one.note]
    for one in noted[:most]:
        said = f"  {one.journey} › {one.step}: {one.note}"
        lines.append(Text(said, style=_SOFT, overflow="ellipsis", no_wrap=True))
    return Group(*lines)


def _alert(alert: AlertView, high: bool, bar: float) -> list[Text]:
    """What, since when and who; below it, where there is room, how much and what else is known."""
    fires = alert.state in alert_words.FIRING
    mark = (f"▲ {alert.severity}  ", _BAD) if fires else ("△ pending  ", _UNSURE)
    since = f"since {_clock(alert.since)} ({_clock(alert.since_low)}–{_clock(alert.since_high)})"
    if not fires:
        said = f"{alert_words.what(alert)}, perhaps: evidence {alert.evidence:.2f} of {bar:.3g}, {since}"
        return [Text.assemble(mark, said, overflow="ellipsis", no_wrap=True)]
    size = alert_words.size(alert) or alert_words.numbers(alert)
    if not high:
        said = " · ".join((alert_words.place(alert), size, alert_words.who(alert), f"since {_clock(alert.since)}"))
        return [Text.assemble(mark, said, overflow="ellipsis", no_wrap=True)]
    first = f"{alert_words.what(alert)} · {since}"
    second = [size, alert_words.numbers(alert)] if alert.size is not None else [size]
    second.append(alert_words.who(alert))
    third = [alert_words.change(alert) and f"change: {alert_words.change(alert)}", alert.owner or ""]
    if alert.acknowledged_by is not None:
        third.append(f"acknowledged by {alert.acknowledged_by}")
    indent = " " * len(mark[0])
    more = [" · ".join(part for part in parts if part) for parts in (second, third)]
    return [
        Text.assemble(mark, (first, "bold"), overflow="ellipsis", no_wrap=True),
        *(Text(indent + text, style=_SOFT, overflow="ellipsis", no_wrap=True) for text in more if text),
    ]


def _journeys(journeys: Sequence[JourneyView], wide: bool, alarming: set[tuple[str | None, str | None]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=_SOFT, expand=False)
    table.add_column("journey", style="bold", no_wrap=True)
    table.add_column(f"step, last {WINDOW}", no_wrap=True)
    if wide:
        table.add_column("entered", justify="right")
    table.add_column("conversion", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("95 % interval", no_wrap=True)
    table.add_column("in flight", justify="right", no_wrap=True)
    for journey in journeys:
        for index, step in enumerate(journey.steps[:-1]):
            table.add_row(journey.name if index == 0 else "", *_step(step, wide, (journey.name, step.name) in alarming))
    return table


def _step(step: StepView, wide: bool, alarming: bool) -> list[RenderableType]:
    window = step.windows[WINDOW]
    estimate = window.throughput
    name = Text(f"{step.name} → {step.next_step}")
    if alarming or step.state == "breached":
        name.append(" ▲", _BAD)
    value = Text("–" if estimate.value is None else _percent(estimate.value), "bold" if estimate.value else _SOFT)
    if estimate.low is None or estimate.high is None:
        span = Text(f"n {estimate.n} of 30", style=_SOFT)
    else:
        span = Text(f"{100 * estimate.low:.1f}–{_percent(estimate.high)}", style=_SOFT)
    drawn = bar(estimate, _BAR if wide else _SHORT_BAR)
    entered: list[RenderableType] = [f"{window.entered:,}"] if wide else []
    return [name, *entered, drawn, value, span, f"{step.totals.in_flight:,}"]


def _signals(signals: Sequence[SignalView]) -> Columns:
    items = []
    for signal in signals:
        breached = signal.state == "breached"
        value = shown(signal, signal.windows[WINDOW])
        items.append(
            Text.assemble(
                (f"{signal.name.replace('_', ' ')} ", _SOFT),
                (f"{value} ▲", _BAD) if breached else value,
                no_wrap=True,
            )
        )
    return Columns(items, padding=(0, 3))


def _decisions(decisions: Sequence[Mapping[str, Any]]) -> RenderableType:
    if not decisions:
        return Text("No decision yet: everything is where the file expects it.", style=_SOFT)
    lines = []
    for decision in decisions:
        bad = str(decision.get("type", "")).endswith(("breached", "firing", "broken"))
        mark = ("▲ ", _BAD) if bad else ("▼ ", _GOOD)
        at = _clock(str(decision.get("time")))
        lines.append(Text.assemble((f"{at}  ", _SOFT), mark, sentence(decision), overflow="ellipsis", no_wrap=True))
    return Group(*lines)


def _foot(frame: Frame) -> Text:
    incident = frame.incident
    if incident.running:
        text = Text(f"▲ planted: {incident.what}, until {_clock(incident.until)}", style="yellow")
    else:
        text = Text(f"next planted incident at {_clock(incident.next)}" if incident.next else "", style=_SOFT)
    if text:
        text.append("    ")
    text.append("i: plant one now   q: stop" if frame.keys else "Ctrl-C: stop", _SOFT)
    return text


def _estimate(estimate: Estimate) -> str:
    return f"n {estimate.n:,}" if estimate.value is None else f"{_percent(estimate.value)} (n {estimate.n:,})"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"


def _clock(time: str | None) -> str:
    """An RFC 3339 time as the wall clock of this machine shows it."""
    return "--:--:--" if time is None else datetime.fromisoformat(time).astimezone().strftime("%H:%M:%S")
