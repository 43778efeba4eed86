"""What the load process and the stacks use while the load runs, polled. Judges nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from govbench.record.series import Reading, SeriesWriter, read_resources
from govbench.results.meters import Meter
from govbench.results.run import ProcessUsage, Window

INTERVAL_S = 0.5


class ResourcePoller:
    """Reads the meter of each role twice a second until it is stopped, and writes down what it read at once.

    What ends is no error: its readings simply end. Where ``folder`` cannot be written to, so do all.
    """

    def __init__(self, meters: Mapping[str, Meter], folder: Path) -> None:
        self._meters = dict(meters)
        self._folder = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="resources", daemon=True)
        self._thread.start()

    def stop(self) -> tuple[Reading, ...]:
        """Stop polling and return all readings, in order of time."""
        self._stop.set()
        self._thread.join()
        return read_resources(self._folder)

    def _poll(self) -> None:
        try:
            series = SeriesWriter(self._folder, self._meters)
        except OSError:
            return
        try:
            while True:
                for role, meter in self._meters.items():
                    use = meter.read()
                    if use is not None:
                        series.append(role, time.time(), use)
                if self._stop.wait(INTERVAL_S):
                    return
        except OSError:  # the disk is full; the samples, which cannot be written either, tell of it
            return
        finally:
            series.close()


def usage_by_role(readings: Iterable[Reading], windows: Iterable[Window]) -> tuple[ProcessUsage, ...]:
    """What each role used within the steady segments of ``windows``.

    CPU is the sum over the windows of the growth between the first and the last reading inside each; the
    peak of memory is over the windows, ``…_last_bytes`` the last reading of all.
    """
    by_role: dict[str, list[Reading]] = {}
    for reading in readings:
        by_role.setdefault(reading.role, []).append(reading)
    windows = list(windows)
    usages = (_usage(role, rows, windows) for role, rows in by_role.items())
    return tuple(usage for usage in usages if usage is not None)


def unread_notes(readings: Iterable[Reading]) -> tuple[str, ...]:
    """Of each role that has processes which may not be read: that its figures lack them."""
    most: dict[str, int] = {}
    for reading in readings:
        most[reading.role] = max(most.get(reading.role, 0), reading.unread)
    return tuple(
        f"{role}: up to {unread} of its processes may not be read; their CPU and memory are in no figure"
        for role, unread in most.items()
        if unread
    )


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
    peak = own_peak = count = 0
    for window in windows:
        inside = [row for row in rows if _holds(window, row)]
        if len(inside) >= 2:
            cpu_s += inside[-1].cpu_s - inside[0].cpu_s
            covered_s += inside[-1].at_s - inside[0].at_s
        count += len(inside)
        peak = max([peak, *(row.rss_bytes for row in inside)])
        own_peak = max([own_peak, *(row.own_bytes or 0 for row in inside)])
    if not covered_s:
        return None
    return ProcessUsage(
        role=role,
        cpu_s=cpu_s,
        cpu_cores_mean=cpu_s / covered_s,
        rss_peak_bytes=peak,
        rss_last_bytes=rows[-1].rss_bytes,
        samples=count,
        # A short window may lie between two looks at it; another kind of memory instead would be a jump.
        own_peak_bytes=own_peak or max((row.own_bytes or 0 for row in rows), default=0) or None,
        own_last_bytes=next((row.own_bytes for row in reversed(rows) if row.own_bytes is not None), None),
    )


def _holds(window: Window, reading: Reading) -> bool:
    return window.steady_start_s <= reading.at_s <= window.steady_end_s
