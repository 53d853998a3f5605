"""Rolling values of every signal, for the whole and per segment value."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from streams.config.structs import Config, Signal
from streams.effects import Partial
from streams.estimates import Estimate, mean, nps, percentile, rate, share, total
from streams.rolling_histogram import RollingHistogram
from streams.rules import needs_histogram
from streams.segments import OTHER, Dimension
from streams.stages.series import Columns, Table
from streams.view import SignalSegmentView, SignalView, State
from streams.windows import STANDARD, Rings

SEGMENT_WINDOWS = ("5m", "1h")
UNITS = {
    "nps": "points",
    "csat": "ratio",
    "share": "ratio",
    "ces": "score",
    "rate": "per_minute",
    "session": "seconds",
}

_NARROW, _WIDE = 4, 2
_SQUARES_BITS = 62
_LOW_BITS = 32
_LOW_MASK = (1 << _LOW_BITS) - 1

Histogram = Mapping[int, int]


def measure(signal: Signal, quantity: str, sums: Sequence[int], histogram: Histogram, covered: int) -> Estimate:
    """A quantity of a signal from [n, top, bottom, total, squares] and its histogram over `covered` seconds.

    `value` is what the file's `as` says. A percentile in the file's own words (`p90`) needs the histogram.
    """
    kind = signal.as_ if quantity in ("value", "share", "conversion") else quantity
    n, top, bottom, summed, squares = sums
    if kind == "nps":
        return nps(top, bottom, n, signal.min_n)
    if kind in ("csat", "share"):
        return share(top, n, signal.min_n)
    if kind == "rate":
        return rate(n, covered, signal.min_n)
    if kind == "sum":
        return total(n, summed, squares, signal.min_n)
    if kind[0] == "p" and kind[1:].isdigit():
        return percentile(histogram, int(kind[1:]) / 100, signal.min_n)
    return mean(n, summed, squares, signal.min_n, signal.scale)


class GaugeSeries:
    """One whole or segment value of a signal."""

    __slots__ = ("histogram", "row")

    def __init__(self, row: int, windows: Iterable[int] | None) -> None:
        self.row = row
        self.histogram = None if windows is None else RollingHistogram(windows)


class Gauge:
    """One signal of the file."""

    def __init__(self, signal: Signal, row: int, windows: Iterable[int]) -> None:
        self.signal = signal
        self.needs_histogram = needs_histogram(signal)
        self.table = Table(GaugeSeries(row, windows if self.needs_histogram else None))
        self.sums = [0, 0, 0, 0, 0]
        """n, top, bottom, total, squares since the beginning."""
        self.histogram: dict[int, int] = {}
        """All observations since the beginning."""


class _Piece(msgspec.Struct, array_like=True):
    tick: int | None
    series: list[tuple[str, str, bytes]]
    rings: bytes
    sums: list[str]
    histogram: dict[int, int]


class Gauges:
    """Every signal of the file. `take` the partials of a tick, then `close` it."""

    def __init__(self, config: Config, windows: Sequence[int]) -> None:
        self._windows = {*STANDARD.values(), *windows}
        self.rings = Rings(self._windows, _NARROW, _WIDE)
        self.gauges: dict[str, Gauge] = {}
        self.dirty: set[str] = set()
        self._delta: dict[int, list[int]] = {}
        self.activate(config, windows)

    def activate(self, config: Config, windows: Sequence[int]) -> None:
        """Follow another file: signals keep their series by name, unless what they count has changed."""
        self._windows = {*STANDARD.values(), *windows}
        self.rings = self.rings.rewindowed(self._windows)
        before, self.gauges = self.gauges, {}
        for name, signal in config.signals.items():
            kept = before.get(name)
            if kept is None or not _same(kept.signal, signal):
                kept = Gauge(signal, self.rings.open(), self._windows)
            else:
                del before[name]
                kept.signal = signal
                if kept.table.whole.histogram is not None:
                    kept.table.whole.histogram.rewindow(self._windows)
            self.gauges[name] = kept
            self.dirty.add(name)
        for gone in before.values():
            for _, series in gone.table:
                self.rings.close(series.row)
        self.dirty &= self.gauges.keys()

    # Counting

    def take(self, partial: Partial, columns: Columns) -> None:
        """Book what a partial measured in its tick."""
        tick = partial.tick
        for measured in partial.measured:
            gauge = self.gauges.get(measured.signal)
            if gauge is None:
                continue
            self.dirty.add(measured.signal)
            squares = (measured.squares_high << _SQUARES_BITS) + measured.squares_low
            added = (measured.n, measured.top, measured.bottom, measured.total, squares)
            for series in gauge.table.find(columns, measured.cell, tick, functools.partial(self._open_segment, gauge)):
                delta = self._delta.get(series.row)
                if delta is None:
                    self._delta[series.row] = list(added)
                else:
                    for at, count in enumerate(added):
                        delta[at] += count
                if series.histogram is not None and measured.histogram:
                    series.histogram.add(measured.histogram, tick)
            for at, count in enumerate(added):
                gauge.sums[at] += count
            if gauge.needs_histogram:
                for bucket, count in measured.histogram.items():
                    gauge.histogram[bucket] = gauge.histogram.get(bucket, 0) + count

    def _open_segment(self, gauge: Gauge) -> GaugeSeries:
        windows = [STANDARD[name] for name in SEGMENT_WINDOWS]
        return GaugeSeries(self.rings.open(), windows if gauge.needs_histogram else None)

    def forget(self) -> None:
        """Values were admitted or lost their place."""
        for gauge in self.gauges.values():
            gauge.table.forget()

    def close(self, tick: int) -> set[int]:
        """Close the tick; returns the rows that changed."""
        self.rings.advance(tick)
        if not self._delta:
            return set()
        self.rings.add(list(self._delta), [_to_ring(sums) for sums in self._delta.values()])
        changed = set(self._delta)
        self._delta = {}
        return changed

    def free(self, dimension: str, values: Iterable[str], tick: int) -> None:
        """Values that lost their place: what they counted is `other` from now on."""
        for value in values:
            for name, gauge in self.gauges.items():
                series = gauge.table.remove((dimension, value))
                if series is None:
                    continue
                self.dirty.add(name)
                other = gauge.table.values.get((dimension, OTHER))
                if other is None:
                    other = gauge.table.values[dimension, OTHER] = self._open_segment(gauge)
                self.rings.fold(series.row, other.row)
                if other.histogram is not None and series.histogram is not None:
                    other.histogram.fold(series.histogram, tick)

    def keep_dimensions(self, names: set[str]) -> None:
        """Drop the series of dimensions that are no longer in the file."""
        for name, gauge in self.gauges.items():
            for place in [place for place in gauge.table.values if place[0] not in names]:
                self.rings.close(gauge.table.values[place].row)
                gauge.table.remove(place)
                self.dirty.add(name)

    # Reading

    def estimate(self, name: str, quantity: str, seconds: int, covered: int, tick: int) -> Estimate:
        """A quantity of a signal in one window, of which `covered` seconds have been observed."""
        gauge = self.gauges[name]
        whole = gauge.table.whole
        histogram = {} if whole.histogram is None else whole.histogram.counts(seconds, tick)
        return measure(gauge.signal, quantity, _from_ring(self.rings.row(seconds, whole.row)), histogram, covered)

    def total(self, name: str, covered: int) -> Estimate:
        """A signal's value over everything seen so far, `covered` seconds."""
        gauge = self.gauges[name]
        return measure(gauge.signal, "value", gauge.sums, gauge.histogram, covered)

    def view(
        self,
        name: str,
        dimensions: Sequence[Dimension],
        covered: Mapping[str, int],
        since_start: int,
        windows: Mapping[str, list[list[int]]],
        breached: bool,
    ) -> SignalView:
        """One signal for the console, the API and the metrics; `covered` gives the seconds observed per window."""
        gauge, tick = self.gauges[name], self.rings.tick or 0
        signal = gauge.signal
        shown = {
            window: self.estimate(name, "value", seconds, covered[window], tick) for window, seconds in STANDARD.items()
        }
        state: State = "breached" if breached else "collecting" if shown["1h"].value is None else "ok"
        return SignalView(
            name=name,
            as_=signal.as_,
            kind=signal.kind,
            journey=signal.journey,
            step=signal.step,
            unit=UNITS.get(signal.as_, ""),
            windows=shown,
            total=self.total(name, since_start),
            state=state,
            segments=[
                SignalSegmentView(
                    dimension,
                    value,
                    {
                        window: measure(
                            signal,
                            "value",
                            sums[series.row],
                            {} if series.histogram is None else series.histogram.counts(STANDARD[window], tick),
                            covered[window],
                        )
                        for window, sums in windows.items()
                    },
                )
                for dimension, value, series in gauge.table.in_order(dimensions)
            ],
            min_n=signal.min_n,
        )

    def segment_windows(self) -> dict[str, list[list[int]]]:
        """All series over the windows that segments show, summed at once: window -> sums by row."""
        rows = range(self.rings.rows)
        return {
            name: [_from_ring(fields) for fields in self.rings.sums(STANDARD[name], rows)] for name in SEGMENT_WINDOWS
        }

    # Pieces

    def dump(self, name: str) -> bytes:
        """A signal's series, for `load`."""
        gauge = self.gauges[name]
        series = [(*place, series) for place, series in gauge.table]
        piece = _Piece(
            tick=self.rings.tick,
            series=[
                (dimension, value, b"" if series.histogram is None else series.histogram.dump())
                for dimension, value, series in series
            ],
            rings=self.rings.dump([series.row for _, _, series in series]),
            # Sums of squares outgrow 64 bits; text keeps them exact.
            sums=[str(count) for count in gauge.sums],
            histogram=gauge.histogram,
        )
        return zlib.compress(msgspec.msgpack.encode(piece), 1)

    def load(self, name: str, body: bytes) -> None:
        """Take what `dump` wrote under the same file; the rings stand at the tick of the whole stage."""
        gauge = self.gauges[name]
        piece = _DECODE(zlib.decompress(body))
        rows: list[int] = []
        for dimension, value, histogram in piece.series:
            if dimension:
                series = gauge.table.values[dimension, value] = self._open_segment(gauge)
            else:
                series = gauge.table.whole
            if series.histogram is not None:
                series.histogram.load(histogram)
            rows.append(series.row)
        if piece.tick is not None:
            self.rings.load(rows, piece.rings, piece.tick)
        gauge.sums = [int(count) for count in piece.sums]
        gauge.histogram = piece.histogram
        self.dirty.discard(name)


_DECODE = msgspec.msgpack.Decoder(_Piece).decode


def _to_ring(sums: Sequence[int]) -> tuple[int, ...]:
    # Squares of values up to 1e12 have 120 bits: more than one wide field of the rings holds exactly.
    n, top, bottom, summed, squares = sums
    return n, top, bottom, squares & _LOW_MASK, summed, squares >> _LOW_BITS


def _from_ring(fields: Sequence[int]) -> list[int]:
    n, top, bottom, low, summed, high = fields
    return [n, top, bottom, summed, (high << _LOW_BITS) + low]


def _same(before: Signal, after: Signal) -> bool:
    """Whether what was counted before can be counted on."""
    return (before.as_, before.value, before.scale, needs_histogram(before)) == (
        after.as_,
        after.value,
        after.scale,
        needs_histogram(after),
    )
