"""The server fixtures answer for real, and say in a sentence what is missing where they cannot."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

import pytest
import redis

from tests.servers import prometheus
from tests.servers import redis as redis_server
from tests.servers.base import Server, ServerMissing, skip_or_fail


@pytest.mark.redis
def test_redis_answers_and_each_test_has_a_database_of_its_own(redis_url: str, redis_db: str) -> None:
    client = redis.Redis.from_url(redis_db)
    client.set("key", "value")
    assert client.get("key") == b"value"
    client.close()
    with redis_server.empty_database(redis_url) as other:
        assert other != redis_db


@pytest.mark.redis
def test_redis_keeps_its_keys_through_kill_and_start(tmp_path: Path) -> None:
    try:
        server = redis_server.RedisServer(tmp_path, "--appendfsync", "always")
        server.start()
    except ServerMissing as missing:
        skip_or_fail(str(missing))
    try:
        with redis.Redis.from_url(server.url) as client:
            client.set("key", "value")
        server.kill()
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.get("key") == b"value"
    finally:
        server.stop()


def test_a_redis_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    with pytest.raises(ServerMissing, match="nothing answers PING"), redis_server.running_redis(tmp_path):
        pass


def test_a_server_that_ends_at_its_start_is_reported_with_its_last_words(tmp_path: Path) -> None:
    server = Server("broken", [sys.executable, "-c", "print('no licence'); exit(1)"], tmp_path, lambda: False)
    with pytest.raises(ServerMissing, match="no licence"):
        server.start()


def test_a_missing_server_skips_a_test_but_fails_it_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no such server"):
        skip_or_fail("no such server")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no such server"):
        skip_or_fail("no such server")


@pytest.mark.prometheus
@pytest.mark.usefixtures("prometheus_program")
def test_prometheus_scrapes_itself_and_answers_queries(tmp_path: Path) -> None:
    with prometheus.running_prometheus(tmp_path, "global: {scrape_interval: 1s}\n") as url:
        with urllib.request.urlopen(f"{url}/api/v1/query?query=vector(1)", timeout=5) as reply:
            body = json.load(reply)
        assert body["data"]["result"][0]["value"][1] == "1"
