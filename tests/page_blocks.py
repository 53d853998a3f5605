"""The fenced blocks of a page, and a folder in which those marked to be run are run as a reader would run them.

What stands after the language says what a block is for:

* `yaml` alone is a Touchline file, or a part that is one by itself; `yaml other` is not.
* any language with `title="NAME"`: a file of that name, written before the next command.
* `sh run`: commands that must succeed; `sh run exit=1`: that must end so.
* `sh until`: the same, repeated until what it prints is as shown.
* `sh service`: a `touchline run` that goes on beside what follows, until the next of its kind or the end of the page.
* `text output` (or `json output`): what the command before prints; `…` stands for anything.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.servers.base import wait_until

ROOT = Path(__file__).parents[1]
ADDRESS = "http://127.0.0.1:8427"
"""Where a page says the service listens; here it gets a free port."""
_FENCE = re.compile(r"^( *)```(\w+)([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LIMIT_S = 60.0


class Block(NamedTuple):
    """One fenced block."""

    line: int
    language: str
    words: tuple[str, ...]
    """What follows the language."""
    text: str

    @property
    def title(self) -> str | None:
        """The name of the file it is."""
        return next((word.removeprefix("title=") for word in self.words if word.startswith("title=")), None)

    @property
    def exit_code(self) -> int:
        """How its commands must end."""
        return next((int(word.removeprefix("exit=")) for word in self.words if word.startswith("exit=")), 0)


def blocks_of(page: Path) -> list[Block]:
    """All of them, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        indent, language, words, body = match.groups()
        body = re.sub(f"^{indent}", "", body, flags=re.MULTILINE)
        found.append(Block(text.count("\n", 0, match.start()) + 1, language, tuple(shlex.split(words)), body))
    return found


def is_run(block: Block) -> bool:
    """Whether the block is to be run."""
    return block.language == "sh" and bool({"run", "until", "service"} & set(block.words))


def shown(expected: str, printed: str) -> bool:
    """Whether a command printed what the page shows; blanks at line ends and empty lines around do not count."""
    pattern = ".*?".join(re.escape(part) for part in _trimmed(expected).split("…"))
    return re.fullmatch(pattern, _trimmed(printed), re.DOTALL) is not None


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


class Reader:
    """Follows one page in a folder of its own."""

    def __init__(self, page: Path, folder: Path) -> None:
        self._page = page
        self._folder = folder
        self._address = ADDRESS
        self._service: subprocess.Popen[bytes] | None = None
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "PYTHONUTF8": "1",
        }
        (folder / "examples").symlink_to(ROOT / "examples")

    def follow(self) -> None:
        """Write the page's files and run its commands in order; AssertionError names the line that does not hold."""
        blocks = blocks_of(self._page)
        try:
            for at, block in enumerate(blocks):
                if block.title is not None:
                    (self._folder / block.title).write_text(block.text, encoding="utf-8")
                elif is_run(block):
                    after = blocks[at + 1] if at + 1 < len(blocks) else None
                    self._run(block, after.text if after is not None and "output" in after.words else None)
        finally:
            self._stop()

    def _run(self, block: Block, expected: str | None) -> None:
        place = f"{self._page.relative_to(ROOT)}:{block.line}"
        if "service" in block.words:
            self._start(block, place)
            return
        if "until" in block.words:
            assert expected is not None, f"{place}: an `until` block needs an output to wait for"
            last = [""]

            def as_shown() -> bool:
                last[0] = self._shell(block, place)
                return shown(expected, last[0])

            try:
                wait_until(as_shown, "what the page shows", _LIMIT_S)
            except TimeoutError:
                raise AssertionError(f"{place}: the page shows\n{expected}\nbut it prints\n{last[0]}") from None
            return
        printed = self._shell(block, place)
        assert expected is None or shown(expected, printed), (
            f"{place}: the page shows\n{expected}\nbut it prints\n{printed}"
        )

    def _shell(self, block: Block, place: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text.replace(ADDRESS, self._address)],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_LIMIT_S,
        )
        assert done.returncode == block.exit_code, f"{place}: ended with {done.returncode}\n{done.stdout}"
        return done.stdout.replace(self._address, ADDRESS)

    def _start(self, block: Block, place: str) -> None:
        self._stop()
        command = shlex.split(block.text, comments=True)
        assert command[:2] == ["touchline", "run"], f"{place}: expected one `touchline run`"
        log = self._folder / "service.log"
        with log.open("w") as written:
            self._service = process = subprocess.Popen(
                [sys.executable, "-m", "streams", *command[1:], "--listen", "127.0.0.1:0"],
                cwd=self._folder,
                env={**self._environment, "PYTHONPATH": str(ROOT)},
                stderr=written,
            )

        def port() -> int | None:
            lines = [line for line in log.read_text().splitlines(True) if "http_started" in line]
            return json.loads(lines[0])["port"] if lines and lines[0].endswith("\n") else None

        wait_until(lambda: port() is not None or process.poll() is not None, "the service to listen", _LIMIT_S)
        assert port() is not None, f"{place}: it ended with {process.poll()}\n{log.read_text()}"
        self._address = f"http://127.0.0.1:{port()}"

    def _stop(self) -> None:
        if self._service is None:
            return
        self._service.terminate()
        try:
            code = self._service.wait(_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._service.kill()
            self._service.wait()
            raise
        finally:
            self._service = None
        assert code == 0, f"{self._page.name}: the service ended with {code}"
