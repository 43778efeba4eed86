"""The test switches that make an instance fail, grow or stand still on purpose."""

from __future__ import annotations

import asyncio
import random
import time

from govbench.demo.settings import DemoSettings

FREEZE_AFTER_S = 5.0

_PAGE_BYTES = 4096


class InjectedError(Exception):
    """The ``errors`` switch chose this request to be answered with 500."""


class Faults:
    """Applies the switches to one chat request after the other.

    Whether the n-th request fails depends on the seed and n alone, so the number of failures among n requests
    is the same in every run, whatever the order in which they finish.
    """

    def __init__(self, settings: DemoSettings) -> None:
        self._settings = settings
        self._random = random.Random(f"errors-{settings.seed}")
        self._leaked: list[bytearray] = []
        self._freeze_planned = settings.freeze_s == 0

    @property
    def leaked_bytes(self) -> int:
        """Bytes kept so far."""
        return len(self._leaked) * self._settings.leak_bytes

    def next_request_fails(self) -> bool:
        """Leak for a chat request, plan the freeze with the first; whether it is to be answered 500."""
        if not self._freeze_planned:
            self._freeze_planned = True
            # Blocking the event loop is the point: nothing is answered, not even /health.
            asyncio.get_running_loop().call_later(FREEZE_AFTER_S, time.sleep, self._settings.freeze_s)
        if self._settings.leak_bytes:
            self._leaked.append(_touched(self._settings.leak_bytes))
        return self._settings.errors > 0 and self._random.random() < self._settings.errors


def _touched(size: int) -> bytearray:
    """A buffer with every page written, so that it really takes memory."""
    buffer = bytearray(size)
    buffer[::_PAGE_BYTES] = b"\x01" * len(range(0, size, _PAGE_BYTES))
    return buffer
