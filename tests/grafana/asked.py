"""What the committed boards ask of Prometheus: each query of a panel, variable or mark, choices filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

FOLDER = Path(__file__).parents[2] / "grafana" / "dashboards"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
CHOICES = {
    "job": ".*",
    "journey": "purchase",
    "step": ".*",
    "dimension": "device",
    "rule": ".*",
    "window": "5m",
    "basis": "throughput",
    "__rate_interval": "1m",
    "__interval": "15s",
    "__range": "5m",
}
"""Variable -> value, as Grafana would fill it in."""


class Query(msgspec.Struct, frozen=True):
    """One of a board."""

    board: str
    place: str
    """Title of the panel, or what else asks."""
    ref: str
    expr: str
    """Choices filled in."""
    written: str

    def __str__(self) -> str:
        return f"{self.board} / {self.place} / {self.ref}"


def load(name: str) -> dict[str, Any]:
    """A committed board."""
    board: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return board


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All panels, those in folded rows too; no rows."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", [])
        else:
            yield panel


def queries(name: str) -> Iterator[Query]:
    """Everything the board asks."""
    board = load(name)
    for panel in panels(board):
        for target in panel["targets"]:
            yield _query(name, panel["title"], target["refId"], target["expr"])
    for mark in board["annotations"]["list"]:
        yield _query(name, f"mark {mark['name']}", "mark", mark["expr"])
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            series, label = _label_values(variable["definition"])
            yield _query(name, f"variable {variable['name']}", "variable", f"count by ({label}) ({series})")


def fill(expr: str, **choices: str) -> str:
    """The expression with every variable replaced. Raises KeyError for one that is unknown."""
    known = {**CHOICES, **choices}
    return re.sub(r"\$\{?(\w+)\}?", lambda found: known[found[1]], expr)


def metrics_of(expr: str) -> set[str]:
    """Names of the metrics in an expression."""
    return set(re.findall(r"\b(?:touchline|process|scrape)_\w+", expr))


def _query(board: str, place: str, ref: str, expr: str) -> Query:
    return Query(board, place, ref, fill(expr), expr)


def _label_values(definition: str) -> tuple[str, str]:
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", definition)
    assert found, definition
    return found[1], found[2]
