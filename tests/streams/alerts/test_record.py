"""The public records of an alert, letter by letter: others read them."""

from __future__ import annotations

from pathlib import Path

from streams.alerts.record import ADDED, CONTRACT
from streams.decisions import encode
from streams.units import SECOND
from tests.streams.alerts.shop import START, book, drop, finding, silence

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
FIRING = (
    '{"specversion":"1.0","id":"5k3f4fbl4jmskkv2q2x5mv5oae","source":"touchline",'
    '"type":"touchline.alert.firing","time":"2026-03-07T07:00:01.000Z","subject":"purchase/checkout",'
    '"data":{"rule":"purchase/checkout","because":["evidence=1.23457","observed=61","expected=123.457"],'
    '"fingerprint":"hpwio26ag7jf7oflixwranodxa","journey":"purchase","step":"checkout","next_step":"paid",'
    '"signal":"conversion","direction":"down","segments":[{"channel":"web","device":"mobile"}],'
    '"severity":"critical","since":"2026-03-07T06:59:00.000Z","observed":61.0,"expected":123.457,"size":0.505,'
    '"size_low":0.41,"size_high":0.6,"examples":["c-1","c-2"],"changes":[{"time":"2026-03-07T06:58:30.000Z",'
    '"event":"ci/deploy-17","data":{"service":"shop","version":"1.4.2"}}],"owner":"checkout-team",'
    '"runbook":"https://wiki.example/purchase","timeline":[{"time":"2026-03-07T06:58:30.000Z","what":"change",'
    '"text":"shop 1.4.2"},{"time":"2026-03-07T06:59:00.000Z","what":"since","text":""},'
    '{"time":"2026-03-07T07:00:01.000Z","what":"firing",'
    '"text":"checkout → paid: 61 went on, expected 123; 50 % less (41 to 60 %), a first estimate"}],'
    '"incident":"hpwio26ag7jf7oflixwranodxa-1772866800","root":"hpwio26ag7jf7oflixwranodxa","state":"firing",'
    '"early":true,"explanation":"channel=web and device=mobile explain 96 % of the deficit.",'
    '"evidence":1.23457,"guarantee":"given baseline",'
    '"notes":["a flood of entrants was capped at 40 a second"],"source":null,'
    '"since_low":"2026-03-07T06:58:00.000Z","since_high":"2026-03-07T06:59:30.000Z",'
    '"fired_at":"2026-03-07T07:00:01.000Z","fired":1,"resolved_at":null,"acknowledged_by":null,'
    '"snoozed_until":null,"loss":0.21,"value_per_hour":1234.57}}'
)
SILENCE = (
    '{"specversion":"1.0","id":"2346mqest5pg6gt3p24w32tw4i","source":"touchline",'
    '"type":"touchline.alert.firing","time":"2026-03-07T07:00:01.000Z","subject":"payments",'
    '"data":{"rule":"payments","because":["evidence=1.5","observed=0","expected=17"],'
    '"fingerprint":"agepg7rbo3jsbx63mhdtrscgiq","journey":null,"step":null,"next_step":null,'
    '"signal":"silence","direction":"down","segments":[],"severity":"critical",'
    '"since":"2026-03-07T06:59:00.000Z","observed":0.0,"expected":17.0,"size":null,"size_low":null,'
    '"size_high":null,"examples":[],"changes":[],"owner":null,"runbook":null,'
    '"timeline":[{"time":"2026-03-07T06:59:00.000Z","what":"since","text":""},'
    '{"time":"2026-03-07T07:00:01.000Z","what":"firing","text":"payments: 0 came, expected 17"}],'
    '"incident":"agepg7rbo3jsbx63mhdtrscgiq-1772866800","root":"agepg7rbo3jsbx63mhdtrscgiq","state":"firing",'
    '"early":false,"explanation":"","evidence":1.5,"guarantee":"calibrated","notes":[],"source":"payments",'
    '"since_low":"2026-03-07T06:58:00.000Z","since_high":"2026-03-07T06:59:30.000Z",'
    '"fired_at":"2026-03-07T07:00:01.000Z","fired":1,"resolved_at":null,"acknowledged_by":null,'
    '"snoozed_until":null,"loss":null,"value_per_hour":null}}'
)


def test_the_record_of_a_drop_is_this_one() -> None:
    alerts = book()
    alerts.change((START - 90) * SECOND, "ci", "deploy-17", {"service": "shop", "version": "1.4.2"})
    (decision,) = alerts.fire(
        finding(
            drop(),
            observed=61.00000049,
            expected=123.456789012,
            size=0.505,
            size_low=0.41,
            size_high=0.6,
            early=True,
            segments=({"device": "mobile", "channel": "web"},),
            explanation="channel=web and device=mobile explain 96 % of the deficit.",
            loss=0.21,
            value_per_hour=1234.5678901,
            examples=("c-1", "c-2"),
            evidence=1.23456789,
            notes=("a flood of entrants was capped at 40 a second",),
        )
    )
    assert encode(decision).decode() == FIRING


def test_the_record_of_a_silent_source_is_this_one() -> None:
    (decision,) = book().fire(
        finding(
            silence(),
            observed=0.0,
            expected=17.0,
            size=None,
            size_low=None,
            size_high=None,
            loss=None,
            guarantee="calibrated",
        )
    )
    assert encode(decision).decode() == SILENCE


def test_fields_stand_in_the_order_of_the_format_whatever_happened() -> None:
    alerts = book()
    alerts.fire(finding(drop(), loss=0.2))
    told = alerts.update(finding(drop(), START + 60, loss=0.5))
    told += alerts.resolve(drop(), START + 90)
    told += alerts.fire(finding(drop(), START + 100))
    told += alerts.rebaseline(drop(), START + 200, 0.5)
    assert [decision.type.rpartition(".")[2] for decision in told] == ["updated", "resolved", "firing", "rebaselined"]
    for decision in told:
        assert tuple(decision.data) == ("rule", "because", *CONTRACT, *ADDED)


def test_an_id_is_of_its_transition_and_its_time() -> None:
    def ids(tick: int) -> set[str]:
        alerts = book()
        decisions = alerts.fire(finding(drop(), tick))
        decisions += alerts.resolve(drop(), tick + 5)
        decisions += alerts.fire(finding(drop(), tick + 10))
        return {decision.id for decision in decisions}

    assert ids(START) == ids(START)
    assert len(ids(START)) == 3
    assert not ids(START) & ids(START + 1)


def test_the_reference_shows_this_record_and_names_every_field() -> None:
    assert FIRING in (REFERENCE / "decisions.md").read_text(encoding="utf-8").splitlines()
    page = (REFERENCE / "alerts.md").read_text(encoding="utf-8")
    assert not [name for name in ("rule", "because", *CONTRACT, *ADDED) if f"`{name}`" not in page]
