"""What `make` says to a newcomer: the list of targets, and one sentence that mends a Python that will not do."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not on PATH; apt-get install make")


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, check=False)


def python(folder: Path, body: str) -> str:
    """An interpreter that behaves as the shell lines say."""
    program = folder / "python-for-test"
    program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    program.chmod(0o755)
    return str(program)


def test_help_lists_every_target_of_the_newcomer(tmp_path: Path) -> None:
    listed = re.findall(r"^  make (\S+)", make(tmp_path).stdout, re.MULTILINE)
    assert {"help", "demo", "test", "check", "lint", "fmt", "type", "bench", "docs"} <= set(listed)


def test_a_python_without_venv_is_told_the_command_that_mends_it(tmp_path: Path) -> None:
    lame = python(tmp_path, f'case "$*" in *ensurepip*) exit 1;; esac; exec {sys.executable} "$@"')
    done = make(tmp_path, "setup", f"PYTHON={lame}")
    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_a_python_that_is_too_old_is_named_with_the_version_wanted(tmp_path: Path) -> None:
    old = python(tmp_path, 'case "$*" in --version) echo Python 3.9.2;; *) exit 1;; esac')
    done = make(tmp_path, "setup", f"PYTHON={old}")
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stdout
    assert "Python 3.9.2" in done.stdout
