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

    Whoever opens a stream says so; ``may_pause`` is false while a schedule sends requests.
    """

    def __init__(self) -> None:
        self.may_pause = True
        self._streams = 0
        self._watcher: Any = None
        if HAS_KERNEL_CLOCK:
            self._watcher = gevent.get_hub().loop.prepare(ref=False)

    def stream_begins(self) -> None:
        """One more stream is open."""
        self._streams += 1
        if self._streams == FEWEST_STREAMS and self._watcher is not None:
            self._watcher.start(self._pause)

    def stream_ends(self) -> None:
        """One stream less is open."""
        if self._streams == FEWEST_STREAMS and self._watcher is not None:
            self._watcher.stop()  # one with nothing to do would still cost at every turn of the loop
        self._streams -= 1

    def _pause(self) -> None:
        if self.may_pause:
            _sleep(PAUSE_S)

    def close(self) -> None:
        """Pause no more."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
