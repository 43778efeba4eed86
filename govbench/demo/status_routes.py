"""Health and metrics of the instance; never counted as chat requests."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import PlainTextResponse

from govbench import __version__
from govbench.demo.assistant import Assistant
from govbench.demo.measured import Traffic
from govbench.demo.metrics import render_json, render_prometheus
from govbench.demo.responses import JsonResponse

_PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

UnixSeconds = Annotated[float | None, Query(allow_inf_nan=False)]


def status_router(assistant: Assistant, traffic: Traffic) -> APIRouter:
    """The routes of one instance."""
    router = APIRouter()

    @router.get("/health")
    async def health() -> Response:
        uptime_s = round(assistant.uptime_s, 3)
        return JsonResponse({"status": "healthy", "version": __version__, "uptime_s": uptime_s})

    @router.get("/metrics")
    async def metrics(
        start: UnixSeconds = None, end: UnixSeconds = None, status: int | None = None
    ) -> Response:
        summary = traffic.service_times.summary(start=start, end=end, status=status)
        return PlainTextResponse(render_prometheus(summary, traffic, assistant), media_type=_PROMETHEUS_TYPE)

    @router.get("/metrics.json")
    async def metrics_json(
        start: UnixSeconds = None, end: UnixSeconds = None, status: int | None = None
    ) -> Response:
        summary = traffic.service_times.summary(start=start, end=end, status=status)
        return JsonResponse(render_json(summary, assistant))

    return router
