"""Lets the events of many streams gather for a few milliseconds, so that one wake-up serves several.

Waking up is most of what a streamed event costs. It loses no truth: the arrival of every event is stamped
by the kernel, however late it is read. But two events of one stream that are read together have one stamp,
so the pause stays far below the time between them, as the streams that have ended show it. What it delays is
what this program does by itself, so an open loop and a load of few streams do without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gevent
import gevent.monkey

from govbench.load.transport import HAS_KERNEL_CLOCK

FIRST_PAUSE_S, LONGEST_PAUSE_S, SHORTEST_PAUSE_S = 0.005, 0.010, 0.000_5
# How many pauses fit between two events of a stream, and among how many streams a slower one counts.
_PAUSES_IN_GAP, _STREAMS_TO_SLOW_DOWN = 6, 16
# Fewer streams than these would hardly ever have two events within a pause.
FEWEST_STREAMS = 64

_sleep = gevent.monkey.get_original("time", "sleep")


class Gathering:
    """Pauses before the program looks for what has arrived, while enough streams are open.

    Whoever opens a stream says so; ``may_pause`` is false while a schedule sends requests.
    """

    def __init__(self) -> None:
        self.may_pause = True
        self.pause_s = FIRST_PAUSE_S
        self._gap_s = FIRST_PAUSE_S * _PAUSES_IN_GAP
        self._streams = 0
        self._watcher: Any = None
        if HAS_KERNEL_CLOCK:
            self._watcher = gevent.get_hub().loop.prepare(ref=False)

    def stream_begins(self) -> None:
        """One more stream is open."""
        self._streams += 1
        if self._streams == FEWEST_STREAMS and self._watcher is not None:
            self._watcher.start(self._pause)

    def stream_ends(self, times_ns: Sequence[int]) -> None:
        """One stream less is open, whose events arrived at these times."""
        if self._streams == FEWEST_STREAMS and self._watcher is not None:
            self._watcher.stop()  # one with nothing to do would still cost at every turn of the loop
        self._streams -= 1
        if len(times_ns) > 1:
            self._heed((times_ns[-1] - times_ns[0]) / (len(times_ns) - 1) / 1e9)

    def _heed(self, gap_s: float) -> None:
        """Fit the pause to the time between events: at once where it is shorter, by and by where longer."""
        self._gap_s = min(gap_s, self._gap_s + (gap_s - self._gap_s) / _STREAMS_TO_SLOW_DOWN)
        self.pause_s = min(LONGEST_PAUSE_S, self._gap_s / _PAUSES_IN_GAP)

    def _pause(self) -> None:
        if self.may_pause and self.pause_s >= SHORTEST_PAUSE_S:
            _sleep(self.pause_s)

    def close(self) -> None:
        """Pause no more."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
