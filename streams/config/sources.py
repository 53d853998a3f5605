"""`sources:` – how rows of CSV and foreign NDJSON files become events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from streams.config.blocks import Block
from streams.config.faults import Faults, Path
from streams.config.forms import BAD, Bad, Definitions, Schema, Text, shown
from streams.config.kinds import ColumnName, EventType, LongDuration, Moment, TimeZone, Value, Where
from streams.config.nodes import Node


class SourceTime(Block, frozen=True, kw_only=True):
    """Where a row's time comes from: a column, or the number of its line."""

    shorthand: ClassVar[str] = "column"

    column: ColumnName | None = None
    """Column with an ISO 8601 time, or one in `format`."""
    format: str | None = None
    """As Python's strptime takes it, such as `%d/%m/%Y %H:%M`."""
    start: Moment | None = None
    """Time of the first line."""
    step: LongDuration | None = None
    """Time from line to line."""

    def check(self) -> Iterator[tuple[Path, str]]:
        if self.column is not None:
            for key in ("start", "step"):
                if getattr(self, key) is not None:
                    yield (key,), "time comes from a column, or from start and step, not both"
        elif self.start is None or self.step is None:
            yield (), "expected a column, {column: C, format: F} or {start: TIME, step: 1s}"
        elif self.format is not None:
            yield ("format",), "a format needs its column"


class SourceType(Block, frozen=True, kw_only=True):
    """What type a row's event has: always the same, or by a column."""

    shorthand: ClassVar[str] = "constant"
    hidden: ClassVar[tuple[str, ...]] = ("constant",)

    constant: EventType | None = None
    """The type of every row."""
    from_: ColumnName | None = None
    """Column that decides."""
    map: dict[ColumnName, EventType] = {}
    """Type by the column's text."""
    else_: Literal["drop", "keep", "invalid"] = "invalid"
    """What becomes of other rows: left out, kept under the column's own text, or a dead letter."""

    def check(self) -> Iterator[tuple[Path, str]]:
        if self.constant is None and self.from_ is None:
            yield (), "'from' is missing; expected the column that decides the type"
        if self.from_ is not None and not self.map and self.else_ != "keep":
            yield (), "no row can become an event: expected `map`, or `else: keep`"


class Column(Block, frozen=True, kw_only=True):
    """A field taken from a column."""

    shorthand: ClassVar[str] = "column"

    column: ColumnName
    """Its header."""
    as_: Literal["text"] | None = None
    """`text`: digits stay text."""


class Const(Block, frozen=True, kw_only=True):
    """A field that is the same in every row."""

    const: Value
    """Its value."""


class IdForm:
    """`case_id`, `[case_id, seq]` or `line`."""

    says = "a column, a list of columns, or line"
    column = Text("a column of the file")

    def read(self, node: Node, path: Path, faults: Faults) -> tuple[str, ...] | Literal["line"] | Bad:
        if node.value == "line":
            return "line"
        items = node.value if isinstance(node.value, list) else [node]
        if not items:
            faults.add(path, node.line, f"expected {self.says}, got {shown(node)}")
            return BAD
        several = isinstance(node.value, list)
        columns = [self.column.read(item, (*path, at) if several else path, faults) for at, item in enumerate(items)]
        named = tuple(column for column in columns if not isinstance(column, Bad))
        return named if len(named) == len(columns) else BAD

    def schema(self, definitions: Definitions) -> Schema:
        column = self.column.schema(definitions)
        return {"anyOf": [column, {"type": "array", "items": column, "minItems": 1}]}


class Source(Block, frozen=True, kw_only=True):
    """A file whose rows are not canonical events."""

    match: str | None = None
    """File names it is for, such as `*orders*.csv*`; without it only by `--source`."""
    time: SourceTime | None = None
    """Column with the time of the event; `{column, format}`; or `{start, step}` by line."""
    timezone: TimeZone = ""
    """Zone of times without offset; without it that of the file."""
    received: ColumnName | None = None
    """Column with the time of reception."""
    subject: ColumnName | None = None
    """Column with the customer; without it the events have none."""
    id: Annotated[tuple[str, ...] | Literal["line"] | None, IdForm()] = None
    """Columns that make a row unique; `line`; without it a hash of the row."""
    sequence: ColumnName | None = None
    """Column that orders rows of the same time; without it the line."""
    where: Where = None
    """Conditions on columns; other rows are skipped."""
    type: SourceType
    """Type of every row, or `{from: COLUMN, map: {TEXT: TYPE}, else: drop}`."""
    data: dict[ColumnName, Column | Const] = {}
    """Fields of the event's data: columns, `{column: C, as: text}` or `{const: …}`."""

    def check(self) -> Iterator[tuple[Path, str]]:
        if self.time is None and self.received is None:
            yield (), "'time' is missing; expected a column, {column, format} or {start, step}"
