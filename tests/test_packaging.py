"""What installing Touchline puts on a machine: three packages of our own names, all their files, and a pinned rest."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PACKAGES = ("streams", "connectors", "detectors")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The project's wheel, built with the installed hatchling and without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_owns_our_package_names(package: str) -> None:
    owners = set(packages_distributions().get(package, []))
    assert owners <= {"touchline"}, f"{owners} also install `{package}` and would overwrite ours"
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin == str(ROOT / package / "__init__.py")


def test_the_wheel_holds_exactly_our_three_packages(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0] for name in wheel.namelist()} == {*PACKAGES, f"touchline-{PROJECT['version']}.dist-info"}


def test_the_wheel_holds_every_file_of_the_packages(wheel: zipfile.ZipFile) -> None:
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file())
    wanted = {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
    assert not wanted - set(wheel.namelist())


def test_the_wheel_installs_the_command(wheel: zipfile.ZipFile) -> None:
    entry_points = wheel.read(f"touchline-{PROJECT['version']}.dist-info/entry_points.txt").decode()
    assert "touchline = streams.cli:main" in entry_points


def test_the_lock_satisfies_every_requirement_of_the_project() -> None:
    pinned = {
        canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK, re.MULTILINE)
    }
    extras = PROJECT["optional-dependencies"]
    for line in [*PROJECT["dependencies"], *extras["test"], *extras["bench"]]:
        wanted = Requirement(line)
        version = pinned.get(canonicalize_name(wanted.name))
        assert version is not None, f"{wanted.name} is not in requirements.lock; run make lock"
        assert wanted.specifier.contains(version, prereleases=True), (
            f"requirements.lock has {wanted.name} {version}, not {line}"
        )


def test_the_lock_pins_every_package_by_hash_and_names_no_index() -> None:
    entries = [line for line in LOCK.splitlines() if re.match(r"^[\w.-]+==", line)]
    assert entries
    assert all(line.endswith("\\") for line in entries), "a package without a hash"
    assert not re.search(r"://|^\s*--(index|extra-index|find-links|trusted-host)", LOCK, re.MULTILINE)


def test_the_image_gets_the_versions_that_are_tested() -> None:
    pins = re.compile(r"^([\w.-]+==\S+)", re.MULTILINE)
    for name in ("requirements.lock", "build.lock"):
        image = set(pins.findall((ROOT / "deploy" / name).read_text(encoding="utf-8")))
        assert image
        assert image <= set(pins.findall(LOCK))


def test_ci_runs_the_checks_and_then_every_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    text = script.read_text(encoding="utf-8")
    assert text.index("make --no-print-directory check") < text.index("make --no-print-directory test")
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
