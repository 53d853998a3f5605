"""Faust as its guide shows it: Records, two Tables with changelogs, an agent, an output topic."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path

import faust

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.peers.job import STEPS, Progress, advance

BOOTSTRAP, TOPIC, OUT, COUNT, FOLDER = *sys.argv[1:4], int(sys.argv[4]), sys.argv[5]


class Touch(faust.Record, serializer="json"):
    """The fields the job needs."""

    id: str
    source: str
    type: str
    time: str
    subject: str
    data: dict  # type: ignore[type-arg]  # Faust reads the annotation, and knows the bare type only


app = faust.App(
    f"{OUT}-faust", broker=f"kafka://{BOOTSTRAP}", store="memory://", datadir=FOLDER, topic_partitions=4,
    topic_replication_factor=1, consumer_auto_offset_reset="earliest", web_enabled=False, topic_disable_leader=True,
)  # fmt: skip
touches = app.topic(TOPIC, key_type=bytes, value_type=Touch)
out = app.topic(OUT, key_type=str, value_type=str)
places = app.Table("places", default=list, partitions=4)
conversions = app.Table("conversions", default=int, partitions=4)
progress = Progress(COUNT)
app.producer.buffer.max_messages = 10_000  # its 100 would make it wait for the broker all the time


@app.agent(touches)
async def journeys(stream: faust.StreamT[Touch]) -> None:
    """Each event in its turn."""
    async for touch in stream:
        step = STEPS.get(touch.type)
        moment = datetime.fromisoformat(touch.time.replace("Z", "+00:00")).timestamp()
        place, complete = advance(places[touch.subject] or None, step, moment)
        places[touch.subject] = place or []
        if step is not None:
            conversions[str(step)] += 1
        if complete:
            await out.send(key=touch.subject, value=touch.subject)
        if progress.took(step):
            progress.done()
            os._exit(0)


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "-l", "warn"]
    app.main()
