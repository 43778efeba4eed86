"""Starts real reference servers in their own processes and ends them again."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    process: subprocess.Popen[str]
    listening: dict[str, Any]
    client: httpx.Client

    def truth(self, **window: float | str) -> dict[str, Any]:
        figures: dict[str, Any] = self.client.get("/truth.json", params=window).json()
        return figures

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.listening["port"]), timeout=20)

    def exchange_raw(self, data: bytes) -> bytes:
        """Everything that comes back until the server ends the connection."""
        with self.connect() as sock:
            sock.sendall(data)
            parts = []
            while part := sock.recv(65_536):
                parts.append(part)
        return b"".join(parts)


Start = Callable[..., Reference]


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "govbench.reference", *options]


def start_reference(*options: str, **client: Any) -> Reference:
    process = subprocess.Popen(command(*options), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    listening = json.loads(process.stdout.readline())
    scheme = "https" if "verify" in client else "http"
    address = f"{scheme}://127.0.0.1:{listening['port']}"
    return Reference(
        process=process,
        listening=listening,
        client=httpx.Client(base_url=address, timeout=30, trust_env=False, **client),
    )


def stop_reference(reference: Reference) -> int:
    reference.client.close()
    reference.process.terminate()
    try:
        code = reference.process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        reference.process.kill()
        code = reference.process.wait()
    assert reference.process.stdout is not None
    reference.process.stdout.close()
    return code


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a server with the given options; all are stopped after the test."""
    started: list[Reference] = []

    def begin(*options: str, **client: Any) -> Reference:
        started.append(start_reference(*options, **client))
        return started[-1]

    yield begin
    for reference in started:
        stop_reference(reference)


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    """One server for the tests that look at paths of their own."""
    started = start_reference("--latency-ms", "5")
    yield started
    stop_reference(started)
