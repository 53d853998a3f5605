"""The three kinds of panel that boards are made of. Each says what it shows, where its n is, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self, TypeVar

import msgspec
from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    ScaleDistributionConfig,
    StackingConfig,
    TableSortByFieldState,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)

from grafana.colours import BAND, GOOD, QUIET
from grafana.source import SOURCE

RATIO, SECONDS, COUNT, PER_SECOND, BYTES, AGO = "percentunit", "s", "short", "cps", "bytes", "dateTimeFromNow"
N = "N"
"""Name of the query that gives n; its series stands against an axis of its own, at the right."""
Steps = Sequence[tuple[float | None, str]]
"""From this value on this colour; the first has no value."""


class About(msgspec.Struct, frozen=True):
    """What the `i` of a panel says."""

    what: str
    n: str
    """Where on the panel n stands, or why there is none."""
    do: str
    """What to do about it."""
    runbook: str = ""
    """Name of the page in docs/runbooks."""

    def text(self) -> str:
        """As Markdown."""
        page = f" Runbook: docs/runbooks/{self.runbook}.md" if self.runbook else ""
        return f"{self.what}\n\n**n:** {self.n}\n\n**What to do:** {self.do}{page}"


class _Visual(Protocol):
    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def datasource(self, datasource: DataSourceRef) -> Self: ...
    def span(self, w: int) -> Self: ...
    def height(self, h: int) -> Self: ...
    def unit(self, unit: str) -> Self: ...
    def no_value(self, no_value: str) -> Self: ...
    def with_target(self, target: Dataquery) -> Self: ...


V = TypeVar("V", bound=_Visual)


def graph(
    title: str,
    about: About,
    targets: Sequence[Dataquery],
    *,
    unit: str,
    width: int,
    height: int = 8,
    empty: str,
    colours: dict[str, str] | None = None,
    most: float | None = None,
    least: float | None = 0,
    stacked: bool = False,
    bars: bool = False,
) -> timeseries.Panel:
    """Lines over time, the query `N` against the right axis. `colours`: name of a series -> its colour."""
    panel = _begin(timeseries.Panel(), title, about, targets, unit, width, height, empty)
    panel.legend(VizLegendOptions().display_mode(common.LegendDisplayMode.LIST).placement(_BOTTOM).show_legend(True))
    panel.tooltip(VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    panel.line_width(2 if not bars else 0).fill_opacity(80 if bars else 25 if stacked else 0).span_nulls(False)
    panel.draw_style(common.GraphDrawStyle.BARS if bars else common.GraphDrawStyle.LINE)
    panel.show_points(common.VisibilityMode.AUTO)
    if stacked:
        panel.stacking(StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    if least is not None:
        panel.min(least)
    if most is not None:
        panel.max(most)
    for name, colour in (colours or {}).items():
        panel.override_by_name(name, [fixed(colour)])
    return panel.override_by_query(N, _OF_N)


def band(panel: timeseries.Panel, value: str = "value") -> timeseries.Panel:
    """Draw the series `low` and `high` as the interval around `value`."""
    edge = [DynamicConfigValue("custom.lineWidth", 0), fixed(BAND), _hidden(legend=True)]
    panel.override_by_name(value, [fixed(BAND)])
    panel.override_by_name("low", edge)
    return panel.override_by_name(
        "high", [*edge, DynamicConfigValue("custom.fillBelowTo", "low"), DynamicConfigValue("custom.fillOpacity", 20)]
    )


def by_powers(panel: timeseries.Panel) -> timeseries.Panel:
    """An axis of powers of ten, for what grows by factors."""
    scale = ScaleDistributionConfig().type(common.ScaleDistribution.LOG).log(10)
    return panel.scale_distribution(scale).axis_soft_max(1)


def edges(panel: timeseries.Panel, *refs: str) -> timeseries.Panel:
    """Draw the series of these queries as thin ends of intervals, without names in the legend."""
    thin = [
        DynamicConfigValue("custom.lineWidth", 1),
        DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [2, 6]}),
        _hidden(legend=True),
    ]
    for ref in refs:
        panel.override_by_query(ref, thin)
    return panel


def number(
    title: str,
    about: About,
    targets: Sequence[Dataquery],
    *,
    unit: str,
    width: int,
    height: int = 4,
    empty: str,
    steps: Steps = ((None, QUIET),),
    colours: dict[str, str] | None = None,
    links: Sequence[DashboardLink] = (),
) -> stat.Panel:
    """The latest values, large; with several series each has its name.

    `colours`: name of a series that should be 0 -> its colour from 1 on.
    """
    panel = _begin(stat.Panel(), title, about, targets, unit, width, height, empty)
    panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
    panel.color_mode(common.BigValueColorMode.VALUE).graph_mode(common.BigValueGraphMode.NONE)
    panel.text_mode(common.BigValueTextMode.AUTO).thresholds(thresholds(steps))
    panel.color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS)).data_links(list(links))
    for name, colour in (colours or {}).items():
        marked = [{"value": None, "color": GOOD}, {"value": 1, "color": colour}]
        panel.override_by_name(name, [DynamicConfigValue("thresholds", {"mode": "absolute", "steps": marked})])
    plain = [DynamicConfigValue("unit", COUNT), DynamicConfigValue("decimals", 0), fixed(QUIET)]
    return panel.override_by_query(N, plain)


class Column(msgspec.Struct, frozen=True):
    """A column of a table."""

    of: str
    """A label, or the name of the query whose values it shows."""
    title: str
    unit: str = ""
    width: int = 0
    steps: Steps = ()
    """Colours of the text by value."""
    gauge: bool = False
    """Draw the values as bars."""
    links: Sequence[DashboardLink] = ()
    decimals: int | None = None


def rows_of(
    title: str,
    about: About,
    targets: Sequence[Dataquery],
    columns: Sequence[Column],
    *,
    unit: str = COUNT,
    width: int,
    height: int = 8,
    empty: str,
    sort: Sequence[tuple[str, bool]] = (),
) -> table.Panel:
    """A table of the latest values, one row for every set of labels. `sort`: titles, and whether descending."""
    panel = _begin(table.Panel(), title, about, targets, unit, width, height, empty)
    panel.cell_height(common.TableCellHeight.SM).show_header(True)
    names = {column.title: _field(column, len(targets)) for column in columns}
    panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    panel.with_transformation(
        DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {"Time": True},
                "indexByName": {field: at for at, field in enumerate(names.values())},
                "renameByName": {field: shown for shown, field in names.items() if shown != field},
            },
        )
    )
    for column in columns:
        if properties := _properties(column):
            panel.override_by_name(column.title, properties)
    return panel.sort_by([TableSortByFieldState().display_name(name).desc(down) for name, down in sort])


def thresholds(steps: Steps) -> ThresholdsConfig:
    """Colours by value."""
    made = [Threshold(value=value, color=colour) for value, colour in steps]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(made)


def fixed(colour: str) -> DynamicConfigValue:
    """Always this colour."""
    return DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})


_BOTTOM = common.LegendPlacement.BOTTOM


def _begin(
    panel: V, title: str, about: About, targets: Sequence[Dataquery], unit: str, width: int, height: int, empty: str
) -> V:
    panel.title(title).description(about.text()).datasource(SOURCE).span(width).height(height)
    panel.unit(unit).no_value(empty)
    for target in targets:
        panel.with_target(target)
    return panel


def _field(column: Column, queries: int) -> str:
    if len(column.of) > 1:
        return column.of
    return "Value" if queries == 1 else f"Value #{column.of}"


def _properties(column: Column) -> list[DynamicConfigValue]:
    found: list[DynamicConfigValue] = []
    if column.unit:
        found.append(DynamicConfigValue("unit", column.unit))
    if column.decimals is not None:
        found.append(DynamicConfigValue("decimals", column.decimals))
    if column.width:
        found.append(DynamicConfigValue("custom.width", column.width))
    if column.gauge:
        found.append(DynamicConfigValue("custom.cellOptions", {"type": "gauge", "mode": "basic"}))
        found.append(DynamicConfigValue("min", 0))
        found.append(fixed(BAND))
    if column.steps:
        steps = [{"value": value, "color": colour} for value, colour in column.steps]
        found.append(DynamicConfigValue("thresholds", {"mode": "absolute", "steps": steps}))
        if not column.gauge:
            found.append(DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
    if column.links:
        found.append(DynamicConfigValue("links", [_link(link) for link in column.links]))
    return found


def _link(link: DashboardLink) -> dict[str, Any]:
    made = link.build()
    return {"title": made.title, "url": made.url, "targetBlank": made.target_blank}


def _hidden(*, legend: bool) -> DynamicConfigValue:
    return DynamicConfigValue("custom.hideFrom", {"legend": legend, "tooltip": False, "viz": False})


_OF_N = [
    DynamicConfigValue("unit", COUNT),
    DynamicConfigValue("custom.axisPlacement", "right"),
    DynamicConfigValue("custom.axisLabel", "n"),
    DynamicConfigValue("custom.lineWidth", 1),
    DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [4, 8]}),
    DynamicConfigValue("custom.fillOpacity", 0),
    DynamicConfigValue("custom.stacking", {"mode": "none"}),
    fixed(QUIET),
]
