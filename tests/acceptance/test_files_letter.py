"""formats.md section 1 "Files": every option of `sources:`, time zones, ids, several inputs, hostile bytes."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.replayed import Outcome, event, replay, run

JOURNEY = """
version: 1
timezone: Europe/Kyiv
journeys:
  j: {steps: [{name: a, on: a.a}, {name: b, on: b.b, within: 30m}]}
signals:
  numbers: {on: a.a, as: sum, value: x, min_n: 1}
  texts: {on: a.a, as: rate, where: {x: {contains: ""}}, min_n: 1}
  consts: {on: a.a, as: rate, where: {channel: web}, min_n: 1}
"""


def rows(
    folder: Path, source: str, text: str | bytes, *options: str, name: str = "rows.csv", rules: str = ""
) -> Outcome:
    config = JOURNEY + rules + f'sources:\n  s: {{match: "rows*", {source}}}\n'
    return replay(folder, config, text, *options, name=name)


def first(outcome: Outcome) -> str:
    """Time of the first event."""
    time: str = outcome.summary["from"]
    return time


BASIC = "time: at, subject: who, id: id, type: a.a, data: {x: x}"


def test_csv_through_a_sources_block(tmp_path: Path) -> None:
    """CSV through a `sources:` block, chosen by `match` on the file name; times without offset in the source's zone."""
    outcome = rows(tmp_path, BASIC, "id,who,at,x\n1,c,2026-03-02 10:00:00,5\n2,d,2026-03-02T10:00:01+00:00,7\n")
    assert outcome.events == {"read": 2, "accepted": 2, "duplicate": 0, "late": 0, "future": 0, "invalid": 0}
    assert first(outcome) == "2026-03-02T08:00:00.000Z"
    assert outcome.summary["until"] == "2026-03-02T10:00:01.000Z"
    assert outcome.signals["numbers"]["value"] == 12


def test_the_sources_own_zone_wins(tmp_path: Path) -> None:
    """`timezone: Europe/Amsterdam`."""
    outcome = rows(tmp_path, BASIC + ", timezone: America/New_York", "id,who,at,x\n1,c,2026-01-02 10:00:00,5\n")
    assert first(outcome) == "2026-01-02T15:00:00.000Z"


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-10-25 02:59:59", "2026-10-24T23:59:59.000Z"),
        ("2026-10-25 03:30:00", "2026-10-25T00:30:00.000Z"),  # twice: the first
        ("2026-10-25 04:00:00", "2026-10-25T02:00:00.000Z"),
        ("2026-03-29 02:59:59", "2026-03-29T00:59:59.000Z"),
        ("2026-03-29 04:00:00", "2026-03-29T01:00:00.000Z"),
    ],
)
def test_local_times_around_a_change_of_the_clock(tmp_path: Path, local: str, utc: str) -> None:
    """Without an offset: the source's zone. Kyiv goes forward at 03:00 and back at 04:00; twice is the first."""
    assert first(rows(tmp_path, BASIC, f"id,who,at,x\n1,c,{local},5\n")) == utc


def test_a_local_time_that_does_not_exist_is_taken(tmp_path: Path) -> None:
    """Nothing is lost; it lies between the times around it."""
    outcome = rows(tmp_path, BASIC, "id,who,at,x\n1,c,2026-03-29 03:30:00,5\n")
    assert outcome.events["accepted"] == 1
    assert "2026-03-29T01:00:00" <= first(outcome) <= "2026-03-29T01:30:00.000Z"


@pytest.mark.parametrize(
    ("time", "cell", "utc"),
    [
        ("{column: at, format: '%d/%m/%Y %H:%M'}", "02/03/2026 10:00", "2026-03-02T08:00:00.000Z"),
        ("{column: at, format: '%Y-%m-%dT%H:%M:%S%z'}", "2026-03-02T10:00:00-0500", "2026-03-02T15:00:00.000Z"),
        ("{column: at, format: '%Y-%m-%d %H:%M:%S UTC'}", "2026-03-02 10:00:00 UTC", "2026-03-02T08:00:00.000Z"),
        ("{column: at}", "2026-03-02T10:00:00.123456Z", "2026-03-02T10:00:00.123Z"),
    ],
)
def test_a_time_column_may_have_a_format(tmp_path: Path, time: str, cell: str, utc: str) -> None:
    """`{column: C, format: STRPTIME}`."""
    text = f"id,who,at,x\n1,c,{cell},5\n"
    assert first(rows(tmp_path, BASIC.replace("time: at", f"time: {time}"), text)) == utc


