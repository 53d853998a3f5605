"""A whole board: its sections under the links, marks and choices that all boards share."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.dashboard import Dashboard as Model
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync

from grafana import links, marks, variables
from grafana.layout import Section, lay


def board(
    name: str,
    title: str,
    says: str,
    sections: Sequence[Section],
    *choices: variables.Variable,
    since: str = "now-3h",
    refresh: str = "30s",
    alarms: str = "",
) -> Model:
    """`name` gives the file and the uid; `alarms` limits which alarms are marked; `says`: what the board answers."""
    made = (
        Dashboard(title)
        .uid(links.uid(name))
        .description(says)
        .tags([links.TAG])
        .time(since, "now")
        .refresh(refresh)
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .links([links.boards(), links.console()])
        .variables([variables.datasource(), variables.job(), *choices, variables.console()])
        .annotations([marks.alarms(alarms), marks.deployed()])
        .build()
    )
    made.panels = lay(sections)
    return made
