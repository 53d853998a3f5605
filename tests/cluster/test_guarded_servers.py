"""Kafka and Redis that ask who is there: topics, door and worker with TLS, a password and rights by name."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from redis.exceptions import RedisError

from streams.errors import CannotStart
from streams.runtime.cluster import security
from streams.runtime.cluster.redis_inspection import inspect
from streams.runtime.cluster.redis_link import scan
from streams.runtime.cluster.redis_store import PartitionStore, connect
from streams.runtime.cluster.signal_agent import SOURCE
from tests.cluster.installation import ROOT, Installation
from tests.cluster.test_door import FILE, canonical, door_of
from tests.servers.base import ServerMissing, skip_or_fail
from tests.servers.kafka import KafkaServer, class_path
from tests.servers.redis import RedisCluster, RedisServer

BATCHED = {"Content-Type": "application/cloudevents-batch+json"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine, signed by itself, its key beside it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not on PATH; it makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "cert.pem"


@pytest.fixture
def guarded_kafka(tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KafkaServer]:
    """A broker that wants TLS, a name and a password, and gives rights by name; this process knows them."""
    store = tmp_path / "broker.pem"
    store.write_text(certificate.with_name("key.pem").read_text() + certificate.read_text())
    users = " ".join(f'user_{name}="{name}-secret"' for name in ("admin", *RIGHTS))
    login = f'username="admin" password="admin-secret" {users}'
    properties = f"""\
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {login};
ssl.keystore.type=PEM
ssl.keystore.location={store}
ssl.truststore.type=PEM
ssl.truststore.location={certificate}
"""
    monkeypatch.setenv("TOUCHLINE_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("TOUCHLINE_KAFKA_CA_FILE", str(certificate))
    become("admin", monkeypatch)
    try:
        server = KafkaServer(
            tmp_path / "kafka", protocol="SASL_SSL", security=properties, options=security.kafka().options()
        )
        server.start(limit_s=120)
    except ServerMissing as missing:
        skip_or_fail(str(missing))
    yield server
    server.stop()


RIGHTS = {
    "topics": [(["Create", "Describe", "DescribeConfigs"], ["--topic", "{0}"])],
    "door": [(["Describe", "DescribeConfigs"], ["--topic", "{0}"]), (["Write"], ["--topic", "{0}.events"])],
    "worker": [
        (["Read", "Write", "Describe", "DescribeConfigs"], ["--topic", "{0}"]),
        (["Read"], ["--group", "{0}"]),
    ],
}
"""What each part may do, as the page about clusters says; resources are prefixes."""


def become(user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes started from now on are this user."""
    monkeypatch.setenv("TOUCHLINE_KAFKA_USERNAME", user)
    monkeypatch.setenv("TOUCHLINE_KAFKA_PASSWORD", f"{user}-secret")


