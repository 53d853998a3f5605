"""Brings the shipped boards into a Grafana that is there already, and compares what it serves with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
import niquests
from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaException, GrafanaUnauthorizedError

from streams.errors import CannotStart, UsageError

FOLDER = "touchline"
TITLE = "Touchline"
_SECONDS = 15.0
_SHOWN = 3
"""So many differences of a board are named."""
_OWN = frozenset({"id", "version"})
"""What Grafana gives a board itself."""
_RUNBOOK = re.compile(r"docs/runbooks/([a-z-]+)\.md")

Board = dict[str, Any]
What = Literal["created", "updated", "unchanged"]


class Pushed(msgspec.Struct, frozen=True):
    """What became of one board."""

    uid: str
    title: str
    what: What


class Grafana:
    """One Grafana, by its address and a service account's token; `with` closes its connections.

    Every call raises CannotStart where Grafana does not answer or refuses, UsageError where the address is none.
    """

    def __init__(self, url: str, token: str) -> None:
        if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", url):
            raise UsageError(f"Grafana's address: expected http://HOST or https://HOST, got {url!r}")
        self._url = url.rstrip("/")
        # A path ends with a slash for this client, and it has no types.
        self._api: Any = GrafanaApi.from_url(self._url + "/", token, timeout=_SECONDS)

    def __enter__(self) -> Grafana:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.client.s.close()

    def push(self, boards: Sequence[Board], folder: str = FOLDER) -> Iterator[Pushed]:
        """Make the folder unless it is there, and every board what it should be; equal ones are left alone."""
        if self._found(self._api.folder.get_folder, folder) is None:
            self._ask(self._api.folder.create_folder, TITLE, folder)
        for board in boards:
            served = self._served(board["uid"])
            if served is not None and self._folder(served) == folder and not list(differences(board, _plain(served))):
                yield Pushed(board["uid"], board["title"], "unchanged")
                continue
            body = {"dashboard": board, "folderUid": folder, "overwrite": True, "message": "touchline grafana push"}
            self._ask(self._api.dashboard.update_dashboard, body)
            yield Pushed(board["uid"], board["title"], "created" if served is None else "updated")

    def check(self, boards: Sequence[Board], folder: str = FOLDER) -> Iterator[str]:
        """Everything that is not as `push` would leave it, a line each, and a Prometheus that is missing."""
        for board in boards:
            served = self._served(board["uid"])
            if served is None:
                yield f"{board['uid']}: is not there; push it"
                continue
            if (there := self._folder(served)) != folder:
                yield f"{board['uid']}: expected in folder {folder}, is in {there or 'General'}"
            found = list(differences(board, _plain(served)))
            if found:
                more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
                yield f"{board['uid']}: differs at {', '.join(found[:_SHOWN])}{more}"
        known = {board["uid"] for board in boards}
        for hit in self._ask(self._api.search.search_dashboards, None, "touchline", "dash-db"):
            if hit["uid"].startswith("touchline-") and hit["uid"] not in known:
                yield f"{hit['uid']}: is no board of this release; delete it"
        if not any(source["type"] == "prometheus" for source in self._ask(self._api.datasource.list_datasources)):
            yield "there is no Prometheus data source: the boards have nothing to ask"

    def _served(self, uid: str) -> dict[str, Any] | None:
        """`dashboard` and `meta`; None when there is none of that uid."""
        served: dict[str, Any] | None = self._found(self._api.dashboard.get_dashboard, uid)
        return served

    def _folder(self, served: Mapping[str, Any]) -> str:
        return str(served["meta"].get("folderUid") or "")

    def _found(self, call: Any, *what: Any) -> Any:
        try:
            return self._asked(call, *what)
        except GrafanaException as error:
            if error.status_code == 404:
                return None
            raise self._refused(error) from error

    def _ask(self, call: Any, *what: Any) -> Any:
        try:
            return self._asked(call, *what)
        except GrafanaException as error:
            raise self._refused(error) from error

    def _asked(self, call: Any, *what: Any) -> Any:
        try:
            return call(*what)
        except niquests.exceptions.RequestException as error:
            raise CannotStart(f"Grafana at {self._url} does not answer: {type(error).__name__}") from error

    def _refused(self, error: GrafanaException) -> CannotStart:
        if isinstance(error, GrafanaUnauthorizedError):
            return CannotStart(f"Grafana at {self._url} does not know the token (401); make one for a service account")
        said = error.response.get("message") if isinstance(error.response, dict) else None
        hint = {
            403: "; the service account needs the role Editor",
            400: "; a board that a file provisions cannot be pushed: change the file"
            if "provisioned" in f"{said}"
            else "",
        }.get(error.status_code, "")
        return CannotStart(f"Grafana at {self._url} refuses ({error.status_code}): {said or error.message}{hint}")


def differences(ours: Any, served: Any, path: str = "") -> Iterator[str]:
    """Paths at which something of ours is missing or other. What Grafana adds is no difference.

    >>> list(differences({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3, "added": True}], "id": 7}))
    ['a[1].b']
    """
    if isinstance(ours, dict) and isinstance(served, dict):
        for key, value in ours.items():
            below = f"{path}.{key}" if path else key
            if key in served:
                yield from differences(value, served[key], below)
            elif value is not None:
                yield below
    elif isinstance(ours, list) and isinstance(served, list) and len(ours) == len(served):
        for at, (one, other) in enumerate(zip(ours, served, strict=True)):
            yield from differences(one, other, f"{path}[{at}]")
    elif path == "schemaVersion" and isinstance(served, int):
        if served < ours:
            yield path
    elif ours != served:
        yield path


def addressed(board: Board, docs: str | None, console: str | None) -> Board:
    """A copy whose runbooks link to the pages under `docs`, and whose links to the console lead to `console`."""
    made: Board = msgspec.json.decode(msgspec.json.encode(board))
    if docs is not None:
        for panel in _panels(made):
            link = rf"[\1]({docs.rstrip('/')}/runbooks/\1.md)"
            panel["description"] = _RUNBOOK.sub(link, panel["description"])
    if console is not None:
        for variable in made["templating"]["list"]:
            if variable["name"] == "console":
                variable["query"] = console
                variable["current"] = {"text": console, "value": console}
    return made


def _panels(board: Board) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", [])
        else:
            yield panel


def _plain(served: Mapping[str, Any]) -> Board:
    return {key: value for key, value in served["dashboard"].items() if key not in _OWN}
