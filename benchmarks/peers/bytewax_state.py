"""Bytewax: `stateful_map` by customer, with recovery to disk every ten seconds, as its guide shows it."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

import bytewax.operators as op
import msgspec
from bytewax._bytewax import cli_main, init_db_dir
from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.peers.job import STEPS, Place, Progress, advance

BOOTSTRAP, TOPIC, OUT, COUNT, FOLDER = *sys.argv[1:4], int(sys.argv[4]), Path(sys.argv[5])
progress = Progress(COUNT)


class Touch(msgspec.Struct):
    """The fields the job needs."""

    type: str
    time: datetime
    subject: str


def place(state: Place | None, event: Touch) -> tuple[Place | None, str | None]:
    """The customer, when the event completes the journey."""
    step = STEPS.get(event.type)
    found, complete = advance(state, step, event.time.timestamp())
    if progress.took(step):
        progress.done()
        os._exit(0)
    return found, event.subject if complete else None


decode = msgspec.json.Decoder(Touch).decode
flow = Dataflow("journeys")
touches = kop.input("touches", flow, brokers=[BOOTSTRAP], topics=[TOPIC], batch_size=2000)
events = op.map("decode", touches.oks, lambda message: decode(message.value))
by_customer = op.key_on("customer", events, lambda event: event.subject)
placed = op.stateful_map("place", by_customer, place)
complete = op.filter("complete", placed, lambda pair: pair[1] is not None)
kop.output(
    "out", op.map("record", complete, lambda pair: KafkaSinkMessage(None, pair[1].encode())), brokers=[BOOTSTRAP],
    topic=OUT,
)  # fmt: skip

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    init_db_dir(FOLDER, 1)
    cli_main(flow, epoch_interval=timedelta(seconds=10), recovery_config=RecoveryConfig(FOLDER))
