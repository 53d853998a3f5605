"""Imports go one way and the core does no I/O; the contracts are in pyproject.toml and are themselves tried here."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("streams", "connectors", "detectors")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


def modules() -> list[str]:
    """Every module and package directly in streams/."""
    found = [path.stem for path in (ROOT / "streams").glob("*.py") if path.stem != "__init__"]
    found += [path.parent.name for path in (ROOT / "streams").glob("*/__init__.py")]
    return sorted(f"streams.{name}" for name in found)


def test_the_import_contracts_hold() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_of_streams_has_its_layer() -> None:
    layered = set(re.findall(r"streams\.\w+", " ".join(CONTRACTS[0]["layers"])))
    missing = [name for name in modules() if name not in layered]
    assert not missing, f"name {missing} in a layer of [tool.importlinter] in pyproject.toml"


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("streams/codec.py", "import time", "streams.codec -> time"),
        ("streams/stages/planted.py", "import structlog", "streams.stages.planted -> structlog"),
        ("streams/planted.py", "import asyncio", "streams.planted -> asyncio"),
        ("streams/config/planted.py", "import streams.runtime", "streams.config -> streams.runtime"),
        ("streams/model.py", "import streams.stages", "streams.model -> streams.stages"),
        ("connectors/planted.py", "import streams.runtime", "connectors -> streams.runtime"),
        ("detectors/planted.py", "import streams.model", "detectors -> streams.model"),
        ("detectors/planted.py", "import connectors", "detectors -> connectors"),
    ],
)
def test_a_planted_violation_is_named(tmp_path: Path, file: str, line: str, broken: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / file).open("a", encoding="utf-8") as planted:
        planted.write(f"\n{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    importer, imported = broken.split(" -> ")
    assert re.search(
        rf"{re.escape(importer)}(\.\w+)* (->|is not allowed to import) {re.escape(imported)}", done.stdout
    ), done.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_package_files_hold_a_docstring_and_nothing_else(package: str) -> None:
    for path in (ROOT / package).rglob("__init__.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        kinds = [type(node).__name__ for node in body if not _future(node)]
        assert kinds == ["Expr"], f"{path.relative_to(ROOT)}: only a docstring belongs here"


def _future(node: object) -> bool:
    return getattr(node, "module", None) == "__future__"
