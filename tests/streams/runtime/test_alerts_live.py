"""What is said to an alert over HTTP reaches it through the log of a real service, and survives a restart."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import msgspec

from streams.findings import Finding, SeriesKey
from streams.runtime.clock import VirtualClock
from streams.runtime.embedded import Embedded, Limits
from streams.runtime.store.store import Store
from streams.runtime.web import Web
from streams.units import format_time
from streams.view import AlertView
from tests.streams.runtime.shop import START, shop

SECOND = 1_000_000
SHOP = shop()
CHECKOUT = SeriesKey("conversion", "down", "purchase", "checkout")


def cart(number: int, time: int) -> bytes:
    event = {"specversion": "1.0", "id": f"n-{number}", "source": "shop", "type": "cart.updated"}
    return msgspec.json.encode({**event, "time": format_time(time), "subject": f"c-{number}", "data": {}})


def only(service: Embedded) -> AlertView:
    alarms = service.alarms()
    assert alarms is not None
    (alert,) = alarms.alerts
    return alert


async def test_acknowledged_and_snoozed_over_http_is_shown_and_stays_so_after_a_restart(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    service = Embedded(SHOP, Store(tmp_path / "shop.db"), clock, name="shop.yml", limits=Limits(commit_seconds=0))
    await service.start()
    await service.submit([cart(1, START)])
    await service.drain()
    tick = START // SECOND
    finding = Finding(CHECKOUT, tick, tick - 60, tick - 70, tick - 50, observed=3.0, expected=40.0, loss=0.9)
    service.partition.signals.stage.detection.book.fire(finding)  # a baseline would take hours to learn
    web = Web(service, SHOP.config)
    await web.start("127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{web.port}") as client:
            (alert,) = (await (await client.get("/api/v1/alerts")).json())["items"]
            assert (alert["state"], alert["acknowledged_by"]) == ("firing", None)
            path = f"/api/v1/alerts/{alert['fingerprint']}"
            clock.advance(5 * SECOND)
            assert (await client.post(f"{path}/ack", json={"by": "olena"})).status == 202
            assert (await client.post(f"{path}/snooze", json={"by": "olena", "for": "2h"})).status == 202
            clock.advance(10 * SECOND)
            await service.submit([cart(2, clock.now())])
            await service.drain()
            (alert,) = (await (await client.get("/api/v1/alerts")).json())["items"]
            told = (await (await client.get("/api/v1/decisions")).json())["items"]
    finally:
        await web.stop()
        await service.stop()
    assert (alert["acknowledged_by"], alert["snoozed_until"]) == ("olena", format_time(START + 7_205 * SECOND))
    # Whoever delivers hears of it at once: PagerDuty acknowledges by this record.
    (updated,) = [one for one in told if one["type"] == "touchline.alert.updated"]
    assert (updated["time"], updated["data"]["acknowledged_by"]) == (format_time(START + 6 * SECOND), "olena")
    assert updated["data"]["because"][1] == "acknowledged_by=olena"
    assert [line["what"] for line in alert["timeline"]] == ["since", "firing", "acknowledged", "snoozed"]

    again = Embedded(SHOP, Store(tmp_path / "shop.db"), clock, name="shop.yml", limits=Limits(commit_seconds=0))
    await again.start()
    try:
        await again.drain()
        assert msgspec.to_builtins(only(again)) == alert
    finally:
        await again.stop()
