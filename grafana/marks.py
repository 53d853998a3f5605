"""Marks across all graphs of a board: what was deployed, and alarms for as long as they fire."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery

from grafana.promql import changes, firing
from grafana.source import SOURCE


def alarms(where: str = "") -> AnnotationQuery:
    """Every alert while it fires."""
    return (
        AnnotationQuery()
        .name("Alarms")
        .datasource(SOURCE)
        .enable(True)
        .icon_color("red")
        .expr(firing(where))
        .step("15s")
        .title_format("{{severity}}: {{signal}} {{direction}}")
        .text_format("{{journey}} {{step}} {{source}} owner: {{owner}}")
        .tag_keys("severity,journey,step,signal")
    )


def deployed() -> AnnotationQuery:
    """Every `change.deployed` event."""
    return (
        AnnotationQuery()
        .name("Changes")
        .datasource(SOURCE)
        .enable(True)
        .icon_color("blue")
        .expr(changes())
        .step("15s")
        .title_format("change.deployed")
        .text_format("What it was: in the console, or the timeline of the alarm beside it")
    )
