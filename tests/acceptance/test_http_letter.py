"""The doors, the API and the refusals of a running `touchline run`: formats.md sections 1, 2 (access) and 5."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.served import BATCH, CLOUDEVENT, Served, serving

RULES = """
version: 1
allowed_lateness: 100ms
idle_after: 300ms
journeys:
  j: {steps: [{name: a, on: cart.updated}, {name: b, on: order.completed, within: 30m}]}
signals:
  amount: {on: order.completed, value: amount, as: sum, min_n: 1}
"""


def now(**later: float) -> str:
    """The present as RFC 3339, or later."""
    return (datetime.now(UTC) + timedelta(**later)).isoformat().replace("+00:00", "Z")


def record(id_: str, type_: str = "cart.updated", **attributes: Any) -> dict[str, Any]:
    base = {"specversion": "1.0", "id": id_, "source": "shop", "type": type_, "time": now(), "subject": "c"}
    return {key: value for key, value in {**base, **attributes}.items() if value is not None}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path, RULES) as served:
        yield served


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One service for the tests that count nothing."""
    with serving(tmp_path_factory.mktemp("shared"), RULES) as served:
        yield served


def test_the_same_event_by_every_door_is_one_event(service: Served) -> None:
    """Segment batch, CE HTTP structured, batched, binary -> identical canonical record; second copy is deduplicated."""
    time = now()
    data = {"amount": 12.5, "event": "Order Completed"}
    one = record("m-1", "order.completed", source="http", time=time, data=data)
    call = {
        "type": "track",
        "messageId": "m-1",
        "userId": "c",
        "event": "Order Completed",
        "properties": {"amount": 12.5},
        "timestamp": time,
    }
    assert service.ask("POST", "/events", one, CLOUDEVENT).status == 202
    assert service.ask("POST", "/events", [one], BATCH).status == 202
    binary = {f"ce-{name}": one[name] for name in ("specversion", "id", "source", "type", "time", "subject")}
    headers = {**binary, "Content-Type": "application/json"}
    assert service.ask("POST", "/events", data, headers).status == 202
    assert service.ask("POST", "/v1/track", call).status == 200
    assert service.ask("POST", "/v1/batch", {"batch": [call]}).status == 200
    assert service.settle(5) == {"read": 5, "accepted": 1, "duplicate": 4}
    [amount] = service.get("/api/v1/signals")["items"]
    assert amount["total"]["value"] == 12.5


def test_a_batch_with_a_bad_item_is_told_item_by_item(service: Served) -> None:
    """We return per-item `{index,messageId,status,error}`; what is refused becomes a dead letter."""
    good = {"type": "track", "messageId": "1", "userId": "c", "event": "Product Added", "timestamp": now()}
    bad = {"type": "track", "messageId": "2", "event": "Product Added", "timestamp": now()}
    answer = service.ask("POST", "/v1/batch", {"batch": [good, bad]})
    assert answer.status in (200, 207)
    items = answer.json["items"]
    assert [(item["index"], item["messageId"], item["status"]) for item in items] == [
        (0, "1", "accepted"),
        (1, "2", "rejected"),
    ]
    assert items[1]["error"]["reason"] == "no_subject"
    assert service.settle(2) == {"read": 2, "accepted": 1, "invalid": 1}
    assert service.step("a") == {"entered": 1, "in_flight": 1}
    [letter] = service.get("/api/v1/dlq")["items"]
    assert letter["reason"] == "no_subject"


CALLS: list[tuple[dict[str, Any], str]] = [
    ({"type": "track", "event": "Product Added"}, "cart.updated"),
    ({"type": "track", "event": "Product Removed"}, "cart.updated"),
    ({"type": "track", "event": "Checkout Started"}, "checkout.started"),
    ({"type": "track", "event": "Order Completed"}, "order.completed"),
    ({"type": "track", "event": "Signed Up"}, "account.created"),
    ({"type": "track", "event": "Video  Playback Started"}, "video.playback.started"),
    ({"type": "page", "name": "Home"}, "page.viewed"),
    ({"type": "screen", "name": "Home"}, "page.viewed"),
    ({"type": "identify", "traits": {"tier": "gold"}}, "customer.identified"),
    ({"type": "alias", "previousId": "anon"}, "customer.merged"),
]


