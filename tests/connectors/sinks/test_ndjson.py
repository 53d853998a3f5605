"""Decisions as lines of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.sinks.ndjson import Sink
from streams.delivery.outcome import Delivered, Retry
from tests.connectors.peers import batch, opening
from tests.streams.delivery.messages import alert, decision

FIRST, SECOND = alert(), decision("case.opened", case="k-1")


async def test_each_decision_is_the_line_that_files_have(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    sink = Sink(opening(str(path)))
    assert await sink.send(batch(FIRST, SECOND)) == Delivered()
    assert await sink.send(batch(FIRST)) == Delivered()
    assert path.read_bytes().splitlines() == [FIRST.body, SECOND.body, FIRST.body]


async def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    sink = Sink(opening(str(path)))
    await sink.send(batch(FIRST))
    path.rename(tmp_path / "old.ndjson")
    await sink.send(batch(SECOND))
    assert path.read_bytes() == SECOND.body + b"\n"


async def test_a_folder_that_is_not_there_is_a_reason_without_the_path(tmp_path: Path) -> None:
    outcome = await Sink(opening(str(tmp_path / "S3CRET" / "out.ndjson"))).send(batch(FIRST))
    assert outcome == Retry("the file cannot be written: No such file or directory")


async def test_a_disk_that_refuses_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.ndjson"
    sink = Sink(opening(str(path)))
    await sink.send(batch(FIRST))

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        assert isinstance(await sink.send(batch(SECOND)), Retry)
    assert path.read_bytes() == FIRST.body + b"\n"