def test_time_by_line(tmp_path: Path) -> None:
    """`{start: TIME, step: 1s}` (by line)."""
    source = "time: {start: 2026-03-02T10:00:00Z, step: 90s}, subject: who, id: id, type: a.a"
    outcome = rows(tmp_path, source, "id,who\n1,c\n2,d\n3,e\n")
    assert first(outcome) == "2026-03-02T10:00:00.000Z"
    assert outcome.summary["until"] == "2026-03-02T10:03:00.000Z"


def test_a_row_without_time_and_without_received_is_invalid(tmp_path: Path) -> None:
    """A file row without time and without `received` is invalid (`no_time`)."""
    text = "id,who,at,x,got\n1,c,,5,\n2,c,,5,2026-03-02T10:00:00Z\n"
    outcome = rows(tmp_path, BASIC + ", received: got", text)
    assert outcome.reasons == ["no_time"]
    assert outcome.events["accepted"] == 1
    assert first(outcome) == "2026-03-02T10:00:00.000Z"


def test_received_is_the_log_time(tmp_path: Path) -> None:
    """The watermark follows min(t, log time) - allowed lateness: a clock years ahead makes nothing late."""
    text = (
        "id,who,at,x,got\n"
        "1,c,2036-03-02T10:00:00Z,5,2026-03-02T10:00:00Z\n"
        "2,d,2026-03-02T10:00:01Z,5,2026-03-02T10:00:01Z\n"
    )
    outcome = rows(tmp_path, BASIC + ", received: got", text)
    assert (outcome.events["future"], outcome.events["late"]) == (1, 0)


def test_type_is_constant_or_mapped(tmp_path: Path) -> None:
    """`type: noun.verb` is constant; `else: drop|keep|invalid`."""
    text = "id,who,at,kind\n1,c,2026-03-02T10:00:00Z,A\n2,c,2026-03-02T10:00:01Z,b.b\n3,c,2026-03-02T10:00:02Z,\n"
    source = "time: at, subject: who, id: id, type: {from: kind, map: {A: a.a}, else: %s}"
    drop = rows(tmp_path, source % "drop", text)
    assert (drop.events["read"], drop.events["skipped_rows"]) == (1, 2)
    keep = rows(tmp_path, source % "keep", text)
    assert keep.step("b") == {"entered": 1, "completed": 1}
    invalid = rows(tmp_path, source % "invalid", text)
    assert (invalid.events["accepted"], invalid.events["invalid"]) == (1, 2)
    assert invalid.reasons[0] == "unknown_type"


def test_cells_are_values(tmp_path: Path) -> None:
    """An empty cell is missing; a cell that is a JSON number is a number unless `{column: C, as: text}`."""
    cells = ["1.5", "-2", "1e2", "007", "+5", "1,5", "abc", "", "NaN", "true"]
    lines = "".join(f"{n};c{n};2026-03-02T10:00:00Z;{cell}\n" for n, cell in enumerate(cells))
    source = BASIC.replace("{x: x}", "{x: x, channel: {const: web}}")
    outcome = rows(tmp_path, source, "id;who;at;x\n" + lines)
    assert outcome.signals["numbers"]["n"] == 3
    assert outcome.signals["numbers"]["value"] == 99.5
    assert outcome.signals["texts"]["n"] == 6
    assert outcome.signals["consts"]["n"] == 10
    as_text = rows(tmp_path, BASIC.replace("{x: x}", "{x: {column: x, as: text}}"), "id;who;at;x\n" + lines)
    assert (as_text.signals["numbers"]["n"], as_text.signals["texts"]["n"]) == (0, 9)


def test_where_names_columns_and_skips(tmp_path: Path) -> None:
    """`where` here names columns; rows left out are not `read`, they count as `skipped_rows`."""
    text = "id,who,at,x,life.cycle\n1,c,2026-03-02T10:00:00Z,5,COMPLETE\n2,c,2026-03-02T10:00:00Z,5,START\n"
    outcome = rows(tmp_path, BASIC + ", where: {life.cycle: COMPLETE, x: {gte: 5}}", text)
    assert (outcome.events["read"], outcome.events["skipped_rows"]) == (1, 1)


