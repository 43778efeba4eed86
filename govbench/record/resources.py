"""What the load process and the stacks use while the load runs, polled. Judges nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import psutil

from govbench.results.meters import Meter, Use
from govbench.results.run import ProcessUsage, Window

INTERVAL_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at what plays a role: Unix time, CPU seconds so far, resident bytes now."""

    role: str
    at_s: float
    cpu_s: float
    rss_bytes: int


class ProcessTree:
    """The meter of a process and all its descendants.

    CPU time of descendants that have come and gone between two looks stays counted: it passes to whoever has
    waited for them.
    """

    def __init__(self, pid: int) -> None:
        try:
            self._process: psutil.Process | None = psutil.Process(pid)
        except psutil.Error:
            self._process = None

    def read(self) -> Use | None:
        """What the tree has used; None once it has ended."""
        if self._process is None:
            return None
        cpu_s, rss = 0.0, 0
        try:
            for member in (self._process, *self._process.children(recursive=True)):
                with member.oneshot():
                    cpu_s += _cpu_s(member.cpu_times())
                    rss += member.memory_info().rss
        except psutil.Error:
            return None  # a member ended under the look: its time is in no counter that was read
        if not rss:
            return None  # ended, but its parent has not asked for it yet
        return Use(cpu_s=cpu_s, rss_bytes=rss)


class ResourcePoller:
    """Reads the meter of each role twice a second until it is stopped.

    What ends is no error: its readings simply end.
    """

    def __init__(self, meters: Mapping[str, Meter]) -> None:
        self._meters = dict(meters)
        self._readings: list[Reading] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="resources", daemon=True)
        self._thread.start()

    def stop(self) -> tuple[Reading, ...]:
        """Stop polling and return all readings, in order of time."""
        self._stop.set()
        self._thread.join()
        return tuple(self._readings)

    def _poll(self) -> None:
        while True:
            for role, meter in self._meters.items():
                use = meter.read()
                if use is not None:
                    self._readings.append(
                        Reading(role=role, at_s=time.time(), cpu_s=use.cpu_s, rss_bytes=use.rss_bytes)
                    )
            if self._stop.wait(INTERVAL_S):
                return


def _cpu_s(times: Any) -> float:
    """CPU of a process and of the children it has waited for (macOS does not tell the latter)."""
    own = float(times.user + times.system)
    return own + float(getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0))


def usage_by_role(readings: Iterable[Reading], windows: Iterable[Window]) -> tuple[ProcessUsage, ...]:
    """What each role used within the steady segments of ``windows``.

    CPU is the sum over the windows of the growth between the first and the last reading inside each; the
    peak of memory is over the windows, ``rss_last_bytes`` the last reading of all.
    """
    by_role: dict[str, list[Reading]] = {}
    for reading in readings:
        by_role.setdefault(reading.role, []).append(reading)
    windows = list(windows)
    usages = (_usage(role, rows, windows) for role, rows in by_role.items())
    return tuple(usage for usage in usages if usage is not None)


def peak_cores(readings: Iterable[Reading], role: str, windows: Iterable[Window]) -> float | None:
    """The largest share of cores between two readings of ``role`` within the steady segments."""
    rows = [r for r in readings if r.role == role]
    windows = list(windows)
    shares = [
        (later.cpu_s - earlier.cpu_s) / (later.at_s - earlier.at_s)
        for earlier, later in pairwise(rows)
        if later.at_s > earlier.at_s and any(_holds(w, earlier) and _holds(w, later) for w in windows)
    ]
    return max(shares, default=None)


def _usage(role: str, rows: list[Reading], windows: list[Window]) -> ProcessUsage | None:
    cpu_s = covered_s = 0.0
    peak = count = 0
    for window in windows:
        inside = [row for row in rows if _holds(window, row)]
        if len(inside) >= 2:
            cpu_s += inside[-1].cpu_s - inside[0].cpu_s
            covered_s += inside[-1].at_s - inside[0].at_s
        count += len(inside)
        peak = max([peak, *(row.rss_bytes for row in inside)])
    if not covered_s:
        return None
    return ProcessUsage(
        role=role,
        cpu_s=cpu_s,
        cpu_cores_mean=cpu_s / covered_s,
        rss_peak_bytes=peak,
        rss_last_bytes=rows[-1].rss_bytes,
        samples=count,
    )


def _holds(window: Window, reading: Reading) -> bool:
    return window.steady_start_s <= reading.at_s <= window.steady_end_s
