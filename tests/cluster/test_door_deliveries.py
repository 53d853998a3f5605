"""Deliveries at a cluster's door: Kafka, Faust and a Redis Cluster are real, the receiver is a local webhook."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.cluster.conftest import Install
from tests.cluster.test_console_door import ADMIN, VIEWER, WRITE, door, event, get
from tests.cluster.test_status import free_ports, overview
from tests.streams.runtime.outpost import SECRET
from tests.streams.runtime.receiver import Peer, listening

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
CUSTOMERS = 6


def file_for(peer: Peer) -> str:
    return f"""
version: 1
idle_after: 1s
allowed_lateness: 1s
cases:
  complaint: {{on: complaint.received, owner: support}}
subscriptions:
  - {{name: ops, match: {{type: case.opened}}, to: 'webhook:{peer.url}', secret: {SECRET}, allow_private: true}}
access:
  write_keys: [{{name: shop, token: wk-111111}}]
  console:
    - {{name: wall, role: viewer, token: viewer-1}}
    - {{name: boss, role: admin, token: admin-1}}
"""


async def test_the_door_lists_and_repeats_the_deliveries_of_all_workers(install_on_redis_cluster: Install) -> None:
    async with listening() as peer, install_on_redis_cluster(file_for(peer), 2) as made:
        (port,) = free_ports(1)
        workers = [made.worker(), made.worker()]
        try:
            async with door(made, port) as client:
                complaints = [event(f"x-{n}", "complaint.received", f"customer-{n}") for n in range(CUSTOMERS)]
                kind = {"Content-Type": "application/cloudevents-batch+json"}
                assert (await client.post("/events", json=complaints, headers={**WRITE, **kind})).status == 202

                async def listed(state: str = "delivered") -> list[dict[str, Any]]:
                    items: list[dict[str, Any]] = (await get(client, f"/api/v1/deliveries?state={state}"))["items"]
                    return items

                async def all_arrived() -> bool:
                    return len(await listed()) == CUSTOMERS

                await workers[0].until(all_arrived, "all cases to be delivered")
                items = await listed()
                assert {one["decision"] for one in items} == set(peer.accepted)
                assert {(one["receiver"], one["attempts"]) for one in items} == {("ops", 1)}
                assert len({one["id"] % 1024 for one in items}) > 1, "customers of one partition only"

                one = items[0]
                path = f"/api/v1/deliveries/{one['id']}/replay"
                assert (await client.post(path, headers=VIEWER)).status == 403
                assert (await client.post(path, headers=ADMIN)).status == 202
                assert (await client.post("/api/v1/deliveries/5/replay", headers=ADMIN)).status == 404

                async def again() -> bool:
                    return Counter(peer.accepted)[one["decision"]] >= 2

                await workers[0].until(again, "one to be sent again")
                workers.pop().kill()
                asked = {
                    "receiver": "ops",
                    "since": one["created_at"][:10] + "T00:00:00Z",
                    "until": "2100-01-01T00:00:00Z",
                }
                answer = await client.post("/api/v1/deliveries/replay", json=asked, headers=ADMIN)
                assert (answer.status, (await answer.json())["count"]) == (202, CUSTOMERS)
                assert (
                    await client.post("/api/v1/deliveries/replay", json={**asked, "receiver": "x"}, headers=ADMIN)
                ).status == 404

                async def all_again() -> bool:
                    return all(count >= 2 for count in Counter(peer.accepted).values())

                await workers[0].until(all_again, "all to be sent again, also those of the worker that was killed")
                (receiver,) = (await get(client, "/api/v1/health"))["receivers"]
                assert (receiver["name"], receiver["kind"], receiver["state"]) == ("ops", "webhook", "ok")

            async def shown() -> bool:
                told = (await asyncio.to_thread(overview, made)).stdout
                return "decisions: 8 partitions, 0 records behind" in told and "receiver ops: ok, 0 wait" in told

            await workers[0].until(shown, "the worker that is left to report all decisions as taken")
        finally:
            made.stop()
