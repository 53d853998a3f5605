"""Alertmanager's own checker of configurations: Debian's package unpacked into the cache, nothing installed.

The server in it looks for its templates where only an installed package has them, so it cannot be run from there.
"""

from __future__ import annotations

from tests.servers.prometheus import unpacked


def amtool() -> str:
    """Path of the checker. Raises ServerMissing."""
    return unpacked("prometheus-alertmanager", "amtool")
