"""What a data file must hold: the same log through both stages in one go, never disturbed, never committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from streams import decisions as records
from streams.config.load import Loaded
from streams.model import Record
from streams.rules import Rules
from streams.runtime import commit as commits
from streams.runtime.store.committing import read_head
from streams.runtime.store.log import read_log
from streams.stages.journey import JourneyStage
from streams.stages.signal import SignalStage
from streams.summary import Totals
from streams.view import View


class Outcome(NamedTuple):
    """Everything that a log brings about."""

    decisions: list[tuple[str, bytes]]
    dead_letters: list[tuple[int, int, str, bytes]]
    """Number, offset, reason, bytes."""
    partials: list[bytes]
    states: dict[str, bytes]
    timers: dict[str, int]
    totals: Totals
    view: View


def log_of(path: Path) -> list[Record]:
    """The whole log of a data file."""
    with sqlite3.connect(path) as connection:
        found = read_log(connection, 0, 10**9, 10**12)
    connection.close()
    return found


def undisturbed(log: Sequence[Record], first: Loaded, others: Mapping[str, Loaded] | None = None) -> Outcome:
    """What the log brings about, read once from its beginning under `first`."""
    known = {first.hash: first, **(others or {})}
    rules = {key: Rules.of(loaded) for key, loaded in known.items()}
    stage = JourneyStage(rules[first.hash], rules_by_hash=rules.__getitem__)
    while wanted := stage.needs(log):
        stage.load(dict.fromkeys(wanted))
    effects = stage.process(log)
    changes = stage.changes()
    signals = SignalStage(first.config, first.hash)
    decisions = list(effects.decisions)
    for partial in effects.partials:
        if partial.config != signals.hash:
            signals.activate(known[partial.config].config, partial.config)
        decisions += signals.process(partial)
    return Outcome(
        decisions=sorted((decision.id, records.encode(decision)) for decision in decisions),
        dead_letters=[(one.sequence, one.offset, one.reason, one.body) for one in effects.dead_letters],
        partials=[msgspec.msgpack.encode(partial) for partial in effects.partials],
        states={key: state for key, state in changes.states.items() if state is not None},
        timers={key: due for key, due in changes.timers.items() if due is not None},
        totals=signals.totals(),
        view=signals.view(),
    )


def stored(path: Path, loaded: Mapping[str, Loaded]) -> Outcome:
    """The same as a service has left it in its data file."""
    connection = sqlite3.connect(path)
    try:
        head = commits.decode(read_head(connection))
        pieces = dict(connection.execute("SELECT name, body FROM pieces").fetchall())
        signals = SignalStage.restore(loaded[head.signal_config].config, head.signal_config, pieces)
        partials = [row[0] for row in connection.execute("SELECT body FROM partials ORDER BY sequence")]
        assert head.signal_read == len(partials)
        return Outcome(
            decisions=sorted(connection.execute("SELECT id, body FROM decisions").fetchall()),
            dead_letters=connection.execute(
                "SELECT sequence, offset, reason, body FROM dead_letters ORDER BY sequence"
            ).fetchall(),
            partials=partials,
            states=dict(connection.execute("SELECT key, state FROM customers").fetchall()),
            timers=dict(connection.execute("SELECT key, due FROM timers").fetchall()),
            totals=signals.totals(),
            view=signals.view(),
        )
    finally:
        connection.close()
