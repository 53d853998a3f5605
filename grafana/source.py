"""Where the numbers come from: the Prometheus chosen at the top of the board, never one by its uid."""

from __future__ import annotations

from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")


def over_time(expr: str, legend: str, ref: str = "A") -> Dataquery:
    """A series for every set of labels. `ref`: name of the query in its panel."""
    return Dataquery().datasource(SOURCE).expr(expr).legend_format(legend).ref_id(ref).range()


def at_once(expr: str, legend: str, ref: str = "A") -> Dataquery:
    """The latest value of every set of labels."""
    return Dataquery().datasource(SOURCE).expr(expr).legend_format(legend).ref_id(ref).instant()


def rows(expr: str, ref: str) -> Dataquery:
    """The latest values as rows of a table; its column is named `Value #REF`."""
    return at_once(expr, "__auto", ref).format(PromQueryFormat.TABLE)
