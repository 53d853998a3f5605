"""Fixtures every test may use: the real servers, and the rule that a logged error fails the test that caused it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import structlog

from tests.servers import chromium, prometheus
from tests.servers import redis as redis_server
from tests.servers.base import ServerMissing, skip_or_fail

_ERRORS = frozenset({"error", "critical", "exception", "fatal"})


hypothesis.settings.register_profile(
    "busy machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy machine")
"""How long drawing or checking takes says nothing here: other tests run at the same time."""


REAL_PARTS = ("kafka", "redis", "prometheus", "browser")
IN_VAIN = ("^TimeoutError: ", "^TimeoutExpired: ", "^Failed: Timeout", "^AssertionError: Locator expected ")
"""A wait that ended without its condition: ours and playwright's, that for a process to end, pytest-timeout's, and
playwright's `expect`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test of real servers that waited in vain is tried once more; a wrong result never is (docs/adr/0011)."""
    for item in items:
        if any(item.get_closest_marker(part) for part in REAL_PARTS):
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=list(IN_VAIN)))


@pytest.fixture(autouse=True)
def logged_errors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Errors logged so far, by structlog or logging. A test that leaves any fails, unless marked `expects_errors`."""
    seen: list[str] = []
    make_record = logging.getLogRecordFactory()
    process_event = structlog.BoundLoggerBase._process_event

    def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made = make_record(*args, **kwargs)
        if (made.levelno or 0) >= logging.ERROR:
            seen.append(f"{made.name}: {made.getMessage()}")
        return made

    def processed(self: structlog.BoundLoggerBase, method: str, event: str | None, fields: dict[str, Any]) -> Any:
        if method in _ERRORS:
            seen.append(f"{event} {fields}")
        return process_event(self, method, event, fields)

    monkeypatch.setattr(structlog.BoundLoggerBase, "_process_event", processed)
    logging.setLogRecordFactory(record)
    yield seen
    logging.setLogRecordFactory(make_record)
    if seen and request.node.get_closest_marker("expects_errors") is None:
        pytest.fail("the test logged errors:\n  " + "\n  ".join(seen), pytrace=False)


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """What a test configures about logs ends with it: its output is closed by the time the next one logs."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real Redis; tests share it, so one that writes asks for `redis_db`."""
    try:
        with redis_server.running_redis(tmp_path_factory.mktemp("redis")) as url:
            yield url
    except ServerMissing as missing:
        skip_or_fail(str(missing))


@pytest.fixture
def redis_db(redis_url: str) -> Iterator[str]:
    """URL of a Redis database that is this test's own and empty."""
    try:
        with redis_server.empty_database(redis_url) as url:
            yield url
    except ServerMissing as missing:
        skip_or_fail(str(missing))


@pytest.fixture(scope="session")
def prometheus_program() -> str:
    """Path of a real `prometheus`; start one with `tests.servers.prometheus.running_prometheus`."""
    try:
        return prometheus.program()
    except ServerMissing as missing:
        skip_or_fail(str(missing))


@pytest.fixture(scope="session")
def promtool() -> str:
    """Path of Prometheus's own checker of configurations and rules."""
    try:
        return prometheus.program("promtool")
    except ServerMissing as missing:
        skip_or_fail(str(missing))


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Path of a real chromium; launch it with `tests.servers.chromium.ARGUMENTS`."""
    try:
        return chromium.program()
    except ServerMissing as missing:
        skip_or_fail(str(missing))
