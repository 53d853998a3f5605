"""The decision records of a case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streams.care.said import Out
from streams.care.state import STATES, Case
from streams.units import format_time


def record(
    out: Out, verb: str, case: Case, subject: str, because: Sequence[str], time: int, more: dict[str, Any] | None = None
) -> None:
    """`touchline.case.VERB` at `time`; `because` begins with the `source/id` behind it, `more` comes last."""
    data: dict[str, Any] = {
        "because": list(because),
        "case": case.id,
        "state": STATES[case.state],
        "owner": case.owner,
        "opened_at": format_time(case.opened),
        "due_at": format_time(case.due),
    }
    if more:
        data.update(more)
    out.decide(f"case.{verb}", case.rule, case.id, subject, because[0], time, data)