def test_without_id_equal_rows_are_duplicates(tmp_path: Path) -> None:
    """Without `id` it is a hash of the row: equal rows are duplicates (`id: line` keeps them)."""
    text = "who,at,x\nc,2026-03-02T10:00:00Z,5\nc,2026-03-02T10:00:00Z,5\nc,2026-03-02T10:00:00Z,6\n"
    hashed = rows(tmp_path, BASIC.replace("id: id, ", ""), text)
    assert (hashed.events["accepted"], hashed.events["duplicate"]) == (2, 1)
    by_line = rows(tmp_path, BASIC.replace("id: id", "id: line"), text)
    assert (by_line.events["accepted"], by_line.events["duplicate"]) == (3, 0)


def test_an_id_of_several_columns(tmp_path: Path) -> None:
    """`id: [case_id, seq_in_case]`."""
    text = "a,b,who,at,x\n1,23,c,2026-03-02T10:00:00Z,5\n12,3,c,2026-03-02T10:00:00Z,5\n1,23,c,2026-03-02T10:00:01Z,5\n"
    outcome = rows(tmp_path, BASIC.replace("id: id", "id: [a, b]"), text)
    assert (outcome.events["accepted"], outcome.events["duplicate"]) == (2, 1)


def test_sequence_orders_rows_of_one_time_as_numbers(tmp_path: Path) -> None:
    """`sequence` travels as the CloudEvents extension; ties order by (time, `sequence` as a number, …)."""
    text = "id,who,at,n,kind\n1,c,2026-03-02T10:00:00Z,10,b.b\n2,c,2026-03-02T10:00:00Z,9,a.a\n"
    source = "time: at, subject: who, id: id, sequence: n, type: {from: kind, map: {}, else: keep}"
    assert rows(tmp_path, source, text).step("a") == {"entered": 1, "completed": 1}


def test_a_file_source_without_sequence_uses_the_line_number(tmp_path: Path) -> None:
    """A file source without one uses the line number: ids that sort the other way do not matter."""
    text = "id,who,at,kind\n9,c,2026-03-02T10:00:00Z,a.a\n1,c,2026-03-02T10:00:00Z,b.b\n"
    source = "time: at, subject: who, id: id, type: {from: kind, map: {}, else: keep}"
    assert rows(tmp_path, source, text).step("a") == {"entered": 1, "completed": 1}


def test_gzip_directly(tmp_path: Path) -> None:
    """`.gz` directly."""
    text = b"id,who,at,x\n1,c,2026-03-02 10:00:00,5\n"
    assert rows(tmp_path, BASIC, gzip.compress(text), name="rows.csv.gz").events["accepted"] == 1
    body = json.dumps(event("1", "a.a", "10:00:00")).encode() + b"\n"
    assert replay(tmp_path, JOURNEY, gzip.compress(body), name="e.ndjson.gz").events["accepted"] == 1


def test_foreign_ndjson_through_a_block(tmp_path: Path) -> None:
    """CSV and foreign NDJSON through a `sources:` block."""
    text = '{"user":{"id":17},"ts":"2026-03-02T10:00:00Z","key":"k1","v":2.5}\n'
    text += '{"ts":"2026-03-02T10:00:01Z","key":"k2"}\n'
    source = "time: ts, subject: user.id, id: key, type: a.a, data: {x: v}"
    outcome = rows(tmp_path, source, text, name="rows.ndjson")
    assert outcome.events["accepted"] == 2
    assert outcome.step("a") == {"entered": 1, "in_flight": 1}
    assert outcome.signals["numbers"]["value"] == 2.5


def test_source_name_chooses_the_block(tmp_path: Path) -> None:
    """Chosen by `match` on the file name or `--source NAME`."""
    config = JOURNEY + f"sources:\n  one: {{{BASIC}}}\n  two: {{match: 'x*', time: at, type: b.b}}\n"
    outcome = replay(tmp_path, config, "id,who,at,x\n1,c,2026-03-02 10:00:00,5\n", "--source", "one", name="x.csv")
    assert outcome.step("a") == {"entered": 1, "in_flight": 1}


