"""Cuts the window out of a Locust run: its statistics are reset when it begins and read when it ends."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from locust import between, constant, events
from locust.env import Environment

LOAD: dict[str, Any] = json.loads(os.environ["GENERATOR_LOAD"])
PAUSE: Callable[[Any], float] = between(*LOAD["think_s"]) if LOAD["think_s"][1] else constant(0)
CHAT_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


def write_report(report: dict[str, Any]) -> None:
    """Leave the report where the benchmark looks for it."""
    Path(os.environ["GENERATOR_REPORT"]).write_text(json.dumps(report), encoding="utf-8")


def in_window(unix_s: float) -> bool:
    """Whether an instant lies in the window."""
    return bool(LOAD["start_unix_s"] <= unix_s < LOAD["end_unix_s"])


def report_statistics() -> None:
    """Report the percentiles of Locust's own table, as a reader of its report sees them."""
    at_start(_watch)


def at_start(watch: Callable[[Environment], None]) -> None:
    """Have ``watch`` run beside the users."""
    init: Any = events.init  # untyped in Locust

    def begin(environment: Environment, **_kwargs: object) -> None:
        gevent.spawn(watch, environment)

    init.add_listener(begin)


def _watch(environment: Environment) -> None:
    gevent.sleep(max(0.0, LOAD["start_unix_s"] - time.time()))
    environment.stats.reset_all()
    gevent.sleep(max(0.0, LOAD["end_unix_s"] - time.time()))
    total = environment.stats.total
    write_report(
        {
            "requests": total.num_requests,
            "failures": total.num_failures,
            "median_ms": total.get_response_time_percentile(0.5),
            "p95_ms": total.get_response_time_percentile(0.95),
            "p99_ms": total.get_response_time_percentile(0.99),
        }
    )
