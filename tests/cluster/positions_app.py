"""A Faust worker that only says which offsets it is given, and who seeks; started by `test_positions`.

Arguments: bootstrap, topic, file with the stored positions (JSON object partition -> offset), folder for Faust.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiokafka.consumer.consumer  # type: ignore[import-untyped]
import faust
from aiokafka.consumer.fetcher import Fetcher  # type: ignore[import-untyped]
from faust.types import TP

from streams.runtime.cluster import positions


def say(**facts: object) -> None:
    """One line on standard output."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


class SeenFetcher(Fetcher):  # type: ignore[misc]  # aiokafka ships no types
    """aiokafka's, which tells each seek."""

    def seek_to(self, tp: TP, offset: int) -> None:
        """Seek, and say whether by the loop that fetches."""
        say(seek=offset, at_home=asyncio.get_running_loop() is self._loop)
        super().seek_to(tp, offset)


def main(bootstrap: str, topic: str, stored: str, folder: str) -> None:
    """Run until told to stop."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = faust.App(
        f"group-{topic}",
        broker=f"aiokafka://{bootstrap}",
        store="memory://",
        datadir=folder,
        autodiscover=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
        broker_commit_interval=0.2,
        broker_heartbeat_interval=0.5,
        web_enabled=False,
    )

    async def find(tp: TP) -> int | None:
        position = json.loads(Path(stored).read_text(encoding="utf-8")).get(str(tp.partition))
        say(sought=tp.partition)
        return None if position is None else int(position)

    aiokafka.consumer.consumer.Fetcher = SeenFetcher
    positions.install(app, f"kafka://{bootstrap}", find, frozenset({topic}))
    records = app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    @app.agent(records)
    async def follow(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.events():
            say(partition=event.message.partition, offset=event.message.offset)

    worker = faust.Worker(app, loop=loop, override_logging=False, redirect_stdouts=False, quiet=True)
    worker.spinner = None
    worker.execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
