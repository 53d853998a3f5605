"""`touchline simulate` against a running service, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from streams.cli import main
from tests.servers.base import wait_until
from tests.streams.commands.test_run import running

FILE = """
version: 1
journeys:
  purchase: {steps: [{name: product, on: page.viewed}, {name: cart, on: cart.updated, within: 15m}]}
"""


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--to", "nowhere"], "expected a URL"),
        (["--to", "http://127.0.0.1:1", "--rate", "0"], "--rate"),
        (["--to", "http://127.0.0.1:1", "--for", "soon"], "--for"),
        (["--to", "http://127.0.0.1:1", "--timezone", "Europe/Nowhere"], "--timezone"),
    ],
)
def test_what_cannot_be_simulated_is_said(options: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *options]) == 2
    assert word in capsys.readouterr().err


@pytest.mark.slow
def test_a_service_elsewhere_counts_simulated_visitors(tmp_path: Path) -> None:
    config = tmp_path / "shop.yml"
    config.write_text(FILE)
    with running(config, tmp_path / "shop.db") as (_, address):
        command = [sys.executable, "-m", "streams", "simulate", "--to", address, "--rate", "200"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as sender:
            entered = 0

            def counted() -> bool:
                nonlocal entered
                assert sender.poll() is None
                with urllib.request.urlopen(f"{address}/api/v1/journeys", timeout=30) as answer:
                    entered = json.load(answer)["items"][0]["steps"][0]["totals"]["entered"]
                return bool(entered >= 20)

            wait_until(counted, "visitors to be counted", 90, every_s=0.1)
            sender.terminate()
            said = sender.communicate(timeout=60)[1]
            assert sender.returncode == 0
    (ended,) = [json.loads(line) for line in said.splitlines() if "traffic_ended" in line]
    assert ended["accepted"] >= entered
    assert ended["rejected"] == 0
