"""Ways from one board to the next; they keep the time and what was chosen."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import DashboardLink
from grafana_foundation_sdk.models.dashboard import DashboardLinkType

TAG = "touchline"
PREFIX = "touchline-"
_KEPT = "${__url_time_range}&${datasource:queryparam}&${job:queryparam}"


def uid(name: str) -> str:
    """The board's uid in every Grafana."""
    return PREFIX + name


def boards() -> DashboardLink:
    """The other boards, beside each other at the top."""
    return (
        DashboardLink("Touchline")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(False)
        .include_vars(True)
        .keep_time(True)
    )


def console() -> DashboardLink:
    """The live console: customers, decisions and their reasons, which no metric may show."""
    return (
        DashboardLink("Console")
        .type(DashboardLinkType.LINK)
        .icon("external link")
        .tooltip("Customers, decisions with their reasons, alarms to acknowledge")
        .url("${console}")
        .target_blank(True)
    )


def to_board(title: str, name: str, **choices: str) -> DashboardLink:
    """From a point or a row to a board. `choices`: variable -> value, such as `${__field.labels.step}`."""
    more = "".join(f"&var-{variable}={value}" for variable, value in choices.items())
    return DashboardLink(title).type(DashboardLinkType.LINK).url(f"/d/{uid(name)}?{_KEPT}{more}")


def to_runbook() -> DashboardLink:
    """From a row of a table to the runbook that the file names for its journey."""
    return DashboardLink("Runbook").type(DashboardLinkType.LINK).url("${__data.fields.runbook}").target_blank(True)
