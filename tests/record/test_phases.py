from __future__ import annotations

from typing import Any

from govbench.record.phases import dropped_by_phase, examples_by_phase, phase_windows, slice_windows
from govbench.results.plan import Slice
from govbench.results.run import Outcome, Window
from tests.record.conftest import make_plan, phase

Event = dict[str, Any]


def event(kind: str, at_s: float, index: int = 0, **fields: int) -> Event:
    return {"event": kind, "at_s": at_s, "index": index, **fields}


def window(*instants: float) -> Window:
    start, steady, steady_end, end = instants
    return Window(start_s=start, steady_start_s=steady, steady_end_s=steady_end, end_s=end)


WHOLE = [event("phase", 10), event("steady", 12), event("steady_end", 18), event("phase_end", 19)]
STOPPING = event("stopping", 30)


def test_whole_phases() -> None:
    second = [{**e, "index": 1, "at_s": e["at_s"] + 10} for e in WHOLE]
    windows = phase_windows([*WHOLE, *second, STOPPING], end_s=99)
    assert windows == {0: window(10, 12, 18, 19), 1: window(20, 22, 28, 29)}


def test_stopped_in_warm_up() -> None:
    assert phase_windows([WHOLE[0], event("stopping", 11)], end_s=99) == {0: window(10, 11, 11, 11)}


def test_stopped_in_the_steady_segment() -> None:
    events = [*WHOLE[:2], event("steady_end", 15), event("phase_end", 15), event("stopping", 15)]
    assert phase_windows(events, end_s=99) == {0: window(10, 12, 15, 15)}


def test_killed_at_any_point_ends_at_the_last_sign_of_life() -> None:
    assert phase_windows(WHOLE[:1], end_s=11) == {0: window(10, 11, 11, 11)}
    assert phase_windows(WHOLE[:2], end_s=15) == {0: window(10, 12, 15, 15)}
    assert phase_windows(WHOLE[:3], end_s=18.5) == {0: window(10, 12, 18, 18.5)}


def test_killed_before_the_first_sample_of_a_phase() -> None:
    # The last sample is of the phase before, and older than the events.
    assert phase_windows(WHOLE[:1], end_s=9) == {0: window(10, 10, 10, 10)}
    assert phase_windows(WHOLE[:2], end_s=9)[0].steady_end_s == 10


def test_killed_in_the_second_phase() -> None:
    windows = phase_windows([*WHOLE, event("phase", 20, 1), event("steady", 21, 1)], end_s=24)
    assert windows == {0: window(10, 12, 18, 19), 1: window(20, 21, 24, 24)}


def test_no_phase_begun() -> None:
    assert phase_windows([{"event": "ready"}, STOPPING], end_s=99) == {}


SLICES = tuple(Slice(side=i % 2, pair=i // 2, start_s=2 + 2 * i, duration_s=2) for i in range(3))
PLAN = make_plan(phase(warmup_s=2, steady_s=6, slices=SLICES), sides=2)


def sliced(count: int) -> list[Event]:
    return [event("slice", 12 + 2 * i, slice=i) for i in range(count)]


def test_slices_begin_after_the_guard_and_end_with_the_next() -> None:
    found = slice_windows(PLAN, sliced(3), {0: window(10, 12, 18, 19)})
    assert [(s.side, s.pair, s.phase) for s in found] == [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
    assert [(s.start_s, s.end_s) for s in found] == [
        (12.2, 14),
        (14.2, 16),
        (16.2, 18),
    ]


def test_a_slice_that_was_cut_short_is_left_out() -> None:
    assert len(slice_windows(PLAN, sliced(3), {0: window(10, 12, 17, 17)})) == 2
    assert len(slice_windows(PLAN, sliced(2), {0: window(10, 12, 14.5, 14.5)})) == 1
    assert slice_windows(PLAN, sliced(1), {0: window(10, 12, 12, 12)}) == ()


def test_slices_that_never_began() -> None:
    assert slice_windows(PLAN, [], {0: window(10, 11, 11, 11)}) == ()


def test_what_was_dropped_is_summed_by_phase_and_side() -> None:
    # each of several load processes tells of its own, and of what its last callers left
    events = [
        *WHOLE,
        *(
            {"event": "dropped", "index": i, "side": s, "count": 3, "steady": 2}
            for i, s in ((0, 0), (0, 0), (1, 1))
        ),
    ]

    assert dropped_by_phase(events) == {(0, 0): 6, (1, 1): 3}
    assert dropped_by_phase(events, steady=True) == {(0, 0): 4, (1, 1): 2}


def test_the_first_failure_of_each_kind_is_the_example() -> None:
    told = [
        {"index": 0, "side": 0, "outcome": "http_5xx", "status": 503, "message": "HTTP 503: busy"},
        {"index": 0, "side": 0, "outcome": "timeout", "status": 0, "message": "no whole answer"},
        {"index": 0, "side": 0, "outcome": "http_5xx", "status": 503, "message": "HTTP 503: busier"},
        {"index": 1, "side": 1, "outcome": "http_5xx", "status": 503, "message": "HTTP 503: gone"},
    ]
    events = [*WHOLE, {"event": "done", "examples": told[:2]}, {"event": "done", "examples": told[2:]}]
    assert examples_by_phase(events) == {
        (0, 0): {(Outcome.HTTP_5XX, 503): "HTTP 503: busy", (Outcome.TIMEOUT, 0): "no whole answer"},
        (1, 1): {(Outcome.HTTP_5XX, 503): "HTTP 503: gone"},
    }
    assert examples_by_phase(WHOLE) == {}
