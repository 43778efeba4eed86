"""Wakes one greenlet at an instant. Schedules nothing itself.

gevent's own sleep counts in milliseconds, as epoll does: up to 1 ms late, which would be the largest error
of an open loop. On Linux the instant is a timerfd among the watched descriptors, a high-resolution timer of
the kernel; elsewhere gevent's sleep must do.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
from typing import Any

import gevent

_SHORTEST_NS = 1_000  # all zero would disarm the timer


class _TimerSpec(ctypes.Structure):
    """``struct itimerspec`` of systems whose ``time_t`` is a long."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class Alarm:
    """Lets one greenlet at a time sleep for a time that is kept to some ten microseconds."""

    def __init__(self) -> None:
        self._fd = -1
        self._sleeper: Any = None
        if sys.platform == "linux" and sys.maxsize > 2**32:
            libc = ctypes.CDLL(None, use_errno=True)
            self._set_time = libc.timerfd_settime
            self._fd = libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd >= 0:  # a sandbox may forbid it
            self._spec = _TimerSpec()
            self._spec_at = ctypes.byref(self._spec)
            # Started once: to start and stop it around every sleep would cost two system calls each.
            self._watcher: Any = gevent.get_hub().loop.io(self._fd, 1)
            self._watcher.start(self._ring)

    def sleep_ns(self, duration_ns: int) -> None:
        """Sleep that long; other greenlets run meanwhile."""
        if self._fd < 0:
            gevent.sleep(max(duration_ns, 0) / 1e9)
            return
        self._spec.value_s, self._spec.value_ns = divmod(max(duration_ns, _SHORTEST_NS), 1_000_000_000)
        if self._set_time(self._fd, 0, self._spec_at, None) != 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime failed")
        self._sleeper = gevent.getcurrent()
        try:
            gevent.get_hub().switch()
        finally:
            self._sleeper = None

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            self._watcher.stop()
            self._watcher.close()
            os.close(self._fd)
            self._fd = -1

    def _ring(self) -> None:
        with contextlib.suppress(BlockingIOError):  # the timer was set anew since
            os.read(self._fd, 8)
            if self._sleeper is not None:
                self._sleeper.switch()
