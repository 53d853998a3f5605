"""What a scrape shows, and what it never shows."""

from __future__ import annotations

import re
import subprocess
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from streams.runtime import logs
from streams.runtime.care_metrics import COUNTED
from streams.runtime.latency import BOUNDS, Latency
from streams.runtime.metric_names import METRICS, reference
from streams.runtime.metrics import MAX_SOURCES, MAX_TYPES, Metrics
from streams.runtime.service import Internals, ReceiverHealth
from streams.view import ArmView, FiredCount, SignalSegmentView
from tests.streams.runtime import alarm_views
from tests.streams.runtime.memory_service import MemoryService, serving
from tests.streams.runtime.views import KNOWN, journey, segment, signal

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
OLDEST = {"complaint": 1_772_866_700_500_000}
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def full() -> MemoryService:
    """A service that has something of everything to show."""
    service = MemoryService()
    service.journey_views = [journey(segments=[segment("device", "mobile"), segment("device", "other")])]
    service.signal_views = [
        signal(segments=[SignalSegmentView("device", "mobile", {"1h": KNOWN})]),
        signal("nps", state="breached"),
    ]
    service.alarm_view = msgspec.structs.replace(
        alarm_views.alarms(alarm_views.alert()), fired=[FiredCount("purchase", "checkout", "conversion", "down", 1)]
    )
    service.watermark = "2026-03-07T06:59:58.000Z"
    service.receivers = (ReceiverHealth("ops", "slack", "failing", 3, 90.5, "HTTP 500", 7, 2, 1),)
    latency = Latency()
    latency.observe(0.02, 3)
    service.kept = Internals(
        invalid={"no_id": 2},
        dead_letters={"no_id": 1},
        dropped_dead_letters={"no_id": 1},
        types={"cart.updated": 7},
        sources={"shop": 7},
        decisions={"touchline.signal.breached": 1},
        latency=latency,
        care={f"{what}\0nps\0sms": [2, 3_000_000] for what in COUNTED},
        learning=[ArmView("nps", "channel", "sms", 2, 1, 0.6)],
    )
    return service


def metrics_of(service: MemoryService) -> Metrics:
    return Metrics(service, CollectorRegistry())


def scrape(metrics: Metrics) -> Series:
    """Every sample by name and labels."""
    metrics.gather(OLDEST)
    body, _ = metrics.expose("")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in read_text(body.decode())
        for sample in family.samples
    }


def value(series: Series, name: str, **labels: str) -> float | None:
    return series.get((name, frozenset(labels.items())))


def test_counters_are_the_stages_totals() -> None:
    series = scrape(metrics_of(full()))
    at = {"journey": "purchase", "step": "cart"}
    assert value(series, "touchline_journey_step_entered_total", **at) == 40
    assert value(series, "touchline_journey_step_completed_total", **at) == 30
    assert value(series, "touchline_journey_step_abandoned_total", **at) == 4
    assert value(series, "touchline_journey_step_recovered_total", **at) == 1
    assert value(series, "touchline_journey_step_skipped_total", **at) == 2
    assert value(series, "touchline_journey_step_repeated_total", **at) == 3
    assert value(series, "touchline_journey_step_unattributed_total", **at) == 5
    assert value(series, "touchline_journey_step_in_flight", **at) == 6
    assert value(series, "touchline_events_invalid_total", reason="no_id") == 2
    assert value(series, "touchline_events_total", type="cart.updated") == 7


def test_segments_have_series_of_their_own_names_so_that_sums_do_not_count_twice() -> None:
    series = scrape(metrics_of(full()))
    at = {"journey": "purchase", "step": "cart", "dimension": "device", "value": "mobile"}
    assert value(series, "touchline_journey_segment_entered_total", **at) == 20
    assert value(series, "touchline_journey_segment_in_flight", **at) == 3
    assert value(series, "touchline_journey_segment_conversion_ratio", **at, window="1h", basis="cohort") == 0.75
    labels = {"signal": "csat", "kind": "perception", "window": "1h", "dimension": "device", "value": "mobile"}
    assert value(series, "touchline_signal_segment_value", **labels) == 0.75