def test_segment_calls_become_these_types(tmp_path: Path) -> None:
    """Segment calls: `track.event` -> lower case, words joined by dots, except …; page/screen -> page.viewed."""
    types = sorted({type_ for _, type_ in CALLS})
    signals = "".join(f"  {type_.replace('.', '_')}: {{on: {type_}, as: rate}}\n" for type_ in types)
    with serving(tmp_path, f"idle_after: 300ms\nsignals:\n{signals}") as service:
        for number, (call, _) in enumerate(CALLS):
            message = {**call, "messageId": str(number), "userId": "c", "timestamp": now()}
            assert service.ask("POST", f"/v1/{call['type']}", message).status == 200
        service.settle(len(CALLS))
        counted = {one["name"]: one["total"]["n"] for one in service.get("/api/v1/signals")["items"]}
    expected = Counter(type_.replace(".", "_") for _, type_ in CALLS)
    assert counted == dict(expected)


def test_a_time_without_offset_is_invalid_over_http_and_a_missing_one_is_the_reception(service: Served) -> None:
    """Without one: invalid over HTTP; missing: time of reception."""
    refused = service.ask("POST", "/events", record("1", time="2026-03-02T10:00:00"), CLOUDEVENT)
    assert (refused.status, refused.json["items"][0]["error"]["reason"]) == (400, "no_zone")
    assert service.ask("POST", "/events", record("2", time=None), CLOUDEVENT).status == 202
    assert service.settle(2) == {"read": 2, "accepted": 1, "invalid": 1}


def test_a_clock_ten_years_ahead_is_clamped_and_makes_nothing_late(service: Served) -> None:
    """Future: more than `max_ahead` (30 s) after the time of reception; clamped to it."""
    service.ask("POST", "/events", record("1", time=now(days=3650), subject="x"), CLOUDEVENT)
    service.ask("POST", "/events", record("2", subject="y"), CLOUDEVENT)
    assert service.settle(2) == {"read": 2, "accepted": 2, "future": 1} or service.counts() == {
        "read": 2,
        "accepted": 2,
        "future": 1,
        "late": 1,
    }
    assert service.counts()["future"] == 1
    assert service.step("a") == {"entered": 2, "in_flight": 2}
    watermark = service.get("/api/v1/health")["watermark"]
    assert watermark <= now(seconds=1)


def test_our_own_types_are_refused_at_the_door(shared: Served) -> None:
    """`touchline.` types are refused at the public doors."""
    for type_ in ("touchline.time.advanced", "touchline.config.activated", "touchline.event.refused"):
        forged = record("1", type_, data={"reason": "no_id", "message": "forged", "body": "eHg="})
        answer = shared.ask("POST", "/events", forged, CLOUDEVENT)
        assert (answer.status, answer.json["items"][0]["error"]["reason"]) == (400, "reserved_type")
        track = {"messageId": "1", "userId": "c", "event": type_.replace(".", " "), "timestamp": now()}
        assert shared.ask("POST", "/v1/track", track).status == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("POST", "/events", b"{", CLOUDEVENT, 400),
        ("POST", "/events", b"\x00\xff", CLOUDEVENT, 400),
        ("POST", "/events", b"[" * 100_000, BATCH, 400),
        ("POST", "/events", b"{}", {"Content-Type": "text/csv"}, 415),
        ("POST", "/events", b"x" * 600_000, CLOUDEVENT, 413),
        ("POST", "/v1/batch", b'{"batch": 5}', {}, 400),
        ("POST", "/v1/track", b"not json", {}, 400),
        ("GET", "/api/v1/nothing", None, {}, 404),
        ("GET", "/api/v1/decisions?limit=x", None, {}, 400),
        ("GET", "/api/v1/decisions?limit=0", None, {}, 400),
        ("GET", "/api/v1/decisions?since=yesterday", None, {}, 400),
        ("GET", "/api/v1/decisions?cursor=nonsense", None, {}, 400),
        ("GET", "/api/v1/dlq/123456", None, {}, 404),
        ("POST", "/api/v1/dlq/123456/redrive", b"", {}, 404),
        ("POST", "/api/v1/journeys", b"", {}, 405),
        ("DELETE", "/events", None, {}, 405),
    ],
)
def test_errors_are_problems(
    shared: Served, method: str, path: str, body: bytes | None, headers: dict[str, str], status: int
) -> None:
    """Errors: RFC 9457."""
    answer = shared.ask(method, path, body, headers)
    assert answer.status == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json["status"] == status
    assert {"type", "title", "detail"} <= set(answer.json)


