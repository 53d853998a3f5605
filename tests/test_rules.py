"""Prometheus' rules: each is tested in both directions, leads to a runbook, and asks for what is declared."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.runtime.cluster import door_metrics
from streams.runtime.metric_names import CLUSTER, METRICS
from tests.grafana.asked import NAMES, load

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "deploy" / "prometheus"
FILES = sorted((FOLDER / "tests").glob("*.test.yml"))
RULES: list[dict[str, Any]] = [
    rule
    for path in sorted((FOLDER / "rules").glob("*.yml"))
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDS = {rule["record"]: rule for rule in RULES if "record" in rule}
DECLARED = {metric.name for metric in (*METRICS, *CLUSTER, *door_metrics.METRICS)}
TESTS = [one for path in FILES for one in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]]
EXPECTED = [one for test in TESTS for one in test.get("promql_expr_test", [])]


@pytest.mark.prometheus
def test_prometheus_takes_the_rules_and_its_configuration_names_them(promtool: str) -> None:
    paths = [str(path) for path in sorted((FOLDER / "rules").glob("*.yml"))]
    done = subprocess.run([promtool, "check", "rules", *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))["rule_files"] == ["rules/*.yml"]


@pytest.mark.prometheus
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_rules_fire_when_they_should_and_only_then(promtool: str, path: Path) -> None:
    done = subprocess.run(
        [promtool, "test", "rules", path.name], cwd=path.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
def test_a_rule_that_is_wrong_fails_its_test(promtool: str, tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "prometheus")
    path = tmp_path / "prometheus" / "rules" / "alerts.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("_seconds) > 60", "_seconds) > 100"), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", "alerts.test.yml"],
        cwd=tmp_path / "prometheus" / "tests",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "TouchlineLag" in done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_every_alert_is_tested_to_fire_and_not_to_fire(name: str) -> None:
    fires = any(f'alertname="{name}"' in str(one["exp_samples"]) for one in EXPECTED if one["exp_samples"])
    fires |= any(
        one["alertname"] == name and one["exp_alerts"] for test in TESTS for one in test.get("alert_rule_test", [])
    )
    silent = any(name in re.split(r'[="~|]', one["expr"]) for one in EXPECTED if not one["exp_samples"])
    assert fires, "add a test in which it fires"
    assert silent, "add a test in which it does not"


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_every_recorded_series_is_tested(name: str) -> None:
    assert any(name in one["expr"] for one in EXPECTED)


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_an_alert_has_a_severity_an_owner_a_runbook_and_a_board(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("info", "warning", "critical", "{{ $labels.severity }}")
    assert rule["labels"]["owner"]
    notes = rule["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url", "dashboard"}
    page = ROOT / notes["runbook_url"]
    assert page.is_file()
    assert page.parent == ROOT / "docs" / "runbooks"
    assert notes["dashboard"] in {load(board)["uid"] for board in NAMES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_for_what_is_declared_or_recorded(rule: dict[str, Any]) -> None:
    used = set(re.findall(r"\b(?:[a-z_]+:)?touchline_[a-z0-9_]+(?::[a-z0-9_]+)?", rule["expr"]))
    known = DECLARED | set(RECORDS) | {f"{name}_bucket" for name in DECLARED}
    assert used <= known, used - known


def test_every_runbook_is_reached_by_an_alert_or_a_board() -> None:
    named = {rule["annotations"]["runbook_url"] for rule in ALERTS.values()}
    named |= {found for name in NAMES for found in re.findall(r"docs/runbooks/[a-z-]+\.md", str(load(name)))}
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert pages == named
