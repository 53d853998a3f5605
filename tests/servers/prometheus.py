"""A real Prometheus for tests: Debian's package unpacked into the cache; nothing is installed system-wide."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.servers.base import Server, ServerMissing, alone, free_port


def program(name: str = "prometheus") -> str:
    """Path of `prometheus` or `promtool`, from PATH or fetched once. Raises ServerMissing."""
    return unpacked("prometheus", name)


def unpacked(package: str, name: str) -> str:
    """Path of a program, from PATH or out of a package of Debian, fetched once. Raises ServerMissing."""
    if (on_path := shutil.which(name)) is not None:
        return on_path
    with alone(package) as folder:
        path = folder / "usr" / "bin" / name
        if not path.exists():
            _unpack(package, folder)
        return str(path)


def _unpack(package: str, folder: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise ServerMissing(f"{package} is not on PATH, and this is no Debian to fetch its package from")
    problem = _run(["apt-get", "download", package], folder)
    if problem and os.geteuid() == 0:  # a fresh image has no package lists, and only root may fetch them
        problem = _run(["apt-get", "update"], folder) or _run(["apt-get", "download", package], folder)
    found = next(iter(sorted(folder.glob(f"{package}_*.deb"))), None)
    if problem or found is None:
        raise ServerMissing(f"{package} is not on PATH and apt-get could not download it: {problem or 'no package'}")
    if problem := _run(["dpkg-deb", "-x", found.name, "."], folder):
        raise ServerMissing(f"Debian's package {package} could not be unpacked: {problem}")
    found.unlink()


def _run(command: list[str], folder: Path) -> str:
    """Empty when it went well, else the last line it wrote."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode == 0:
        return ""
    return ((done.stdout + done.stderr).strip().splitlines() or [f"{command[0]} ended with {done.returncode}"])[-1]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def running_prometheus(folder: Path, config: str) -> Iterator[str]:
    """Base URL of a Prometheus that is ready, with `config` (YAML) as its file. Raises ServerMissing."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "prometheus.yml"
    file.write_text(config, encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [program(), f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}"]
    server = Server(
        "prometheus",
        [*command, f"--web.listen-address={address}"],
        folder,
        lambda: _answers(f"http://{address}/-/ready"),
    )
    server.start(60)
    try:
        yield f"http://{address}"
    finally:
        server.stop()
