"""Waits for sockets or an instant, whichever is first. Knows nothing of connections.

``epoll_wait`` counts in milliseconds, which is as much as a load generator may be off in all. On Linux the
instant is therefore a timerfd among the watched descriptors: a high-resolution timer of the kernel, absolute
and on CLOCK_REALTIME like the receive stamps. Spinning would be as exact, but take a core from the client.
"""

from __future__ import annotations

import ctypes
import os
import select
import selectors
import sys
import time
from typing import Protocol

READABLE, WRITABLE = 1, 4  # EPOLLIN and EPOLLOUT; errors and hang-ups are other bits and are read like data

# Few, so that a burst of requests does not make answers late that are due meanwhile.
_MOST_EVENTS = 64

Events = list[tuple[int, int]]


class Poller(Protocol):
    """Watches descriptors, level-triggered."""

    def add(self, fd: int) -> None:
        """Watch ``fd`` for reading."""

    def watch_writing(self, fd: int, *, wanted: bool) -> None:
        """Watch ``fd`` for writing too, or no longer."""

    def drop(self, fd: int) -> None:
        """No longer watch ``fd``; to be called before it is closed."""

    def wait(self, until_ns: int | None) -> Events:
        """Descriptors that are ready, with what for; comes back by ``until_ns`` (Unix ns) at the latest.

        Descriptors that nobody added may be among them.
        """

    def close(self) -> None:
        """Give the descriptors of the poller itself back."""


def _ready(mask: int) -> int:
    readable = READABLE if mask & selectors.EVENT_READ else 0
    return readable | (WRITABLE if mask & selectors.EVENT_WRITE else 0)


class SelectorPoller:
    """The waiting of whatever system this is: kqueue is exact, epoll up to 1 ms late."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, fd: int) -> None:
        """See ``Poller``."""
        self._selector.register(fd, selectors.EVENT_READ)

    def watch_writing(self, fd: int, *, wanted: bool) -> None:
        """See ``Poller``."""
        self._selector.modify(fd, selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0))

    def drop(self, fd: int) -> None:
        """See ``Poller``."""
        self._selector.unregister(fd)

    def wait(self, until_ns: int | None) -> Events:
        """See ``Poller``."""
        timeout_s = None if until_ns is None else max(until_ns - time.time_ns(), 0) / 1e9
        return [(key.fd, _ready(mask)) for key, mask in self._selector.select(timeout_s)]

    def close(self) -> None:
        """See ``Poller``."""
        self._selector.close()


if sys.platform == "linux":
    # linux/timerfd.h; os.timerfd_create came with Python 3.13 only.
    _ABSOLUTE_TIME = 1

    class _TimerSpec(ctypes.Structure):
        """``struct itimerspec`` of systems whose ``time_t`` is a long."""

        _fields_ = (
            ("interval_s", ctypes.c_long),
            ("interval_ns", ctypes.c_long),
            ("value_s", ctypes.c_long),
            ("value_ns", ctypes.c_long),
        )

    class EpollPoller:
        """epoll with a timerfd.

        Raises:
            OSError: the system has no timerfd.
        """

        def __init__(self) -> None:
            libc = ctypes.CDLL(None, use_errno=True)
            self._set_time = libc.timerfd_settime
            self._timer_fd: int = libc.timerfd_create(time.CLOCK_REALTIME, os.O_NONBLOCK | os.O_CLOEXEC)
            if self._timer_fd < 0:
                raise OSError(ctypes.get_errno(), "no timerfd")
            self._spec = _TimerSpec()
            self._spec_at = ctypes.byref(self._spec)
            self._armed_ns: int | None = None
            self._epoll = select.epoll()
            # Edge-triggered: an expiry wakes once and need not be read; setting it anew clears it.
            self._epoll.register(self._timer_fd, select.EPOLLIN | select.EPOLLET)

        def add(self, fd: int) -> None:
            """See ``Poller``."""
            self._epoll.register(fd, READABLE)

        def watch_writing(self, fd: int, *, wanted: bool) -> None:
            """See ``Poller``."""
            self._epoll.modify(fd, READABLE | WRITABLE if wanted else READABLE)

        def drop(self, fd: int) -> None:
            """See ``Poller``."""
            self._epoll.unregister(fd)

        def wait(self, until_ns: int | None) -> Events:
            """See ``Poller``."""
            if until_ns != self._armed_ns:
                self._arm(until_ns)
            return self._epoll.poll(-1, _MOST_EVENTS)

        def _arm(self, until_ns: int | None) -> None:
            # All zero disarms. An instant in the past fires at once.
            self._spec.value_s, self._spec.value_ns = divmod(until_ns or 0, 1_000_000_000)
            if self._set_time(self._timer_fd, _ABSOLUTE_TIME, self._spec_at, None) != 0:
                raise OSError(ctypes.get_errno(), "timerfd_settime failed")
            self._armed_ns = until_ns

        def close(self) -> None:
            """See ``Poller``."""
            self._epoll.close()
            os.close(self._timer_fd)


def open_poller() -> Poller:
    """The most exact way of waiting that this system has."""
    if sys.platform == "linux" and sys.maxsize > 2**32:
        try:
            return EpollPoller()
        except OSError:  # a sandbox may forbid timerfd
            return SelectorPoller()
    return SelectorPoller()
