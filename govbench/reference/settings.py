"""The settings of one reference server, checked once. Reads neither files nor the environment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from govbench.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSettings:
    """Where to listen, and what paths do that name no behaviour of their own.

    Raises:
        UsageError: a value is out of its range, or only one of the two TLS files is given.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    latency_ms: float = 20.0
    spread: float = 0.3
    default: str = "/lognormal"
    default_stream: str = "/stream"
    log_events: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise UsageError(f"reference server: port must be 0 to 65535, not {self.port}")
        for name, value in (("latency-ms", self.latency_ms), ("spread", self.spread)):
            if not (math.isfinite(value) and value >= 0):
                raise UsageError(f"reference server: {name} must be 0 or more, not {value}")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise UsageError("reference server: tls-cert and tls-key are given together or not at all")
