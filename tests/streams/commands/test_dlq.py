"""`touchline dlq` on a data file, with and without a service running over it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from streams.cli import main
from streams.runtime.clock import VirtualClock
from streams.runtime.embedded import Embedded
from streams.runtime.store.lock import FileLock
from streams.runtime.store.store import Store
from streams.runtime.web import Web
from tests.streams.runtime.reference import log_of
from tests.streams.runtime.shop import START, shop

SHOP = shop()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A file with three dead letters."""
    path = tmp_path / "shop.db"

    async def fill() -> None:
        service = Embedded(SHOP, Store(path), VirtualClock(START))
        await service.start()
        await service.submit([b"{", b"[]", b'{"a'])
        await service.stop()

    asyncio.run(fill())
    return path


def dlq(*words: str, data: Path) -> int:
    return main(["dlq", *words, "--data", str(data)])


def test_they_are_listed_the_last_one_first_with_their_reasons(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dlq("list", data=data) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:5] for line in lines[1:]] == [
        ["3", "2026-02-25T06:13:20.000Z", "held", "3", "not_json"],
        ["2", "2026-02-25T06:13:20.000Z", "held", "2", "not_an_object"],
        ["1", "2026-02-25T06:13:20.000Z", "held", "1", "not_json"],
    ]
    assert dlq("list", "--json", "--reason", "not_json", "--limit", "1", data=data) == 0
    (letter,) = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    assert (letter["id"], letter["reason"]) == (3, "not_json")


def test_one_is_shown_with_its_bytes(data: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert dlq("show", "3", data=data) == 0
    said = capfdbinary.readouterr().out
    assert b"reason   not_json" in said
    assert said.endswith(b'\n{"a\n')


def test_without_a_service_their_bytes_wait_in_the_log(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dlq("redrive", "--reason", "not_json", data=data) == 0
    said = capsys.readouterr().out
    assert "1: in the log again at offset 3" in said
    assert "3: in the log again at offset 4" in said
    assert "at its next start" in said
    assert [record.body for record in log_of(data)][3:] == [b"{", b'{"a']
    assert dlq("list", data=data) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert dlq("list", "--all", data=data) == 0
    assert "redriven" in capsys.readouterr().out


async def test_with_a_service_running_they_go_through_its_door(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service = Embedded(SHOP, Store(data), VirtualClock(START))
    await service.start()
    web = Web(service, SHOP.config)
    await web.start("127.0.0.1", 0)
    service.store.lock.announce(f"127.0.0.1:{web.port}")
    try:
        assert await asyncio.to_thread(dlq, "redrive", "1", "2", data=data) == 0
        assert "2: in the log again at offset 4" in capsys.readouterr().out
        await service.drain()
        assert service.internals().invalid == {"not_an_object": 2, "not_json": 3}
    finally:
        await web.stop()
        await service.stop()


def test_a_service_without_an_address_is_in_the_way(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FileLock(data):
        assert dlq("redrive", "1", data=data) == 3
        assert "listens nowhere" in capsys.readouterr().err
    with FileLock(data, "127.0.0.1:9"):
        assert dlq("redrive", "1", data=data) == 3
        assert "does not answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "9"], 1, "no dead letter 9"),
        (["redrive", "1", "9"], 1, "no dead letter 9"),
        (["redrive"], 2, "name the IDs"),
        (["redrive", "1", "--reason", "not_json"], 2, "not both"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_changed(
    data: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert dlq(*words, data=data) == code
    assert said in capsys.readouterr().err
    assert len(log_of(data)) == 3


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dlq("list", data=tmp_path / "shop.db") == 3
    assert "no such file" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
