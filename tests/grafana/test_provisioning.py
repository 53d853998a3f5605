"""What a Grafana of one's own finds at its start: uids that stay, and everything that is named is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from streams.runtime.grafana import FOLDER, TITLE

ROOT = Path(__file__).parents[2]
FILES = {
    path.relative_to(ROOT / "grafana" / "provisioning").as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "grafana" / "provisioning").rglob("*.yml")
}


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILES[name])
    return found


def test_files_stand_where_grafana_looks_for_them() -> None:
    assert {name.split("/")[0] for name in FILES} == {"datasources", "dashboards", "alerting"}
    assert all(read(name)["apiVersion"] == 1 for name in FILES)


def test_pushed_and_provisioned_boards_share_a_folder() -> None:
    [provider] = read("dashboards/touchline.yml")["providers"]
    assert (provider["folderUid"], provider["folder"]) == (FOLDER, TITLE)
    assert provider["allowUiUpdates"] is False


def test_the_data_source_and_the_contact_point_have_uids_that_stay() -> None:
    [source] = read("datasources/prometheus.yml")["datasources"]
    assert (source["uid"], source["type"], source["isDefault"]) == ("touchline-prometheus", "prometheus", True)
    alerting = read("alerting/contact-points.yml")
    [point] = alerting["contactPoints"]
    assert [receiver["uid"] for receiver in point["receivers"]] == ["touchline-owners-email"]
    assert [policy["receiver"] for policy in alerting["policies"]] == [point["name"]]


def test_what_provisioning_reads_from_the_environment_is_set_by_compose() -> None:
    wanted = {found for text in FILES.values() for found in re.findall(r"\$\{?(\w+)", text)}
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    given = compose["services"]["grafana"]["environment"]
    assert wanted == {"TOUCHLINE_ALERT_EMAIL"}
    assert all(given[name] for name in wanted)
