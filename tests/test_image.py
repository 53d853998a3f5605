"""The image's recipe: what can be run of it is run here, with its folders moved; the rest is read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
LINES = [re.sub(r"\s+", " ", line) for line in re.sub(r"\\\n", " ", TEXT).splitlines() if not line.startswith("#")]
_LAST = max(number for number, line in enumerate(LINES) if line.startswith("FROM "))
BUILD, FINAL = LINES[:_LAST], LINES[_LAST:]
KEPT = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"]


def only(lines: list[str], word: str) -> str:
    """The rest of the one line that begins so."""
    (found,) = [line.removeprefix(f"{word} ") for line in lines if line.startswith(f"{word} ")]
    return found


def pins(name: str) -> set[str]:
    """`name==version` of every package of a lock."""
    return set(re.findall(r"^([\w.-]+==\S+)", (ROOT / "deploy" / name).read_text(encoding="utf-8"), re.MULTILINE))


def test_both_stages_begin_from_one_version_of_python_named_to_the_patch() -> None:
    bases = {line.split()[1] for line in LINES if line.startswith("FROM ")}
    (base,) = bases
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base)


def test_it_runs_as_a_number_that_is_not_root() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", only(FINAL, "USER"))


def test_every_package_is_pinned_by_hash_and_none_is_compiled() -> None:
    installs = [line for line in LINES if "pip" in line and " install " in line]
    assert len(installs) == 3
    for line in installs:
        assert ("--require-hashes" in line and "--only-binary :all:" in line) or "--no-index" in line


def test_what_builds_stays_in_the_first_stage() -> None:
    assert not [line for line in FINAL if re.search(r"apt|gcc|install ", line) and "uninstall" not in line]
    (copied,) = [line for line in FINAL if line.startswith("COPY ")]
    assert copied == "COPY --from=build /opt/touchline /opt/touchline"
    assert "--without-pip /opt/touchline" in TEXT
    assert "pip uninstall --yes" in only(FINAL, "RUN")
    names = {pin.split("==")[0] for pin in pins("requirements.lock")}
    assert not names & {"pip", "setuptools", "wheel", "hatchling", "pytest", "mypy"}
    assert {pin.split("==")[0] for pin in pins("build.lock")} >= {"hatchling"}


def test_it_says_whether_it_is_well() -> None:
    address = re.search(r"TOUCHLINE_HEALTH_URL=http://127\.0\.0\.1:(\d+)/(\w+)", only(FINAL, "ENV"))
    assert address is not None
    assert address.groups() == ("8427", "livez")
    assert "CMD [" in only(FINAL, "HEALTHCHECK")


def test_what_is_copied_passes_dockerignore_and_is_there() -> None:
    copied = {
        word for line in BUILD if line.startswith("COPY ") for word in line.removeprefix("COPY ").split()[:-1]
    }  # fmt: skip
    assert copied == set(KEPT)
    assert all((ROOT / path).exists() for path in copied)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_first_stage_makes_an_environment_in_which_touchline_runs_and_nothing_can_install(tmp_path: Path) -> None:
    source, root = tmp_path / "src", tmp_path / "root"
    for path in KEPT:
        target = source / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / path).is_dir():
            shutil.copytree(ROOT / path, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / path, target)
    environment = {name: text for name, text in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    for line in BUILD:
        if not line.startswith("RUN "):
            continue
        command = line.removeprefix("RUN ").replace("/opt/", f"{root}/opt/").replace("/dist", f"{root}/dist")
        command = re.sub(r"^python ", f"{sys.executable} ", command)
        done = subprocess.run(
            command, shell=True, cwd=source, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    python = root / "opt" / "touchline" / "bin" / "python"

    def said(*words: str) -> str:
        done = subprocess.run(
            [python, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed = said("-c", "from importlib.metadata import distributions as d; print(*(x.name for x in d()))")
    held = {canonicalize_name(name) for name in listed.split()}
    assert "touchline" in held
    assert held - {"touchline"} <= {pin.split("==")[0] for pin in pins("requirements.lock")}
    everything = (
        "import importlib, pkgutil; from streams import cli, commands\n"
        "for name in cli.names(): cli.load(name)\n"
        "import streams.runtime.cluster.worker, streams.runtime.cluster.door; print(commands.__path__[0])"
    )
    assert said("-c", everything).startswith(str(root))
    assert said("-m", "streams", "--version").startswith("touchline ")