def test_ratio_below_the_smallest_sample_is_absent_and_its_n_is_there() -> None:
    series = scrape(metrics_of(full()))
    at = {"journey": "purchase", "step": "cart", "basis": "throughput"}
    for end in ("", "_lower", "_upper"):
        assert value(series, f"touchline_journey_step_conversion_ratio{end}", **at, window="1h") is not None
        assert value(series, f"touchline_journey_step_conversion_ratio{end}", **at, window="1m") is None
    assert value(series, "touchline_journey_step_conversion_samples", **at, window="1m") == 12
    assert value(series, "touchline_signal_value", signal="csat", kind="perception", window="1m") is None
    assert value(series, "touchline_signal_samples", signal="csat", kind="perception", window="1m") == 12


def test_goal_has_no_conversion() -> None:
    assert not [
        labels for name, labels in scrape(metrics_of(full())) if "conversion" in name and ("step", "paid") in labels
    ]


def test_breach_is_one_and_nothing_known_is_absent() -> None:
    service = full()
    service.signal_views.append(signal("ces", state="collecting"))
    series = scrape(metrics_of(service))
    assert value(series, "touchline_signal_breached", signal="nps", kind="perception") == 1
    assert value(series, "touchline_signal_breached", signal="csat", kind="perception") == 0
    assert value(series, "touchline_signal_breached", signal="ces", kind="perception") is None


def test_a_journey_names_its_owner_and_runbook_and_its_steps_their_places() -> None:
    series = scrape(metrics_of(full()))
    assert value(series, "touchline_journey_info", journey="purchase", owner="checkout-team", runbook="") == 1
    assert value(series, "touchline_journey_step_position", journey="purchase", step="cart") == 1
    assert value(series, "touchline_journey_step_position", journey="purchase", step="paid") == 2


def test_what_is_due_is_shown_once_it_is_known() -> None:
    service = full()
    at = {"journey": "purchase", "step": "checkout"}
    assert value(scrape(metrics_of(service)), "touchline_journey_step_due_per_second", **at) == 1.25
    service.alarm_view = alarm_views.alarms(series=[alarm_views.watched(due=None)])
    assert value(scrape(metrics_of(service)), "touchline_journey_step_due_per_second", **at) is None


def test_the_oldest_open_case_is_a_moment() -> None:
    series = scrape(metrics_of(full()))
    assert value(series, "touchline_case_oldest_opened_timestamp_seconds", rule="complaint") == 1772866700.5


def test_a_scrape_counts_its_own_series_and_says_how_many_there_can_be() -> None:
    service = full()
    service.kept.dimensions = 1
    series = scrape(metrics_of(service))
    parts = {
        part: (value(series, "touchline_exposed_series", part=part), sum(name.startswith(prefix) for name, _ in series))
        for part, prefix in (
            ("step_segments", "touchline_journey_segment_"),
            ("signal_segments", "touchline_signal_segment_"),
        )
    }
    assert all(count == seen and count for count, seen in parts.values()), parts
    own = sum(name.startswith("touchline_exposed_series") for name, _ in series)
    total = sum(count for (name, _), count in series.items() if name == "touchline_exposed_series")
    assert total == len(series) - own
    for part in ("steps", "step_segments", "signals", "signal_segments"):
        shown, most = (value(series, f"touchline_exposed_series{end}", part=part) for end in ("", "_ceiling"))
        assert shown is not None
        assert most is not None
        assert 0 < shown <= most, part


def test_series_that_end_vanish() -> None:
    service = full()
    metrics = metrics_of(service)
    assert any("mobile" in dict(labels).values() for _, labels in scrape(metrics))
    service.journey_views = [journey(segments=[segment("device", "other")])]
    service.signal_views = []
    later = scrape(metrics)
    assert not any("mobile" in dict(labels).values() for _, labels in later)
    assert not any(name.startswith("touchline_signal") for name, _ in later)


