"""Describes the machine and the versions that took part, for the head of the tables."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from benchmarks.generator.clients.base import Client


def describe(clients: list[Client]) -> dict[str, str]:
    """Machine and versions, by name."""
    described = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "gevent": version("gevent"),
    }
    for client in clients:
        if client.missing() is None:
            described[client.name] = client.version()
    return described


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )
