"""A `sources:` block, prepared for one file: rows of cells become events, rejections or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import xxhash

from connectors.cells import text_of, value_of
from connectors.row import Row
from connectors.timestamps import ReadTime, TimeText, read_format, read_iso
from streams import codec, reasons
from streams.codec import Rejection
from streams.conditions import compile_where, referenced
from streams.config.sources import Const, Source
from streams.errors import InputError
from streams.fields import lookup
from streams.model import Event

Cells = Any
"""A CSV row (list of text) or a foreign JSON row (dict)."""
ReadText = Callable[[Cells], str | None]
ReadValue = Callable[[Cells], Any]


class Columns:
    """How to read a column by its name; `names` is the header, or None for JSON rows, which have paths."""

    def __init__(self, names: Sequence[str] | None, file: str) -> None:
        self._names = names
        self._file = file

    def text(self, name: str, key: str) -> ReadText:
        """A column as text, None where empty; InputError names the `sources:` key that asks for a missing one."""
        if self._names is None:
            return lambda row: text_of(lookup(row, name))
        at = self._at(name, key)
        return lambda row: row[at] or None

    def value(self, name: str, key: str) -> ReadValue:
        """A column as a JSON value, None where empty."""
        if self._names is None:
            return lambda row: _present(lookup(row, name))
        at = self._at(name, key)
        return lambda row: value_of(row[at])

    def _at(self, name: str, key: str) -> int:
        assert self._names is not None
        try:
            return self._names.index(name)
        except ValueError:
            shown = ", ".join(self._names[:20])
            raise InputError(f"{self._file}: {key}: no column {name!r}; the file has {shown}") from None


class RowMapping:
    """Turns the rows of one file into events, as one `sources:` block says."""

    def __init__(self, name: str, source: Source, zone: ZoneInfo, file: str, columns: Sequence[str] | None) -> None:
        """`name` is the block's, `zone` its time zone, `file` how messages and line ids call the file."""
        known = Columns(columns, file)
        key = f"sources.{name}"
        self._source = name
        self._file = file
        self._line_id = file.removesuffix(".gz")
        self._write_time = TimeText()
        self._where = None
        self._where_values: list[tuple[str, ReadValue]] = []
        if source.where:
            self._where = compile_where(source.where)
            paths = sorted(referenced(source.where))
            self._where_values = [(path, known.value(path, f"{key}.where")) for path in paths]
        self._time_text: ReadText | None = None
        self._read_time: ReadTime = read_iso(zone)
        self._steps: tuple[int, int] | None = None
        time = source.time
        if time is not None and time.column is not None:
            self._time_text = known.text(time.column, f"{key}.time")
            if time.format is not None:
                self._read_time = read_format(time.format, zone)
        elif time is not None and time.start is not None and time.step is not None:
            self._steps = (time.start, time.step)
        self._received = known.text(source.received, f"{key}.received") if source.received else None
        self._read_received = read_iso(zone)
        self._subject = known.text(source.subject, f"{key}.subject") if source.subject else None
        self._ids = [known.text(column, f"{key}.id") for column in source.id] if isinstance(source.id, tuple) else None
        self._by_line = source.id == "line"
        self._sequence = known.value(source.sequence, f"{key}.sequence") if source.sequence else None
        self._type = source.type.constant
        self._types: Mapping[str, str] = source.type.map
        self._otherwise = source.type.else_
        self._type_text = known.text(source.type.from_, f"{key}.type.from") if source.type.from_ is not None else None
        self._constants: dict[str, Any] = {}
        self._data: list[tuple[str, ReadValue]] = []
        for field, wanted in source.data.items():
            if isinstance(wanted, Const):
                self._constants[field] = wanted.const
            elif wanted.as_ == "text":
                self._data.append((field, known.text(wanted.column, f"{key}.data.{field}")))
            else:
                self._data.append((field, known.value(wanted.column, f"{key}.data.{field}")))

    def take(self, row: Cells, line: int, index: int, raw: Callable[[], bytes]) -> Row | None:
        """The row's event, a wrapped rejection, or None where `where` or `else: drop` leaves it out.

        `line` is the file's, from 1; `index` counts the rows from 0; `raw` gives the row's own bytes.
        """
        if self._where is not None:
            seen = {}
            for path, read in self._where_values:
                value = read(row)
                if value is not None:
                    seen[path] = value
            if not self._where(seen, {}):
                return None
        made = self._event(row, line, index, raw)
        if isinstance(made, Rejection):
            return self.refuse(made, line, raw())
        return made

    def refuse(self, rejection: Rejection, line: int, raw: bytes) -> Row:
        """The row as a wrapped rejection whose message says where it stands."""
        at = f"{self._file}: line {line}: "
        message = rejection.message if rejection.message.startswith(at) else at + rejection.message
        return Row(codec.refuse(raw, Rejection(rejection.reason, message)))

    def _event(self, row: Cells, line: int, index: int, raw: Callable[[], bytes]) -> Row | Rejection | None:
        kind = self._type
        if self._type_text is not None:
            said = self._type_text(row)
            kind = self._types.get(said) if said is not None else None
            if kind is None:
                if self._otherwise == "drop":
                    return None
                if self._otherwise == "invalid":
                    return Rejection(reasons.UNKNOWN_TYPE, "type: a value that sources' type.map does not have")
                kind = said
        if kind is None:
            return Rejection(reasons.NO_TYPE, "type: expected a value in its column")
        received: int | None = None
        time: int | None = None
        try:
            if self._received is not None and (cell := self._received(row)) is not None:
                received = self._read_received(cell)
            if self._steps is not None:
                time = self._steps[0] + index * self._steps[1]
            elif self._time_text is not None and (cell := self._time_text(row)) is not None:
                time = self._read_time(cell)
        except ValueError as fault:
            return Rejection(reasons.BAD_TIME, f"time: {fault}")
        for known in (time, received):
            if known is not None and not codec.EARLIEST <= known < codec.LATEST:
                return Rejection(reasons.BAD_TIME, f"time: {codec.OUT_OF_RANGE}")
        if time is None and received is None:
            return Rejection(reasons.NO_TIME, "time: expected a time, the cell is empty")
        data = self._constants.copy()
        for field, read in self._data:
            value = read(row)
            if value is not None:
                data[field] = value
        event = Event(
            id=self._id(row, line, raw),
            source=self._source,
            type=kind,
            subject=self._subject(row) if self._subject is not None else None,
            data=data,
            sequence=line if self._sequence is None else self._sequence(row),
        )
        rejection = codec.validate(event)
        if rejection is not None:
            return rejection
        if time is not None:
            event.time = self._write_time(time)
        return Row(event, received if time is None else time, received)

    def _id(self, row: Cells, line: int, raw: Callable[[], bytes]) -> str:
        if self._ids is not None:
            if len(self._ids) == 1:
                return self._ids[0](row) or ""
            parts = [read(row) for read in self._ids]
            if not any(parts):
                return ""
            return "|".join((part or "").replace("\\", "\\\\").replace("|", "\\|") for part in parts)
        if self._by_line:
            return f"{self._line_id}:{line}"
        if isinstance(row, list):
            return xxhash.xxh3_128_hexdigest("\x1f".join(row).encode())
        return xxhash.xxh3_128_hexdigest(raw().strip())


def _present(value: Any) -> Any:
    return None if value == "" else value
