"""Lets the events of many streams gather for a few milliseconds, so that one wake-up serves several.

Waking up is most of what a streamed event costs. It loses no truth: the arrival of every event is stamped
by the kernel, however late it is read. What it delays is what this program does by itself, so an open loop
and a load of few streams do without.
"""

from __future__ import annotations

from typing import Any

import gevent
import gevent.monkey

from govbench.load.transport import HAS_KERNEL_CLOCK

PAUSE_S = 0.005
# Fewer streams than these would hardly ever have two events within a pause.
FEWEST_STREAMS = 64

_sleep = gevent.monkey.get_original("time", "sleep")


class Gathering:
    """Pauses before the program looks for what has arrived, while enough streams are open.

    ``open_streams`` is kept by whoever opens them; ``may_pause`` is false while a schedule sends requests.
    """

    def __init__(self) -> None:
        self.open_streams = 0
        self.may_pause = True
        self._watcher: Any = None
        if HAS_KERNEL_CLOCK:
            self._watcher = gevent.get_hub().loop.prepare(ref=False)
            self._watcher.start(self._pause)

    def _pause(self) -> None:
        if self.open_streams >= FEWEST_STREAMS and self.may_pause:
            _sleep(PAUSE_S)

    def close(self) -> None:
        """Pause no more."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
