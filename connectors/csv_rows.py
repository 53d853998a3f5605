"""CSV as rows of cells that remember their own bytes, so that a bad row can be kept as it was."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from streams import reasons
from streams.codec import Rejection
from streams.errors import InputError

DELIMITERS = ",;\t|"


class CsvRows:
    """The rows of one CSV file with a header; the delimiter is the one of `, ; TAB |` the header has most of."""

    def __init__(self, lines: Iterator[bytes], name: str) -> None:
        """Raises InputError where there is no header."""
        self._lines = lines
        self._name = name
        self._kept: list[bytes] = []
        self._undecoded = False
        try:
            first = next(lines).decode("utf-8-sig")
        except StopIteration:
            raise InputError(f"{name}: the file is empty; expected a header with the names of the columns") from None
        except UnicodeDecodeError:
            raise InputError(f"{name}: the header is not UTF-8; convert the file") from None
        delimiter = max(DELIMITERS, key=first.count)
        self._header = first
        self._reader = csv.reader(self._texts(), delimiter=delimiter)
        try:
            self.columns = [column.strip() for column in next(self._reader)]
        except (StopIteration, csv.Error):
            raise InputError(f"{name}: line 1: expected a header with the names of the columns") from None

    @property
    def line(self) -> int:
        """Line of the file, from 1, on which the row handed out last ends."""
        return self._reader.line_num

    def raw(self) -> bytes:
        """The bytes of the row handed out last."""
        return b"".join(self._kept)

    def __iter__(self) -> Iterator[list[str] | Rejection]:
        reader, kept, width = self._reader, self._kept, len(self.columns)
        while True:
            kept.clear()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as fault:
                yield Rejection(reasons.BAD_ROW, f"{self._name}: line {reader.line_num}: {fault}")
                continue
            if self._undecoded:
                self._undecoded = False
                yield Rejection(reasons.BAD_ENCODING, f"{self._name}: line {reader.line_num}: expected UTF-8")
            elif len(cells) == width:
                yield cells
            elif cells:
                said = f"expected {width} cells, got {len(cells)}"
                yield Rejection(reasons.BAD_ROW, f"{self._name}: line {reader.line_num}: {said}")

    def _texts(self) -> Iterator[str]:
        yield self._header
        keep = self._kept.append
        for line in self._lines:
            keep(line)
            try:
                yield line.decode()
            except UnicodeDecodeError:
                self._undecoded = True
                yield line.decode(errors="replace")
