"""The docs against the code: links lead somewhere, commands are described, examples in docstrings and pages hold."""

from __future__ import annotations

import argparse
import configparser
import doctest
import importlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from streams import cli
from streams.config.advice import NOT_BUILT
from streams.config.load import load_text
from tests.page_blocks import Reader, blocks_of, is_run, shown

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")])
COMMANDS = sorted(path.stem for path in (ROOT / "streams" / "commands").glob("[a-z]*.py"))
ADRS = sorted((ROOT / "docs" / "adr").glob("*.md"))
MODULES = sorted(path for package in ("streams", "connectors", "detectors") for path in (ROOT / package).rglob("*.py"))
_ADR_PARTS = ["context", "choice", "measured", "what would change our mind"]
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def _anchors(page: Path) -> set[str]:
    """The anchors a page's headings get where it is rendered."""
    headings = re.findall(r"^#+\s+(.*)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def _links(page: Path) -> list[tuple[str, Path, str]]:
    """Relative links of a page: as written, the file meant, the anchor meant."""
    found = []
    for link in _LINK.findall(_prose(page)):
        if re.match(r"^[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        found.append((link, (page.parent / target).resolve() if target else page, anchor))
    return found


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link, target, anchor in _links(page):
        assert target.exists(), f"{_name(page)}: {link} leads nowhere"
        assert not anchor or anchor in _anchors(target), f"{_name(page)}: {link} names no heading of {_name(target)}"


def test_every_page_is_reached_from_the_index() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md", ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        waiting += [target for _, target, _ in _links(page) if target.suffix == ".md" and target.exists()]
    missing = [_name(page) for page in PAGES if page not in reached and page.parent != ROOT]
    assert not missing, f"link {missing} from docs/index.md or from a page it leads to"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_described(command: str) -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    words = f"touchline {command.replace('_', '-')}"
    assert any(words in page.read_text(encoding="utf-8") for page in pages), f"no page names `{words}`"


def test_the_page_of_the_commands_is_current() -> None:
    done = subprocess.run([sys.executable, "docs/commands.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8") == done.stdout, (
        "run make reference"
    )


@pytest.mark.parametrize(
    ("name", "tables"),
    [
        ("README.md", "headlines"),
        ("docs/reference/measured.md", "table"),
        ("docs/concepts/alarms-measured.md", "detection"),
    ],
)
def test_pages_show_the_figures_that_were_measured(name: str, tables: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import runpy; print(runpy.run_path('docs/figures.py')['{tables}'](), end='')"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout in (ROOT / name).read_text(encoding="utf-8"), "run python docs/figures.py"


def test_the_readme_names_every_key_that_is_not_acted_upon_yet() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    keys = {path.rpartition(".")[2] for path in NOT_BUILT}
    assert not [key for key in sorted(keys) if f"`{key}`" not in text]


@pytest.mark.parametrize("page", ADRS, ids=_name)
def test_an_adr_is_numbered_and_says_what_was_measured(page: Path) -> None:
    number = re.fullmatch(r"(\d{4})-[a-z0-9]+(-[a-z0-9]+)*\.md", page.name)
    assert number, f"{page.name}: name it NNNN-words-of-the-choice.md"
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {number[1]} – ")
    parts = re.findall(
        r"^(?:## |\*\*)(Context|Choice|(?:What was m|M)easured|What would change our mind)", text, re.MULTILINE
    )
    assert [part.removeprefix("What was ").lower() for part in parts] == _ADR_PARTS


def test_no_two_adrs_share_a_number() -> None:
    assert len({page.name[:4] for page in ADRS}) == len(ADRS) > 0


@pytest.mark.parametrize("path", [path for path in MODULES if ">>> " in path.read_text(encoding="utf-8")], ids=_name)
def test_examples_in_docstrings_hold(path: Path) -> None:
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if any(map(is_run, blocks_of(page)))], ids=_name)
def test_what_a_page_tells_to_run_does_what_it_shows(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for program in ("bash", "curl"):
        if program in text and shutil.which(program) is None:
            pytest.skip(f"{program} is not on PATH; apt-get install {program}")
    Reader(page, tmp_path).follow()


def test_an_output_that_differs_from_the_page_is_noticed() -> None:
    assert shown("a … c\n", "\na b c  \n")
    assert not shown("a … c", "a b")
    assert not shown("a c", "a b c")


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_yaml_block_is_a_file_without_faults(page: Path) -> None:
    for block in blocks_of(page):
        if block.language not in ("yaml", "yml"):
            continue
        if "other" in block.words:
            yaml.safe_load(block.text)
        else:
            environ = dict.fromkeys(re.findall(r"\$\{(\w+)\}", block.text), "secret")
            load_text(block.text, f"{_name(page)}:{block.line}", environ=environ)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_line_is_one_the_program_takes(page: Path) -> None:
    for block in blocks_of(page):
        if block.language == "ini":
            unit = configparser.ConfigParser(interpolation=None, strict=False)
            unit.read_string(block.text)
            lines = [re.sub(r"^\S*/", "", unit.get("Service", "ExecStart"))]
        elif block.language == "sh":
            lines = re.sub(r"\\\n\s*", " ", block.text).splitlines()
        else:
            continue
        for line in lines:
            found = re.match(r"\s*touchline ((?!-)[\w-]+)(.*)", line)
            if found is None:
                continue
            words = shlex.split(re.split(r"[|>&;]", found[2])[0], comments=True)
            parser = argparse.ArgumentParser(exit_on_error=False)
            cli.load(found[1]).arguments(parser)
            try:
                parser.parse_args([word for word in words if word != "…"])
            except (SystemExit, argparse.ArgumentError) as fault:
                pytest.fail(f"{_name(page)}:{block.line}: {line.strip()}: {fault}")


def test_every_make_target_a_page_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        for block in blocks_of(page):
            if block.language == "sh":
                named = set(re.findall(r"^make ([a-z-]+)", block.text, re.MULTILINE))
                assert named <= targets, f"{_name(page)}:{block.line}: make has no target {named - targets}"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_path_a_page_names_is_there(page: Path) -> None:
    tops = "streams|connectors|detectors|tests|docs|examples|deploy|grafana|benchmarks"
    for path in re.findall(rf"`((?:{tops})/[\w./-]*)`", page.read_text(encoding="utf-8")):
        assert (ROOT / path).exists() or path.startswith("benchmarks/results"), f"{_name(page)}: {path} is not there"
