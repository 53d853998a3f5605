"""formats.md section 2 "The file": grammar, keys, names, faults, warnings and exit codes, through `touchline check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streams.cli import main
from streams.config.advice import NOT_BUILT

BASE = "version: 1\njourneys: {j: {steps: [{name: a, on: a.a}, {name: b, on: b.b, within: 1h}]}}\n"


class Checked:
    """What `touchline check --json` said of a file."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], text: str | bytes) -> None:
        path = folder / "file.yml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        self.code = main(["check", "--json", "-c", str(path)])
        said: dict[str, Any] = json.loads(capsys.readouterr().out)
        self.faults: list[dict[str, Any]] = said["faults"]
        self.warnings: list[str] = [
            f"{one['path']}: {one['message']}" if one["path"] else one["message"] for one in said["warnings"]
        ]

    @property
    def paths(self) -> list[str]:
        return [fault["path"] for fault in self.faults]


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    return lambda text: Checked(tmp_path, capsys, text)


def test_a_good_file_exits_with_0(check: Any) -> None:
    """Exit codes: 0 ok."""
    assert (check(BASE).code, check(BASE).faults) == (0, [])


def test_all_faults_are_listed_with_their_paths_and_lines(check: Any) -> None:
    """`check` prints every fault with its path and what was expected, and exits 1."""
    checked = check(
        """version: 1
timezone: Europe/Kiew
journeys:
  purchase:
    keep: soon
    steps:
      - {name: cart, on: cart.updated}
      - {name: Paid, on: order.completed, within: 30}
signals:
  x: {on: a.a, as: p91}
"""
    )
    assert checked.code == 1
    assert [(fault["path"], fault["line"]) for fault in checked.faults] == [
        ("timezone", 2),
        ("journeys.purchase.keep", 5),
        ("journeys.purchase.steps[1].name", 8),
        ("journeys.purchase.steps[1].within", 8),
        ("signals.x.as", 10),
    ]


@pytest.mark.parametrize(
    ("text", "path", "nearest"),
    [
        ("segmets: [device]\n", "segmets", "segments"),
        ("jorneys: {}\n", "jorneys", "journeys"),
        ("journeys: {j: {stps: []}}\n", "journeys.j.stps", "steps"),
        ("signals: {s: {on: a.a, vaule: x}}\n", "signals.s.vaule", "value"),
        ("dedup: {max_id: 5}\n", "dedup.max_id", "max_ids"),
        ("alerts: {false_alarm: 1 per week}\n", "alerts.false_alarm", "false_alarms"),
        ("quiet_hours: {form: '21:00', to: '09:00'}\n", "quiet_hours.form", "from"),
        ("cases: {d: {on: a.a, contact: {wran: 1h}}}\n", "cases.d.contact.wran", "warn"),
        ("promises: {d: {say: x, from: a.a, until: b.b, within: 1d}}\n", "promises.d.say", "says"),
        (
            "subscriptions: [{grup_wait: 1s, to: ['webhook:https://x.example']}]\n",
            "subscriptions[0].grup_wait",
            "group_wait",
        ),
        ("feedback: {f: {ask: nps, after: a.a, sampel: 0.5}}\n", "feedback.f.sampel", "sample"),
        ("access: {listn: '127.0.0.1:1'}\n", "access.listn", "listen"),
        ("sources: {s: {mach: x, type: a.a}}\n", "sources.s.mach", "match"),
    ],
)
def test_unknown_keys_are_faults_with_the_nearest_known_name(check: Any, text: str, path: str, nearest: str) -> None:
    """Unknown keys are faults, with the nearest known name."""
    checked = check("version: 1\n" + text)
    assert checked.code == 1
    [fault] = [one for one in checked.faults if one["path"] == path]
    assert f"'{nearest}'" in fault["message"] or f" {nearest}" in fault["message"]


@pytest.mark.parametrize("duration", ["90s", "1h30m", "0s", "5ms", "2w", "1w2d3h4m5s6ms", "1.5h"])
def test_a_duration_is_number_unit_once_or_more(check: Any, duration: str) -> None:
    """Duration: `NUMBER UNIT` once or more, units `ms s m h d w`."""
    assert check(f"{BASE}allowed_lateness: {duration}\n").faults == []


@pytest.mark.parametrize("duration", ["90", "1y", "s", "-5s", "1h30", "''", "1H", "[1h]", "1e3s", "1month", "١s"])
def test_anything_else_is_no_duration(check: Any, duration: str) -> None:
    assert check(f"{BASE}allowed_lateness: {duration}\n").paths == ["allowed_lateness"]


