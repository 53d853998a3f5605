"""Customers named in counts and alerts of a data file: the names are taken out, while the counts stay."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from typing import Any

import msgspec

from streams.codec import encode
from streams.config.load import load_text
from streams.config.structs import Config
from streams.effects import EntrantSample, Partial, Verdicts, customer_number
from streams.errors import CannotStart, ConfigError
from streams.model import Event
from streams.runtime import commit as commits
from streams.runtime.commit import Head
from streams.runtime.store.committing import read_head
from streams.runtime.store.in_flight import take_out
from streams.runtime.store.of_customer import state_of
from streams.stages import head as stage_heads
from streams.stages.quotas import nameless
from streams.stages.signal import SignalStage
from streams.stages.verdicts import JUDGED
from streams.tally import Tally

_decode_partial = msgspec.msgpack.Decoder(Partial).decode
_ALERTS = "touchline.alert.%"


def forget_examples(connection: sqlite3.Connection, subjects: Collection[str]) -> None:
    """Within the caller's transaction. Raises CannotStart where the stored signals cannot be read."""
    stored = read_head(connection)
    if not stored:
        return
    head = commits.decode(stored)
    _of_partials(connection, subjects)
    _of_decisions(connection, subjects)
    _of_verdicts(connection, subjects)
    _of_pieces(connection, head, subjects)
    connection.execute("UPDATE head SET body = ?", (commits.encode(_of_open_tick(connection, head, subjects)),))


def _of_partials(connection: sqlite3.Connection, subjects: Collection[str]) -> None:
    numbers = {customer_number(subject) for subject in subjects}
    for sequence, body in _naming(connection, "SELECT sequence, body FROM partials WHERE {}", subjects, numbers):
        partial = _decode_partial(body)
        samples = [
            EntrantSample(one.journey, one.step, tuple(name for name in one.subjects if name not in subjects))
            for one in partial.entrants
        ]
        kept = msgspec.structs.replace(
            partial,
            entrants=tuple(one for one in samples if one.subjects),
            nominees=tuple(nominee.without(subjects) for nominee in partial.nominees),
            sightings=tuple(one for one in partial.sightings if one.customer not in numbers),
        )
        body = msgspec.msgpack.encode(kept)
        connection.execute("UPDATE partials SET body = ? WHERE sequence = ?", (body, sequence))


def _of_decisions(connection: sqlite3.Connection, subjects: Collection[str]) -> None:
    query = f"SELECT id, body FROM decisions WHERE type LIKE '{_ALERTS}' AND ({{}})"
    for name, body in _naming(connection, query, subjects):
        record = msgspec.json.decode(body)
        examples = record["data"].get("examples") or []
        record["data"]["examples"] = [one for one in examples if one not in subjects]
        connection.execute("UPDATE decisions SET body = ? WHERE id = ?", (msgspec.json.encode(record), name))


def _of_verdicts(connection: sqlite3.Connection, subjects: Collection[str]) -> None:
    """What quotas have said, as the log has it."""
    query = "SELECT offset, body FROM log WHERE internal = 1 AND ({})"
    for offset, body in _naming(connection, query, subjects):
        event = msgspec.json.decode(body, type=Event)
        if event.type == JUDGED:
            event.data = msgspec.to_builtins(nameless(msgspec.convert(event.data, Verdicts), subjects))
            connection.execute("UPDATE log SET body = ? WHERE offset = ?", (encode(event), offset))


def _of_pieces(connection: sqlite3.Connection, head: Head, subjects: Collection[str]) -> None:
    pieces = dict(connection.execute("SELECT name, body FROM pieces").fetchall())
    if not pieces:
        return
    stage = SignalStage.restore(_config(connection, head.signal_config), head.signal_config, pieces)
    stage.detection.forget(subjects)
    stage.quotas.forget(subjects)
    stage.clusters.forget(subjects)
    connection.execute("DELETE FROM pieces")
    connection.executemany("INSERT INTO pieces VALUES (?, ?)", stage.snapshot().items())


def _config(connection: sqlite3.Connection, name: str) -> Config:
    row = connection.execute("SELECT text FROM configs WHERE hash = ?", (name,)).fetchone()
    if row is None:
        raise CannotStart(f"the file {name} that the stored counts follow is not there; restore a backup")
    try:
        return load_text(row[0]).config
    except ConfigError as fault:
        raise CannotStart(f"the stored counts follow an older file that cannot be read any more: {fault}") from None


def _of_open_tick(connection: sqlite3.Connection, head: Head, subjects: Collection[str]) -> Head:
    if not head.stage:
        return head
    stage = msgspec.msgpack.decode(head.stage, type=stage_heads.Head)
    tally = Tally.restore(stage.tally)
    tally.forget(subjects)
    states = [state for name in sorted(subjects) if (state := state_of(connection, name)) is not None]
    if states:
        take_out(states, _config(connection, head.config), stage, tally)
    stage.tally = tally.snapshot()
    return msgspec.structs.replace(head, stage=msgspec.msgpack.encode(stage))


def _naming(
    connection: sqlite3.Connection, query: str, subjects: Collection[str], numbers: Collection[int] = ()
) -> list[tuple[Any, bytes]]:
    """Rows whose body has one of the ids in it, as msgpack or JSON writes it, or one of the numbers as msgpack does."""
    needles = [form for name in sorted(subjects) for form in (name.encode(), json.dumps(name)[1:-1].encode())]
    needles += [msgspec.msgpack.encode(number) for number in sorted(numbers)]
    return connection.execute(query.format(" OR ".join(["instr(body, ?)"] * len(needles))), needles).fetchall()