def test_an_event_over_its_limit_is_told(shared: Served) -> None:
    """Limits 500 KB/batch, 32 KB/event -> 400."""
    call = {"messageId": "1", "userId": "c", "event": "x", "properties": {"x": "y" * 40_000}, "timestamp": now()}
    answer = shared.ask("POST", "/v1/track", call)
    assert (answer.status, answer.json["items"][0]["error"]["reason"]) == (400, "too_large")


@pytest.mark.parametrize("path", ["journeys", "signals", "decisions", "dlq"])
def test_lists_are_items_and_next(shared: Served, path: str) -> None:
    """Lists: `{items, next}`."""
    assert list(shared.get(f"/api/v1/{path}")) == ["items", "next"]


@pytest.mark.parametrize("path", ["alerts", "cases"])
def test_lists_of_what_is_not_built_yet_are_not_invented(shared: Served, path: str) -> None:
    """`GET /api/v1/{journeys,signals,alerts,decisions,cases,dlq,health}`: either there, or honestly absent."""
    answer = shared.ask("GET", f"/api/v1/{path}")
    assert answer.status == 404 or list(answer.json) == ["items", "next"]


def test_lists_are_paged_newest_first(service: Served) -> None:
    """`?since=&limit=&cursor=`, newest first."""
    service.ask("POST", "/events", record("good"), CLOUDEVENT)
    for number in range(5):
        service.ask("POST", "/events", b'{"broken": %d}' % number, CLOUDEVENT)
    service.settle(6)
    seen: list[str] = []
    cursor = ""
    while True:
        page = service.get(f"/api/v1/dlq?limit=2{cursor}")
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len(seen) == len(set(seen)) == 5
    whole = service.get("/api/v1/dlq")["items"]
    assert [item["id"] for item in whole] == seen
    assert [item["time"] for item in whole] == sorted((item["time"] for item in whole), reverse=True)
    assert service.get(f"/api/v1/dlq?since={now(days=1)}")["items"] == []


def test_what_is_invalid_is_counted_also_when_nothing_valid_ever_came(service: Served) -> None:
    """What cannot be decoded goes to the dead letter and is counted by reason."""
    service.ask("POST", "/events", b'{"broken": 1}', CLOUDEVENT)
    service.until(lambda: len(service.get("/api/v1/dlq")["items"]) == 1)
    service.until(lambda: service.counts() == {"read": 1, "invalid": 1})


def test_decisions_over_http_are_the_records(tmp_path: Path) -> None:
    """`/api/v1/decisions`: decision records."""
    rules = RULES + "  slow: {on: call.ended, value: s, min_n: 3, expect: {value: '<= 1', over: 1h}}\n"
    with serving(tmp_path, rules) as service:
        calls = [record(str(n), "call.ended", subject=f"c{n}", data={"s": 9 + n % 2}) for n in range(20)]
        assert service.ask("POST", "/events", calls, BATCH).status == 202
        service.until(lambda: len(service.get("/api/v1/decisions")["items"]) == 1)
        [decision] = service.get("/api/v1/decisions")["items"]
        assert list(decision) == ["specversion", "id", "source", "type", "time", "subject", "data"]
        assert (decision["type"], decision["subject"]) == ("touchline.signal.breached", "slow")


