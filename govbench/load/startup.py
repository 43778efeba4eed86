"""What the load process and its workers ask of the system: stdout for events, sockets, a place on a core."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping


class Channel:
    """The line of events to the parent. Whatever else is printed goes to the log instead."""

    def __init__(self) -> None:
        self.fd = os.dup(1)
        os.dup2(2, 1)

    def emit(self, event: Mapping[str, object]) -> None:
        """Tell the parent; a parent that is gone is noticed on stdin, not here."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.fd, json.dumps(event).encode() + b"\n")


def allow_many_files() -> None:
    """Raise the limit of open files to what the system lets this process have: a user is a socket."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - Windows has none

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS says "unlimited" and means less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def interrupt_others(*, yes: bool) -> None:
    """Whether this process, when it is woken, takes its core from what runs there, as is usual, or waits.

    Processes that wake each other up for every single answer spend their time on taking turns. Who waits
    finds several answers at once, later than they came; the kernel has noted when that was.
    """
    if not hasattr(os, "SCHED_BATCH"):
        return
    with contextlib.suppress(OSError):  # a sandbox may forbid it
        if os.sched_getscheduler(0) in (os.SCHED_OTHER, os.SCHED_BATCH):  # not where somebody chose otherwise
            os.sched_setscheduler(0, os.SCHED_OTHER if yes else os.SCHED_BATCH, os.sched_param(0))
