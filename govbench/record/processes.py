"""What a tree of processes uses, read with psutil. Keeps no series of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from govbench.results.meters import Source, Use

# Memory without double counting, handles and threads cost some milliseconds: every so many looks.
DETAILS_EVERY = 2
_TRIES = 3
_Key = tuple[int, float]  # a number may be given to another process; with the time of birth it is unique


class _Cpu(NamedTuple):
    """CPU seconds of a process itself, and of the children that it has waited for."""

    own: float
    waited: float


class ProcessTree:
    """The meter of a process and all its descendants.

    CPU time never falls. A descendant that ends passes its time to whoever waits for it, and what it was seen
    with is not counted again; where nobody waits for it, it stays counted as it was last seen.
    """

    def __init__(self, pid: int) -> None:
        try:
            self._process: psutil.Process | None = psutil.Process(pid)
        except psutil.Error:
            self._process = None
        self._cpu_s = 0.0
        self._seen: dict[_Key, _Cpu] = {}
        self._looks = 0

    def read(self) -> Use | None:
        """What the tree has used; None once it has ended, or where it changes at every look."""
        for _ in range(_TRIES):
            if self._process is None:
                return None
            try:
                return self._look(self._process)
            except psutil.NoSuchProcess:  # a member ended under the look: its time may be in no counter yet
                continue
        return None

    def _look(self, process: psutil.Process) -> Use | None:
        cpu: dict[_Key, _Cpu] = {}
        readable, rss, unread = [], 0, 0
        for member in (process, *process.children(recursive=True)):
            key = (member.pid, member.create_time())
            try:
                with member.oneshot():
                    cpu[key] = _cpu_of(member)
                    resident = int(member.memory_info().rss)
                rss += resident
                if resident:  # a zombie has none, and nothing else to tell
                    readable.append(member)
            except psutil.AccessDenied:
                unread += 1
                if key in self._seen:
                    cpu[key] = self._seen[key]
        if not rss:
            return None  # ended, but its parent has not asked for it yet; or none of it may be read
        self._cpu_s += self._growth_s(cpu)
        self._seen = cpu
        detailed = self._looks % DETAILS_EVERY == 0 and not unread
        self._looks += 1
        return Use(
            cpu_s=self._cpu_s,
            rss_bytes=rss,
            own_bytes=_sum_of(readable, _pss_bytes) if detailed else None,
            handles=_sum_of(readable, _handles) if detailed else None,
            threads=_sum_of(readable, lambda each: int(each.num_threads())) if detailed else None,
            unread=unread,
            source=Source.PROCESSES,
        )

    def _growth_s(self, cpu: dict[_Key, _Cpu]) -> float:
        """CPU used since the last look.

        What was waited for includes what the ended were seen with; where they passed nothing on, it counts
        for nothing rather than less.
        """
        none = _Cpu(0.0, 0.0)
        before = {key: self._seen.get(key, none) for key in cpu}
        own = sum(max(0.0, now.own - before[key].own) for key, now in cpu.items())
        waited = sum(max(0.0, now.waited - before[key].waited) for key, now in cpu.items())
        ended = sum(last.own + last.waited for key, last in self._seen.items() if key not in cpu)
        return own + max(0.0, waited - ended)


def _cpu_of(process: psutil.Process) -> _Cpu:
    times: Any = process.cpu_times()
    waited = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return _Cpu(float(times.user + times.system), float(waited))  # macOS does not tell the latter


def _sum_of(members: list[psutil.Process], read: Callable[[psutil.Process], int]) -> int | None:
    """The sum over all members; None where one of them does not tell it."""
    try:
        return sum(read(member) for member in members)
    except (OSError, ValueError, psutil.Error):
        return None


def _pss_bytes(process: psutil.Process) -> int:
    """Proportional set size: each page counts for its share, so a sum over a tree counts it once."""
    text = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
    return int(text.partition("\nPss:")[2].split(maxsplit=1)[0]) * 1024


def _handles(process: psutil.Process) -> int:
    return int(process.num_fds())
