"""`touchline run` as a process whose file is edited while traffic flows."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.config.load import load_text
from tests.acceptance.served import BATCH, Served, serving
from tests.streams.runtime.reference import log_of, stored, undisturbed
from tests.streams.runtime.shop import FILE, events

MORE = FILE.replace(
    "      - {name: paid, on: order.completed, within: 30s}\n",
    "      - {name: paid, on: order.completed, within: 30s}\n      - {name: rated, on: survey.answered, within: 90s}\n",
)
FIRST, OTHER = load_text(FILE), load_text(MORE)
BROKEN = FILE.replace("within: 40s", "within_: 40s")


class Traffic:
    """The shop's events in pieces."""

    def __init__(self, count: int) -> None:
        self.sent = 0
        """Pieces so far."""
        self._pieces = self._cut(events(count, 9))

    def send(self, service: Served, pieces: int | None = None) -> None:
        """So many pieces, all that are left without a number."""
        for at, piece in enumerate(self._pieces, 1):
            answer = service.ask("POST", "/events", b"[" + b",".join(piece) + b"]", BATCH)
            assert answer.status in (200, 202, 207), answer.body
            self.sent += 1
            if at == pieces:
                return

    @staticmethod
    def _cut(bodies: list[bytes]) -> Iterator[list[bytes]]:
        whole = [body for body in bodies if body.endswith(b"}}")]
        for start in range(0, len(whole), 20):
            yield whole[start : start + 20]


def steps(service: Served) -> dict[str, int]:
    """Entered, by step."""
    (journey,) = service.get("/api/v1/journeys")["items"]
    return {step["name"]: step["totals"]["entered"] for step in journey["steps"]}


def hash_of(service: Served) -> str:
    return str(service.get("/api/v1/health")["config"]["hash"])


@pytest.mark.slow
def test_edited_under_traffic_and_killed_right_after_it_is_as_if_nothing_had_happened(tmp_path: Path) -> None:
    traffic = Traffic(6_000)
    with serving(tmp_path, FILE) as service:
        traffic.send(service, 20)
        service.until(lambda: all(steps(service).values()))  # what was taken is worked on after the answer
        before = steps(service)
        (tmp_path / "rules.yml").write_text(MORE)

        def followed() -> bool:
            if traffic.sent < 150:  # the rest is for the second life, however long this one takes to follow
                traffic.send(service, 1)
            return hash_of(service) == OTHER.hash

        service.until(followed)
        traffic.send(service, 2)
        service.kill()
    with serving(tmp_path, MORE) as service:
        traffic.send(service)
        service.until(lambda: steps(service).get("rated", 0) > 0)
        after = steps(service)
        assert list(after) == ["cart", "checkout", "paid", "rated"]
        assert all(after[name] > before[name] > 0 for name in before)
        assert service.stop() == 0
    log = log_of(tmp_path / "touchline.db")
    known = {FIRST.hash: FIRST, OTHER.hash: OTHER}
    assert stored(tmp_path / "touchline.db", known) == undisturbed(log, FIRST, known)
    named = [record for record in log if isinstance(record.body, bytes) and b"config.activated" in record.body]
    assert len(named) == 1


def test_a_hangup_reads_the_file_at_once_and_a_broken_one_is_refused_in_log_health_and_metrics(tmp_path: Path) -> None:
    with serving(tmp_path, FILE) as service:
        (tmp_path / "rules.yml").write_text(BROKEN)
        service.process.send_signal(signal.SIGHUP)
        service.until(lambda: service.get("/api/v1/health")["config"]["refused"] is not None)
        config = service.get("/api/v1/health")["config"]
        assert config["hash"] == FIRST.hash
        assert config["refused"]["count"] == 1
        assert "rules.yml:9: journeys.purchase.steps[1].within_: unknown key" in config["refused"]["first"]
        assert b"\ntouchline_config_refused 1.0\n" in service.ask("GET", "/metrics").body
        (tmp_path / "rules.yml").write_text(MORE)
        service.process.send_signal(signal.SIGHUP)
        service.until(lambda: hash_of(service) == OTHER.hash)
        assert list(steps(service)) == ["cart", "checkout", "paid", "rated"]
        assert b"\ntouchline_config_refused 0.0\n" in service.ask("GET", "/metrics").body
        assert service.stop() == 0
    said = (tmp_path / "stderr").read_text()
    assert '"event": "config_refused"' in said
    assert '"line": 9, "path": "journeys.purchase.steps[1].within_"' in said
    assert f'"hash": "{OTHER.hash}"' in said
