"""The kinds of values a field can have, as annotations: the plain type for Python, the form for the file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from streams import units
from streams.config.blocks import Many
from streams.config.forms import Anything, CountForm, Day, Number, Parsed, Ratio, Text, Zone
from streams.config.secrets import Secret, SecretForm, Target, TargetForm
from streams.config.where import WhereForm

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,47}$"

Name = Annotated[str, Text("a name: a-z, then a-z 0-9 _, at most 48 characters", NAME_PATTERN)]
"""What the file calls things by."""
Names = Annotated[tuple[str, ...], Many(Text("a name: a-z, then a-z 0-9 _", NAME_PATTERN), single=True)]
EventType = Annotated[str, Text("an event type such as order.completed", r"^\S+$")]
EventTypes = Annotated[
    tuple[str, ...], Many(Text("an event type such as order.completed", r"^\S+$"), single=True, least=1)
]
FieldPath = Annotated[str, Text("a path into the event's data such as order_id", r"^\S+$")]
ColumnName = Annotated[str, Text("a column of the file", r"\S")]
Duration = Annotated[int, Parsed("a duration such as 30m", units.parse_duration, units.DURATION_PATTERN)]
"""Int microseconds, 0 allowed."""
LongDuration = Annotated[
    int, Parsed("a duration such as 30m", units.parse_duration, units.DURATION_PATTERN, positive=True)
]
"""Int microseconds, more than 0."""
RateValue = Annotated[units.Rate, Parsed("a rate such as 1 per week", units.parse_rate, units.RATE_PATTERN)]
CountValue = Annotated[units.Count, CountForm()]
Clock = Annotated[int, Parsed('a time of day such as "21:00"', units.parse_clock, units.CLOCK_PATTERN)]
"""Int microseconds since the day began."""
ComparisonValue = Annotated[
    units.Comparison, Parsed('a comparison such as "< 0.7"', units.parse_comparison, units.COMPARISON_PATTERN)
]
Moment = Annotated[
    int, Parsed("a time such as 2026-03-07T07:00:00Z", units.parse_time, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:")
]
"""UTC epoch microseconds."""
RatioValue = Annotated[float, Ratio()]
"""0 to 1."""
AtLeastOne = Annotated[int, Number(low=1, whole=True)]
NotNegative = Annotated[float, Number(low=0)]
TimeZone = Annotated[str, Zone()]
Date = Annotated[str, Day()]
Where = Annotated[dict[str, Any] | None, WhereForm()]
Value = Annotated[Any, Anything()]
SecretText = Annotated[Secret, SecretForm()]
Targets = Annotated[tuple[Target, ...], Many(TargetForm(), single=True)]

Direction = Literal["up", "down", "both", "off"]
Severity = Literal["info", "warning", "critical"]
