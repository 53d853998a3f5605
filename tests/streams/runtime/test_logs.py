"""Logs: their form, their quiet, and what they leave out."""

from __future__ import annotations

import asyncio
import json
import logging
from io import StringIO
from typing import Any

import pytest
import structlog

from streams.runtime import logs


def written(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_elsewhere_than_on_a_terminal_a_line_is_json() -> None:
    stream = StringIO()
    logs.configure("info", stream)
    structlog.get_logger("streams").info("service_started", host="127.0.0.1", port=8427)
    (line,) = written(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "service_started", "level": "info", "host": "127.0.0.1", "port": 8427}


def test_on_a_terminal_a_line_is_for_people() -> None:
    stream = StringIO()
    logs.configure("info", stream, pretty=True)
    structlog.get_logger("streams").info("service_started", port=8427)
    assert "service_started" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_batches_are_quiet_unless_asked_for() -> None:
    for level, lines in (("info", 0), ("debug", 1)):
        stream = StringIO()
        logs.configure(level, stream)
        structlog.get_logger("streams").debug("batch_committed", events=500, late=3)
        assert len(written(stream)) == lines


def test_configuring_again_writes_once_and_elsewhere() -> None:
    first, second = StringIO(), StringIO()
    logs.configure("info", first)
    logs.configure("info", second)
    structlog.get_logger("streams").warning("disk_nearly_full")
    logging.getLogger("aiohttp").warning("slow")
    assert first.getvalue() == ""
    assert [line["event"] for line in written(second)] == ["disk_nearly_full", "slow"]


def test_libraries_are_heard_from_warning_on_without_their_arguments() -> None:
    stream = StringIO()
    logs.configure("debug", stream)
    library = logging.getLogger("aiokafka.consumer")
    library.info("assigned %s", "topic")
    library.warning("cannot take %s", "jane@example.org")
    (line,) = written(stream)
    assert line["event"] == "cannot take %s"
    assert line["library"] == "aiokafka.consumer"
    assert "jane" not in stream.getvalue()


@pytest.mark.expects_errors
async def test_what_asyncio_quotes_of_a_failed_task_is_left_out() -> None:
    stream = StringIO()
    logs.configure("info", stream)
    asyncio.get_running_loop().call_exception_handler(
        {"message": "Task exception was never retrieved", "task": "jane@example.org", "exception": ValueError("jane")}
    )
    (line,) = written(stream)
    assert (line["event"], line["error"]) == ("Task exception was never retrieved", "ValueError")
    assert "jane" not in stream.getvalue()


@pytest.mark.expects_errors
@pytest.mark.parametrize("pretty", [False, True])
def test_exceptions_are_told_by_kind_and_place_only(pretty: bool) -> None:
    stream = StringIO()
    logs.configure("info", stream, pretty=pretty)
    try:
        int("jane@example.org")
    except ValueError as error:
        structlog.get_logger("streams").error("batch_failed", exc_info=True)
        structlog.get_logger("streams").error("batch_failed", exc_info=error)
        logging.getLogger("aiohttp.server").exception("request failed: %s", error)
    text = stream.getvalue()
    assert "jane" not in text
    assert text.count("ValueError") == 3
    assert text.count("test_exceptions_are_told") == 3


def test_unknown_level_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="debug, info, warning, error"):
        logs.configure("loud")
