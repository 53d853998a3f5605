"""Faust's tables, of which a worker of ours has none: state and positions are in our own store."""

from __future__ import annotations

from faust.tables.manager import TableManager


class NoTables(TableManager):
    """Begins at once. Faust's waits a second for tables that are still to be declared, and all else waits for it."""

    async def on_start(self) -> None:
        """As Faust's, without the wait."""
        await self._update_channels()
        await self.recovery.start()
