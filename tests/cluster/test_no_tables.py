"""The contract with the installed Faust on which a start without tables stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from faust.tables.manager import TableManager

from streams.runtime.cluster.journey_service import Settings
from streams.runtime.cluster.no_tables import NoTables
from streams.runtime.cluster.worker import build_app


async def test_tables_begin_as_fausts_do_but_for_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = build_app(Settings(kafka="nowhere:9", redis="redis://nowhere"), tmp_path, None)
    tables = app.tables
    assert isinstance(tables, NoTables)
    did: list[str] = []

    async def wait(_seconds: float) -> None:
        did.append("wait")

    async def update() -> None:
        did.append("channels")

    async def start() -> None:
        did.append("recovery")

    monkeypatch.setattr(tables, "sleep", wait)
    monkeypatch.setattr(tables, "_update_channels", update)
    monkeypatch.setattr(tables.recovery, "start", start)
    await TableManager.on_start(tables)
    assert did == ["wait", "channels", "recovery"]
    did.clear()
    await tables.on_start()
    assert did == ["channels", "recovery"]
