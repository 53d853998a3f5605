"""Whether a Redis, or every master of a Redis Cluster, keeps what it is given."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from streams.errors import CannotStart
from streams.runtime.cluster.redis_link import Client

_SLOTS = 16384


async def inspect(client: Client) -> list[str]:
    """Returns warnings. Raises CannotStart."""
    try:
        if isinstance(client, Redis):
            if int((await client.info("cluster")).get("cluster_enabled", 0)):
                raise CannotStart(
                    "Redis: this is a node of a Redis Cluster; expected --redis redis+cluster://HOST:PORT"
                )
            return _faults("Redis", await client.info("memory"), await client.info("persistence"))
        return await _cluster(client)
    except (RedisError, RedisClusterException, OSError) as error:
        raise CannotStart(f"Redis does not answer: {error}; check --redis and that the server runs") from None


async def _cluster(client: RedisCluster) -> list[str]:
    await client.initialize()
    state = await client.cluster_info(target_nodes=client.get_default_node())
    if state.get("cluster_state") != "ok" or int(state.get("cluster_slots_assigned", 0)) != _SLOTS:
        raise CannotStart(
            f"Redis Cluster: its state is {state.get('cluster_state')} with {state.get('cluster_slots_assigned')} of "
            f"{_SLOTS} slots assigned; expected ok with all of them: CLUSTER INFO on its nodes tells more"
        )
    warnings: list[str] = []
    for node in client.get_primaries():
        memory = await client.info("memory", target_nodes=node)
        persistence = await client.info("persistence", target_nodes=node)
        warnings += _faults(f"Redis at {node.name}", memory, persistence)
    return warnings


def _faults(name: str, memory: dict[str, Any], persistence: dict[str, Any]) -> list[str]:
    policy = memory.get("maxmemory_policy", "unknown")
    if policy != "noeviction":
        raise CannotStart(
            f"{name}: maxmemory-policy is {policy}, which may drop customers' state; "
            "expected noeviction: CONFIG SET maxmemory-policy noeviction"
        )
    if not int(persistence.get("aof_enabled", 0)):
        lost = "a crash loses state since its last snapshot (CONFIG SET appendonly yes)"
        return [f"{name} writes no append-only file: {lost}"]
    return []
