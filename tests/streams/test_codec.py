"""The canonical record: what is taken, how it is normalised, and which reason each fault has."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import codec, reasons
from streams.codec import Rejection, decode, decode_all, decode_timed, encode, refuse
from streams.model import Event, Record

GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-9181",
    "source": "shop",
    "type": "order.completed",
    "time": "2026-11-22T10:15:00.250Z",
    "subject": "c-17",
    "data": {"channel": "web", "amount": 129.0},
}


def body(**changes: Any) -> bytes:
    """The good record with fields changed; `...` leaves one out."""
    return json.dumps({name: value for name, value in {**GOOD, **changes}.items() if value is not ...}).encode()


def taken(raw: bytes, *, internal: bool = False) -> Event:
    event = decode(raw, internal=internal)
    assert isinstance(event, Event), event
    return event


def refused(raw: bytes) -> Rejection:
    found = decode(raw)
    assert isinstance(found, Rejection), found
    assert found.reason in reasons.INVALID
    assert found.message
    assert "\n" not in found.message
    return found


def test_a_good_record_is_taken_with_its_time() -> None:
    found = decode_timed(body())
    assert isinstance(found, tuple)
    event, time = found
    assert time == 1_795_342_500_250_000
    assert (event.id, event.source, event.type, event.subject) == ("e-9181", "shop", "order.completed", "c-17")
    assert event.data == {"channel": "web", "amount": 129.0}


def test_a_record_without_time_subject_and_data_is_taken() -> None:
    found = decode_timed(body(time=..., subject=..., data=...))
    assert isinstance(found, tuple)
    assert found[1] is None
    assert found[0].subject is None
    assert found[0].data is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", reasons.NOT_JSON),
        (b"nonsense", reasons.NOT_JSON),
        (b'{"specversion":"1.0"', reasons.NOT_JSON),
        (b'{"id":"\xff"}', reasons.NOT_JSON),
        (b'{"id":"\\ud800"}', reasons.NOT_JSON),
        (b"[" * 20_000, reasons.NOT_JSON),
        (body() + b"{}", reasons.NOT_JSON),
        (b"[]", reasons.NOT_AN_OBJECT),
        (b"5", reasons.NOT_AN_OBJECT),
        (b"null", reasons.NOT_AN_OBJECT),
        (body(specversion="0.3"), reasons.BAD_SPECVERSION),
        (body(specversion=...), reasons.BAD_SPECVERSION),
        (body(specversion=1.0), reasons.BAD_SPECVERSION),
        (body(id=...), reasons.NO_ID),
        (body(id=5), reasons.NO_ID),
        (body(id=" "), reasons.NO_ID),
        (body(source=...), reasons.NO_SOURCE),
        (body(source="\u00a0"), reasons.NO_SOURCE),
        (body(type=...), reasons.NO_TYPE),
        (body(type=""), reasons.NO_TYPE),
        (body(type="touchline.time.advanced"), reasons.RESERVED_TYPE),
        (body(type=" touchline.time.advanced"), reasons.RESERVED_TYPE),
        (body(subject=""), reasons.BAD_SUBJECT),
        (body(subject=17), reasons.BAD_SUBJECT),
        (body(time="abc"), reasons.BAD_TIME),
        (body(time=1700000000), reasons.BAD_TIME),
        (body(time="2026-02-30T00:00:00Z"), reasons.BAD_TIME),
        (body(time=""), reasons.BAD_TIME),
        (body(time="0001-01-01T00:00:00+14:00"), reasons.BAD_TIME),
        (body(time="1900-01-01T00:00:00+00:01"), reasons.BAD_TIME),
        (body(time="2200-01-01T00:00:00Z"), reasons.BAD_TIME),
        (body(time="9999-12-31T23:59:59-14:00"), reasons.BAD_TIME),
        (body(time="2026-11-22T10:15:00"), reasons.NO_ZONE),
        (body(data=[1]), reasons.BAD_DATA),
        (body(data="text"), reasons.BAD_DATA),
        (body(data=..., data_base64="e30="), reasons.BAD_DATA),
        (body(sequence=True), reasons.BAD_SEQUENCE),
        (body(sequence=[1]), reasons.BAD_SEQUENCE),
        (body(data={"x": "y" * codec.MAX_BYTES}), reasons.TOO_LARGE),
    ],
)
def test_each_fault_has_its_reason(raw: bytes, reason: str) -> None:
    assert refused(raw).reason == reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"metric": "nps", "score": "9"}, reasons.BAD_SCORE),
        ({"metric": "nps", "score": True}, reasons.BAD_SCORE),
        ({"metric": "nps", "score": 11}, reasons.SCORE_OUT_OF_SCALE),
        ({"metric": "enps", "score": -1}, reasons.SCORE_OUT_OF_SCALE),
        ({"metric": "csat", "score": 0}, reasons.SCORE_OUT_OF_SCALE),
        ({"metric": "csat", "score": 5.01}, reasons.SCORE_OUT_OF_SCALE),
        ({"metric": "ces", "score": 8}, reasons.SCORE_OUT_OF_SCALE),
        ({"metric": "own", "score": 4, "scale": [1, 3]}, reasons.SCORE_OUT_OF_SCALE),
        ({"metric": "csat", "score": 7, "scale": [0, 6]}, reasons.SCORE_OUT_OF_SCALE),
        ({"metric": "own", "score": 4, "scale": [5, 1]}, reasons.BAD_SCALE),
        ({"metric": "own", "score": 4, "scale": [1, 2, 3]}, reasons.BAD_SCALE),
        ({"metric": "own", "score": 4, "scale": "1-5"}, reasons.BAD_SCALE),
        ({"metric": "own", "score": 4, "scale": [True, 5]}, reasons.BAD_SCALE),
    ],
)
def test_a_score_that_cannot_be_counted_is_refused(data: dict[str, Any], reason: str) -> None:
    assert refused(body(type="survey.answered", data=data)).reason == reason


@pytest.mark.parametrize(
    "data",
    [
        {"metric": "nps", "score": 0},
        {"metric": "nps", "score": 10},
        {"metric": "csat", "score": 10, "scale": [0, 10]},
        {"metric": "ces", "score": 7.0},
        {"metric": "own", "score": -900},
        {"metric": "nps", "score": None},
        {"metric": "nps", "text": "no score"},
        {"metric": ["odd"], "score": 3},
        {},
    ],
)
def test_an_answer_within_its_scale_or_without_a_score_is_taken(data: dict[str, Any]) -> None:
    assert taken(body(type="survey.answered", data=data)).data == data


def test_scores_are_checked_on_survey_answers_only() -> None:
    assert taken(body(type="audit.completed", data={"metric": "nps", "score": "high"}))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data": {}}, reasons.NO_INTO),
        ({"data": {"into": 5}}, reasons.NO_INTO),
        ({"data": {"into": " "}}, reasons.NO_INTO),
        ({"data": ...}, reasons.NO_INTO),
        ({"data": {"into": " c-17 "}}, reasons.MERGE_CYCLE),
        ({"data": {"into": "c-18"}, "subject": ...}, reasons.NO_SUBJECT),
    ],
)
def test_a_merge_names_both_ids(changes: dict[str, Any], reason: str) -> None:
    assert refused(body(type="customer.merged", **changes)).reason == reason


def test_the_surviving_id_is_normalised_like_any_other() -> None:
    event = taken(body(type="customer.merged", data={"into": " Zoe\u0308 "}))
    assert event.data == {"into": "Zo\u00eb"}


def test_nobody_is_identified_without_a_subject() -> None:
    assert refused(body(type="customer.identified", subject=...)).reason == reasons.NO_SUBJECT


def test_ids_are_trimmed_and_in_nfc_with_their_case_kept() -> None:
    event = taken(body(id=" E-1\t", source="\u00a0Shop", type=" order.completed ", subject="Zoe\u0308 "))
    assert (event.id, event.source, event.type, event.subject) == ("E-1", "Shop", "order.completed", "Zo\u00eb")


def test_touchlines_own_types_are_taken_only_from_its_own_log() -> None:
    raw = body(type="touchline.time.advanced")
    assert refused(raw).reason == reasons.RESERVED_TYPE
    assert taken(raw, internal=True).type == "touchline.time.advanced"


def test_a_specversion_inside_data_does_not_stand_for_the_records_own() -> None:
    raw = body(specversion=..., data={"specversion": "1.0"})
    assert refused(raw).reason == reasons.BAD_SPECVERSION


def test_the_order_of_the_keys_does_not_matter() -> None:
    turned = json.dumps(dict(reversed(list(GOOD.items())))).encode()
    assert taken(turned) == taken(body())


def test_unknown_attributes_are_no_fault() -> None:
    assert taken(body(traceparent="00-1-2-03", comexampleextension=5)) == taken(body())


def test_the_encoded_record_has_its_keys_in_order_and_leaves_out_the_absent() -> None:
    event = Event(id="1", source="s", type="t.u", data={"b": 1, "a": None}, sequence=7)
    expected = b'{"specversion":"1.0","id":"1","source":"s","type":"t.u","data":{"b":1,"a":null},"sequence":7}'
    assert encode(event) == expected


def test_a_refused_record_keeps_its_reason_and_bytes_through_the_log() -> None:
    rejection = Rejection(reasons.TOO_LARGE, "event of 40000 bytes: expected at most 32768")
    assert refused(refuse(b"\x00any bytes\xff", rejection)) == Rejection(
        reasons.TOO_LARGE, "event of 40000 bytes: expected at most 32768", b"\x00any bytes\xff"
    )


@pytest.mark.parametrize(
    "data", [{"reason": "made_up", "message": "m", "body": ""}, {"reason": "not_json"}, {"body": 5}, None]
)
def test_a_forged_refusal_is_a_reserved_type(data: dict[str, Any] | None) -> None:
    assert refused(body(type=codec.REFUSED, data=data)).reason == reasons.RESERVED_TYPE


def test_messages_do_not_show_the_customer_or_what_they_wrote() -> None:
    for raw in (
        body(subject="secret-person", time="x"),
        body(subject="secret-person", type="survey.answered", data={"metric": "nps", "score": "secret-person"}),
        body(subject="secret-person", data="secret-person"),
        body(type="customer.merged", subject="secret-person", data={"into": "secret-person"}),
    ):
        assert "secret-person" not in refused(raw).message


def test_an_event_built_elsewhere_is_checked_the_same_way() -> None:
    event = Event(id=" 1 ", source="s", type="t.u", time="2026-11-22T10:15:00")
    found = codec.validate(event)
    assert found is not None
    assert found.reason == reasons.NO_ZONE
    assert event.id == "1"
    assert codec.validate(Event(id="1", source="s", type="t.u")) is None


@pytest.mark.parametrize(
    ("sequence", "number"), [(None, 0), (5, 5), ("007", 7), ("2.5", 2.5), (2.5, 2.5), ("x", 0), ("nan", 0), ("", 0)]
)
def test_a_sequence_is_compared_as_a_number(sequence: str | float | None, number: float) -> None:
    assert codec.sequence_number(sequence) == number


readable = st.characters(codec="utf-8")
names = st.text(readable, min_size=1).filter(lambda text: bool(text.strip()))
scalars = st.none() | st.booleans() | st.integers() | st.text(readable)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


@given(names, names, names, st.none() | names, st.none() | st.dictionaries(names, values, max_size=4))
def test_what_is_encoded_decodes_to_the_same_event(
    id_: str, source: str, kind: str, subject: str | None, data: dict[str, Any] | None
) -> None:
    event = Event(id=id_, source=source, type=f"x.{kind}", subject=subject, data=data)
    assert codec.validate(event) is None
    again = taken(encode(event))
    assert again == event
    for text in (again.id, again.source, again.type, again.subject or "x"):
        assert text == text.strip() == unicodedata.normalize("NFC", text)


@given(st.binary(max_size=200))
def test_no_bytes_raise(raw: bytes) -> None:
    assert isinstance(decode(raw), Rejection)


@given(st.dictionaries(st.sampled_from([*GOOD, "sequence", "data_base64"]), values, max_size=9))
def test_no_json_object_raises_and_every_rejection_has_a_known_reason(fields: dict[str, Any]) -> None:
    found = decode(json.dumps({**GOOD, **fields}).encode())
    assert isinstance(found, Event) or found.reason in reasons.INVALID


_TIMES = st.builds(
    "2026-03-07T07:00:{:02}{}{}".format,
    st.integers(0, 61),
    st.sampled_from(["", ".25", ".250", ".250001", "."]),
    st.sampled_from(["Z", "z", "+02:00", "-00:30", "", "+25:00"]),
)


@given(times=st.lists(_TIMES, min_size=1, max_size=12))
def test_a_time_means_the_same_whether_it_was_read_before_or_not(times: list[str]) -> None:
    records = [Record(offset, None, body(time=time)) for offset, time in enumerate([*times, *times])]
    found = list(decode_all(records))
    assert found[: len(times)] == found[len(times) :]
    for time, one in zip(times, found, strict=False):
        afresh = codec.read_time(time)
        assert (one[1] if isinstance(one, tuple) else one) == afresh


def test_records_read_together_keep_their_order_whatever_they_are() -> None:
    event = Event(id="e-1", source="shop", type="order.completed", time=GOOD["time"])
    time = 1_795_342_500_250_000
    bodies: list[tuple[bytes | Event, int | None]] = [(b"{", None), (event, time), (body(id=""), None), (body(), None)]
    records = [Record(offset, None, one, time=known) for offset, (one, known) in enumerate(bodies)]
    found = list(decode_all(records))
    assert [type(one) for one in found] == [Rejection, tuple, Rejection, tuple]
    assert found[1] == (event, time)
    assert found[3] == decode_timed(body())
