"""A cluster's door with a console: the same API over the whole cluster, and what people say there is heard."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiokafka import TopicPartition  # type: ignore[import-untyped]
from aiokafka.admin import RecordsToDelete  # type: ignore[import-untyped]

from streams.runtime.cluster import topics
from tests.cluster.conftest import Install
from tests.cluster.installation import ROOT, Installation, Worker
from tests.cluster.test_status import free_ports

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
PARTITIONS = 2
FILE = """
version: 1
idle_after: 1s
allowed_lateness: 1s
journeys:
  purchase:
    owner: shop
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 30m}
cases:
  complaint: {on: complaint.received, owner: support}
access:
  write_keys: [{name: shop, token: wk-111111}]
  console:
    - {name: wall, role: viewer, token: viewer-1}
    - {name: desk, role: agent, token: agent-1}
    - {name: boss, role: admin, token: admin-1}
"""
TOKENS = ("wk-111111", "viewer-1", "agent-1", "admin-1")
WRITE, VIEWER, AGENT, ADMIN = ({"Authorization": f"Bearer {token}"} for token in TOKENS)
Client = aiohttp.ClientSession


@asynccontextmanager
async def door(made: Installation, port: int) -> AsyncIterator[Client]:
    """A door with the cluster's store, as a process of its own."""
    log = (made.folder / f"door-{port}.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "streams", "run", "-c", str(made.file), "--kafka", made.kafka, "--redis", made.redis,
         "--name", made.names.name, "--listen", f"127.0.0.1:{port}"],
        stdout=log, stderr=log, cwd=ROOT,
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            while True:
                assert process.poll() is None, (made.folder / f"door-{port}.log").read_text()
                try:
                    if (await client.get("/readyz")).status == 200:
                        break
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)
            yield client
    finally:
        process.terminate()
        process.wait(30)
        log.close()


async def get(client: Client, path: str, headers: dict[str, str] = VIEWER) -> Any:
    """The JSON of a 200."""
    answer = await client.get(path, headers=headers)
    assert answer.status == 200, await answer.text()
    return json.loads(await answer.text())


def event(name: str, kind: str, customer: str) -> dict[str, Any]:
    return {"specversion": "1.0", "id": name, "source": "shop", "type": kind, "subject": customer}


async def test_the_console_of_a_cluster_shows_and_moves_what_one_process_would(install: Install) -> None:
    await show_and_move(install)


async def test_the_store_behind_the_console_may_be_a_redis_cluster(install_on_redis_cluster: Install) -> None:
    await show_and_move(install_on_redis_cluster)


async def show_and_move(install: Install) -> None:
    async with install(FILE, PARTITIONS) as made:
        ports = free_ports(2)
        worker = made.worker()
        try:
            async with door(made, ports[0]) as client:
                batch = [
                    *(event(f"c-{n}", "cart.updated", f"customer-{n}") for n in range(10)),
                    event("o-1", "order.completed", "customer-1"),
                    event("x-1", "complaint.received", "customer-1"),
                    {"specversion": "1.0", "id": "bad", "type": "x"},
                ]
                sent = await client.post(
                    "/events", json=batch, headers={**WRITE, "Content-Type": "application/cloudevents-batch+json"}
                )
                assert sent.status == 207

                async def counted() -> bool:
                    journeys = (await get(client, "/api/v1/journeys"))["items"]
                    accepted = (await get(client, "/api/v1/health"))["events"]["accepted"]
                    return bool(journeys) and (journeys[0]["steps"][0]["totals"]["entered"], accepted) == (10, 12)

                await worker.until(counted, "the journeys to be shown, and all that was sent to be counted")
                await shows(client, worker)
                case = await moves_a_case(client, worker)
                await tells_of_a_customer(client)
                await redrives(client, worker)

            listed = subprocess.run(
                [sys.executable, "-m", "streams", "cases", "--redis", made.redis],
                capture_output=True, text=True, check=False, cwd=ROOT, timeout=60,
            )  # fmt: skip
            assert listed.returncode == 0, listed.stderr
            assert case in listed.stdout
            assert "contacted" in listed.stdout
            await drop_decisions(made)
            async with door(made, ports[1]) as again:
                found = await get(again, f"/api/v1/cases/{case}", AGENT)
                assert (found["state"], found["customer"]) == ("contacted", "customer-1")
        finally:
            worker.stop()


