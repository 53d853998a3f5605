"""Files into the log: canonical NDJSON, mappings, compression, merging, sorting."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connectors.files import Files, read_files
from connectors.row import Row
from connectors.sort import in_order
from streams import codec, reasons
from streams.codec import Rejection
from streams.config.load import load_text
from streams.config.structs import Config
from streams.errors import InputError, UsageError
from streams.model import Event
from streams.units import parse_time

DATA = Path(__file__).parents[3] / "shared" / "data"
EMPTY = load_text("version: 1").config


def sources(text: str, head: str = "") -> Config:
    """A file with one source called `orders`, its keys given as a flow mapping."""
    return load_text(f"version: 1\n{head}\nsources:\n  orders: {text}\n").config


def write(path: Path, *lines: str | bytes) -> str:
    raw = b"".join(line if isinstance(line, bytes) else line.encode() + b"\n" for line in lines)
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return str(path)


def canonical(id_: str, time: str | None, **more: Any) -> str:
    record = {"specversion": "1.0", "id": id_, "source": "s", "type": "t.u", "time": time, **more}
    return json.dumps({name: value for name, value in record.items() if value is not None})


def taken(row: Row) -> Event | Rejection:
    return codec.decode(row.body) if isinstance(row.body, bytes) else row.body


def events(files: Files) -> list[Event]:
    found = [taken(row) for row in files]
    assert all(isinstance(one, Event) for one in found), found
    return [one for one in found if isinstance(one, Event)]


def refusals(files: Files) -> list[Rejection]:
    return [one for one in map(taken, files) if isinstance(one, Rejection)]


def csv_events(tmp_path: Path, config: Config, *lines: str) -> list[Event]:
    return events(read_files([write(tmp_path / "orders.csv", *lines)], config, "orders"))


def test_a_canonical_line_is_handed_on_as_its_own_bytes(tmp_path: Path) -> None:
    line = canonical("1", "2026-01-01T00:00:00Z")
    path = write(tmp_path / "e.ndjson", line, "", "  ", line + "\r")
    assert [row.body for row in read_files([path], EMPTY)] == [line.encode(), line.encode()]


def test_a_canonical_line_gets_no_invented_sequence(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.ndjson", canonical(str(n), "2026-01-01T00:00:00Z")) for n in (1, 2)]
    assert [event.sequence for event in events(read_files(paths, EMPTY))] == [None, None]


@pytest.mark.parametrize("kind", ["touchline.time.advanced", " touchline.time.advanced", "\\u0074ouchline.x"])
def test_touchlines_own_types_are_refused_before_the_log(tmp_path: Path, kind: str) -> None:
    line = canonical("1", "2026-01-01T00:00:00Z", type="TYPE").replace("TYPE", kind)
    path = write(tmp_path / "e.ndjson", line)
    for paths in ([path], [path, write(tmp_path / "none.ndjson")]):
        # The log of a replay takes every record as its owner's: the refusal must be wrapped by then.
        (row,) = read_files(paths, EMPTY)
        assert isinstance(row.body, bytes)
        found = codec.decode(row.body, internal=True)
        assert isinstance(found, Rejection)
        assert found.reason == reasons.RESERVED_TYPE
        assert found.body == line.strip().encode()


def test_a_broken_canonical_line_stays_in_the_log_with_its_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "e.ndjson", '{"id": 1')
    (row,) = read_files([path], EMPTY)
    assert row.body == b'{"id": 1'
    (wrapped,) = refusals(read_files([path, write(tmp_path / "none.ndjson")], EMPTY))
    assert (wrapped.reason, wrapped.body) == (reasons.NOT_JSON, b'{"id": 1')


def test_a_recorded_log_brings_touchlines_own_records(tmp_path: Path) -> None:
    path = write(tmp_path / "e.ndjson", canonical("1", "2026-01-01T00:00:00Z", type="touchline.time.advanced"))
    (row,) = read_files([path], EMPTY, internal=True, sort=True)
    assert isinstance(row.body, bytes)
    assert isinstance(codec.decode(row.body, internal=True), Event)


def test_inputs_are_merged_by_time_then_by_their_place_on_the_command_line(tmp_path: Path) -> None:
    first = write(
        tmp_path / "a.ndjson",
        canonical("a1", "2026-01-01T00:00:02Z"),
        canonical("a0", "2026-01-01T00:00:00Z"),
        canonical("a9", "2026-01-01T00:00:09Z"),
    )
    second = write(
        tmp_path / "b.ndjson",
        canonical("b1", "2026-01-01T00:00:01Z"),
        canonical("b2", "2026-01-01T02:00:02+02:00"),
        canonical("b8", "2026-01-01T00:00:08Z"),
    )
    assert [e.id for e in events(read_files([first, second], EMPTY))] == ["b1", "a1", "a0", "b2", "b8", "a9"]
    assert [e.id for e in events(read_files([second, first], EMPTY))] == ["b1", "b2", "a1", "a0", "b8", "a9"]


def test_a_merged_line_without_a_time_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", canonical("1", None))
    assert [one.reason for one in refusals(read_files([path, path], EMPTY))] == [reasons.NO_TIME, reasons.NO_TIME]


@pytest.mark.parametrize("name", ["e.ndjson.gz", "e.gz", "e"])
def test_compression_and_format_are_told_by_the_bytes(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, canonical("1", "2026-01-01T00:00:00Z"))
    assert [event.id for event in events(read_files([path], EMPTY))] == ["1"]


def test_standard_input_is_read(tmp_path: Path) -> None:
    script = (
        "from connectors.files import read_files\n"
        "from streams.config.load import load_text\n"
        "print([row.body for row in read_files(['-'], load_text('version: 1').config)])\n"
    )
    line = canonical("1", "2026-01-01T00:00:00Z").encode()
    for raw in (line, gzip.compress(line)):
        done = subprocess.run([sys.executable, "-c", script], input=raw, capture_output=True, check=True)
        assert done.stdout.decode().strip() == repr([line])


def test_a_damaged_archive_is_an_error_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "e.ndjson.gz"
    path.write_bytes(gzip.compress(canonical("1", "2026-01-01T00:00:00Z").encode() * 5000)[:-20])
    with pytest.raises(InputError, match="damaged or ends early"):
        list(read_files([str(path)], EMPTY))


def test_inputs_that_cannot_be_read_are_errors_that_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.ndjson: cannot be read: No such file"):
        read_files([str(tmp_path / "none.ndjson")], EMPTY)
    with pytest.raises(InputError, match="add one under `sources:`"):
        read_files([write(tmp_path / "e.csv", "a,b")], EMPTY)
    with pytest.raises(UsageError, match="no such source"):
        read_files([str(tmp_path)], EMPTY, "orders")
    with pytest.raises(UsageError, match="once"):
        read_files(["-", "-"], EMPTY)


def test_every_row_of_a_csv_becomes_an_event(tmp_path: Path) -> None:
    config = sources(
        "{time: at, timezone: Europe/Kyiv, subject: who, id: [no, who], sequence: n, type: order.completed,"
        " data: {amount: sum, code: {column: code, as: text}, shop: {const: kyiv}}}"
    )
    (event,) = csv_events(
        tmp_path, config, "no,at,who,n,sum,code,more", '7,2026-07-01 10:00:00,"Zoe\u0308 ",3,12.50,007,x'
    )
    assert event == Event(
        id="7|Zo\u00eb",
        source="orders",
        type="order.completed",
        time="2026-07-01T07:00:00.000Z",
        subject="Zo\u00eb",
        data={"shop": "kyiv", "amount": 12.5, "code": "007"},
        sequence=3,
    )


def test_empty_cells_are_missing(tmp_path: Path) -> None:
    config = sources("{time: at, subject: who, sequence: n, type: t.u, data: {a: a, b: {column: b, as: text}}}")
    (event,) = csv_events(tmp_path, config, "at,who,n,a,b", "2026-07-01T10:00:00Z,,,,")
    assert (event.subject, event.sequence, event.data) == (None, None, {})


def test_the_line_orders_rows_where_nothing_else_does(tmp_path: Path) -> None:
    config = sources("{time: at, type: t.u}")
    found = csv_events(tmp_path, config, "at,x", "2026-07-01,1", '2026-07-01,"two\nlines"', "2026-07-01,3")
    assert [event.sequence for event in found] == [2, 4, 5]


def test_equal_rows_have_one_id_unless_the_line_is_asked_for(tmp_path: Path) -> None:
    lines = ("at,x", "2026-07-01,1", "2026-07-01,1", "2026-07-01,2")
    ids = [event.id for event in csv_events(tmp_path, sources("{time: at, type: t.u}"), *lines)]
    assert ids[0] == ids[1] != ids[2]
    by_line = [event.id for event in csv_events(tmp_path, sources("{time: at, type: t.u, id: line}"), *lines)]
    assert by_line == ["orders.csv:2", "orders.csv:3", "orders.csv:4"]


def test_joined_ids_do_not_run_into_each_other(tmp_path: Path) -> None:
    config = sources("{time: at, type: t.u, id: [a, b]}")
    found = csv_events(tmp_path, config, "at,a,b", "2026-07-01,x|,y", "2026-07-01,x,|y", "2026-07-01,x\\,|y")
    assert len({event.id for event in found}) == 3


def test_times_can_count_lines(tmp_path: Path) -> None:
    config = sources('{time: {start: "2026-01-01T00:00:00Z", step: 1m}, where: {x: {ne: 2}}, type: t.u}')
    found = csv_events(tmp_path, config, "x", "1", "2", "3")
    assert [event.time for event in found] == ["2026-01-01T00:00:00.000Z", "2026-01-01T00:02:00.000Z"]


def test_types_come_from_a_column(tmp_path: Path) -> None:
    lines = ("at,what", "2026-07-01,view", "2026-07-01,nap", "2026-07-01,")
    path = write(tmp_path / "orders.csv", *lines)

    def read(otherwise: str) -> tuple[list[str], int]:
        files = read_files(
            [path], sources(f"{{time: at, type: {{from: what, map: {{view: a.b}}, else: {otherwise}}}}}"), "orders"
        )
        found = [one.type if isinstance(one, Event) else one.reason for one in map(taken, files)]
        return found, files.skipped_rows

    assert read("drop") == (["a.b"], 2)
    assert read("keep") == (["a.b", "nap", reasons.NO_TYPE], 0)
    assert read("invalid") == (["a.b", reasons.UNKNOWN_TYPE, reasons.UNKNOWN_TYPE], 0)


def test_rows_left_out_are_counted_and_nothing_else(tmp_path: Path) -> None:
    config = sources("{time: at, where: {state: done, n: {gte: 2}}, type: t.u}")
    path = write(
        tmp_path / "orders.csv", "at,state,n", "2026-07-01,done,2", "2026-07-01,done,", "soon,open,5", "x,done,1"
    )
    files = read_files([path], config, "orders")
    assert len(list(files)) == 1
    assert files.skipped_rows == 3


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("soon,r,w,i,9", reasons.BAD_TIME),
        ("0001-01-01T00:00:00+14:00,r,w,i,9", reasons.BAD_TIME),
        ("2026-07-01,9999-01-01,w,i,9", reasons.BAD_TIME),
        (",,w,i,9", reasons.NO_TIME),
        ("2026-07-01,soon,w,i,9", reasons.BAD_TIME),
        ("2026-07-01,,w,,9", reasons.NO_ID),
        ("2026-07-01,,w,i,11", reasons.SCORE_OUT_OF_SCALE),
        ("2026-07-01,,w,i,high", reasons.BAD_SCORE),
        ("2026-07-01,,w,i", reasons.BAD_ROW),
        ("2026-07-01,,w,i,9,9", reasons.BAD_ROW),
        ("2026-07-01,,w,i," + "9" * 140_000, reasons.BAD_ROW),
        (b"2026-07-01,,\xff,i,9\n", reasons.BAD_ENCODING),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_its_bytes(tmp_path: Path, line: str | bytes, reason: str) -> None:
    config = sources(
        "{time: at, received: got, subject: who, id: id, type: survey.answered,"
        " data: {metric: {const: nps}, score: score}}"
    )
    good = "2026-07-01,,w,i,9"
    path = write(tmp_path / "orders.csv", "at,got,who,id,score", good, line, good)
    found = [taken(row) for row in read_files([path], config, "orders")]
    assert [type(one) for one in found] == [Event, Rejection, Event]
    refusal = found[1]
    assert isinstance(refusal, Rejection)
    assert refusal.reason == reason
    assert refusal.message.startswith("orders.csv: line 3: ")
    assert refusal.body is not None
    assert refusal.body.rstrip() == (line if isinstance(line, bytes) else line.encode()).rstrip()


def test_reception_is_the_log_time_and_stands_in_for_a_missing_time(tmp_path: Path) -> None:
    config = sources("{time: at, received: got, type: t.u}")
    path = write(tmp_path / "orders.csv", "at,got", "2026-07-01,2026-07-03", ",2026-07-04")
    first, second = read_files([path], config, "orders")
    assert (first.time, first.received) == (parse_time("2026-07-01T00:00:00Z"), parse_time("2026-07-03T00:00:00Z"))
    assert isinstance(second.body, Event)
    assert second.body.time is None
    assert second.time == second.received == parse_time("2026-07-04T00:00:00Z")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_tells_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    lines = [delimiter.join(cells) for cells in (("at", "x", "y"), ("2026-07-01", "a b", "2"))]
    (event,) = csv_events(tmp_path, sources("{time: at, type: t.u, data: {x: x, y: y}}"), "\ufeff" + lines[0], lines[1])
    assert event.data == {"x": "a b", "y": 2}


def test_a_column_that_is_not_there_is_named_before_anything_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "orders.csv", "at,x")
    with pytest.raises(
        InputError, match=r"orders\.csv: sources\.orders\.data\.a: no column 'amount'; the file has at, x"
    ):
        read_files([path], sources("{time: at, type: t.u, data: {a: amount}}"), "orders")
    with pytest.raises(InputError, match="the file is empty"):
        read_files([write(tmp_path / "none.csv")], sources("{time: at, type: t.u}"), "orders")


def test_the_first_source_whose_match_fits_is_taken(tmp_path: Path) -> None:
    config = load_text(
        "version: 1\nsources:\n"
        "  web: {match: 'web*.csv', time: at, type: web.seen}\n"
        "  any: {match: '*.csv*', time: at, type: any.seen}\n"
    ).config
    paths = [write(tmp_path / name, "at", f"2026-07-0{n}") for n, name in enumerate(["web1.csv", "x.csv.gz"], 1)]
    assert [(event.source, event.type) for event in events(read_files(paths, config))] == [
        ("web", "web.seen"),
        ("any", "any.seen"),
    ]
    assert {event.source for event in events(read_files(paths, config, "any"))} == {"any"}


def test_foreign_ndjson_is_mapped_by_path_with_its_own_types(tmp_path: Path) -> None:
    config = sources(
        "{time: meta.at, subject: user.id, where: {user.vip: true}, type: {from: kind, map: {'1': a.b}},"
        " data: {amount: sum, code: {column: code, as: text}, gone: none, list: items}}"
    )
    lines = [
        {"meta": {"at": "2026-07-01"}, "user": {"id": 17, "vip": True}, "kind": 1, "sum": 5, "code": 7, "items": [1]},
        {"meta": {"at": "2026-07-01"}, "user": {"id": 17, "vip": "yes"}, "kind": 1},
        {"meta": {"at": "2026-07-01"}, "user": {"id": 17, "vip": True}, "kind": 2},
    ]
    files = read_files([write(tmp_path / "e.jsonl", *map(json.dumps, lines), "[]", "{")], config, "orders")
    good, *bad = [taken(row) for row in files]
    assert isinstance(good, Event)
    assert (good.subject, good.type, good.sequence) == ("17", "a.b", 1)
    assert good.data == {"amount": 5, "code": "7", "list": [1]}
    assert [one.reason for one in bad if isinstance(one, Rejection)] == ["unknown_type", "not_json", "not_json"]
    assert files.skipped_rows == 1


def test_a_mapped_type_of_touchline_is_refused(tmp_path: Path) -> None:
    config = sources("{time: at, type: {from: what, else: keep}}")
    path = write(tmp_path / "orders.csv", "at,what", "2026-07-01,touchline.config.activated")
    assert [one.reason for one in refusals(read_files([path], config, "orders"))] == [reasons.RESERVED_TYPE]


def test_progress_ends_at_the_size_of_all_inputs(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    lines = [canonical(str(n), "2026-01-01T00:00:00Z") for n in range(20_000)]
    paths = [write(tmp_path / "a.ndjson", *lines), write(tmp_path / "b.ndjson.gz", *lines)]
    files = read_files(paths, EMPTY, progress=lambda read, total: seen.append((read, total)))
    assert sum(1 for _ in files) == 40_000
    total = sum(Path(path).stat().st_size for path in paths)
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)
    assert 0 < seen[0][0] < total


@pytest.mark.parametrize("run_rows", [1, 2, 3, 1000])
def test_sorting_is_by_time_sequence_source_and_id_whatever_fits_in_memory(run_rows: int) -> None:
    def row(time: int, sequence: float | str | None, source: str, id_: str) -> Row:
        return Row(Event(id=id_, source=source, type="t.u", sequence=sequence), time)

    wanted = [
        row(1, 9, "b", "b"),
        row(2, None, "a", "a"),
        row(2, "2", "a", "b"),
        row(2, 10, "a", "a"),
        row(2, "10", "a", "b"),
        row(2, 10.5, "a", "a"),
        row(2, 11, "a", "z"),
        row(2, 11, "b", "a"),
    ]
    broken = Row(codec.refuse(b"x", Rejection(reasons.NOT_JSON, "m")))
    shuffled = [wanted[at] for at in (5, 2, 7, 0, 3, 6, 1, 4)]
    shuffled.insert(4, broken)
    found = list(in_order(shuffled, run_rows=run_rows))
    assert [row.time for row in found] == [None, 1, *[2] * 7]
    assert [taken(row) for row in found[1:]] == [row.body for row in wanted]
    assert isinstance(taken(found[0]), Rejection)


def test_sorted_inputs_are_in_order_of_time_with_their_bytes(tmp_path: Path) -> None:
    lines = [canonical(str(n), f"2026-01-01T00:00:{n * 7 % 60:02}Z") for n in range(60)]
    path = write(tmp_path / "e.ndjson", *lines)
    times = [event.time for event in events(read_files([path], EMPTY, sort=True))]
    assert times == sorted(time or "" for time in times)
    assert len(set(times)) == 60


def test_many_sorted_runs_are_merged_without_losing_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.sort.MOST_RUNS", 3)
    rows = [Row(Event(id=str(n), source="s", type="t.u"), n * 7919 % 1000) for n in range(1000)]
    assert [row.time for row in in_order(rows, run_rows=20)] == list(range(1000))
