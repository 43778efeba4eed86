"""Unix time that a step of the wall clock does not disturb, on which all instants of a load process lie.

Unix time is read once and carried on by the monotonic clock. Does not measure how far the wall clock strays.
"""

from __future__ import annotations

import time
from collections.abc import Callable

# A kernel stamp outside of this range before "now" is not believed: the wall clock was stepped meanwhile.
_MAX_AGE_NS = 60 * 1_000_000_000
_MIN_AGE_NS = -1_000_000


class Clock:
    """Tells Unix time in ns and places kernel receive stamps, which are of the wall clock, on it."""

    __slots__ = ("_monotonic_ns", "_wall_ns", "offset_ns")

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        *,
        offset_ns: int | None = None,
    ) -> None:
        self._wall_ns, self._monotonic_ns = wall_ns, monotonic_ns
        # Given, it is that of the clock of another process, which this one then shows.
        self.offset_ns = wall_ns() - monotonic_ns() if offset_ns is None else offset_ns

    def now_ns(self) -> int:
        """Unix time in ns."""
        return self._monotonic_ns() + self.offset_ns

    def now_s(self) -> float:
        """Unix time in seconds."""
        return self.now_ns() / 1e9

    def age_ns(self, stamp_ns: int, *, since_ns: int, now_ns: int | None = None) -> int | None:
        """How long ago, counted from ``now_ns`` on, the kernel set a stamp; None where it cannot be so.

        Only the age is read off the wall clock, so that a step matters no more once it is past. Unbelievable
        is a stamp from the future, from long ago, or from before ``since_ns`` (an instant of this clock).
        """
        age_ns = self._wall_ns() - stamp_ns
        if now_ns is None:
            now_ns = self.now_ns()
        if not _MIN_AGE_NS <= age_ns <= _MAX_AGE_NS or now_ns - age_ns < since_ns:
            return None
        return age_ns
