"""The first file of somebody who begins: one journey, three alarms at most, commented; pure text from three answers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import msgspec

from streams.units import parse_duration

MOST_STEPS = 4
"""Each step but the last is watched, so a starter file raises three alarms at most."""
NOWHERE = "nowhere"
"""Answer to where alarms go: only the console shows them."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""What YAML reads as something else than a word."""


class Answers(msgspec.Struct, frozen=True):
    """What the three questions found out."""

    journey: str
    events: tuple[str, ...]
    """Event types that mark the steps, first to last."""
    within: str = "30m"
    """Longest time from one step to the next, as the file writes durations."""
    to: str = NOWHERE
    """Receiver of alarms, `KIND:ADDRESS`, or NOWHERE."""
    timezone: str = "UTC"
    owner: str = ""
    """Team that alarms name."""

    @property
    def steps(self) -> tuple[str, ...]:
        """A name for each step, from its event type."""
        short = [_word(event.split(".")[0]) for event in self.events]
        names: list[str] = []
        for number, (name, event) in enumerate(zip(short, self.events, strict=True), 1):
            wanted = name if short.count(name) == 1 else _word(event)
            free = wanted and wanted not in names and wanted not in _RESERVED
            names.append(wanted if free else f"step_{number}")
        return tuple(names)

    @property
    def alarms(self) -> int:
        """How many things raise an alarm when they fall."""
        return len(self.events) - 1


def parse_journey(text: str) -> tuple[str, tuple[str, ...]]:
    """`NAME: EVENT, EVENT, …` or only the events, as name and events. Raises ValueError, saying what is expected."""
    name, colon, rest = text.partition(":")
    listed = (rest if colon else text).strip()
    apart = r"[,>→]+" if re.search(r"[,>→]", listed) else r"\s+"
    events = tuple(part.strip() for part in re.split(apart, listed) if part.strip())
    name = _word(name.strip()) if colon else "purchase"
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise ValueError(f"a journey's name is a word such as purchase, got {text.partition(':')[0]!r}")
    for event in events:
        if not _PLAIN.fullmatch(event) or event in _RESERVED:
            raise ValueError(f"an event type is a word such as order.completed, got {event!r}")
    if not 2 <= len(events) <= MOST_STEPS:
        raise ValueError(
            f"expected the event types of 2 to {MOST_STEPS} steps, first to last, got {len(events)};"
            " more can be written into the file later"
        )
    if len(set(events)) < len(events):
        raise ValueError("each step needs an event type of its own")
    return name, events


def parse_within(text: str) -> str:
    """A duration as the file writes it. Raises ValueError."""
    parse_duration(text.strip())
    return text.strip()


def written(answers: Answers) -> str:
    """The whole file."""
    name, steps = answers.journey, answers.steps
    lines = [
        *_HEAD,
        "version: 1",
        f"timezone: {answers.timezone}",
        "",
        "# How many false alarms a week you can bear, over everything together. There are no thresholds to set:",
        "# what is normal is learnt, and this number says how sure an alarm has to be.",
        "alerts: {false_alarms: 1 per week}",
        "",
        "# Count also by these fields of the events' data, so that an alarm can say for whom it is. For example:",
        "# segments: [device, channel]",
        "",
        "journeys:",
        f"  {name}:",
        f"    owner: {_quoted(answers.owner or 'nobody-yet')}",
        "    # runbook: https://…    the page that an alarm links beside its owner",
        "    # The first step enters the journey, the last is its goal.",
        "    steps:",
        *_step_lines(answers),
        "",
        "signals:",
        *_signal_lines(answers),
        "  # What customers say once you ask them, an event `survey.answered` with data {metric: csat, score: 1 to 5}:",
        "  # csat:",
        f"  #   {{on: survey.answered, where: {{metric: csat}}, kind: perception, journey: {name}, step: {steps[-1]}}}",
        "",
        *_receiver_lines(answers),
    ]
    return "\n".join(lines) + "\n"


_HEAD = (
    "# Written by `touchline init`. Every key is in docs/reference/file.md; `touchline check` finds what is wrong",
    "# after a change.",
)


def panels(answers: Answers) -> Sequence[str]:
    """What there is to see with this file, a line per picture; eight at most."""
    steps = answers.steps
    conversions = [f"{one} → {other}: how many go on" for one, other in zip(steps, steps[1:], strict=False)]
    whole = ("how many come to each step a second", "how many are in flight at each step")
    return (*conversions, *whole, "what is wrong, for whom, since when", "how far behind the counts are")


def _step_lines(answers: Answers) -> list[str]:
    names = answers.steps
    widest = max(len(name) for name in names) + 1
    lines = []
    for number, (name, event) in enumerate(zip(names, answers.events, strict=True)):
        limit = f", within: {answers.within}" if number else ""
        lines.append(f"      - {{name: {f'{name},':<{widest}} on: {event}{limit}}}")
    return lines


def _signal_lines(answers: Answers) -> list[str]:
    lines = []
    last = len(answers.events) - 1
    for number, (name, event) in enumerate(zip(answers.steps, answers.events, strict=True)):
        kind = "outcome" if number == last else "interaction"
        place = f"kind: {kind}, journey: {answers.journey}, step: {name}"
        lines.append(f"  {answers.journey}_{name}: {{on: {event}, as: rate, {place}}}")
    return lines


def _receiver_lines(answers: Answers) -> list[str]:
    if answers.to == NOWHERE:
        return [
            "# Where alarms go besides the console: slack:, webhook:, email:, alertmanager:, pagerduty: …",
            "# subscriptions:",
            '#   - {name: team, match: {severity: [warning, critical]}, to: "slack:${SLACK_URL}"}',
        ]
    receiver = json.dumps(answers.to, ensure_ascii=False)
    return [
        '# An address that is a secret belongs into the environment: to: "slack:${SLACK_URL}".',
        "subscriptions:",
        f"  - {{name: team, match: {{severity: [warning, critical]}}, to: {receiver}}}",
    ]


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED else json.dumps(text, ensure_ascii=False)


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
