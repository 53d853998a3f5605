"""A browser for tests: Debian's chromium, installed by apt once where the tests run as root."""

from __future__ import annotations

import os
import shutil
import subprocess

from tests.servers.base import ServerMissing, alone

ARGUMENTS = [
    "--no-sandbox",  # tests may run as root, where chromium refuses to start with its sandbox
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""What every launch passes: nothing phones home."""


def program() -> str:
    """Path of chromium. Raises ServerMissing."""
    if (found := shutil.which("chromium")) is not None:
        return found
    if not os.path.exists("/etc/debian_version") or os.geteuid() != 0:
        raise ServerMissing("chromium is not on PATH; install it with: apt-get install chromium")
    with alone("chromium"):
        if (found := shutil.which("chromium")) is None:
            _install()
            found = shutil.which("chromium")
    if found is None:
        raise ServerMissing("chromium is still not on PATH after apt-get install chromium")
    return found


def _install() -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]
    for command in (install, ["apt-get", "update"], install):  # a fresh image has no package lists yet
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)
        if command is install and done.returncode == 0:
            return
    last = ((done.stdout + done.stderr).strip().splitlines() or ["no output"])[-1]
    raise ServerMissing(f"chromium is missing and apt-get could not install it: {last}")