def test_a_csv_without_a_block_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "unknown.csv"
    path.write_text("a,b\n1,2\n")
    assert run(tmp_path, JOURNEY, str(path)) == 1
    assert "sources" in capsys.readouterr().err


def test_several_inputs_are_merged_by_event_time(tmp_path: Path) -> None:
    """Several inputs are merged by event time."""
    one, two = tmp_path / "one.ndjson", tmp_path / "two.ndjson"
    one.write_text("".join(json.dumps(event(f"a{n}", "a.a", f"{10 + n}:00:00", f"c{n}")) + "\n" for n in range(5)))
    two.write_text("".join(json.dumps(event(f"b{n}", "b.b", f"{10 + n}:10:00", f"c{n}")) + "\n" for n in range(5)))
    for order in ([one, two], [two, one]):
        assert run(tmp_path, JOURNEY, *map(str, order)) == 0
        outcome = Outcome(tmp_path)
        assert outcome.events["late"] == 0
        assert outcome.step("a") == {"entered": 5, "completed": 5}


def test_sort_sorts_a_shuffled_input(tmp_path: Path) -> None:
    """Each assumed in order within the allowed lateness (`--sort` sorts in bounded memory)."""
    events = [
        event(f"{t}{n}", t, f"{10 + n}:{m}:00", f"c{n}") for n in range(8) for t, m in (("b.b", "20"), ("a.a", "00"))
    ]
    events = events[::-3] + events[-2::-3] + events[-3::-3]
    unsorted = replay(tmp_path, JOURNEY, events)
    assert unsorted.events["late"] > 0
    outcome = replay(tmp_path, JOURNEY, events, "--sort")
    assert outcome.events["late"] == 0
    assert outcome.step("a") == {"entered": 8, "completed": 8}


def test_dash_is_stdin(tmp_path: Path) -> None:
    """`-` is stdin."""
    (tmp_path / "rules.yml").write_text(JOURNEY)
    body = json.dumps(event("1", "a.a", "10:00:00")) + "\n"
    command = [sys.executable, "-m", "streams", "replay", "-q", "-c", str(tmp_path / "rules.yml"), "-"]
    done = subprocess.run(
        [*command, "--summary", str(tmp_path / "s.json")], input=body, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "s.json").read_text())["events"]["accepted"] == 1


def test_a_canonical_time_without_offset_in_a_file_is_in_the_zone(tmp_path: Path) -> None:
    """`time` is RFC 3339 with offset or `Z` (without one: invalid over HTTP and Kafka, the source's zone in files)."""
    outcome = replay(tmp_path, JOURNEY, [event("1", "a.a", "2026-03-02T10:00:00")])
    assert outcome.reasons == []
    assert outcome.summary["from"] == "2026-03-02T08:00:00.000Z"


CRLF = "id,who,at,x\r\n1,c,2026-03-02 10:00:00,5\r\n2,c,2026-03-02 10:00:00,7\r\n"


@pytest.mark.parametrize(
    "text",
    [CRLF, "\ufeff" + CRLF, CRLF.replace("\r\n", "\n").rstrip(), CRLF.replace(",", "\t"), CRLF.replace(",", ";")],
    ids=["crlf", "bom", "no end", "tab", "semicolon"],
)
def test_the_usual_ways_to_write_csv(tmp_path: Path, text: str) -> None:
    assert rows(tmp_path, BASIC, text).signals["numbers"]["value"] == 12


def test_quoted_cells_with_delimiters_and_line_ends(tmp_path: Path) -> None:
    text = 'id,who,at,x\n1,"a, ""b""\nc",2026-03-02 10:00:00,5\n2,c,2026-03-02 10:00:00,7\n'
    assert rows(tmp_path, BASIC, text).signals["numbers"]["value"] == 12


def test_ndjson_with_bom_and_crlf(tmp_path: Path) -> None:
    lines = "\ufeff" + "".join(json.dumps(event(str(n), "a.a", "10:00:00", f"c{n}")) + "\r\n\r\n" for n in range(2))
    assert replay(tmp_path, JOURNEY, lines).events["accepted"] == 2


GOOD = json.dumps(event("good", "a.a", "10:00:00")).encode()


