"""axe-core for tests: the accessibility checks of Deque, fetched once from npm's registry into the cache."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

from tests.servers.base import ServerMissing, alone

VERSION = "4.10.3"


def script() -> Path:
    """Path of axe.min.js. Raises ServerMissing."""
    with alone("axe") as folder:
        path = folder / f"axe-{VERSION}.min.js"
        if not path.exists():
            _fetch(folder, path)
        return path


def _fetch(folder: Path, path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise ServerMissing("axe-core is fetched with npm, which is not on PATH; install it with: apt-get install npm")
    try:
        done = subprocess.run(
            [npm, "pack", "--silent", f"axe-core@{VERSION}"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    except subprocess.TimeoutExpired:
        raise ServerMissing("npm could not fetch axe-core within two minutes") from None
    package = folder / f"axe-core-{VERSION}.tgz"
    if done.returncode or not package.exists():
        last = ((done.stdout + done.stderr).strip().splitlines() or ["no output"])[-1]
        raise ServerMissing(f"npm could not fetch axe-core {VERSION}: {last}")
    with tarfile.open(package) as archive:
        member = archive.extractfile("package/axe.min.js")
        if member is None:
            raise ServerMissing(f"{package.name} has no package/axe.min.js")
        path.write_bytes(member.read())
    package.unlink()
