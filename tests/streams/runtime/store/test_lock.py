"""One process per data file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streams.errors import CannotStart
from streams.runtime.store.lock import FileLock, Holder, holder_of, lock_path

_HOLD = """
import sys
from pathlib import Path
from streams.runtime.store.lock import FileLock
lock = FileLock(Path(sys.argv[1]), "127.0.0.1:8427")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_who_holds_the_file_and_where_it_listens(tmp_path: Path) -> None:
    data = tmp_path / "shop.db"
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(CannotStart, match=f"process {process.pid}, listening on 127.0.0.1:8427") as refused:
            FileLock(data)
        assert refused.value.exit_code == 3
        assert holder_of(data) == Holder(process.pid, "127.0.0.1:8427")
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
    assert holder_of(data) is None, "the lock dies with its process"
    FileLock(data).release()


def test_a_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    data = tmp_path / "shop.db"
    with FileLock(data) as lock:
        assert holder_of(data) == Holder(os.getpid(), None)
        lock.announce("127.0.0.1:1")
        assert holder_of(data) == Holder(os.getpid(), "127.0.0.1:1")
    assert holder_of(data) is None
    lock.release()


def test_a_holder_that_has_not_said_who_it_is_yet_still_counts(tmp_path: Path) -> None:
    data = tmp_path / "shop.db"
    with FileLock(data):
        lock_path(data).write_bytes(b"")
        assert holder_of(data) == Holder(0, None)
        with pytest.raises(CannotStart, match="in use by another process"):
            FileLock(data)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="nowhere does not exist"):
        FileLock(tmp_path / "nowhere" / "shop.db")


def test_a_file_nobody_has_opened_has_no_holder(tmp_path: Path) -> None:
    assert holder_of(tmp_path / "shop.db") is None