@pytest.mark.parametrize(
    "bad",
    [
        b"\x00",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"1e999",
        b"{" + b'"a":{' * 3000 + b"}" * 3001,
        b"[" * 200_000,
        GOOD.replace(b'"c"', b'"\xff"'),
        GOOD.replace(b'"c"', b"17"),
        GOOD.replace(b'"c"', b'""'),
        GOOD.replace(b'"c"', b'"  "'),
        GOOD.replace(b'"c"', b'"\\ud800"'),
        GOOD.replace(b'"1.0"', b'"0.3"'),
        GOOD.replace(b'"good"', b"5"),
        GOOD.replace(b'"good"', b'" "'),
        GOOD.replace(b'"a.a"', b'""'),
        GOOD.replace(b'"shop"', b"null"),
        GOOD.replace(b"2026", b"0001"),
        GOOD.replace(b"2026", b"9999"),
        GOOD.replace(b"10:00:00Z", b"25:00:00Z"),
        GOOD.replace(b"10:00:00Z", b"10:00:00+99:00"),
        GOOD.replace(b"03-02", b"02-30"),
        GOOD.replace(b'"2026-03-02T10:00:00Z"', b"1772445600"),
        GOOD.replace(b'"c"', b'"c", "data": [1]'),
        GOOD.replace(b'"c"', b'"c", "data": {"x": NaN}'),
        GOOD.replace(b'"c"', b'"c", "data": {"x": Infinity}'),
        b"x" * 10_000_000,
        GOOD[:-1] + b', "data": {"x": "' + b"y" * 10_000_000 + b'"}}',
    ],
    ids=lambda bad: f"{bad[:24]!r}-{len(bad)}",
)
def test_a_bad_line_is_one_dead_letter_with_its_bytes_and_the_next_is_taken(tmp_path: Path, bad: bytes) -> None:
    """Bad input never stops the stream and is never lost: original bytes and a one-line reason."""
    outcome = replay(tmp_path, JOURNEY, bad + b"\n" + GOOD + b"\n")
    assert (outcome.events["read"], outcome.events["accepted"], outcome.events["invalid"]) == (2, 1, 1)
    [letter] = outcome.letters
    assert "\n" not in letter["message"]
    assert letter["body"] == bad.decode("utf-8", "backslashreplace")


@pytest.mark.parametrize(
    "good",
    [
        GOOD.replace(b'"c"', b'"\\u0000"'),
        GOOD.replace(b'"c"', b'"' + "🙂".encode() * 500 + b'"'),
        GOOD.replace(b"10:00:00Z", b"10:00:60Z"),  # a leap second
        GOOD.replace(b"10:00:00Z", b"10:00:00.123456789Z"),
        GOOD.replace(b"T10:00:00Z", b"t10:00:00z"),
        GOOD.replace(b"10:00:00Z", b"10:00:00-00:00"),
        GOOD.replace(b'"c"', b"null"),
        GOOD.replace(b'"c"', b'"c", "data": null'),
        GOOD.replace(b'"c"', b'"c", "datacontenttype": "application/json", "own": 5'),
        GOOD.replace(b'"c"', b'"c", "data": {"a": ' + b"[" * 400 + b"]" * 400 + b"}"),
        GOOD.replace(b'"c"', b'"c", "data": {"a": 1, "a": 2}'),
    ],
    ids=lambda good: repr(good[-60:]),
)
def test_unusual_but_valid_records_are_taken(tmp_path: Path, good: bytes) -> None:
    outcome = replay(tmp_path, JOURNEY, good + b"\n")
    assert outcome.letters == []
    assert outcome.events["accepted"] == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"1,c,2026-03-02 10:00:00\n", "bad_row"),
        (b"1,c,2026-03-02 10:00:00,5,6\n", "bad_row"),
        (b"1,\xff,2026-03-02 10:00:00,5\n", "bad_encoding"),
        (b"1,c,yesterday,5\n", "bad_time"),
        (b"1,c,0001-01-01 00:00:00,5\n", "bad_time"),
        (b"1,c,9999-12-31 23:59:59,5\n", "bad_time"),
        (b"1,c,2026-03-02 10:00:61,5\n", "bad_time"),
        (b"1,c,,5\n", "no_time"),
        (b",c,2026-03-02 10:00:00,5\n", "no_id"),
    ],
)
def test_a_bad_row_is_one_dead_letter(tmp_path: Path, row: bytes, reason: str) -> None:
    text = b"id,who,at,x\n" + row + b"2,d,2026-03-02 10:00:00,7\n"
    outcome = rows(tmp_path, BASIC, text)
    assert outcome.reasons == [reason]
    assert outcome.events["accepted"] == 1
    assert outcome.letters[0]["body"].encode("utf-8", "backslashreplace").strip() == (
        row.decode("utf-8", "backslashreplace").encode().strip()
    )