def grant(server: KafkaServer, certificate: Path, prefix: str) -> None:
    """Give everybody their rights, by Kafka's own tool."""
    properties = server.folder / "admin.properties"
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    properties.write_text(
        "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
        f'sasl.jaas.config={module} required username="admin" password="admin-secret";\n'
        f"ssl.truststore.type=PEM\nssl.truststore.location={certificate}\n"
    )
    tool = ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", class_path(), "kafka.admin.AclCommand"]
    tool += ["--bootstrap-server", server.bootstrap, "--command-config", str(properties), "--add"]
    for user, rights in RIGHTS.items():
        for operations, resource in rights:
            words = [word for operation in operations for word in ("--operation", operation)]
            words += [word.format(prefix) for word in resource]
            done = subprocess.run(
                [*tool, "--allow-principal", f"User:{user}", "--resource-pattern-type", "prefixed", *words],
                capture_output=True, text=True, check=False, timeout=120,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr


@contextlib.asynccontextmanager
async def behind_tls(port: int, certificate: Path) -> AsyncIterator[int]:
    """A port that speaks TLS and passes on to a plain one, as a proxy beside a Redis does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65_536):
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    server = await asyncio.start_server(passed_on, "127.0.0.1", 0, ssl=context)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


@pytest.fixture
def guarded_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis with a password."""
    try:
        server = RedisServer(tmp_path / "redis", "--requirepass", "r-secret")
        server.url = f"redis://:r-secret@127.0.0.1:{server.port}/0"
        server.start()
    except ServerMissing as missing:
        skip_or_fail(str(missing))
    yield server
    server.stop()


@pytest.mark.redis
async def test_redis_is_reached_with_the_password_of_the_environment_and_over_tls(
    guarded_redis: RedisServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"redis://127.0.0.1:{guarded_redis.port}/0"
    with pytest.raises(CannotStart, match="Redis does not answer"):
        await inspect(connect(address))
    monkeypatch.setenv("TOUCHLINE_REDIS_PASSWORD", "r-secret")
    client = connect(address)
    assert await inspect(client) == []
    await client.aclose()
    async with behind_tls(guarded_redis.port, certificate) as port:
        monkeypatch.setenv("TOUCHLINE_REDIS_CA_FILE", str(certificate))
        client = connect(f"rediss://127.0.0.1:{port}/0")
        assert await inspect(client) == []
        await client.aclose()
        monkeypatch.delenv("TOUCHLINE_REDIS_CA_FILE")
        stranger = connect(f"rediss://127.0.0.1:{port}/0")
        with pytest.raises(CannotStart, match="certificate"):
            await inspect(stranger)
        with contextlib.suppress(RedisError):
            await stranger.aclose()


@pytest.mark.redis
async def test_every_node_of_a_redis_cluster_is_reached_over_tls(
    tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        try:
            servers = RedisCluster(tmp_path)
            stack.callback(servers.stop)
            ports = [await stack.enter_async_context(behind_tls(node.port, certificate)) for node in servers.nodes]
            servers.announce(ports)
            await asyncio.to_thread(servers.start)
        except ServerMissing as missing:
            skip_or_fail(str(missing))
        address = f"rediss+cluster://127.0.0.1:{ports[0]}"
        stranger = connect(address)
        with pytest.raises(CannotStart, match="Redis does not answer"):
            await inspect(stranger)
        with contextlib.suppress(RedisError):
            await stranger.aclose()
        monkeypatch.setenv("TOUCHLINE_REDIS_CA_FILE", str(certificate))
        client = connect(address)
        assert await inspect(client) == []
        for number in range(8):
            store = PartitionStore(client, f"events:{number}")
            await store.claim(partitions=8, start=number, config="f00d")
            await store.close()
            found = await PartitionStore(client, store.name).peek()
            assert found is not None
            assert found.read == number
        assert len([keys async for keys in scan(client, b"{events:*}:head", 100)]) == len(ports), "all on some nodes"
        await client.aclose()


@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.timeout(420)
async def test_topics_door_and_worker_work_where_kafka_wants_tls_and_a_password_and_gives_rights_by_name(
    guarded_kafka: KafkaServer,
    guarded_redis: RedisServer,
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOUCHLINE_REDIS_PASSWORD", "r-secret")
    address = f"redis://127.0.0.1:{guarded_redis.port}/0"
    made = Installation(
        guarded_kafka.bootstrap, address, tmp_path, FILE.replace("idle_after: 52w", "idle_after: 1s"), 2
    )
    wrong = subprocess.run(
        [sys.executable, "-m", "streams", "topics", "-c", str(made.file), "--kafka", made.kafka, "--replication", "1"],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=120,
        env={**os.environ, "TOUCHLINE_KAFKA_PASSWORD": "guessed"},
    )  # fmt: skip
    assert wrong.returncode == 3
    assert "TOUCHLINE_KAFKA_" in wrong.stderr
    assert "guessed" not in wrong.stderr
    await asyncio.to_thread(grant, guarded_kafka, certificate, made.names.name)
    become("topics", monkeypatch)
    created = made.create_topics()
    assert created.returncode == 0, created.stderr
    become("door", monkeypatch)
    with door_of(made) as door:
        async with aiohttp.ClientSession(await door.address()) as client:
            batch = [canonical(f"e-{number}", f"c-{number}") for number in range(20)]
            for event in batch:
                del event["time"]  # as of its arrival
            answer = await client.post("/events", json=batch, headers=BATCHED)
            assert answer.status == 202, await answer.text()
        assert door.stop() == 0, door.log
    become("worker", monkeypatch)
    worker = made.worker()
    try:

        async def counted() -> bool:
            signals = (await made.heads()).get(SOURCE)
            return signals is not None and signals.read > 0 and len(await made.customers()) == len(batch)

        await worker.until(counted, "every client of the worker to have done its part")
    finally:
        code = worker.stop()
    assert code == 0, worker.log
    assert set(await made.customers()) == {event["subject"] for event in batch}
