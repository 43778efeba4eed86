"""The settings of one embedded instance, checked at construction; reads no option, file or environment."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from govbench.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """One instance of the embedded API: where it listens, how its LLM behaves, and its test switches.

    Attributes:
        port: 0 lets the system choose one.
        latency_ms: median LLM time over the bundled sample queries; 0 switches the wait off.
        jitter: standard deviation of the LLM time, as a share of it.
        slots: answers that the LLM generates in parallel; further requests wait in order of arrival.
        slowdown: factor on the whole service time.
        errors: share of chat requests answered with 500.
        leak_bytes: memory kept and touched for each chat request.
        freeze_s: how long the whole service stands still, once.
        database: SQLite file of sessions and messages; None keeps them in a temporary database.
        api_key: key that the chat endpoints ask for; None accepts every caller.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    latency_ms: float = 20.0
    jitter: float = 0.15
    slots: int = 8
    slowdown: float = 1.0
    errors: float = 0.0
    leak_bytes: int = 0
    freeze_s: float = 0.0
    seed: int = 1
    database: Path | None = None
    api_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _require("port", 0 <= self.port <= 65535, "between 0 and 65535", self.port)
        _require("latency_ms", _at_least(self.latency_ms, 0), "0 or more", self.latency_ms)
        _require("jitter", _at_least(self.jitter, 0) and self.jitter <= 1, "between 0 and 1", self.jitter)
        _require("slots", self.slots >= 1, "1 or more", self.slots)
        _require("slowdown", _at_least(self.slowdown, 1), "1 or more", self.slowdown)
        _require("errors", _at_least(self.errors, 0) and self.errors <= 1, "between 0 and 1", self.errors)
        _require("leak_bytes", self.leak_bytes >= 0, "0 or more", self.leak_bytes)
        _require("freeze_s", _at_least(self.freeze_s, 0), "0 or more", self.freeze_s)
        _require("api_key", self.api_key != "", "a text that is not empty", "''")


def _at_least(value: float, low: float) -> bool:
    return math.isfinite(value) and value >= low


def _require(name: str, holds: bool, wanted: str, value: object) -> None:
    if not holds:
        raise ConfigError(f"embedded API: {name} must be {wanted}, not {value}")