def test_watermark_is_absent_before_the_first_event() -> None:
    assert value(scrape(metrics_of(MemoryService())), "touchline_watermark_lag_seconds") is None
    series = scrape(metrics_of(full()))
    assert value(series, "touchline_watermark_lag_seconds") == 2
    assert value(series, "touchline_watermark_timestamp_seconds") == 1772866798


def test_processing_time_is_a_histogram() -> None:
    series = scrape(metrics_of(full()))
    assert value(series, "touchline_event_processing_seconds_count") == 3
    assert value(series, "touchline_event_processing_seconds_sum") == pytest.approx(0.06)
    assert value(series, "touchline_event_processing_seconds_bucket", le="0.01") == 0
    assert value(series, "touchline_event_processing_seconds_bucket", le="0.025") == 3
    assert value(series, "touchline_event_processing_seconds_bucket", le="+Inf") == 3


def test_bucket_bounds_are_inclusive() -> None:
    latency = Latency()
    latency.observe(BOUNDS[0])
    latency.observe(-1.0)
    latency.observe(1e9)
    assert latency.counts[0] == 2
    assert latency.counts[-1] == 1
    assert latency.total == pytest.approx(1e9 + BOUNDS[0])


def test_types_and_sources_are_bounded_and_their_counters_never_fall() -> None:
    service = MemoryService()
    metrics = metrics_of(service)
    letters = "abcdefghij"
    many = [f"noun.v{first}{second}{third}" for first in letters for second in letters for third in "ab"]
    service.kept = Internals(types=dict.fromkeys(many, 1), sources={f"s-{n}": 1 for n in range(200)})
    series = scrape(metrics)
    types = {
        dict(labels)["type"]: count for (name, labels), count in series.items() if name == "touchline_events_total"
    }
    assert len(types) == MAX_TYPES + 1
    assert types["other"] == len(many) - MAX_TYPES
    sources = [labels for name, labels in series if name == "touchline_source_events_total"]
    assert len(sources) == MAX_SOURCES + 1
    service.kept = Internals(types={many[-1]: 1000, **dict.fromkeys(many[:-1], 1)})
    assert value(scrape(metrics), "touchline_events_total", type=many[0]) == 1
    assert value(scrape(metrics), "touchline_events_total", type="other") == len(many) - MAX_TYPES - 1 + 1000


@pytest.mark.parametrize(
    "name", ["jane@example.org", "order.c.4711.done", "Order", "a", "order.completed\n", "x." + "y" * 40, "order.done "]
)
def test_types_that_may_be_somebodys_id_are_other(name: str) -> None:
    service = MemoryService()
    service.kept = Internals(types={name: 1})
    assert value(scrape(metrics_of(service)), "touchline_events_total", type="other") == 1


@pytest.mark.parametrize("name", ["jane@example.org", "/customers/4711", "a" * 65, "+380501234567", "two words"])
def test_sources_that_may_be_somebodys_id_are_other(name: str) -> None:
    service = MemoryService()
    service.kept = Internals(sources={name: 1, "/sources/shop-1": 2})
    series = scrape(metrics_of(service))
    assert value(series, "touchline_source_events_total", source="other") == 1
    assert value(series, "touchline_source_events_total", source="/sources/shop-1") == 2


def test_addresses_are_nobodys_segment() -> None:
    service = MemoryService()
    service.journey_views = [journey(segments=[segment("region", "jane@example.org"), segment("region", "kyiv")])]
    body = str(scrape(metrics_of(service)))
    assert "kyiv" in body
    assert "jane" not in body


def test_every_metric_shown_is_declared_and_every_declared_one_can_be_shown() -> None:
    service = full()
    metrics = metrics_of(service)
    metrics.count_request("GET", "/metrics", 200)
    metrics.gather(OLDEST)
    shown = {}
    for family in metrics.collect():
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
        labels = {name for sample in family.samples for name in sample.labels if name != "le"}
        shown[family.name + suffix] = (family.type, family.documentation, labels)
    declared = {metric.name: (metric.kind, metric.help, set(metric.labels)) for metric in METRICS}
    assert shown == declared


