"""Boards are current, whole, readable when empty, and ask for nothing that is not declared."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.build import BOARDS, text
from grafana.colours import BAD, CLASSES, GOOD, MIDDLE
from grafana.layout import COLUMNS, Section, lay
from grafana.panels import COUNT, RATIO, About, N, number
from grafana.source import at_once
from streams.runtime.cluster import door_metrics
from streams.runtime.metric_names import CLUSTER, METRICS
from tests.grafana.asked import FOLDER, NAMES, Query, load, metrics_of, panels, queries

ROOT = Path(__file__).parents[2]
KINDS = {"stat", "table", "timeseries"}
UNITS = {"percentunit", "s", "short", "cps", "bytes"}
DECLARED = {metric.name for metric in (*METRICS, *CLUSTER, *door_metrics.METRICS)}
FOREIGN = {"process_resident_memory_bytes", "process_cpu_seconds_total", "scrape_duration_seconds"}
FOREIGN |= {"scrape_samples_scraped"}
"""What the process and Prometheus itself add."""
EVERY = [(name, panel["title"]) for name in NAMES for panel in panels(load(name))]


def panel_of(name: str, title: str) -> dict[str, Any]:
    return next(panel for panel in panels(load(name)) if panel["title"] == title)


def test_there_is_a_file_for_every_board_and_a_board_for_every_file() -> None:
    assert set(BOARDS) == set(NAMES) == {"overview", "journey", "feedback", "closed-loop", "operations"}


@pytest.mark.parametrize("name", NAMES)
def test_a_committed_board_is_what_the_code_makes(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == text(BOARDS[name]()), (
        "run: .venv/bin/python -m grafana.build"
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_board_is_one_by_grafanas_own_model_and_loses_nothing_in_it(name: str) -> None:
    register_default_plugins()
    board = load(name)
    again = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
    assert again == board
    assert board["schemaVersion"] == Dashboard().schema_version
    assert board["uid"] == f"touchline-{name}"
    assert len(board["uid"]) <= 40
    assert "id" not in board
    assert "version" not in board


@pytest.mark.parametrize("name", NAMES)
def test_panels_fill_the_grid_and_do_not_overlap(name: str) -> None:
    board = load(name)
    taken: dict[tuple[int, int], str] = {}
    for panel in board["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= COLUMNS
        for x, y in itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])):
            assert (x, y) not in taken, f"{panel['title']} lies over {taken[x, y]}"
            taken[x, y] = panel["title"]
    height = max(y for _, y in taken) + 1
    assert len(taken) == height * COLUMNS, "there are holes"
    numbers = [panel["id"] for panel in [*board["panels"], *panels(board)] if panel["type"] == "row"]
    numbers += [panel["id"] for panel in panels(board)]
    assert len(set(numbers)) == len(numbers)
    titles = [panel["title"] for panel in panels(board)]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(("name", "title"), EVERY)
def test_every_panel_says_what_it_shows_where_its_n_is_and_what_to_do(name: str, title: str) -> None:
    panel = panel_of(name, title)
    assert panel["type"] in KINDS
    what, n, do = panel["description"].split("\n\n")
    assert what.endswith(".")
    assert n.startswith("**n:** ")
    assert do.startswith("**What to do:** ")
    for page in re.findall(r"docs/[\w./-]+\.md", panel["description"]):
        assert (ROOT / page).is_file(), page
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"] in UNITS
    assert len(defaults["noValue"]) > 3
    assert panel["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize(("name", "title"), EVERY)
def test_no_ratio_without_its_n(name: str, title: str) -> None:
    panel = panel_of(name, title)
    ratio = RATIO in json.dumps(panel["fieldConfig"])
    if ratio:
        assert N in [target["refId"] for target in panel["targets"]], "add the query N"


@pytest.mark.parametrize(("name", "title"), EVERY)
def test_queries_have_names_of_their_own_and_a_legend(name: str, title: str) -> None:
    panel = panel_of(name, title)
    refs = [target["refId"] for target in panel["targets"]]
    assert len(set(refs)) == len(refs)
    for target in panel["targets"]:
        assert target["legendFormat"]
        assert target["instant"] is not target["range"]
        assert target["range"] is (panel["type"] == "timeseries")
        assert (target.get("format") == "table") is (panel["type"] == "table")


@pytest.mark.parametrize(("name", "title"), EVERY)
def test_thresholds_and_colours_can_be_read(name: str, title: str) -> None:
    panel = panel_of(name, title)
    defaults = panel["fieldConfig"]["defaults"]
    steps = defaults.get("thresholds", {}).get("steps", [])
    values = [step["value"] for step in steps]
    assert values[:1] in ([], [None])
    assert values[1:] == sorted(values[1:])
    for override in panel["fieldConfig"]["overrides"]:
        shown = override["matcher"]["options"]
        for entry in override["properties"]:
            if entry["id"] == "color" and shown in CLASSES:
                assert entry["value"]["fixedColor"] == CLASSES[shown]


def test_promoters_are_green_passives_yellow_detractors_red_on_every_board() -> None:
    assert (CLASSES["promoter"], CLASSES["passive"], CLASSES["detractor"]) == (GOOD, MIDDLE, BAD)
    coloured = {
        (name, override["matcher"]["options"])
        for name in NAMES
        for panel in panels(load(name))
        if "by class" in panel["title"] or "opened the loop" in panel["title"]
        for override in panel["fieldConfig"]["overrides"]
    }
    assert {("feedback", "promoter"), ("closed-loop", "detractor")} <= coloured


@pytest.mark.parametrize("query", [query for name in NAMES for query in queries(name)], ids=str)
def test_a_query_asks_for_declared_metrics_of_the_chosen_services_only(query: Query) -> None:
    used = metrics_of(query.written)
    assert used
    plain = {re.sub(r"_(bucket|count|sum)$", "", name) if name not in DECLARED else name for name in used}
    assert plain <= DECLARED | FOREIGN, plain - DECLARED - FOREIGN
    selectors = re.findall(r"\b(?:touchline|process|scrape)_\w+\{([^}]*)\}", query.written)
    if query.place != "variable job":
        assert all('job=~"$job"' in conditions for conditions in selectors)
        assert not re.search(r"touchline_\w+(?![\w{])", query.written), "a metric without a condition"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_chosen_is_there_to_be_chosen_and_kept_on_the_way_to_another_board(name: str) -> None:
    board = load(name)
    known = {variable["name"] for variable in board["templating"]["list"]}
    assert {"datasource", "job", "console"} <= known
    assert all(variable["description"] for variable in board["templating"]["list"])
    written = json.dumps(board)
    used = {found for found in re.findall(r"\$\{?(\w+)", written) if not found.startswith("__")}
    assert used <= known, used - known
    boards, console = board["links"]
    assert boards["type"] == "dashboards"
    assert boards["tags"] == ["touchline"] == board["tags"]
    assert boards["includeVars"] is boards["keepTime"] is True
    assert console["url"] == "${console}"
    for uid, rest in re.findall(r'"/d/([\w-]+)\?([^"]*)"', written):
        assert uid in {f"touchline-{other}" for other in NAMES}
        assert rest.startswith("${__url_time_range}&${datasource:queryparam}&${job:queryparam}")


@pytest.mark.parametrize("name", NAMES)
def test_alarms_and_changes_are_marked(name: str) -> None:
    marks = {mark["name"]: mark for mark in load(name)["annotations"]["list"]}
    assert set(marks) == {"Alarms", "Changes"}
    assert "touchline_alert_firing" in marks["Alarms"]["expr"]
    assert 'type="change.deployed"' in marks["Changes"]["expr"]
    assert all(mark["enable"] for mark in marks.values())


def test_owner_and_runbook_of_a_journey_are_a_click_away() -> None:
    for name, title in (("overview", "Alarms that fire"), ("journey", "Alarms of this journey")):
        overrides = panel_of(name, title)["fieldConfig"]["overrides"]
        urls = [
            link["url"]
            for override in overrides
            for entry in override["properties"]
            if entry["id"] == "links"
            for link in entry["value"]
        ]
        assert "${__data.fields.runbook}" in urls


def test_a_line_that_is_not_filled_is_refused() -> None:
    panel = number("x", About("x.", "x", "x"), [at_once("x", "x")], unit=COUNT, width=6, empty="none")
    with pytest.raises(ValueError, match="6 of 24 columns"):
        lay([Section("s", [panel])])
    wide = number("x", About("x.", "x", "x"), [at_once("x", "x")], unit=COUNT, width=20, empty="none")
    with pytest.raises(ValueError, match="not filled"):
        lay([Section("s", [panel, wide])])