def test_a_dead_letter_is_listed_shown_and_redriven_by_the_command_line(tmp_path: Path) -> None:
    """`dlq list|show|redrive`: with its original bytes and a one-line reason, re-driven through dedup."""

    def dlq(*arguments: str) -> subprocess.CompletedProcess[str]:
        data = ["--data", str(tmp_path / "touchline.db")]
        command = [sys.executable, "-m", "streams", "dlq", *arguments, *data]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    with serving(tmp_path, RULES) as service:
        service.ask("POST", "/events", record("good"), CLOUDEVENT)
        service.ask("POST", "/events", b'{"broken": 1}', CLOUDEVENT)
        service.settle(2)
        [letter] = service.get("/api/v1/dlq")["items"]
        shown = service.get(f"/api/v1/dlq/{letter['id']}")
        assert shown["body"] == '{"broken": 1}'
        assert service.ask("POST", f"/api/v1/dlq/{letter['id']}/redrive", b"").status == 202
        service.settle(3)
        assert service.stop() == 0
    listed = dlq("list", "--json", "--all")
    assert listed.returncode == 0, listed.stderr
    letters = [json.loads(line) for line in listed.stdout.splitlines()]
    assert {one["reason"] for one in letters} == {"bad_specversion"}
    one = dlq("show", str(letters[0]["id"]))
    assert (one.returncode, "broken" in one.stdout) == (0, True)
    again = dlq("redrive", str(letters[0]["id"]))
    assert again.returncode == 0, again.stderr
    assert dlq("show", "999999").returncode != 0


def test_restart_keeps_the_totals(tmp_path: Path) -> None:
    """Started again it goes on where it stopped."""
    with serving(tmp_path, RULES) as service:
        service.ask("POST", "/events", [record(str(n), subject=f"c{n}") for n in range(50)], BATCH)
        service.settle(50)
        assert service.stop() == 0
    with serving(tmp_path, RULES) as service:
        service.until(lambda: service.step("a") == {"entered": 50, "in_flight": 50})
        service.ask("POST", "/events", [record(str(n), subject=f"c{n}") for n in range(60)], BATCH)
        service.until(lambda: service.step("a").get("entered") == 60)
        assert service.step("a") == {"entered": 60, "in_flight": 60}


def test_no_acknowledged_event_is_lost_by_kill_9(tmp_path: Path) -> None:
    """An event is acknowledged only once it is durable; kill -9 and restart lose none and double none."""
    acknowledged = 0
    for round_ in range(3):
        with serving(tmp_path, RULES) as service:
            for part in range(4):
                batch = [record(f"{round_}-{part}-{n}", subject=f"c{round_}-{part}-{n}") for n in range(100)]
                answer = service.ask("POST", "/events", batch, BATCH)
                assert answer.status == 202
                acknowledged += 100
            service.kill()
    with serving(tmp_path, RULES) as service:
        service.until(lambda: service.step("a").get("entered", 0) >= acknowledged)
        assert service.step("a") == {"entered": acknowledged, "in_flight": acknowledged}