def test_names_follow_the_conventions() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert re.fullmatch(r"touchline_[a-z0-9_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.name.endswith("_info") == (metric.kind == "info")
        assert metric.help.endswith(".")


def test_reference_page_is_current() -> None:
    assert REFERENCE.read_text() == reference(), (
        "run: .venv/bin/python -m streams.runtime.metric_names > docs/reference/metrics.md"
    )


async def test_scraper_gets_the_form_it_accepts() -> None:
    async with serving(full()) as client:
        text = await client.get("/metrics")
        assert text.headers["Content-Type"].startswith("text/plain; version=")
        assert [family.name for family in read_text(await text.text())]
        openmetrics = await client.get("/metrics", headers={"Accept": OPENMETRICS})
        assert openmetrics.headers["Content-Type"].startswith("application/openmetrics-text")
        read = read_openmetrics(await openmetrics.text())  # type: ignore[no-untyped-call]  # has no types
        assert [family.name for family in read]


async def test_requests_are_counted_by_route_not_by_path() -> None:
    async with serving(full()) as client:
        for path in ("/api/v1/dlq/1", "/api/v1/dlq/2", "/c-4711", "/api/v1/c-4711"):
            await client.get(path)
        body = await (await client.get("/metrics")).text()
    assert 'touchline_http_requests_total{method="GET",route="/api/v1/dlq/{id}",status="404"} 2.0' in body
    assert 'touchline_http_requests_total{method="GET",route="unknown",status="404"} 2.0' in body
    assert "4711" not in body


@pytest.mark.prometheus
def test_prometheus_own_checker_has_nothing_to_say(promtool: str) -> None:
    metrics = metrics_of(full())
    metrics.count_request("GET", "/metrics", 200)
    metrics.gather()
    body, _ = metrics.expose("")
    checked = subprocess.run([promtool, "check", "metrics"], input=body, capture_output=True, timeout=60, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


PERSONAL = ("c-4711-jane", "jane.roe@example.org", "my-parcel-is-lost", "+380501234567", "m-secret-id", "tok-9f8e7d")


@pytest.mark.expects_errors
async def test_nothing_personal_reaches_metrics_or_logs() -> None:
    """Good and bad events, requests that fail, and a failure inside: neither the logs nor a scrape repeat them."""
    customer, mail, said, phone, message, token = PERSONAL

    class Failing(MemoryService):
        async def decisions(self, since: int | None, limit: int, cursor: str | None) -> None:  # type: ignore[override]
            raise RuntimeError(f"{mail} {customer}")

    log = StringIO()
    logs.configure("debug", log, pretty=False)
    service = Failing()
    event = {"specversion": "1.0", "id": message, "source": "shop", "type": "complaint.received", "subject": customer}
    event["data"] = {"text": said, "email": mail, "phone": phone}  # type: ignore[assignment]  # plain JSON
    structured = {"Content-Type": "application/cloudevents+json", "Authorization": f"Bearer {token}"}
    async with serving(service) as client:
        await client.post("/events", json=event, headers=structured)
        await client.post("/events", json={**event, "time": said, "type": mail}, headers=structured)
        await client.post("/events", data=f"{mail} {said}".encode(), headers=structured)
        await client.post("/v1/track", json={"userId": customer, "event": mail, "messageId": message})
        await client.post(f"/v1/{customer}", json={})
        await client.get(f"/api/v1/customers/{customer}?email={mail}")
        await client.get(f"/{customer}.js")
        await client.get(f"/api/v1/decisions?cursor={customer}")
        service.kept = Internals(types={mail: 1, said: 1}, sources={mail: 1, phone: 1})
        service.journey_views = [journey(segments=[segment("region", mail)])]
        scraped = await (await client.get("/metrics")).text()
    written = log.getvalue()
    assert "request_failed" in written  # the logs were on
    assert "touchline_http_requests_total" in scraped
    for text in PERSONAL:
        assert text not in written
        assert text not in scraped
