"""Reads what a process tree costs, from the outside and in the same way for every client."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil


class ClientEnded(RuntimeError):
    """There is no process any more whose cost could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """Which core the client under measurement has to itself, and which the servers and this program share."""

    client: int
    server: int

    @classmethod
    def of_this_machine(cls) -> Cores:
        """The last two cores that this process may use: interrupts tend to go to the first."""
        *_, server, client = sorted(os.sched_getaffinity(0))
        return cls(client=client, server=server)


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started within is born on this core: programs size their thread pools when they start."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a process tree used within a window, and what was counted within it."""

    wall_s: float
    cpu_s: float
    counted: int
    peak_rss_bytes: int


def cost_between(pid: int, start_unix_s: float, end_unix_s: float, count: Callable[[], int]) -> Cost:
    """Sleep until the window begins, and read time, CPU time and ``count`` at its begin and at its end.

    Nothing that a client says about itself goes into this, nor does its start.
    """
    _sleep_until(start_unix_s)
    wall, cpu, counted = time.monotonic(), cpu_s(pid), count()
    _sleep_until(end_unix_s)
    wall, cpu, counted = time.monotonic() - wall, cpu_s(pid) - cpu, count() - counted
    return Cost(wall_s=wall, cpu_s=cpu, counted=counted, peak_rss_bytes=peak_rss_bytes(pid))


def processes(pid: int) -> int:
    """How many processes the tree has now."""
    return len(_tree(pid))


def cpu_s(pid: int) -> float:
    """User and system time of a process and its descendants so far."""
    total = 0.0
    for process in _tree(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def peak_rss_bytes(pid: int) -> int:
    """Sum of the highest resident sizes that a process and its living descendants have had."""
    return sum(_peak_of(process) for process in _tree(pid))


def _peak_of(process: psutil.Process) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        raise ClientEnded("the client has ended before its window was over") from None


def _sleep_until(unix_s: float) -> None:
    time.sleep(max(0.0, unix_s - time.time()))
