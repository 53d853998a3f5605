"""What a preview shows of one run, and of two."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console

from streams.effects import Decision
from streams.runtime.preview_report import Run, print_preview
from tests.streams.runtime.alarm_views import SINCE
from tests.streams.runtime.test_episodes import record


def breach(subject: str, n: int = 0, **segment: str) -> Decision:
    """A signal left what the file expects."""
    data: dict[str, Any] = {"rule": subject, "because": [], "segment": segment}
    return Decision(f"b-{subject}-{n}", "touchline.signal.breached", SINCE + n, subject, data)


def run(*decisions: Decision) -> Run:
    """What a file made of a hundred events."""
    return Run("shop.yml", 100, 2, Counter(one.type for one in decisions), list(decisions))


def shown(new: Run, old: Run | None = None) -> list[str]:
    """The lines printed, blanks joined."""
    console = Console(width=160, color_system=None, force_terminal=False)
    with console.capture() as capture:
        print_preview(console, new, old)
    return [" ".join(row.split()) for row in capture.get().splitlines()]


def test_one_file_shows_its_decisions_by_type_and_its_alerts() -> None:
    rows = shown(run(record("firing"), breach("csat"), breach("csat", 1), breach("nps", device="mobile")))
    assert "shop.yml: 100 events accepted · 2 dead letters · 4 decisions" in rows
    assert "alert.firing 1" in rows
    assert "signal.breached 3" in rows
    assert "csat 2" in rows
    assert "nps device=mobile 1" in rows
    alert = next(row for row in rows if row.startswith("purchase/checkout → paid"))
    assert "2026-03-07 06:58:10 not over −62 % (51–70) device=mobile critical 31 of 82.4" in alert


def test_two_files_show_what_only_one_of_them_has() -> None:
    rows = shown(
        run(record("firing"), breach("csat"), breach("csat", 1)),
        run(record("firing"), record("firing", step="cart", next_step="checkout", fingerprint="f-2"), breach("nps")),
    )
    assert "alert.firing 1 2 -1" in rows
    assert "csat 2 0 only new" in rows
    assert "nps 0 1 only old" in rows
    titles = [at for at, row in enumerate(rows) if row.startswith("alerts ")]
    assert [rows[at].split(",")[0] for at in titles] == [
        "alerts only under the new file: none", "alerts only under the old file", "alerts under both"
    ]  # fmt: skip
    assert any(row.startswith("purchase/cart → checkout") for row in rows[titles[1] : titles[2]])
    assert any(row.startswith("purchase/checkout → paid") for row in rows[titles[2] :])


def test_on_a_narrow_screen_nothing_is_left_out() -> None:
    console = Console(width=70, color_system=None, force_terminal=False)
    with console.capture() as capture:
        print_preview(console, run(record("firing", segments=[{"device": "mobile", "channel": "web"}])))
    assert "…" not in capture.get()
    assert max(map(len, capture.get().splitlines())) <= 70


def test_where_nothing_fired_that_is_said_once() -> None:
    assert [row for row in shown(run(), run()) if "alerts" in row] == ["alerts: none under either file"]
    assert [row for row in shown(run()) if "alerts" in row] == ["alerts: none"]


def test_a_file_that_describes_another_input_is_told() -> None:
    nothing = Run("other.yml", 0, 0, Counter(), [])
    assert "nothing was accepted: does other.yml describe this input?" in shown(nothing)
