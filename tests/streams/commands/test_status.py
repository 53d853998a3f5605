"""What `touchline status` says of the partition that is most behind."""

from __future__ import annotations

import msgspec

from streams.commands import status
from streams.runtime.cluster.overview import Overview, Row, SignalsRow, shares, slowest


def row(number: int, lag_seconds: float | None, records: float, cpu: float) -> Row:
    return Row(number, "w", True, None, 0, lag_seconds, 0, 0, 0, None, events_per_second=records, cpu_share=cpu)


def told(*rows: Row) -> str:
    return "\n".join(status._told(Overview(True, list(rows), SignalsRow("w"), [])))


def test_the_partition_that_is_most_behind_is_named_with_what_it_takes() -> None:
    said = told(row(0, 0.2, 500, 0.1), row(1, 42.6, 3000, 0.9), row(2, 3.0, 500, 0.2), row(3, None, 0, 0.0))
    assert (
        "most behind: partition 1, 42.6 s; it takes 3,000 records/s (75% of all) and 90% of a core (75% of all "
        "partitions' processor time)" in said
    )
    line = next(line for line in said.splitlines() if line.startswith("1 "))
    assert line.split()[:7] == ["1", "w", "42.6", "s", "0", "3000", "90%"]


def test_nothing_is_named_while_all_keep_up() -> None:
    assert "most behind" not in told(row(0, 0.9, 500, 0.1), row(1, 0.0, 500, 0.1))


def test_shares_of_nothing_are_nothing() -> None:
    idle = row(0, 5.0, 0, 0.0)
    assert slowest([idle]) is idle
    assert shares(idle, [idle]) == (0.0, 0.0)


def test_as_json_each_partition_says_what_it_takes() -> None:
    body = msgspec.json.decode(msgspec.json.encode(row(4, 1.5, 120.5, 0.25)))
    assert (body["events_per_second"], body["cpu_share"]) == (120.5, 0.25)
