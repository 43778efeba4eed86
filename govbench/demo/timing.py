"""The clock of one chat request: which part of its service time was LLM or waiting, and which its own."""

from __future__ import annotations

import asyncio
import time

# Key of the request's clock in the ASGI scope.
SCOPE_KEY = "govbench.timing"


class RequestTiming:
    """Splits a service time into parts, so that a slowdown can multiply each where it arises.

    The LLM wait is multiplied inside its slot, and waiting for a slot grows by itself; everything else is the
    handler's own time (framework, retrieval, storage, a late timer) and is multiplied by ``settle``.
    """

    __slots__ = ("_not_own_s", "_paid_s", "_slowdown", "_started_s", "started_unix_s")

    def __init__(self, slowdown: float) -> None:
        self.started_unix_s = time.time()
        self._started_s = time.monotonic()
        self._slowdown = slowdown
        self._not_own_s = 0.0
        self._paid_s = 0.0

    def exclude(self, seconds: float) -> None:
        """Count ``seconds`` as LLM time or waiting for a slot."""
        self._not_own_s += seconds

    def elapsed_s(self) -> float:
        """Time since the request was received."""
        return time.monotonic() - self._started_s

    async def settle(self) -> None:
        """Wait until the own time so far has taken ``slowdown`` times as long; at once without slowdown."""
        if self._slowdown == 1.0:
            return
        own_s = self.elapsed_s() - self._not_own_s - self._paid_s
        debt_s = own_s * (self._slowdown - 1.0) - self._paid_s
        if debt_s > 0:
            before_s = self.elapsed_s()
            await asyncio.sleep(debt_s)
            self._paid_s += self.elapsed_s() - before_s
