"""Starts real instances of the embedded API in their own processes and ends them again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

SAMPLE_QUERIES = Path(__file__).parents[2] / "govbench" / "config" / "sample_queries.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    process: subprocess.Popen[str]
    listening: dict[str, Any]
    client: httpx.Client

    def ask(self, query: str, **fields: object) -> httpx.Response:
        return self.client.post("/api/v1/chat", json={"query": query, **fields})

    def figures(self, **window: float) -> dict[str, Any]:
        figures: dict[str, Any] = self.client.get("/metrics.json", params=window).json()
        return figures


Start = Callable[..., Instance]


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "govbench.demo", *options]


def start_instance(*options: str) -> Instance:
    process = subprocess.Popen(command("--port", "0", *options), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    listening = json.loads(process.stdout.readline())
    client = httpx.Client(base_url=f"http://127.0.0.1:{listening['port']}", timeout=30, trust_env=False)
    return Instance(process=process, listening=listening, client=client)


def stop_instance(instance: Instance) -> int:
    instance.client.close()
    instance.process.terminate()
    try:
        code = instance.process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        instance.process.kill()
        code = instance.process.wait()
    assert instance.process.stdout is not None
    instance.process.stdout.close()
    return code


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts an instance with the given options; all are stopped after the test."""
    started: list[Instance] = []

    def begin(*options: str) -> Instance:
        started.append(start_instance(*options))
        return started[-1]

    yield begin
    for instance in started:
        stop_instance(instance)


@pytest.fixture(scope="module")
def fast() -> Iterator[Instance]:
    """One instance without LLM time for the tests that only look at answers."""
    instance = start_instance("--latency-ms", "0")
    yield instance
    stop_instance(instance)


@pytest.fixture(scope="session")
def sample_queries() -> list[dict[str, str]]:
    queries: list[dict[str, str]] = json.loads(SAMPLE_QUERIES.read_text(encoding="utf-8"))
    return queries