@pytest.mark.parametrize("rate", ["1 per week", "3 per hour", "0.5 per day", "2 per month"])
def test_a_rate_is_n_per_unit(check: Any, rate: str) -> None:
    """Rate: `N per hour|day|week|month`."""
    assert check(f"{BASE}alerts: {{false_alarms: {rate}}}\n").faults == []


@pytest.mark.parametrize(
    "rate", ["1", "1/week", "per week", "1 per year", "1 per minute", "-1 per week", "one per week"]
)
def test_anything_else_is_no_rate(check: Any, rate: str) -> None:
    assert check(f"{BASE}alerts: {{false_alarms: {rate}}}\n").paths == ["alerts.false_alarms"]


@pytest.mark.parametrize("clock", ["'00:00'", "'09:30'", "'23:59'"])
def test_a_clock_is_quoted(check: Any, clock: str) -> None:
    """Clock: quoted `"HH:MM"`."""
    assert check(f"{BASE}quiet_hours: {{from: {clock}, to: '10:00'}}\n").faults == []


@pytest.mark.parametrize("clock", ["'25:00'", "'9:30'", "'09:60'", "'0930'", "9"])
def test_anything_else_is_no_clock(check: Any, clock: str) -> None:
    assert check(f"{BASE}quiet_hours: {{from: {clock}, to: '10:00'}}\n").paths == ["quiet_hours.from"]


@pytest.mark.parametrize("comparison", ["<= 360", "<360", "> 1", ">= 80%", "== 0", "!= 1.5", "< -20"])
def test_a_comparison_is_an_operator_and_a_number(check: Any, comparison: str) -> None:
    """Comparison: `"<= 360"` with `< <= > >= == !=`; `%` for ratios."""
    as_ = "share" if "%" in comparison else "mean"
    value = "where: {y: 1}" if as_ == "share" else "value: x"
    text = f'{BASE}signals: {{s: {{on: a.a, as: {as_}, {value}, expect: {{value: "{comparison}"}}}}}}\n'
    assert check(text).faults == []


@pytest.mark.parametrize("comparison", ["360", "=< 360", "= 5", "<> 5", "<=", "<= x", "<= 1e3%%"])
def test_anything_else_is_no_comparison(check: Any, comparison: str) -> None:
    checked = check(f'{BASE}signals: {{s: {{on: a.a, value: x, expect: {{value: "{comparison}"}}}}}}\n')
    assert checked.paths == ["signals.s.expect.value"]


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a", True),
        ("a_1", True),
        ("a" * 48, True),
        ("a" * 49, False),
        ("1a", False),
        ("_a", False),
        ("A", False),
        ("a-b", False),
        ("a.b", False),
        ("ї", False),
    ],
)
def test_names_begin_with_a_letter_and_have_48_characters_at_most(check: Any, name: str, good: bool) -> None:
    """Names: `[a-z][a-z0-9_]{0,47}`."""
    assert check(f"version: 1\nsignals: {{{name}: {{on: a.a}}}}\n").code == (0 if good else 1)


def test_what_is_not_built_yet_is_one_warning_line_per_key(check: Any) -> None:
    """What is not built yet is accepted with one warning line per key (`alerts: valid, not acted upon yet`), exit 0."""
    checked = check(
        BASE
        + """
alerts: {false_alarms: 1 per week, false_share: 20%, page_above: 100}
subscriptions: [{name: s, match: {type: alert, severity: [warning]}, to: "webhook:https://x.example", group_wait: 1s}]
promises: {p: {says: x, from: a.a, until: b.b, within: 3d}}
cases: {c: {on: a.a}, d: {on: b.b}}
calendars: {office: {open: {mon: ["09:00", "18:00"]}, closed: [2026-12-25]}}
"""
    )
    assert checked.code == 0
    for key in NOT_BUILT:
        assert checked.warnings.count(f"{key}: valid, not acted upon yet") <= 1
    assert not [line for line in checked.warnings if line.startswith("alerts")]


def test_within_on_the_first_step_is_a_fault(check: Any) -> None:
    """`within`: a fault on the first."""
    checked = check("journeys: {j: {steps: [{name: a, on: a.a, within: 1h}, {name: b, on: b.b}]}}\n")
    assert checked.paths == ["journeys.j.steps[0].within"]


