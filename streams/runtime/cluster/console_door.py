"""A door with a console: the same pages and API as of one process, over the whole cluster."""

from __future__ import annotations

from aiohttp import web

from streams.config.load import Loaded
from streams.runtime.cluster.cluster_service import ClusterService
from streams.runtime.cluster.door_metrics import DoorMetrics
from streams.runtime.cluster.intake import Intake
from streams.runtime.web import Web


class ConsoleDoor(Web):
    """Serves between `start` and `stop`; the service and the intake are started and stopped by the caller.

    `/readyz` and `/metrics` are those of the door: it is ready while events are taken, whatever the workers do, and
    what the cluster knows its workers show to Prometheus.
    """

    def __init__(self, service: ClusterService, intake: Intake, loaded: Loaded) -> None:
        self._intake = intake
        self._door_metrics = DoorMetrics(intake, loaded.hash)
        super().__init__(service, loaded.config)
        self._counter = self._door_metrics

    async def _ready(self, request: web.Request) -> web.StreamResponse:
        """GET /readyz: 200 while events are taken, 503 with the reason else."""
        trouble = self._intake.trouble
        return web.Response(text="ok\n") if trouble is None else web.Response(status=503, text=f"{trouble}\n")

    async def _expose(self, request: web.Request) -> web.StreamResponse:
        """GET /metrics: the door's own."""
        body, content_type = self._door_metrics.expose(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})
