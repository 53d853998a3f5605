"""`touchline run` as a process: starts, takes events, refuses what it must, ends cleanly."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import structlog

from streams.cli import main
from streams.runtime.store.lock import holder_of
from tests.streams.runtime.reference import log_of, stored, undisturbed
from tests.streams.runtime.shop import FILE, events, shop

SHOP = shop()


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """What the command configures about logs ends with the test."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yml"
    path.write_text(FILE)
    return path


@contextmanager
def running(config: Path, data: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The service, once it listens, and its address."""
    command = [sys.executable, "-m", "streams", "run", "-c", str(config), "--data", str(data)]
    process = subprocess.Popen([*command, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if "console_ready" in line:
                break
        else:
            pytest.fail(f"it ended with {process.wait()}")
        yield process, msgspec.json.decode(line)["address"].removesuffix("/")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def post(address: str, bodies: list[bytes]) -> None:
    request = urllib.request.Request(
        f"{address}/events",
        data=b"[" + b",".join(bodies) + b"]",
        headers={"Content-Type": "application/cloudevents-batch+json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        answer.read()


def valid(count: int, seed: int) -> list[bytes]:
    bodies = []
    for body in events(count, seed):
        try:
            msgspec.json.decode(body)
        except msgspec.MsgspecError:
            continue
        bodies.append(body)
    return bodies


@pytest.mark.slow
def test_what_was_answered_survives_kill_and_a_signal_ends_it_with_everything_committed(
    tmp_path: Path, config: Path
) -> None:
    data = tmp_path / "shop.db"
    bodies = valid(900, 1)
    with running(config, data) as (process, address):
        for start in range(0, 400, 100):
            post(address, bodies[start : start + 100])
        process.send_signal(signal.SIGKILL)
        process.wait()
    with running(config, data) as (process, address):
        post(address, bodies[400:])
        holder = holder_of(data)
        assert holder is not None
        assert holder.pid == process.pid
        assert f"http://{holder.listen}" == address
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert "service_stopped" in process.stderr.read()
        assert process.wait() == 0
    log = log_of(data)
    taken = {record.body for record in log if isinstance(record.body, bytes)}
    assert taken >= {body for body in bodies if b'"score":7' not in body}
    assert stored(data, {SHOP.hash: SHOP}) == undisturbed(log, SHOP)


def test_a_second_service_on_the_same_file_is_refused(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "shop.db"
    with running(config, data) as (process, address):
        assert main(["run", "-c", str(config), "--data", str(data)]) == 3
        said = capsys.readouterr().err
        assert f"in use by process {process.pid}, listening on {address.removeprefix('http://')}" in said


def test_an_address_that_others_reach_needs_tokens(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "shop.db"
    assert main(["run", "-c", str(config), "--data", str(data), "--listen", "0.0.0.0:0"]) == 3
    assert "access.write_keys" in capsys.readouterr().err
    assert not data.exists()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--log-size", "2 gigs", "expected a size such as 500MiB"),
        ("--log-age", "soon", "expected a duration such as"),
        ("--cache", "0", "at least 1"),
        ("--listen", "8427", "HOST:PORT"),
    ],
)
def test_a_bad_option_is_named(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, said: str
) -> None:
    assert main(["run", "-c", str(config), "--data", str(tmp_path / "shop.db"), option, value]) == 2
    error = capsys.readouterr().err
    assert option in error
    assert said in error


def test_warnings_come_with_file_and_line(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(FILE + "asks: {to: 'webhook:https://example.org/x'}\n")
    main(["run", "-c", str(config), "--data", str(tmp_path / "shop.db"), "--listen", "8427"])
    told = capsys.readouterr().err.splitlines()
    assert any(line.startswith(f"{config}:15: asks: webhooks") for line in told), told