@pytest.mark.parametrize("where", ["{x: {gtt: 1}}", "{x: {}}", "{x: {in: 5}}", "{x: {exists: 3}}", "5", "[a]"])
def test_an_unknown_operator_is_a_fault(check: Any, where: str) -> None:
    """An object = all of `gt gte lt lte ne in not_in exists contains`."""
    checked = check(f"signals: {{s: {{on: a.a, where: {where}}}}}\n")
    assert checked.code == 1
    assert all(path.startswith("signals.s.where") for path in checked.paths)


def test_a_missing_secret_is_a_fault(check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`${NAME}` … a missing one is a fault."""
    monkeypatch.delenv("SHOP_KEY", raising=False)
    text = BASE + "access: {write_keys: [{name: shop, token: '${SHOP_KEY}'}]}\n"
    assert check(text).paths == ["access.write_keys[0].token"]
    monkeypatch.setenv("SHOP_KEY", "value-of-the-key")
    assert check(text).faults == []


def test_a_secret_comes_from_the_file_name_file_names(
    check: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the file named by `NAME_FILE`."""
    (tmp_path / "key").write_text("value-of-the-key\n")
    monkeypatch.setenv("SHOP_KEY_FILE", str(tmp_path / "key"))
    assert check(BASE + "access: {write_keys: [{name: shop, token: '${SHOP_KEY}'}]}\n").faults == []


def test_secret_values_never_appear_in_any_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values never appear in any output."""
    monkeypatch.setenv("HOOK", "hidden-value not a url")
    path = tmp_path / "file.yml"
    path.write_text(BASE + "asks: {to: ['webhook:${HOOK}', '${HOOK}']}\nbad: 1\n")
    assert main(["check", "-c", str(path)]) == 1
    said = capsys.readouterr()
    assert "hidden-value" not in said.out + said.err


def test_placeholders_elsewhere_are_not_replaced(check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only in `to secret token url`."""
    monkeypatch.setenv("TEAM", "x")
    monkeypatch.delenv("NOBODY", raising=False)
    assert check(BASE.replace("{steps", "{owner: '${NOBODY}', steps")).faults == []


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n\n# only a comment\n",
        b"- a\n- b\n",
        b"just text\n",
        b"version: 2\n",
        b"version: '1'\n",
        b"a: [\n",
        b"\x00",
        b"a: \xff\xfe\n",
        b"version: 1\nversion: 1\n",
        b"version: 1\njourneys: {j: {steps: []}, j: {steps: []}}\n",
        b"version: 1\nsegments: &a [*a]\n",
        b"version: 1\ntimezone: ../../etc/passwd\n",
        b"version: !!python/object/apply:os.system ['true']\n",
        b"version: 1\n" + b"a" * 100_000 + b": 1\n",
        b"x: " + b"[" * 5000 + b"]" * 5000 + b"\n",
    ],
)
def test_a_broken_file_is_faults_and_never_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: bytes
) -> None:
    """Exit codes: 1 faults found, 3 cannot start; bad input: a clear error."""
    path = tmp_path / "file.yml"
    path.write_bytes(text)
    code = main(["check", "-c", str(path)])
    said = capsys.readouterr()
    assert code in ((0, 1) if not text.strip() or text.startswith(b"\n\n#") else (1, 3))
    assert "Traceback" not in said.out + said.err


def test_a_bom_and_crlf_are_no_fault(check: Any) -> None:
    assert check(b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode()).faults == []


def test_a_duplicate_key_is_a_fault_that_names_it(check: Any) -> None:
    checked = check("version: 1\nsignals:\n  s: {on: a.a}\n  s: {on: b.b}\n")
    assert checked.code == 1
    assert [fault["line"] for fault in checked.faults] == [4]


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit codes: 0 ok, 1 faults found, 2 usage, 3 cannot start."""
    good = tmp_path / "good.yml"
    good.write_text(BASE)
    bad = tmp_path / "bad.yml"
    bad.write_text("nothing: 1\n")
    events = tmp_path / "events.ndjson"
    events.write_text("")
    assert main(["check", "-c", str(good)]) == 0
    assert main(["check", "-c", str(bad)]) == 1
    assert main(["check"]) == 2
    assert main(["nonsense"]) == 2
    assert main(["replay"]) == 2
    assert main(["replay", "-c", str(good), str(events), "--until", "soon"]) == 2
    assert main(["replay", "-c", str(good), str(events), "--source", "none"]) == 2
    assert main(["replay", "-c", str(bad), str(events)]) == 1
    assert main(["check", "-c", str(tmp_path / "absent.yml")]) == 3
    capsys.readouterr()
