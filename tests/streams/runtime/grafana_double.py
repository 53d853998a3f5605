"""A stand-in for Grafana's HTTP API, as far as boards need it and as its documentation describes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

TOKEN = "glsa_editor"
VIEWER = "glsa_viewer"


class GrafanaDouble:
    """Keeps folders and dashboards; counts how often one is saved."""

    def __init__(self) -> None:
        self.folders: dict[str, str] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        """uid -> `dashboard` and `meta`."""
        self.sources = [{"uid": "prom", "type": "prometheus", "name": "Prometheus"}]
        self.provisioned: set[str] = set()
        self.saved = 0

    def app(self) -> web.Application:
        """The application to serve."""
        app = web.Application(middlewares=[self._authorised])
        app.add_routes(
            [
                web.get("/api/folders/{uid}", self._folder),
                web.post("/api/folders", self._make_folder),
                web.get("/api/dashboards/uid/{uid}", self._dashboard),
                web.post("/api/dashboards/db", self._save),
                web.get("/api/search", self._search),
                web.get("/api/datasources", self._sources),
            ]
        )
        return app

    @web.middleware
    async def _authorised(self, request: web.Request, handler: Any) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in (TOKEN, VIEWER):
            return _said(401, "Invalid API key")
        if token == VIEWER and request.method == "POST":
            return _said(403, "You'll need additional permissions to perform this action.")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _folder(self, request: web.Request) -> web.StreamResponse:
        uid = request.match_info["uid"]
        if uid not in self.folders:
            return _said(404, "folder not found")
        return web.json_response({"id": 1, "uid": uid, "title": self.folders[uid], "version": 1})

    async def _make_folder(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if body["uid"] in self.folders:
            return _said(412, "the folder has been changed by someone else")
        self.folders[body["uid"]] = body["title"]
        return web.json_response({"id": 1, "uid": body["uid"], "title": body["title"], "version": 1})

    async def _dashboard(self, request: web.Request) -> web.StreamResponse:
        served = self.dashboards.get(request.match_info["uid"])
        return _said(404, "Dashboard not found") if served is None else web.json_response(served)

    async def _save(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        board, folder = body["dashboard"], body.get("folderUid", "")
        uid = board["uid"]
        if len(uid) > 40:
            return _said(400, "uid too long, max 40 characters")
        if uid in self.provisioned:
            return _said(400, "Cannot save provisioned dashboard")
        if folder and folder not in self.folders:
            return _said(400, "folder not found")
        before = self.dashboards.get(uid)
        version = before["dashboard"]["version"] if before else 0
        if before and not body.get("overwrite") and board.get("version") != version:
            return web.json_response(
                {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}, status=412
            )
        self.saved += 1
        number = before["dashboard"]["id"] if before else len(self.dashboards) + 1
        kept = board | {"id": number, "version": version + 1}
        self.dashboards[uid] = {"dashboard": kept, "meta": {"folderUid": folder, "provisioned": False}}
        return web.json_response({"id": number, "uid": uid, "status": "success", "version": version + 1})

    async def _search(self, request: web.Request) -> web.StreamResponse:
        tag = request.query.get("tag")
        found = [
            {"uid": uid, "type": "dash-db", "title": served["dashboard"]["title"]}
            for uid, served in self.dashboards.items()
            if tag is None or tag in served["dashboard"].get("tags", [])
        ]
        return web.json_response(found if request.query.get("type") == "dash-db" else [])

    async def _sources(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self.sources)


@asynccontextmanager
async def running(double: GrafanaDouble) -> AsyncIterator[str]:
    """Its address."""
    server = TestServer(double.app())
    await server.start_server()
    try:
        yield str(server.make_url("/")).rstrip("/")
    finally:
        await server.close()


def _said(status: int, message: str) -> web.Response:
    return web.json_response({"message": message, "traceID": ""}, status=status)
