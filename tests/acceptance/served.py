"""`touchline run` as a process of its own, spoken to over HTTP as anyone would."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60.0
"""Longest wait for anything."""
CLOUDEVENT = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Served:
    """A running service."""

    def __init__(self, process: subprocess.Popen[str], host: str, port: int) -> None:
        self.process, self.host, self.port = process, host, port

    def ask(self, method: str, path: str, body: bytes | Any = None, headers: dict[str, str] | None = None) -> Answer:
        """One request; a body that is not bytes is sent as JSON."""
        payload = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=SECONDS)
        try:
            connection.request(method, path, payload, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """A GET that must succeed, as JSON."""
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    def counts(self) -> dict[str, int]:
        """Counts at the door that are not zero."""
        events: dict[str, int] = self.get("/api/v1/health")["events"]
        return {key: count for key, count in events.items() if count}

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition of the service."""
        wait_until(condition)

    def settle(self, read: int) -> dict[str, int]:
        """Wait until so many records have been read and nothing waits for its time; the counts at the door."""

        def done() -> bool:
            counts = self.counts()
            applied = counts.get("accepted", 0) + counts.get("duplicate", 0) + counts.get("invalid", 0)
            return counts.get("read", 0) == read and applied == read

        self.until(done)
        return self.counts()

    def step(self, name: str, journey: str = "j") -> dict[str, int]:
        """Totals of a step that are not zero."""
        [found] = [one for one in self.get("/api/v1/journeys")["items"] if one["name"] == journey]
        [step] = [one for one in found["steps"] if one["name"] == name]
        return {key: count for key, count in step["totals"].items() if count}

    def kill(self) -> None:
        """As the power would: no chance to say anything."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(SECONDS)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, not for time."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


@contextmanager
def serving(folder: Path, rules: str, *options: str, environment: dict[str, str] | None = None) -> Iterator[Served]:
    """The service on a free port with a data file in the folder, until the block ends."""
    path = folder / "rules.yml"
    path.write_text(rules)
    command = [sys.executable, "-m", "streams", "run", "-c", str(path), "--data", str(folder / "touchline.db")]
    command += ["--listen", "127.0.0.1:0", *options]
    with (folder / "stderr").open("a+") as log:
        start = log.tell()
        process = subprocess.Popen(command, stderr=log, text=True, env={**os.environ, **(environment or {})})
        try:
            port = _port(process, folder / "stderr", start)
            yield Served(process, "127.0.0.1", port)
        finally:
            process.kill()
            process.wait()


def _port(process: subprocess.Popen[str], log: Path, start: int) -> int:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for line in log.read_text()[start:].splitlines():
            if "http_started" in line and line.endswith("}"):
                return int(json.loads(line)["port"])
        if process.poll() is not None:
            break
        time.sleep(0.05)
    pytest.fail(f"it did not start ({process.poll()}): {log.read_text()[start:]}")
