"""A Prometheus that is asked: queries, rules and alerts over its HTTP API."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import msgspec


class Sample(msgspec.Struct, frozen=True):
    """One series of an answer, at one moment."""

    labels: dict[str, str]
    value: float


class Prometheus:
    """One server."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, expr: str) -> list[Sample]:
        """The answer now. Raises AssertionError with Prometheus' own words where it does not take the expression."""
        return [Sample(one["metric"], float(one["value"][1])) for one in self._get("query", query=expr)["result"]]

    def rules(self) -> list[dict[str, Any]]:
        """Every rule, with its health and what it found."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def firing(self) -> list[dict[str, str]]:
        """Labels of the alerts that fire."""
        return [alert["labels"] for alert in self._get("alerts")["alerts"] if alert["state"] == "firing"]

    def _get(self, path: str, **params: str) -> Any:
        address = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(params)}"
        try:
            with urllib.request.urlopen(address, timeout=30) as reply:
                return json.load(reply)["data"]
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{params}: {refused.read().decode()}") from None
