"""Loading a whole file: what is accepted, what the defaults are, what changes its hash."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from streams.config.load import load_file, load_text
from streams.config.structs import Config, Expect, Segment
from streams.errors import CannotStart, ConfigError
from streams.units import DAY, HOUR, MINUTE, SECOND, Count, Rate
from tests.streams.config.files import EXAMPLES, GOOD, load


def good(name: str) -> Config:
    return load((GOOD / f"{name}.yml").read_text(encoding="utf-8")).config


def test_the_sample_of_the_architecture_is_accepted() -> None:
    config = good("sample")
    purchase = config.journeys["purchase"]
    assert [step.name for step in purchase.steps] == ["cart", "checkout", "paid"]
    assert [step.within for step in purchase.steps] == [None, 30 * MINUTE, 30 * MINUTE]
    assert config.signals["handle_time"].as_ == "mean"
    assert config.signals["handle_time"].expect == (Expect("p90", "<=", 360.0, HOUR),)
    assert config.feedback["delivery_nps"].unless[0].on == ("vip_call.planned",)
    assert config.fatigue.metrics == {"csat": 30 * DAY, "ces": 30 * DAY, "nps": 90 * DAY}
    assert config.subscriptions[0].match.severity == ("warning", "critical")
    assert config.subscriptions[0].group_wait == 10 * SECOND


def test_every_key_of_the_contract_is_decoded() -> None:
    config = good("everything")
    assert config.segments == (Segment("channel"), Segment("region", ("kyiv", "lviv", "7")))
    cart, address, _ = config.journeys["purchase"].steps
    assert cart.on == ("cart.updated", "cart.restored")
    assert cart.where == {
        "total": {"gt": 0, "lte": 10000},
        "trait.tier": ["gold", "silver"],
        "coupon": {"exists": False},
    }
    assert cart.expect == (Expect("conversion", ">=", 0.6, 30 * MINUTE, percent=True),)
    assert (address.optional, address.within, address.calendar) == (True, 10 * MINUTE, "office")
    assert (config.journeys["purchase"].watch, config.journeys["purchase"].arrivals) == ("both", "off")
    handle_time = config.signals["handle_time"]
    assert [expect.quantity for expect in handle_time.expect] == ["p90", "value"]
    assert {expect.over for expect in handle_time.expect} == {2 * HOUR}
    assert handle_time.detector is not None
    assert (handle_time.detector.name, handle_time.detector.options) == ("page_hinkley", {"threshold": 50})
    rule = config.feedback["delivery_nps"]
    assert rule.count == Count(3, 10 * MINUTE)
    assert (rule.sample, rule.holdout, rule.quota) == (0.5, 0.05, Rate(200, "day"))
    assert rule.channel_rules["ivr"].unless[0].where == {"duration_s": {"gt": 600}}
    assert rule.to[0].kind == "webhook"
    assert rule.to[0].address.reveal() == "https://example.org/asks/hook-value"
    assert config.offers["third_visit"].to[0].kind == "webhook"
    assert config.quiet_hours is not None
    assert (config.quiet_hours.from_, config.quiet_hours.to) == (21 * HOUR, 9 * HOUR)
    assert config.subscriptions[0].match.segments == {"region": ("kyiv", "lviv")}
    loan, calls, ratings = config.sources.values()
    assert (loan.id, calls.id, ratings.id) == (("case_id", "seq_in_case"), "line", None)
    assert (loan.type.from_, loan.type.map, loan.type.else_) == (
        "activity",
        {"A_SUBMITTED": "application.submitted"},
        "drop",
    )
    assert calls.type.constant == "call.ended"
    assert calls.time is not None
    assert (calls.time.column, calls.time.format) == ("at", "%d.%m.%Y %H:%M")
    assert ratings.time is not None
    assert (ratings.time.start, ratings.time.step) == (1_767_225_600_000_000, SECOND)
    assert (loan.timezone, calls.timezone) == ("Europe/Amsterdam", "Europe/Kyiv")
    assert config.access.console[0].token.reveal() == "anna-value"
    assert config.calendars["office"].open["tue"] == ((9 * HOUR, 13 * HOUR), (14 * HOUR, 24 * HOUR))
    assert (config.retain, config.allowed_lateness, config.max_ahead) == (400 * DAY, 5 * SECOND, MINUTE)


def test_the_file_with_every_key_leaves_none_out() -> None:
    text = (GOOD / "everything.yml").read_text(encoding="utf-8")
    for field in msgspec.structs.fields(Config):
        assert f"\n{field.encode_name}:" in text


def test_the_shortest_file_has_the_documented_defaults() -> None:
    config = load("version: 1\n").config
    assert config == Config()
    assert (config.timezone, config.consent, config.closing) == ("UTC", "opt_out", "lenient")
    assert (config.retain, config.allowed_lateness, config.max_ahead) == (400 * DAY, 2 * SECOND, 30 * SECOND)
    assert (config.idle_after, config.dedup.max_ids_per_key, config.dedup.max_ids) == (2 * SECOND, 512, 5_000_000)
    assert config.alerts.false_alarms == Rate(1, "week")


def test_a_key_without_value_is_as_good_as_absent() -> None:
    assert load("version: 1\njourneys:\nsignals:\n").config == Config()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yml")), ids=lambda path: path.stem)
def test_the_examples_have_no_faults(path: Path) -> None:
    assert load_file(path, {}).config.journeys or load_file(path, {}).config.signals


def test_comments_order_and_spelling_do_not_change_the_hash() -> None:
    one = load(
        "version: 1\njourneys:\n  a: {keep: 1h30m, steps: [{name: s, on: x.y}]}\n  b: {steps: [{name: s, on: x.y}]}\n"
    )
    other = load(
        "# a comment\njourneys:\n  b: {steps: [{on: [x.y], name: s}]}\n"
        "  a: {keep: 90m, steps: [{name: s, on: x.y}]}\ntimezone: UTC\n"
    )
    assert one.hash == other.hash
    assert len(one.hash) == 16
    assert int(one.hash, 16) >= 0


def test_content_changes_the_hash() -> None:
    hashes = {
        load(f"version: 1\njourneys:\n  a: {{steps: [{{name: s, on: {types}}}]}}\nsegments: {segments}\n").hash
        for types in ("x.y", "x.z", "[x.y, x.z]")
        for segments in ("[a, b]", "[b, a]")
    }
    assert len(hashes) == 6


def test_a_rotated_secret_does_not_change_the_hash() -> None:
    text = 'access: {write_keys: [{name: web, token: "${TOKEN}"}]}\n'
    one = load_text(text, environ={"TOKEN": "a"})
    other = load_text(text, environ={"TOKEN": "b"})
    assert one.hash == other.hash == load_text(text).hash
    assert one.config != other.config


def test_a_loaded_text_loads_again_to_the_same() -> None:
    first = load((GOOD / "everything.yml").read_text(encoding="utf-8"))
    again = load(first.text)
    assert (again.config, again.hash, again.warnings) == (first.config, first.hash, first.warnings)


def test_a_file_is_read_with_the_secrets_of_its_environment(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("from-a-file\n", encoding="utf-8")
    file = tmp_path / "shop.yml"
    file.write_text('\ufeffaccess: {write_keys: [{name: web, token: "${TOKEN}"}]}\n', encoding="utf-8")
    loaded = load_file(file, {"TOKEN_FILE": str(secret)})
    assert loaded.config.access.write_keys[0].token.reveal() == "from-a-file"
    assert loaded.name == str(file)


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="No such file"):
        load_file(tmp_path / "missing.yml")
    latin = tmp_path / "latin.yml"
    latin.write_bytes(b"version: 1 # na\xefve\n")
    with pytest.raises(CannotStart, match="not UTF-8 at byte 15"):
        load_file(latin)


def test_faults_of_the_whole_file_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        load("timezone: Mars\nsegments: [A]\njourneys: {a: {steps: []}}\nsignals: {s: {}}\n")
    assert [fault.path for fault in caught.value.faults] == ["timezone", "segments[0]", "journeys.a.steps", "signals.s"]


def test_a_journey_with_faults_still_counts_as_there() -> None:
    with pytest.raises(ConfigError) as caught:
        load(
            "journeys: {buy: {steps: [{name: cart}]}}\n"
            "signals: {csat: {on: survey.answered, journey: buy, step: cart}}\n"
        )
    assert [fault.path for fault in caught.value.faults] == ["journeys.buy.steps[0]"]
