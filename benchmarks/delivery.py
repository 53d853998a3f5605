"""Delivery: what it adds to a commit, how fast a full outbox empties, and whether a dead receiver slows a live one.

    python -m benchmarks.delivery [--decisions 20000]

`commit`: commits of 500 asks, with two receivers and with none. `drain`: all of them wait; timed from the start of
delivery until the last is noted as delivered, to a webhook on loopback (one decision per request, four at a time) and
into a file (up to 500 per write). `beside_a_dead_one`: the webhook again, while another receiver never answers. Sender
and receiver share process and machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from benchmarks.result import write
from streams.config.load import Loaded, load_text
from streams.decisions import decision_id, encode
from streams.effects import Decision
from streams.runtime import commit as commits
from streams.runtime.clock import SystemClock
from streams.runtime.commit import Commit, NewDecision
from streams.runtime.delivery import Delivery
from streams.runtime.store.store import Store, new_head

_TIME = 1_772_866_800_000_000
_BATCH = 500
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def asks(count: int) -> list[NewDecision]:
    """So many asks, each of another customer."""
    made = []
    for number in range(count):
        subject = f"c-{number}"
        data = {"rule": "nps", "because": [f"shop/e-{number}"], "metric": "nps", "channel": "email", "attempt": 1}
        name = decision_id("touchline.feedback.requested", "nps", subject, f"shop/e-{number}", _TIME)
        decision = Decision(name, "touchline.feedback.requested", _TIME, subject, data)
        made.append(NewDecision(name, decision.type, _TIME, subject, encode(decision)))
    return made


def file_of(*receivers: str) -> Loaded:
    """A file in which these receive all asks."""
    lines = [
        f"  - {{match: {{type: feedback}}, to: '{one}', secret: {_SECRET}, allow_private: true}}" for one in receivers
    ]
    return load_text("\n".join(["subscriptions:", *lines]) if lines else "version: 1", environ={})


async def fill(store: Store, delivery: Delivery, decisions: Sequence[NewDecision]) -> list[float]:
    """Commit them, 500 at a time; milliseconds of each commit."""
    taken = []
    for start in range(0, len(decisions), _BATCH):
        some = decisions[start : start + _BATCH]
        before = store.head_body
        head = new_head(commits.decode(before) if before else None, "f00d")
        head = msgspec.structs.replace(head, sequences={"decisions": start + len(some)})
        begun = time.perf_counter()
        commit = Commit(before, commits.encode(head), 0, time.time_ns() // 1000, start, decisions=some)
        await store.commit(delivery.address(commit))
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


async def drain(folder: Path, decisions: Sequence[NewDecision], watched: str, *others: str) -> dict[str, Any]:
    """Fill the outbox while the first receiver is left alone, then let it go; how long it took."""
    path, loaded = folder / f"{len(os.listdir(folder))}.db", file_of(watched, *others)
    store, clock = Store(path), SystemClock()
    delivery = Delivery(store, clock)
    await delivery.start(loaded.config)
    name = next(iter(delivery.lanes))
    lane = delivery.lanes[name]
    lane.disabled = "not yet"
    taken = await fill(store, delivery, decisions)
    begun = time.perf_counter()
    lane.enable()
    for other in delivery.lanes.values():
        other.wake()
    while True:
        await delivery.refresh()
        if next(one for one in delivery.health() if one.name == name).delivered == len(decisions):
            break
        await asyncio.sleep(0.2)
    seconds = time.perf_counter() - begun
    await delivery.stop()
    await store.close()
    return {
        "seconds": round(seconds, 2),
        "per_second": round(len(decisions) / seconds),
        "commit_milliseconds": quantiles_of(taken),
    }


def quantiles_of(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {"p50": round(ordered[len(ordered) // 2], 2), "p99": round(ordered[int(len(ordered) * 0.99)], 2)}


async def measure(folder: Path, count: int) -> dict[str, Any]:
    decisions = asks(count)

    async def take(request: web.Request) -> web.Response:
        await request.read()
        if request.path == "/dead":
            await asyncio.Event().wait()
        return web.Response()

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"webhook:http://127.0.0.1:{runner.addresses[0][1]}"
    store, clock = Store(folder / "none.db"), SystemClock()
    none = Delivery(store, clock)
    await none.start(file_of().config)
    without = quantiles_of(await fill(store, none, decisions))
    await none.stop()
    await store.close()
    two = await drain(folder, decisions, f"{address}/live", f"{address}/dead")
    found: dict[str, Any] = {
        "decisions": count,
        "commit": {"without_receivers_milliseconds": without, "with_two_milliseconds": two.pop("commit_milliseconds")},
        "drain_webhook": await drain(folder, decisions, f"{address}/live"),
        "drain_ndjson": await drain(folder, decisions, f"ndjson:{folder / 'out.ndjson'}"),
        "beside_a_dead_one": two,
    }
    for name in ("drain_webhook", "drain_ndjson"):
        found[name].pop("commit_milliseconds")
    await runner.cleanup()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decisions", type=int, default=20_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder), args.decisions))
    print(figures)  # noqa: T201  # the benchmark's report
    write("delivery", figures)


if __name__ == "__main__":
    main()
