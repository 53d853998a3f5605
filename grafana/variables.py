"""What can be chosen at the top of a board."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import (
    CustomVariable,
    DatasourceVariable,
    QueryVariable,
    TextBoxVariable,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import VariableModel, VariableOption, VariableRefresh, VariableSort

from grafana.source import SOURCE

Variable = Builder[VariableModel]
CONSOLE = "http://127.0.0.1:8427"
"""Where the console listens unless told otherwise."""


def datasource() -> Variable:
    """Which Prometheus."""
    return (
        DatasourceVariable("datasource")
        .label("Prometheus")
        .description("Where the numbers come from")
        .type("prometheus")
    )


def job() -> Variable:
    """Which services: shops, environments, whatever Prometheus scrapes under a name of its own."""
    return (
        _of_label("job", "service", "touchline_uptime_seconds", "Scrape job of the service")
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )


def journey() -> Variable:
    """Which journey; one."""
    return _of_label("journey", "journey", 'touchline_journey_step_entered_total{job=~"$job"}', "One journey")


def step() -> Variable:
    """Which steps of the journey."""
    where = 'touchline_journey_step_conversion_samples{job=~"$job", journey="$journey"}'
    return _of_label("step", "step", where, "Steps that customers go on from").multi(True).include_all(True)


def dimension() -> Variable:
    """By what customers are split."""
    where = 'touchline_journey_segment_in_flight{job=~"$job", journey="$journey"}'
    return _of_label("dimension", "segment", where, "Dimension of the segments")


def rule(metric: str, label: str) -> Variable:
    """Which rules of the file."""
    return (
        _of_label("rule", label, f'{metric}{{job=~"$job"}}', "Name in the file")
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )


def window() -> Variable:
    """Over how long a rolling value is taken."""
    return _choice("window", "window", "1h", ("1m", "5m", "1h", "24h", "7d"), "Rolling window, in event time")


def basis() -> Variable:
    """Which of the two conversions."""
    says = "throughput: out ÷ in, moves at once; cohort: of those whose time is over"
    return _choice("basis", "conversion by", "throughput", ("throughput", "cohort"), says)


def console() -> Variable:
    """Where the links to the console lead."""
    return (
        TextBoxVariable("console")
        .label("console")
        .description("Address of Touchline's console, for the link at the top")
        .default_value(CONSOLE)
        .current(VariableOption(text=CONSOLE, value=CONSOLE))
    )


def _of_label(name: str, label: str, series: str, says: str) -> QueryVariable:
    query = f"label_values({series}, {name})"
    return (
        QueryVariable(name)
        .label(label)
        .description(says)
        .datasource(SOURCE)
        .query({"query": query, "refId": name, "qryType": 1})
        .definition(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def _choice(name: str, label: str, chosen: str, values: tuple[str, ...], says: str) -> Variable:
    return (
        CustomVariable(name)
        .label(label)
        .description(says)
        .values(",".join(values))
        .options([VariableOption(selected=value == chosen, text=value, value=value) for value in values])
        .current(VariableOption(selected=True, text=chosen, value=chosen))
    )
