"""What the self-test decides, on figures made by hand, and that a check which fails is made once more."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from govbench.pipeline.selftest import command as selftest
from govbench.pipeline.selftest.checks import (
    Capacity,
    Check,
    Figure,
    SelfTest,
    State,
    Times,
    Tolerance,
    Unit,
    at_least,
    at_most,
    decide,
    equal,
    frozen_quantile,
    known_time,
    near,
    near_and_in_interval,
    stalled,
)
from govbench.pipeline.selftest.load import Load, Trial
from govbench.record.reader import read_samples
from govbench.reference import truth
from govbench.results.plan import Api, LoadModel
from govbench.results.run import Outcome, Window
from govbench.stats import FloatArray
from tests.pipeline.conftest import ToldProgress
from tests.record.conftest import T0_S, record, write

TIMES = np.arange(1.0, 1001.0)  # 1 … 1000 ms: the q-quantile is 1000 q
TOLERANCE = Tolerance(share=0.01, ms=2.0)


def figure(
    difference: float, *, room: float = 1.0, unit: Unit = Unit.MS, late_ms: float | None = None
) -> Figure:
    return Figure(
        name="p50", measured=20 + difference, truth=20, low=-room, high=room, unit=unit, late_ms=late_ms
    )


def both(measured: FloatArray, true: FloatArray) -> Times:
    return Times(measured=measured, true=true, late=true * 0)


# --- bounds


@pytest.mark.parametrize(
    ("difference", "holds"), [(0.0, True), (1.0, True), (-1.0, True), (1.01, False), (-1.01, False)]
)
def test_a_figure_holds_within_its_bound_ends_included(difference: float, holds: bool) -> None:
    assert figure(difference).holds is holds


def test_what_was_not_measured_does_not_hold() -> None:
    for measured, true in ((None, 1.0), (1.0, None)):
        missing = Figure(name="p50", measured=measured, truth=true, low=-math.inf, high=math.inf)
        assert (missing.difference, missing.holds) == (None, False)


def test_a_bound_from_above_to_below_is_refused() -> None:
    with pytest.raises(ValueError, match="p50"):
        Figure(name="p50", measured=1, truth=1, low=1, high=0)


@pytest.mark.parametrize(("measured", "holds"), [(50.0, True), (51.5, True), (49.9, False), (51.6, False)])
def test_equal_delays_are_never_early(measured: float, holds: bool) -> None:
    times = both(np.full(9, measured), np.full(9, 50.0))

    assert known_time("p50", times, 0.5, script_ms=50, high_ms=1.5).holds is holds


def test_a_quantile_is_held_against_that_of_the_server() -> None:
    found = near("p95", both(TIMES + 3, TIMES), 0.95, within=TOLERANCE)

    assert (found.measured, found.truth) == (953.0, 950.0)
    assert (found.low, found.high) == (-11.5, 11.5)


def test_a_tolerance_is_the_sum_of_its_parts_or_the_larger_one() -> None:
    assert Tolerance(share=0.03, ms=0.3).of(100.0) == pytest.approx(3.3)
    assert Tolerance(share=0.03, ms=0.3, larger=True).of(100.0) == 3.0
    assert Tolerance(share=0.03, ms=0.3, larger=True).of(5.0) == 0.3


@pytest.mark.parametrize(("shift", "holds"), [(0.0, True), (11.0, False)])
def test_the_truth_lies_in_the_interval_too(shift: float, holds: bool) -> None:
    # A tolerance of 11.5 ms would let 11 ms pass; the interval of the p99 of 100,000 values does not.
    times = np.repeat(TIMES, 100)
    shifted = both(times + shift, times)
    wide = near("p95", shifted, 0.95, within=TOLERANCE)
    narrow = near_and_in_interval("p95", shifted, 0.95, within=TOLERANCE)

    assert wide.holds
    assert narrow.holds is holds
    assert -wide.high <= narrow.low <= 0 <= narrow.high <= wide.high


def test_too_few_samples_for_an_interval_leave_the_tolerance() -> None:
    few = both(TIMES[:50], TIMES[:50])

    assert near_and_in_interval("p99", few, 0.99, within=TOLERANCE) == near(
        "p99", few, 0.99, within=TOLERANCE
    )


def test_without_samples_nothing_holds() -> None:
    nothing = both(np.empty(0), TIMES)

    assert not near("p50", nothing, 0.5, within=TOLERANCE).holds
    assert not near_and_in_interval("p50", nothing, 0.5, within=TOLERANCE).holds
    assert not known_time("p50", nothing, 0.5, script_ms=1, high_ms=1).holds
    assert not stalled("lag", nothing.measured, 1000.0).holds


def test_the_lateness_of_the_server_is_that_of_the_same_quantile() -> None:
    times = Times(measured=TIMES, true=TIMES, late=TIMES / 100)

    assert near("p95", times, 0.95, within=TOLERANCE).late_ms == 9.5
    assert known_time("p50", times, 0.5, script_ms=500, high_ms=1).late_ms == 5.0


@pytest.mark.parametrize(
    ("make", "holds"),
    [(equal, (False, True, False)), (at_most, (True, True, False)), (at_least, (False, True, True))],
)
def test_counts(make: Callable[[str, int, int], Figure], holds: tuple[bool, ...]) -> None:
    assert tuple(make("n", measured, 10).holds for measured in (9, 10, 11)) == holds


def test_the_worked_example_of_a_freeze() -> None:
    # 3 s of 12 s: p90 = 3 - 0.1 · 12 = 1.8 s, p95 = 3 - 0.05 · 12 = 2.4 s.
    due_s = np.arange(0, 12, 0.01)
    times_ms = 1000 * np.where((due_s >= 2) & (due_s < 5), 5 - due_s, 0.005)
    for q, true_ms in ((0.90, 1800.0), (0.95, 2400.0)):
        found = frozen_quantile("p", times_ms, q, freeze_s=3, duration_s=12, rate_rps=100)
        assert found.truth == pytest.approx(true_ms)
        assert found.high == pytest.approx(0.05 * true_ms + 10)
        assert found.holds


def test_a_client_that_waits_for_its_answers_misses_the_freeze() -> None:
    closed_loop_ms = np.concatenate([np.full(10, 3000.0), np.full(9000, 5.0)])

    assert not frozen_quantile("p", closed_loop_ms, 0.9, freeze_s=3, duration_s=12, rate_rps=100).holds


def test_a_quantile_below_the_freeze_has_no_such_truth() -> None:
    with pytest.raises(ValueError, match="quantile"):
        frozen_quantile("p50", TIMES, 0.5, freeze_s=3, duration_s=12, rate_rps=100)


# --- decisions


def test_a_check_is_ok_when_all_figures_hold() -> None:
    assert decide("c", [figure(0.5, late_ms=99.0), figure(0.2)]).state is State.OK


def test_a_check_fails_with_one_figure() -> None:
    check = decide("c", [figure(0.5), figure(1.5, late_ms=1.0)])

    assert (check.state, check.reason) == (State.FAILED, "p50 beyond the bound")


def test_a_server_that_was_too_late_itself_shows_nothing() -> None:
    check = decide("c", [figure(0.5), figure(1.5, late_ms=1.2)])

    assert check.state is State.INCONCLUSIVE
    assert check.reason == "the reference server itself was late by 1.2 ms"


@pytest.mark.parametrize(
    "wrong",
    [
        figure(9.0, room=5.0, late_ms=3.0),  # not late enough to excuse it
        figure(2.0, unit=Unit.COUNT),  # a late server loses no request
        at_least("n", 1, 2),
    ],
)
def test_a_late_server_excuses_no_more_than_its_lateness(wrong: Figure) -> None:
    assert decide("c", [figure(1.5, late_ms=3.0), wrong]).state is State.FAILED


@pytest.mark.parametrize(
    ("states", "passed"),
    [
        ((State.OK, State.SKIPPED), True),
        ((State.OK, State.INCONCLUSIVE), False),
        ((State.OK, State.FAILED), False),
        ((State.SKIPPED,), False),
    ],
)
def test_it_passes_when_every_check_that_was_made_is_ok(states: tuple[State, ...], passed: bool) -> None:
    checks = tuple(Check(name="c", state=state) for state in states)

    assert SelfTest(checks=checks, capacity=None, duration_s=1).passed is passed


def test_the_capacity_in_a_sentence() -> None:
    at_its_limit = Capacity(requests_rps=24_321, cpu_us_per_request=41.0, connections=64)
    held_back = Capacity(requests_rps=6_250, cpu_us_per_request=40.0, connections=64)

    assert at_its_limit.sentence == (
        "this machine can offer 24,000 requests/s from one core, with 41 µs CPU per request"
    )
    assert "6,200 requests/s or more" in held_back.sentence
    assert "at 25% of it" in held_back.sentence


# --- repetition


def made(*results: State) -> tuple[tuple[Check, ...], ToldProgress]:
    """What comes of a check that has these results one after the other, beside one that is fine."""
    left = list(results)

    def make(_: Any) -> tuple[Check, ...]:
        state = left.pop(0)
        fine = Check(name="fine", state=State.OK, figures=(figure(len(left) / 10),))
        return fine, Check(name="c", state=state, reason=None if state is State.OK else f"was {state}")

    progress = ToldProgress()
    found = selftest._made(make, cast("Any", None), progress)
    assert left == []
    return found, progress


def test_what_is_ok_is_made_once() -> None:
    (_, check), progress = made(State.OK)

    assert (check.state, check.tries, progress.notes) == (State.OK, 1, [])


@pytest.mark.parametrize("first", [State.FAILED, State.INCONCLUSIVE])
def test_what_is_not_is_made_twice_and_says_so(first: State) -> None:
    (fine, check), progress = made(first, State.OK)

    assert (check.state, check.tries, check.reason) == (State.OK, 2, f"first try: was {first}")
    assert (fine.tries, fine.figures[0].measured) == (1, 20.1)  # its first result stays
    assert progress.notes == [f"c: was {first}; once more"]


def test_two_failures_are_one() -> None:
    (_, check), _ = made(State.INCONCLUSIVE, State.FAILED)

    assert check.state is State.FAILED
    assert check.reason == "first try: was inconclusive; second try: was failed"


# --- what both sides noted


def test_both_sides_are_cut_to_the_same_window(tmp_path: Path) -> None:
    samples = read_samples(
        write(
            tmp_path,
            record(0.5),
            record(1.5, last_byte_ms=30.0),
            record(0.9, send_delay_ms=200.0),  # due before the window, sent within
            record(1.6, Outcome.HTTP_5XX, status=500),
        )
    )
    records = np.zeros(4, dtype=truth.RECORD)
    records["arrival_ns"] = [int((T0_S + at_s) * 1e9) for at_s in (0.5, 1.5, 1.1, 1.6)]
    records["last_byte_ns"] = records["arrival_ns"] + 30_000_000
    records["status"] = [200, 200, 200, 500]
    window = Window(start_s=T0_S, steady_start_s=T0_S + 1, steady_end_s=T0_S + 2, end_s=T0_S + 2)

    steady = Trial(samples=samples, records=records, window=window).steady()

    assert (len(steady.samples), len(steady.records)) == (3, 3)
    answered = steady.ok()
    assert answered.service_ms.tolist() == [30.0, 20.0]
    assert answered.true_service_ms.tolist() == [30.0, 30.0]
    assert answered.late_ms.tolist() == [30.0, 30.0]  # nothing was planned


def test_times_of_the_program_are_no_kernel_clock(tmp_path: Path) -> None:
    window = Window(start_s=0, steady_start_s=0, steady_end_s=1, end_s=1)
    for name, clocks in (("both", (1, 0)), ("kernel", (1, 1)), ("none", ())):
        samples = read_samples(write(tmp_path / name, *(record(flags=clock) for clock in clocks)))
        trial = Trial(samples=samples, records=np.zeros(0, dtype=truth.RECORD), window=window)
        assert trial.has_kernel_clock is (name == "kernel")


def test_the_plan_of_a_load() -> None:
    streams = Load(path=None, users=3, steady_s=1).plan("http://127.0.0.1:1")
    open_loop = Load(path="/fixed", users=1, steady_s=1, arrivals=selftest._constant(100)).plan("http://x")

    assert (streams.sides[0].api, streams.sides[0].stream) == (Api.OPENAI_CHAT, True)
    assert streams.phases[0].model is LoadModel.CLOSED
    assert open_loop.phases[0].model is LoadModel.OPEN
    assert open_loop.sides[0].api is Api.HTTP
