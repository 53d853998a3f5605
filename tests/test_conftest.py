"""The fixture that fails a test which logged an error, tried on small test files of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CASES = {
    "structlog": "structlog.get_logger().error('delivery_failed', sink='x')",
    "logging": "logging.getLogger('somewhere').error('delivery failed')",
}
TEST = """
from __future__ import annotations
import logging
import pytest
import structlog
from tests.conftest import logged_errors as logged_errors

{mark}
def test_it() -> None:
    {line}
"""


def outcome(folder: Path, line: str, mark: str = "") -> str:
    (folder / "test_it.py").write_text(TEST.format(line=line, mark=mark), encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = expects_errors\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1]).stdout


@pytest.mark.parametrize("logger", ["structlog", "logging"])
def test_a_test_that_logs_an_error_fails_and_names_it(tmp_path: Path, logger: str) -> None:
    report = outcome(tmp_path, CASES[logger])
    assert "the test logged errors" in report
    assert "failed" in report


@pytest.mark.parametrize("logger", ["structlog", "logging"])
def test_a_test_marked_expects_errors_may_log_them(tmp_path: Path, logger: str) -> None:
    assert "1 passed" in outcome(tmp_path, CASES[logger], "@pytest.mark.expects_errors")


def test_a_warning_is_no_error(tmp_path: Path) -> None:
    assert "1 passed" in outcome(tmp_path, "structlog.get_logger().warning('slow', seconds=2)")
