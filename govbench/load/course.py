"""The course of a run: phases, segments and slices, each at its absolute instant. Sends no request.

A load process on its own, a master and each of its workers follow the same course on the same clock; they
differ in what they do at its marks (``Stage``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import gevent.event

from govbench.load.clock import Clock
from govbench.results.plan import Phase, Plan

Emit = Callable[[Mapping[str, object]], None]


class Stage(Protocol):
    """Who acts on the marks of a course."""

    def begin_phase(self, index: int, start_ns: int) -> None:
        """Let users or arrivals come, as the phase says."""

    def turn_to(self, side: int, pair: int) -> None:
        """From now on all requests go to ``side``."""

    def end_phase(self, index: int) -> None:
        """The phase is over."""


class Course:
    """Leads a stage through a plan and tells of every mark."""

    def __init__(self, plan: Plan, clock: Clock, stage: Stage, emit: Emit) -> None:
        self._plan, self._clock, self._stage, self._emit = plan, clock, stage, emit
        self._stop = gevent.event.Event()
        self.is_stopped = False  # the end has been asked for

    def stop(self) -> None:
        """Go no further."""
        self.is_stopped = True
        self._stop.set()

    def run(self, start_ns: int) -> bool:
        """Go through all phases, one right after the other from ``start_ns`` on; false when stopped."""
        for index in self._plan.order or range(len(self._plan.phases)):
            phase = self._plan.phases[index]
            if not self._run_phase(index, phase, start_ns):
                return False
            start_ns += int(phase.duration_s * 1e9)
        return True

    def _run_phase(self, index: int, phase: Phase, start_ns: int) -> bool:
        if self._waits_until(start_ns, 0):
            return False
        self._mark("phase", index)
        if phase.slices:
            self._stage.turn_to(phase.slices[0].side, phase.slices[0].pair)
        if not phase.warmup_s:  # then the first request of each user counts, too
            self._mark("steady", index)
        self._stage.begin_phase(index, start_ns)
        if phase.warmup_s:
            if self._waits_until(start_ns, phase.warmup_s):
                return False
            self._mark("steady", index)
        stopped = self._run_slices(index, phase, start_ns)
        stopped = stopped or self._waits_until(start_ns, phase.warmup_s + phase.steady_s)
        self._mark("steady_end", index)
        stopped = stopped or self._waits_until(start_ns, phase.duration_s)
        self._stage.end_phase(index)
        self._mark("phase_end", index)
        return not stopped

    def _run_slices(self, index: int, phase: Phase, start_ns: int) -> bool:
        for number, part in enumerate(phase.slices):
            if self._waits_until(start_ns, part.start_s):
                return True
            self._stage.turn_to(part.side, part.pair)
            self._emit({"event": "slice", "index": index, "slice": number, "at_s": self._clock.now_s()})
        return False

    def _mark(self, name: str, index: int) -> None:
        self._emit({"event": name, "index": index, "at_s": self._clock.now_s()})

    def _waits_until(self, start_ns: int, offset_s: float) -> bool:
        """Sleep until an instant of the clock; true when the run was stopped meanwhile."""
        wait_s = (start_ns - self._clock.now_ns()) / 1e9 + offset_s
        return bool(self._stop.wait(timeout=max(0.0, wait_s)))
