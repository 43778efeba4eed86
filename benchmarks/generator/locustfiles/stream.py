"""Locust's FastHttpUser reading server-sent events line by line.

``iter_lines`` of its session waits for blocks of 1,024 bytes, which would make the first token late by
seconds; ``readline`` of the response beneath returns when a line is there.
"""

from __future__ import annotations

import time
from typing import Any

import gevent
import orjson
from locust import FastHttpUser, task
from locust.env import Environment

from benchmarks.generator.clients.base import STREAM_BODY, STREAM_PATH, STREAM_TAIL_S
from benchmarks.generator.locustfiles.window import LOAD, PAUSE, at_start, in_window, write_report

_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "text/event-stream",
    "Accept-Encoding": "identity",
}
_first_token_ms: list[float] = []


class Citizen(FastHttpUser):
    """Asks, reads the stream to its end, asks again."""

    wait_time = PAUSE

    @task
    def ask(self) -> None:
        """Read one stream, parsing each event as a test of a language model does."""
        due_s, begin = time.time(), time.perf_counter()
        first = None
        with self.client.post(
            STREAM_PATH, data=STREAM_BODY, headers=_HEADERS, stream=True, catch_response=True
        ) as response:
            raw: Any = response._response  # noqa: SLF001 - the only way to whole lines
            while line := raw.readline(b"\n"):
                if not line.startswith(b"data:"):
                    continue
                at = time.perf_counter()  # of every event, as a test of gaps between tokens needs it
                data = line[5:].strip()
                if data == b"[DONE]":
                    break
                choices = orjson.loads(data)["choices"]
                if first is None and choices and choices[0]["delta"].get("content"):
                    first = at - begin
            raw.read()
        if first is not None and in_window(due_s):
            _first_token_ms.append(first * 1000)


def _report_at_end(_environment: Environment) -> None:
    gevent.sleep(max(0.0, LOAD["end_unix_s"] - time.time() + STREAM_TAIL_S - 0.3))
    ranked = sorted(_first_token_ms)
    write_report({name: _rank(ranked, q) for name, q in _QUANTILES.items()} | {"requests": len(ranked)})


_QUANTILES = {"median_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


def _rank(ranked: list[float], q: float) -> float | None:
    return ranked[min(len(ranked) - 1, int(q * len(ranked)))] if ranked else None


at_start(_report_at_end)
