"""The instance's figures as Prometheus text and as JSON; it computes none of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from govbench.demo.assistant import Assistant
from govbench.demo.measured import Traffic
from govbench.demo.truth import ServiceTimeSummary

_STATM = Path("/proc/self/statm")


def rss_bytes() -> int | None:
    """Resident memory of this process; None where the system has no /proc."""
    try:
        return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def render_json(summary: ServiceTimeSummary, assistant: Assistant) -> dict[str, Any]:
    """The fields of ``GET /metrics.json``."""
    return {
        "count": summary.count,
        "median_ms": summary.median_ms,
        "p90_ms": summary.p90_ms,
        "p95_ms": summary.p95_ms,
        "p99_ms": summary.p99_ms,
        "mean_ms": summary.mean_ms,
        "by_status": {str(status): count for status, count in summary.by_status.items()},
        "rss_bytes": rss_bytes(),
        "leaked_bytes": assistant.faults.leaked_bytes,
    }


def render_prometheus(summary: ServiceTimeSummary, traffic: Traffic, assistant: Assistant) -> str:
    """The body of ``GET /metrics`` (text format 0.0.4)."""
    settings = assistant.settings
    info = {
        "seed": settings.seed,
        "slowdown": settings.slowdown,
        "latency_ms": settings.latency_ms,
        "jitter": settings.jitter,
        "slots": settings.slots,
        "errors": settings.errors,
        "leak_bytes": settings.leak_bytes,
        "freeze_s": settings.freeze_s,
    }
    requests = (
        (f'{{method="{method}",path="{path}",status="{status}"}}', count)
        for (method, path, status), count in sorted(traffic.requests.items())
    )
    tokens = (
        ('{kind="request"}', assistant.request_tokens),
        ('{kind="response"}', assistant.response_tokens),
    )
    labels = ",".join(f'{name}="{value}"' for name, value in info.items())
    lines: list[str] = []
    lines += _family("govstack_requests_total", "counter", "Requests answered.", requests)
    lines += _family(
        "govstack_requests_in_flight", "gauge", "Chat requests being served.", [("", traffic.in_flight)]
    )
    lines += _service_time(summary)
    lines += _family("govstack_tokens_total", "counter", "Tokens of answered chat requests.", tokens)
    lines += _family("govstack_resident_memory_bytes", "gauge", "Resident memory.", [("", rss_bytes())])
    lines += _family(
        "govstack_leaked_bytes",
        "gauge",
        "Memory kept by the leak switch.",
        [("", assistant.faults.leaked_bytes)],
    )
    lines += _family("govstack_uptime_seconds", "gauge", "Age of the instance.", [("", assistant.uptime_s)])
    lines += _family("govstack_instance_info", "gauge", "Settings of the instance.", [(f"{{{labels}}}", 1)])
    return "\n".join(lines) + "\n"


def _service_time(summary: ServiceTimeSummary) -> Iterator[str]:
    name = "govstack_service_time_seconds"
    quantiles = (
        ("0.5", summary.median_ms),
        ("0.9", summary.p90_ms),
        ("0.95", summary.p95_ms),
        ("0.99", summary.p99_ms),
    )
    samples = [(f'{{quantile="{q}"}}', None if ms is None else ms / 1000) for q, ms in quantiles]
    yield from _family(name, "summary", "Chat requests, receipt to last byte; nearest rank.", samples)
    yield f"{name}_sum {summary.sum_ms / 1000}"
    yield f"{name}_count {summary.count}"


def _family(name: str, kind: str, meaning: str, samples: Iterable[tuple[str, float | None]]) -> Iterator[str]:
    """Help, type and samples of one metric; a value that was not measured has no sample."""
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        if value is not None:
            yield f"{name}{labels} {value}"
