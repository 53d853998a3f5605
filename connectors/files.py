"""History from files: canonical NDJSON as it is, CSV and foreign NDJSON through `sources:`, merged by event time."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Sequence
from zoneinfo import ZoneInfo

import msgspec

from connectors.csv_rows import CsvRows
from connectors.lines import STDIN, Lines
from connectors.mapping import RowMapping
from connectors.merge import merged
from connectors.row import Row
from connectors.sort import in_order
from connectors.timestamps import ReadTime, TimeText, read_iso
from streams import codec, reasons
from streams.codec import RESERVED, Rejection
from streams.config.structs import Config
from streams.errors import InputError, UsageError
from streams.model import Event

Progress = Callable[[int, int], None]
"""Told bytes read and bytes in all (0 where unknown), now and then."""

_TICK = 8192
"""Rows between two reports of progress."""
_RESERVED = RESERVED.encode()
_NDJSON = (".ndjson", ".jsonl", ".json")
_CSV = (".csv", ".tsv", ".txt")
_decode_row = msgspec.json.Decoder(dict[str, object]).decode


class Files:
    """The inputs of one replay; iterate once."""

    def __init__(
        self,
        paths: Sequence[str],
        config: Config,
        source_name: str | None = None,
        *,
        sort: bool = False,
        internal: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """`-` is standard input. `internal` takes Touchline's own records as recorded (`--log`).

        Raises InputError for a file that cannot be opened or that no source describes, UsageError for an unknown
        source.
        """
        if source_name is not None and source_name not in config.sources:
            known = ", ".join(config.sources) or "none"
            raise UsageError(f"--source {source_name}: the file has no such source; known: {known}")
        if paths.count(STDIN) > 1:
            raise UsageError("-: standard input can be read once")
        self.skipped_rows = 0
        """Rows left out by `where` or `else: drop`."""
        self._config = config
        self._sort = sort
        self._internal = internal
        self._progress = progress
        self._timed = sort or len(paths) > 1
        self._inputs: list[Lines] = []
        self._rows: list[Iterator[Row]] = []
        try:
            for path in paths:
                lines = Lines(path)
                self._inputs.append(lines)
                self._rows.append(self._open(lines, source_name))
        except BaseException:
            self.close()
            raise
        self._bytes_total = sum(lines.size for lines in self._inputs)

    @property
    def bytes_total(self) -> int:
        """Size of all inputs on the disk; 0 where standard input alone is read."""
        return self._bytes_total

    @property
    def bytes_read(self) -> int:
        """Bytes read so far."""
        return min(self._bytes_total, sum(lines.position for lines in self._inputs))

    def __iter__(self) -> Iterator[Row]:
        rows = merged(self._rows)
        if self._sort:
            rows = in_order(rows)
        try:
            if self._progress is None:
                yield from rows
            else:
                yield from self._reported(rows, self._progress)
        finally:
            self.close()

    def close(self) -> None:
        """Close every input; done by itself at the end of the rows."""
        for lines in self._inputs:
            lines.close()

    def _reported(self, rows: Iterator[Row], progress: Progress) -> Iterator[Row]:
        left = _TICK
        for row in rows:
            yield row
            left -= 1
            if not left:
                left = _TICK
                progress(self.bytes_read, self._bytes_total)
        progress(self._bytes_total, self._bytes_total)

    def _open(self, lines: Lines, source_name: str | None) -> Iterator[Row]:
        name = source_name or _matching(lines.path, lines.name, self._config)
        stem = lines.name.lower().removesuffix(".gz")
        is_csv = stem.endswith(_CSV) or (not stem.endswith(_NDJSON) and not lines.starts_like_json)
        if name is None:
            if is_csv:
                fit = f"add one under `sources:` whose `match` fits {lines.name}, or name one with --source"
                raise InputError(f"{lines.path}: no source describes this file; {fit}")
            return self._canonical(lines)
        source = self._config.sources[name]
        zone = ZoneInfo(source.timezone or self._config.timezone)
        if is_csv:
            rows = CsvRows(iter(lines), lines.name)
            return self._csv(rows, RowMapping(name, source, zone, lines.name, rows.columns))
        return self._foreign(lines, RowMapping(name, source, zone, lines.name, None))

    def _canonical(self, lines: Lines) -> Iterator[Row]:
        timed, internal = self._timed, self._internal
        read_local, write_time = read_iso(ZoneInfo(self._config.timezone)), TimeText()
        for line in lines:
            body = line.strip()
            if not body:
                continue
            if not timed and (internal or (_RESERVED not in body and b"\\u" not in body and _zoned(body))):
                # One input needs no times to be in order: whoever applies the event decodes it, once. Only what may
                # be one of Touchline's own types, spelt out or escaped, or has a time without an offset, is looked at
                # here.
                yield Row(body)
                continue
            taken = codec.decode_timed(body, internal=internal)
            if isinstance(taken, Rejection):
                if taken.reason == reasons.NO_ZONE and not internal:
                    yield _localised(body, read_local, write_time)
                elif taken.body is not None and not internal:
                    yield Row(codec.refuse(body, Rejection(reasons.RESERVED_TYPE, "type: reserved for doors")))
                elif timed or taken.reason == reasons.RESERVED_TYPE:
                    yield Row(codec.refuse(body, taken))
                else:
                    yield Row(body)  # refused again, for the same reason, by whoever applies it
            elif taken[1] is None:
                yield Row(codec.refuse(body, Rejection(reasons.NO_TIME, "time: expected one, a file has no clock")))
            else:
                # A merge may still be refused, by what is known of the two customers: then its own bytes are kept.
                whole = internal or taken[0].type == "customer.merged"
                yield Row(body if whole else taken[0], taken[1])

    def _csv(self, rows: CsvRows, mapping: RowMapping) -> Iterator[Row]:
        take = mapping.take
        for index, row in enumerate(rows):
            if isinstance(row, Rejection):
                yield mapping.refuse(row, rows.line, rows.raw())
                continue
            made = take(row, rows.line, index, rows.raw)
            if made is None:
                self.skipped_rows += 1
            else:
                yield made

    def _foreign(self, lines: Lines, mapping: RowMapping) -> Iterator[Row]:
        index = -1
        for number, line in enumerate(lines, 1):
            body = line.strip()
            if not body:
                continue
            index += 1
            try:
                row = _decode_row(body)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                yield mapping.refuse(Rejection(reasons.NOT_JSON, "expected one JSON object"), number, body)
                continue
            made = mapping.take(row, number, index, lambda kept=body: kept)  # type: ignore[misc]  # bound, not late
            if made is None:
                self.skipped_rows += 1
            else:
                yield made


def _zoned(body: bytes) -> bool:
    """Whether the record's time surely has an offset; False only means that it must be looked at."""
    parts = body.split(b'"time"', 2)
    if len(parts) != 2:
        return False
    quoted = parts[1].split(b'"', 2)
    return len(quoted) == 3 and (quoted[1][-1:] in (b"Z", b"z") or quoted[1][-6:-5] in (b"+", b"-"))


def _localised(body: bytes, read: ReadTime, write: TimeText) -> Row:
    """A canonical record whose time has no offset: in a file it is local time of the file's zone."""
    event = msgspec.json.decode(body, type=Event)
    try:
        time = read(event.time or "")
    except ValueError as fault:
        return Row(codec.refuse(body, Rejection(reasons.BAD_TIME, f"time: {fault}")))
    event.time = write(time)
    checked = codec.settle(event)
    return Row(codec.refuse(body, checked)) if isinstance(checked, Rejection) else Row(event, checked)


def read_files(
    paths: Sequence[str],
    config: Config,
    source_name: str | None = None,
    *,
    sort: bool = False,
    internal: bool = False,
    progress: Progress | None = None,
) -> Files:
    """The rows of all inputs in log order; counts and progress are on the returned object."""
    return Files(paths, config, source_name, sort=sort, internal=internal, progress=progress)


def _matching(path: str, name: str, config: Config) -> str | None:
    """The first source whose `match` fits the file's name or path."""
    for source_name, source in config.sources.items():
        pattern = source.match
        if pattern is not None and (fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(path, pattern)):
            return source_name
    return None