def test_a_second_process_on_the_same_file_is_refused(tmp_path: Path) -> None:
    """A second process on the same file is refused clearly: exit 3."""
    with serving(tmp_path, RULES):
        command = [sys.executable, "-m", "streams", "run", "-c", str(tmp_path / "rules.yml")]
        command += ["--data", str(tmp_path / "touchline.db"), "--listen", "127.0.0.1:0"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 3
        assert "Traceback" not in second.stderr


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "10.1.2.3:0"])
def test_any_other_address_without_tokens_refuses_to_start(tmp_path: Path, listen: str) -> None:
    """Any other address without tokens: refuses to start."""
    (tmp_path / "rules.yml").write_text(RULES)
    command = [sys.executable, "-m", "streams", "run", "-c", str(tmp_path / "rules.yml")]
    command += ["--data", str(tmp_path / "touchline.db"), "--listen", listen]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_a_file_with_faults_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text("nothing: 1\n")
    command = [sys.executable, "-m", "streams", "run", "-c", str(tmp_path / "rules.yml")]
    command += ["--data", str(tmp_path / "touchline.db"), "--listen", "127.0.0.1:0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "nothing" in done.stderr


def test_on_loopback_host_and_origin_are_checked(shared: Served) -> None:
    """On loopback without tokens everything is open to that machine, but Host and Origin are checked."""
    assert shared.ask("GET", "/api/v1/health", None, {"Host": "evil.example"}).status == 403
    rebound = {**CLOUDEVENT, "Origin": "https://evil.example"}
    assert shared.ask("POST", "/events", record("1"), rebound).status == 403
    own = {**CLOUDEVENT, "Origin": f"http://127.0.0.1:{shared.port}"}
    assert shared.ask("POST", "/events", record("1"), own).status == 202


ACCESS = (
    RULES
    + """
access:
  write_keys: [{name: web, token: "${WEB_KEY}"}]
  console:
    - {name: wall, role: viewer, token: "${WALL}"}
    - {name: boss, role: admin, token: "${BOSS}"}
"""
)
TOKENS = {"WEB_KEY": "key-of-the-web", "WALL": "token-of-the-wall", "BOSS": "token-of-the-boss"}


def test_write_keys_and_console_tokens(tmp_path: Path) -> None:
    """Write keys (Basic auth `writeKey:` with an empty password); the key's name is the source of Segment calls."""
    with serving(tmp_path, ACCESS, environment=TOKENS) as service:
        call = {"messageId": "1", "userId": "c", "event": "Product Added", "timestamp": now()}
        basic = {"Authorization": "Basic " + base64.b64encode(b"key-of-the-web:").decode()}
        wrong = {"Authorization": "Basic " + base64.b64encode(b"nobody:").decode()}
        assert service.ask("POST", "/v1/track", call).status == 401
        assert service.ask("POST", "/v1/track", call, wrong).status == 401
        assert service.ask("POST", "/v1/track", call, basic).status == 200
        copy = record("1", source="web")
        assert (
            service.ask("POST", "/events", copy, {**CLOUDEVENT, "Authorization": "Bearer key-of-the-web"}).status == 202
        )
        assert service.ask("POST", "/events", copy, CLOUDEVENT).status == 401
        assert service.ask("GET", "/api/v1/health").status == 401
        viewer = {"Authorization": "Bearer token-of-the-wall"}
        admin = {"Authorization": "Bearer token-of-the-boss"}
        assert service.ask("GET", "/api/v1/journeys", None, viewer).status == 200
        assert service.ask("GET", "/api/v1/journeys", None, basic).status in (401, 403)
        assert service.ask("POST", "/api/v1/dlq/1/redrive", b"", viewer).status == 403
        assert service.ask("POST", "/api/v1/dlq/1/redrive", b"", admin).status == 404

        def duplicate() -> bool:
            events = service.ask("GET", "/api/v1/health", None, admin).json["events"]
            return bool(events["duplicate"] == 1 and events["accepted"] == 1)

        service.until(duplicate)
        metrics = service.ask("GET", "/metrics", None, admin).body.decode()
        everything = (tmp_path / "stderr").read_text() + metrics
        assert not [token for token in TOKENS.values() if token in everything]


def test_no_customer_appears_in_logs_or_metrics(tmp_path: Path) -> None:
    """No personal data in logs or metrics."""
    with serving(tmp_path, RULES, "--log-level", "debug") as service:
        name = "private-person@example.org"
        service.ask("POST", "/events", record("1", subject=name, data={"email": name}), CLOUDEVENT)
        service.ask("POST", "/events", record("2", subject=name, time="soon"), CLOUDEVENT)
        service.settle(2)
        metrics = service.ask("GET", "/metrics").body.decode()
        assert service.stop() == 0
    assert name not in metrics
    assert name not in (tmp_path / "stderr").read_text()


def test_the_data_file_is_whole_after_a_kill(tmp_path: Path) -> None:
    with serving(tmp_path, RULES) as service:
        service.ask("POST", "/events", [record(str(n)) for n in range(100)], BATCH)
        service.kill()
    with sqlite3.connect(tmp_path / "touchline.db") as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    database.close()


def test_the_stream_begins_with_a_view(shared: Served) -> None:
    """`/api/v1/stream` (SSE): event `view` with journeys, signals, health."""
    connection = http.client.HTTPConnection(shared.host, shared.port, timeout=30)
    connection.request("GET", "/api/v1/stream")
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    lines: list[str] = []
    while not any(line.startswith("data:") for line in lines):
        lines.append(answer.readline().decode().strip())
    connection.close()
    assert "event: view" in lines
    view = json.loads(next(line for line in lines if line.startswith("data:"))[5:])
    assert set(view) >= {"journeys", "signals", "health"}


def test_probes_and_metrics(shared: Served) -> None:
    """`/metrics`, `/livez`, `/readyz`."""
    assert shared.ask("GET", "/livez").status == 200
    assert shared.ask("GET", "/readyz").status == 200
    text = shared.ask("GET", "/metrics").body.decode()
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert names
    assert all(name.startswith(("touchline_", "process_", "python_")) for name in names)
    assert os.getpid() != shared.process.pid


@pytest.mark.parametrize(
    "access",
    [
        "{write_keys: [{name: web, token: key-of-the-web}]}",
        "{console: [{name: boss, role: admin, token: token-of-the-boss}]}",
    ],
)
def test_half_of_the_tokens_is_not_enough_for_another_address(tmp_path: Path, access: str) -> None:
    """Any other address needs write keys and console tokens, else it refuses to start (architecture section 3)."""
    (tmp_path / "rules.yml").write_text(RULES + f"access: {access}\n")
    command = [sys.executable, "-m", "streams", "run", "-c", str(tmp_path / "rules.yml")]
    command += ["--data", str(tmp_path / "touchline.db"), "--listen", "0.0.0.0:0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "of-the" not in done.stderr


def test_time_goes_on_when_nothing_comes(tmp_path: Path) -> None:
    """`touchline.time.advanced` after `idle_after`, then once a second: abandoned without another event."""
    with serving(tmp_path, RULES.replace("within: 30m", "within: 1s")) as service:
        service.ask("POST", "/events", record("1"), CLOUDEVENT)
        service.until(lambda: service.step("a") == {"entered": 1, "abandoned": 1})


def test_what_was_abandoned_while_it_was_down_is_counted_after_the_restart(tmp_path: Path) -> None:
    """Timers are durable."""
    rules = RULES.replace("within: 30m", "within: 2s")
    with serving(tmp_path, rules) as service:
        service.ask("POST", "/events", record("1"), CLOUDEVENT)
        service.until(lambda: service.step("a") == {"entered": 1, "in_flight": 1})
        service.kill()
    with serving(tmp_path, rules) as service:
        service.until(lambda: service.step("a") == {"entered": 1, "abandoned": 1})


def test_a_changed_file_goes_on_with_what_is_still_there(tmp_path: Path) -> None:
    """New rules hold from their offset; journeys and steps keep their state by name."""
    with serving(tmp_path, RULES) as service:
        service.ask("POST", "/events", [record(str(n), subject=f"c{n}") for n in range(5)], BATCH)
        service.settle(5)
        assert service.stop() == 0
    changed = (
        RULES.replace("{name: b,", "{name: m, on: page.viewed, within: 5m}, {name: b,") + "  more: {on: page.viewed}\n"
    )
    with serving(tmp_path, changed) as service:
        service.ask("POST", "/events", record("x", "page.viewed", subject="c1"), CLOUDEVENT)
        service.until(lambda: service.step("m") == {"entered": 1, "in_flight": 1})
        assert service.step("a") == {"entered": 5, "completed": 1, "in_flight": 4}


def test_gzip_bodies_and_hostile_ones(shared: Served) -> None:
    """413 also for what inflates beyond the limit."""
    packed = {**CLOUDEVENT, "Content-Encoding": "gzip"}
    assert shared.ask("POST", "/events", gzip.compress(json.dumps(record("1")).encode()), packed).status == 202
    assert shared.ask("POST", "/events", gzip.compress(b" " * 50_000_000), packed).status == 413
    assert shared.ask("POST", "/events", b"not gzip", packed).status == 400


@pytest.mark.parametrize("time_", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-13-01T00:00:00Z", "", 5])
def test_impossible_times_are_refused(shared: Served, time_: Any) -> None:
    answer = shared.ask("POST", "/events", record("1", time=time_), CLOUDEVENT)
    assert (answer.status, answer.json["items"][0]["error"]["reason"]) == (400, "bad_time")