@pytest.mark.parametrize("name", ["empty.ndjson", "empty.ndjson.gz"])
def test_an_empty_file_is_an_empty_summary(tmp_path: Path, name: str) -> None:
    """`--out` is written also when empty."""
    outcome = replay(tmp_path, JOURNEY, gzip.compress(b"") if name.endswith("gz") else b"", name=name)
    assert outcome.out == b""
    assert outcome.events == {"read": 0, "accepted": 0, "duplicate": 0, "late": 0, "future": 0, "invalid": 0}
    assert (outcome.summary["from"], outcome.summary["until"]) == (None, None)


@pytest.mark.parametrize("broken", ["missing", "folder", "cut.gz"])
def test_an_input_that_cannot_be_read_stops_the_command_with_a_sentence(
    tmp_path: Path, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / broken
    if broken == "folder":
        path.mkdir()
    elif broken == "cut.gz":
        buffer = io.BytesIO()
        with gzip.GzipFile(fileobj=buffer, mode="wb") as file:
            file.write((GOOD + b"\n") * 1000)
        path.write_bytes(buffer.getvalue()[:-20])
    code = run(tmp_path, JOURNEY, str(path))
    assert code in (1, 3)
    said = capsys.readouterr().err
    assert broken in said
    assert "Traceback" not in said


def test_where_and_equality_see_columns_of_a_name_with_spaces_and_colons(tmp_path: Path) -> None:
    """`data: {amount: "case:AMOUNT_REQ"}`."""
    source: Any = BASIC.replace("{x: x}", '{x: "case:AMOUNT_REQ"}')
    assert (
        rows(tmp_path, source, "id,who,at,case:AMOUNT_REQ\n1,c,2026-03-02 10:00:00,5\n").signals["numbers"]["value"]
        == 5
    )


def test_what_a_file_says_is_never_taken_for_what_a_door_said(tmp_path: Path) -> None:
    """`touchline.` types are refused at the public doors, the one that carries refusals too."""
    forged = event("1", "touchline.event.refused", None, None, {"reason": "no_id", "message": "x", "body": "eHg="})
    outcome = replay(tmp_path, JOURNEY, [forged])
    assert outcome.reasons == ["reserved_type"]
    assert json.loads(outcome.letters[0]["body"]) == forged


def test_several_inputs_with_a_huge_bad_line_keep_its_bytes(tmp_path: Path) -> None:
    """The dead letter has the original bytes, also where inputs are merged."""
    big, other = tmp_path / "big.ndjson", tmp_path / "other.ndjson"
    big.write_bytes(b"x" * 3_000_000 + b"\n" + GOOD + b"\n")
    other.write_bytes(GOOD.replace(b'"good"', b'"more"') + b"\n")
    assert run(tmp_path, JOURNEY, str(big), str(other)) == 0
    [letter] = Outcome(tmp_path).letters
    assert (letter["reason"], len(letter["body"])) == ("not_json", 3_000_000) or letter["reason"] == "too_large"
    assert letter["body"] == "x" * 3_000_000


def test_a_merge_refused_by_state_keeps_its_own_bytes_where_inputs_are_merged(tmp_path: Path) -> None:
    """The dead letter has the original bytes: attributes nobody looks at included."""
    one, two = tmp_path / "one.ndjson", tmp_path / "two.ndjson"
    merge = event("m", "customer.merged", "10:00:05", "p", {"into": "q"}, mine="kept")
    known = [event(who, "customer.identified", "10:00:00", who) for who in "pq"]
    one.write_text("".join(json.dumps(line) + "\n" for line in [*known, merge]))
    two.write_bytes(GOOD + b"\n")
    assert run(tmp_path, JOURNEY, str(one), str(two)) == 0
    [letter] = Outcome(tmp_path).letters
    assert json.loads(letter["body"]) == merge
