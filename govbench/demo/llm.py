"""The pretended language model: parallel slots, first come first served, held for the modelled time.

It waits, it does not think: the text it hands out was found by ``knowledge``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from govbench.demo.latency import LatencyModel
from govbench.demo.settings import DemoSettings
from govbench.demo.timing import RequestTiming

# Share of the LLM time before the first piece of a streamed answer; the rest is spread over the pieces.
FIRST_PIECE_SHARE = 0.3


class LanguageModel:
    """Waits as long as a model of the settings would, with at most ``slots`` answers at a time."""

    def __init__(self, settings: DemoSettings) -> None:
        self._model = LatencyModel(latency_ms=settings.latency_ms, jitter=settings.jitter, seed=settings.seed)
        self._slowdown = settings.slowdown
        self._slots = asyncio.Semaphore(settings.slots)

    async def generate(self, query: str, timing: RequestTiming) -> None:
        """Take the time for one whole answer."""
        duration_s = self._duration_s(query)
        async with self._slot(timing):
            if duration_s > 0:
                await asyncio.sleep(duration_s)
                timing.exclude(duration_s)

    async def stream(self, query: str, pieces: Sequence[str], timing: RequestTiming) -> AsyncIterator[str]:
        """Hand out ``pieces`` at an even pace after a wait for the first; in all the time of ``generate``."""
        duration_s = self._duration_s(query)
        rest = max(len(pieces) - 1, 1)
        async with self._slot(timing):
            started_s = time.monotonic()
            for position, piece in enumerate(pieces):
                share = FIRST_PIECE_SHARE + (1 - FIRST_PIECE_SHARE) * position / rest
                remaining_s = started_s + duration_s * share - time.monotonic()
                if remaining_s > 0:
                    await asyncio.sleep(remaining_s)
                yield piece
            timing.exclude(duration_s)

    def _duration_s(self, query: str) -> float:
        return self._model.draw_ms(query) * self._slowdown / 1000

    @asynccontextmanager
    async def _slot(self, timing: RequestTiming) -> AsyncIterator[None]:
        if self._slots.locked():
            before_s = time.monotonic()
            await self._slots.acquire()
            timing.exclude(time.monotonic() - before_s)
        else:
            await self._slots.acquire()
        try:
            yield
        finally:
            self._slots.release()
