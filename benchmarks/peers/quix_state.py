"""Quix Streams with keyed state in RocksDB and its changelog topic, as its guide shows it."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from quixstreams import Application, State

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.peers.job import STEPS, Progress, advance

BOOTSTRAP, TOPIC, OUT, COUNT, FOLDER = *sys.argv[1:4], int(sys.argv[4]), sys.argv[5]
progress = Progress(COUNT)


def place(event: dict[str, Any], state: State) -> str | None:
    """The customer, when the event completes the journey."""
    step = STEPS.get(event["type"])
    moment = datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()
    found, complete = advance(state.get("place"), step, moment)
    state.set("place", found)
    if progress.took(step):
        progress.done()
        os._exit(0)
    return event["subject"] if complete else None


if __name__ == "__main__":
    app = Application(
        broker_address=BOOTSTRAP, consumer_group=f"{OUT}-quix", auto_offset_reset="earliest", state_dir=FOLDER,
        loglevel="WARNING",
    )  # fmt: skip
    journeys = app.dataframe(app.topic(TOPIC, value_deserializer="json"))
    journeys = journeys.apply(place, stateful=True).filter(lambda customer: customer is not None)
    journeys.to_topic(app.topic(OUT, value_serializer="string"))
    app.run()
