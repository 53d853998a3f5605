"""A real Apache Kafka for tests: one KRaft broker with a small heap on a free port.

The jars come by `mvn dependency:copy-dependencies` of the small pom beside this file, with the user's own Maven
settings, into `.cache/kafka`. KAFKA_BOOTSTRAP names an existing broker instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from tests.servers.base import Server, ServerMissing, alone, free_port

POM = Path(__file__).with_name("kafka-pom.xml")
_CLUSTER_ID = "dG91Y2hsaW5lLXRlc3RzMQ"
_JAVA = ("-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners={protocol}://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={protocol}://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
inter.broker.listener.name={protocol}
listener.security.protocol.map={protocol}:{protocol},CONTROLLER:PLAINTEXT
log.dirs={folder}/log
num.network.threads=2
num.io.threads=2
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=2000
log.cleaner.dedupe.buffer.size=2097152
"""


def class_path() -> str:
    """Java class path of the broker; its jars are fetched once. Raises ServerMissing."""
    if shutil.which("java") is None:
        raise ServerMissing("java is not on PATH; install a Java 17 runtime, or set KAFKA_BOOTSTRAP=host:port")
    with alone("kafka") as cache:
        folder = cache / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
        if not folder.is_dir():
            mvn = shutil.which("mvn")
            if mvn is None:
                raise ServerMissing("mvn is not on PATH; install Maven, or set KAFKA_BOOTSTRAP=host:port")
            part = folder.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            command = [mvn, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={part}"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
            if done.returncode != 0:
                said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
                raise ServerMissing(f"Maven could not fetch Kafka: {said[0] if said else 'it said nothing'}")
            part.rename(folder)
    return str(folder / "*")


def probe(bootstrap: str, **options: Any) -> str | None:
    """Ask the server for its metadata; the reason in words when it does not answer, else None."""

    async def ask() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=3000, **options)
        try:
            await admin.start()
            await admin.describe_cluster()
        finally:
            await admin.close()

    try:
        asyncio.run(asyncio.wait_for(ask(), 10))
    except (KafkaError, TimeoutError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return None


class KafkaServer(Server):
    """A broker of our own; `kill` and `start` again keep its log.

    `security` are more lines of its properties, for a listener other than PLAINTEXT of the given `protocol`, and
    `options` what aiokafka needs to talk to it then.
    """

    def __init__(
        self,
        folder: Path,
        heap_mb: int = 320,
        *,
        protocol: str = "PLAINTEXT",
        security: str = "",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._options = dict(options or {})
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        java = ["java", f"-Xmx{heap_mb}m", *_JAVA, "-cp", class_path()]
        properties = folder / "server.properties"
        super().__init__("kafka", [*java, "kafka.Kafka", str(properties)], folder, self._answers_metadata)
        written = _PROPERTIES.format(broker=self.port, controller=free_port(), folder=folder, protocol=protocol)
        properties.write_text(written + security, encoding="utf-8")
        formatting = [*java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties)]
        done = subprocess.run(formatting, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode != 0:
            raise ServerMissing(f"Kafka's storage could not be formatted: {(done.stdout + done.stderr)[-500:]}")

    def _answers_metadata(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return probe(self.bootstrap, **self._options) is None
        return False


@contextlib.contextmanager
def running_kafka(folder: Path) -> Iterator[tuple[str, KafkaServer | None]]:
    """Bootstrap address of a broker that answers, and its process when it is ours. Raises ServerMissing."""
    if existing := os.environ.get("KAFKA_BOOTSTRAP"):
        if (reason := probe(existing)) is not None:
            raise ServerMissing(f"KAFKA_BOOTSTRAP={existing} does not answer: {reason}")
        yield existing, None
        return
    server = KafkaServer(folder)
    server.start(limit_s=90)
    try:
        yield server.bootstrap, server
    finally:
        server.stop()
