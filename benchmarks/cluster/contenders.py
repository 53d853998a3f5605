"""One engine at a time over the same backlog: Touchline's worker, and the scripts of `benchmarks/peers`."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.cluster.feed import PARTITIONS
from benchmarks.cluster.servers import Servers, cores, cpu_seconds
from tests.cluster.installation import Installation
from tests.servers.base import alone
from tests.servers.redis import database

PEERS = Path(__file__).parents[1] / "peers"
LIMIT_SECONDS = 600.0
_WARM_UP = 0.1
"""Part of the backlog after which the clock starts: connecting and the first fetch are not the job."""


class Run(msgspec.Struct, frozen=True):
    """What one engine took for its part of the backlog."""

    events: int
    wall_seconds: float
    cpu_seconds: float

    def figures(self) -> dict[str, Any]:
        """Rates and costs, rounded."""
        return {
            "events": self.events,
            "events_per_second": round(self.events / self.wall_seconds),
            "events_per_cpu_second": round(self.events / self.cpu_seconds),
            "cpu_seconds_per_million": round(self.cpu_seconds / self.events * 1e6, 1),
        }


def environment(name: str) -> Path:
    """Python of a peer's own environment, made once in `.cache/peers`."""
    with alone("peers") as cache:
        python = cache / name / "bin" / "python"
        if not (cache / name / "ready").exists():
            venv.create(cache / name, with_pip=True, clear=True)
            wanted = PEERS / f"requirements-{name}.txt"
            subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", wanted], check=True)
            (cache / name / "ready").touch()
    return python


def peer(script: str, python: Path, servers: Servers, topic: str, out: str, count: int) -> Run:
    """Run a peer's script over `count` events. Raises RuntimeError with its output when it does not get there."""
    folder = servers.folder / out
    command = [str(python), str(PEERS / script), servers.kafka, topic, out, str(count), str(folder / "state")]
    folder.mkdir()
    with (folder / "errors.log").open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, cwd=folder)
        os.sched_setaffinity(process.pid, cores()[1])
        try:
            said, _ = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
    lines = [json.loads(line) for line in said.splitlines() if line.startswith(b"{")]
    if len(lines) != 2:
        raise RuntimeError(f"{script}: {said[-500:]!r} {(folder / 'errors.log').read_text()[-2000:]}")
    first, last = lines
    return Run(last["events"], last["at"] - first["at"], last["cpu_seconds"] - first["cpu_seconds"])


class Touchline:
    """An installation and its worker on the core that is measured."""

    def __init__(self, servers: Servers, name: str, config: str, redis: int, partitions: int = PARTITIONS) -> None:
        folder = servers.folder / name
        folder.mkdir()
        self.made = Installation(servers.kafka, database(servers.redis, redis), folder, config, partitions)
        created = self.made.create_topics()
        if created.returncode:
            raise RuntimeError(created.stderr)
        self.topic = self.made.names.events

    def start(self, *options: str) -> int:
        """Start a worker; its process."""
        worker = self.made.worker(*options)
        os.sched_setaffinity(worker.process.pid, cores()[1])
        self._worker = worker
        return worker.process.pid

    @property
    def log(self) -> str:
        """What the worker started last has written."""
        return self._worker.log

    def kill(self) -> None:
        """kill -9."""
        self._worker.kill()

    def stop(self) -> None:
        """End it."""
        self.made.stop()

    async def read(self) -> int:
        """Events committed so far."""
        return sum(head.read for name, head in (await self.made.heads()).items() if name.startswith("events:"))

    async def until(self, count: int, every_seconds: float = 0.2) -> None:
        """Wait until `count` records are committed. Raises RuntimeError when the worker ends or gets nowhere."""
        limit = time.monotonic() + LIMIT_SECONDS
        while await self.read() < count:
            if self._worker.process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"the worker did not get to {count}: {self._worker.log[-2000:]}")
            await asyncio.sleep(every_seconds)

    async def consume(self, count: int) -> Run:
        """The worker over a backlog of `count` events; the first part is not timed."""
        process = self.start()
        already = await self.read()
        await self.until(already + int(count * _WARM_UP), 0.05)
        begun, cpu, first = time.monotonic(), cpu_seconds(process), await self.read()
        await self.until(already + count, 0.05)
        ended, used = time.monotonic(), cpu_seconds(process)
        return Run(already + count - first, ended - begun, used - cpu)


def own_python() -> Path:
    """The interpreter of this process, for scripts that need no environment of their own."""
    return Path(sys.executable)
