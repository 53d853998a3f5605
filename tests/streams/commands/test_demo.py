"""`touchline demo`, as a newcomer starts it."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from streams.config.load import load_file
from tests.servers.base import wait_until

FILE = Path(__file__).parents[3] / "examples" / "demo.yml"
PATIENCE = 90.0


class Demo:
    """A running demo and what it has printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self._output: IO[str] = process.stdout
        self.url = self.until(r"Console: (\S+)/ ").group(1)

    def until(self, pattern: str) -> re.Match[str]:
        """Read on until a line matches."""
        while True:
            assert select.select([self._output], [], [], PATIENCE)[0], f"nothing printed for {PATIENCE} s"
            line = self._output.readline()
            assert line, f"the demo ended before printing {pattern!r}"
            if found := re.search(pattern, line):
                return found

    def ask(self, path: str, method: str = "GET") -> Any:
        """JSON from its HTTP side."""
        with urllib.request.urlopen(urllib.request.Request(self.url + path, method=method), timeout=30) as answer:
            return json.load(answer)

    def stop(self) -> tuple[int, str]:
        """Ctrl-C: exit code and the rest of what it prints."""
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, rest


@contextmanager
def demo(data: Path, *options: str) -> Iterator[Demo]:
    """A demo on a free port."""
    command = [sys.executable, "-m", "streams", "demo", "--data", str(data), "--listen", "127.0.0.1:0", "--rate", "10"]
    with subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            yield Demo(process)
        finally:
            if process.poll() is None:
                process.kill()


def test_the_file_of_the_demo_lacks_nothing_but_receivers_for_its_asks() -> None:
    warnings = [str(warning) for warning in load_file(FILE).warnings]
    assert [line for line in warnings if "its asks are only recorded" not in line] == []


@pytest.mark.slow
def test_it_fills_the_windows_plants_incidents_stops_cleanly_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    data = tmp_path / "demo.db"
    with demo(data) as first:
        first.until(r"lag \d")
        purchase = first.ask("/api/v1/journeys")["items"][0]
        entered = purchase["steps"][0]["totals"]["entered"]
        assert purchase["name"] == "purchase"
        assert entered > 300
        assert purchase["steps"][2]["windows"]["1h"]["throughput"]["value"] > 0.6
        assert first.ask("/api/v1/demo/incident")["running"] is False
        assert first.ask("/api/v1/demo/incident", "POST")["running"] is True
        first.until("planted: 80% of mobile payments fail")
        code, rest = first.stop()
        assert code == 0
        assert len(re.findall("^Stopped: ", rest, re.MULTILINE)) == 1
        assert "Traceback" not in rest
    with demo(data, "--incident", "now") as again:
        again.until("planted: 80% of mobile payments fail")
        purchase = again.ask("/api/v1/journeys")["items"][0]
        assert purchase["steps"][0]["totals"]["entered"] >= entered
        wait_until(lambda: again.ask("/api/v1/health")["lag_seconds"] < 30, "the gap to be made up for", PATIENCE)
        health = again.ask("/api/v1/health")
        # What lay between the runs is made up for, not fed again: copies are the shop's own few.
        assert health["events"]["duplicate"] < 0.02 * health["events"]["read"]
        assert health["events"]["late"] < 0.02 * health["events"]["read"]
        assert again.stop()[0] == 0


@pytest.mark.parametrize(
    ("options", "complaint"),
    [(["--rate", "0"], "--rate"), (["--for", "soon"], "--for"), (["--listen", "8427"], "--listen")],
)
def test_impossible_options_are_refused_with_a_sentence(tmp_path: Path, options: list[str], complaint: str) -> None:
    command = [sys.executable, "-m", "streams", "demo", "--data", str(tmp_path / "demo.db"), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
