"""What the load process's events tell: where each phase's steady segment lies, what was dropped, what failed.

Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from govbench.results.plan import Plan
from govbench.results.run import Outcome, SliceWindow, Window

# After the users have turned to the other side, its first answers still find caches and queues of the turn.
SLICE_GUARD_S = 0.2

Event = Mapping[str, Any]
# What was wrong with the first request of a kind, by (phase, side) and by (outcome, HTTP status or 0).
Examples = Mapping[tuple[int, int], Mapping[tuple[Outcome, int], str]]


def phase_windows(events: Iterable[Event], *, end_s: float) -> dict[int, Window]:
    """The window of each phase that was begun, by its index in the plan.

    A phase that was cut short ends at the first later instant known, or at ``end_s`` (Unix seconds, the
    last sign of life of the load process); a phase that never became steady has an empty steady segment.
    """
    events = list(events)
    cut_s = min([e["at_s"] for e in events if e["event"] == "stopping"], default=end_s)
    marks: dict[int, dict[str, float]] = {}
    for event in events:
        if event["event"] in {"phase", "steady", "steady_end", "phase_end"}:
            marks.setdefault(event["index"], {})[event["event"]] = event["at_s"]
    return {index: _window(mark, cut_s) for index, mark in sorted(marks.items())}


def _window(mark: Mapping[str, float], cut_s: float) -> Window:
    start = mark["phase"]
    end = max(mark.get("phase_end", cut_s), start)
    steady_end = min(mark.get("steady_end", end), end)
    steady = min(mark.get("steady", steady_end), steady_end)
    return Window(
        start_s=start, steady_start_s=max(steady, start), steady_end_s=max(steady_end, start), end_s=end
    )


def dropped_by_phase(events: Iterable[Event], *, steady: bool = False) -> dict[tuple[int, int], int]:
    """Arrivals that were due and never sent, by (phase, side): all, or those due in the steady segment."""
    found: Counter[tuple[int, int]] = Counter()
    for event in events:
        if event["event"] == "dropped":
            found[event["index"], event["side"]] += event["steady" if steady else "count"]
    return dict(found)


def examples_by_phase(events: Iterable[Event]) -> Examples:
    """What was wrong with the first request of each kind of failure; the process tells it at its end."""
    found: dict[tuple[int, int], dict[tuple[Outcome, int], str]] = {}
    for event in events:
        for example in event.get("examples", ()):
            kinds = found.setdefault((example["index"], example["side"]), {})
            kinds.setdefault((Outcome(example["outcome"]), example["status"]), example["message"])
    return found


def slice_windows(
    plan: Plan, events: Iterable[Event], windows: Mapping[int, Window]
) -> tuple[SliceWindow, ...]:
    """The slices that ran to their end, their first ``SLICE_GUARD_S`` left out.

    A slice that was cut short is left out: it is no observation of the planned length.
    """
    began = {(e["index"], e["slice"]): e["at_s"] for e in events if e["event"] == "slice"}
    found = []
    for (index, number), start in sorted(began.items()):
        part = plan.phases[index].slices[number]
        end = began.get((index, number + 1), windows[index].steady_end_s)
        if end - start < part.duration_s * 0.95:
            continue
        found.append(
            SliceWindow(phase=index, pair=part.pair, side=part.side, start_s=start + SLICE_GUARD_S, end_s=end)
        )
    return tuple(found)