async def shows(client: Client, worker: Worker) -> None:
    async def well() -> bool:
        return bool((await get(client, "/api/v1/health"))["status"] == "ok")

    await worker.until(well, "the cluster to be well")
    assert (await get(client, "/api/v1/journeys"))["items"][0]["owner"] == "shop"
    assert (await get(client, "/api/v1/signals"))["items"] == []
    assert "items" in await get(client, "/api/v1/alerts")
    page = await client.get("/", headers=VIEWER)
    assert (page.status, "text/html" in page.headers["Content-Type"]) == (200, True)
    metrics = await (await client.get("/metrics", headers=VIEWER)).text()
    assert 'touchline_door_records_total{outcome="accepted"} 12.0' in metrics
    assert "touchline_journey_step" not in metrics, "workers show these"
    assert (await client.get("/api/v1/journeys")).status == 401
    stream = await client.get("/api/v1/stream", headers=VIEWER)
    told = ""
    while not told.startswith("event: view"):
        told = (await stream.content.readuntil(b"\n\n")).decode()
    assert json.loads(told.split("data: ", 1)[1])["journeys"][0]["name"] == "purchase"
    stream.close()


async def moves_a_case(client: Client, worker: Worker) -> str:
    async def listed() -> bool:
        return bool((await get(client, "/api/v1/cases?open=1", AGENT))["items"])

    await worker.until(listed, "the case to be listed")
    (case,) = (await get(client, "/api/v1/cases?open=1", AGENT))["items"]
    name = str(case["id"])
    assert (case["customer"], case["owner"]) == ("customer-1", "support")
    told = [one["type"] for one in (await get(client, "/api/v1/decisions"))["items"]]
    assert "touchline.case.opened" in told
    assert (await client.post(f"/api/v1/cases/{name}/contact", json={"by": "olena"}, headers=VIEWER)).status == 403
    assert (await client.post(f"/api/v1/cases/{name}/contact", json={"by": "olena"}, headers=AGENT)).status == 202

    async def contacted() -> bool:
        return bool((await get(client, f"/api/v1/cases/{name}", AGENT))["state"] == "contacted")

    await worker.until(contacted, "the case to be moved")
    return name


async def tells_of_a_customer(client: Client) -> None:
    assert (await client.get("/api/v1/customers/customer-1", headers=VIEWER)).status == 403
    found = await get(client, "/api/v1/customers/customer-1", AGENT)
    assert {one["type"] for one in found["touchpoints"]} >= {"cart.updated", "order.completed", "complaint.received"}
    assert found["cases"][0]["state"] == "contacted"
    assert {one["subject"] for one in found["decisions"]} == {"customer-1"}
    assert found["story"]
    assert (await client.get("/api/v1/customers/nobody", headers=AGENT)).status == 404


async def redrives(client: Client, worker: Worker) -> None:
    async def held() -> bool:
        return len((await get(client, "/api/v1/dlq"))["items"]) == 1

    await worker.until(held, "the dead letter to be listed")
    (letter,) = (await get(client, "/api/v1/dlq"))["items"]
    assert (letter["reason"], letter["state"]) == ("no_source", "held")
    shown = await get(client, f"/api/v1/dlq/{letter['id']}", AGENT)
    assert json.loads(shown["body"])["id"] == "bad"
    answer = await client.post(f"/api/v1/dlq/{letter['id']}/redrive", headers=ADMIN)
    assert answer.status == 202, await answer.text()

    async def again() -> bool:
        states = {one["state"] for one in (await get(client, "/api/v1/dlq"))["items"]}
        return states == {"held", "redriven"}

    await worker.until(again, "it to be refused again, as nothing has changed")


async def drop_decisions(made: Installation) -> None:
    """The topic of decisions has forgotten them."""
    async with topics.admin(made.kafka) as admin:
        count = await topics.partition_count(admin, made.names.decisions) or 0
        await admin.delete_records(
            {TopicPartition(made.names.decisions, number): RecordsToDelete(before_offset=-1) for number in range(count)}
        )
