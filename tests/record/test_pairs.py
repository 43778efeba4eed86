from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from govbench.record.pairs import block_s, observe, pair_up, readings_by_side
from govbench.record.reader import SampleTable, read_samples
from govbench.record.series import Reading
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import (
    BASE,
    CONTROL,
    CONTROL_OF,
    HEAD,
    ArrivalProcess,
    Arrivals,
    LoadModel,
    Phase,
    Plan,
    RatePoint,
    Slice,
    TestType,
)
from govbench.results.rounds import Control, Observation
from govbench.results.run import Outcome, Window
from tests.record.conftest import T0_S, make_plan, phase, record, write

P50, P95, TTFT = MetricName.RESPONSE_TIME_P50, MetricName.RESPONSE_TIME_P95, MetricName.TTFT_P50
ERRORS, TOKENS, RATE = MetricName.ERROR_RATE, MetricName.OUTPUT_TOKENS, MetricName.THROUGHPUT
PAIRED = replace(phase("paired", users=2), paired=True)
PLAN = make_plan(PAIRED, sides=4)
WINDOW = Window(start_s=T0_S, steady_start_s=T0_S + 1, steady_end_s=T0_S + 9, end_s=T0_S + 10)


def pair(
    at_s: float, base_ms: float, other_ms: float, *, user: int = 0, other: int = HEAD, first: int = BASE
) -> list[bytes]:
    """Two requests, the second 100 ms after the first."""
    times = {BASE: base_ms, other: other_ms}
    order = (first, next(side for side in times if side != first))
    return [
        record(
            at_s + 0.1 * place, side=side, user=user, last_byte_ms=times[side], first_byte_ms=times[side] / 2
        )
        for place, side in enumerate(order)
    ]


def table_of(folder: Path, *groups: Iterable[bytes]) -> SampleTable:
    return read_samples(write(folder, *(each for group in groups for each in group)))


def found(observations: Iterable[Observation], name: MetricName) -> Observation:
    (observation,) = (o for o in observations if o.metric is name)
    return observation


def many(ratio: float, *, count: int = 300, seed: int = 1, noise: float = 0.1) -> list[bytes]:
    rng = np.random.default_rng(seed)
    times = np.linspace(1.0, 8.8, count)
    records = []
    for number, at in enumerate(times):
        base, head = 20 * np.exp(rng.normal(0, noise, 2))
        records += pair(float(at), base, head * ratio, user=number % 7, first=BASE if number % 3 else HEAD)
    return records


# --- which requests belong together


def test_pairs_are_found_by_user_and_order_whichever_side_was_first(tmp_path: Path) -> None:
    table = table_of(
        tmp_path,
        pair(1, 10, 11, user=0),
        pair(1.05, 20, 22, user=1, first=HEAD),
        pair(2, 30, 33, user=0, first=HEAD),
    )

    pairs = pair_up(table, PLAN)

    assert len(pairs) == 3
    assert (pairs.base.column("side") == BASE).all()
    assert (pairs.other.column("side") == HEAD).all()
    times = zip(pairs.base.column("last_byte_ms"), pairs.other.column("last_byte_ms"), strict=True)
    assert sorted(times) == [(10, 11), (20, 22), (30, 33)]


def test_a_pair_that_the_end_cut_in_two_is_left_out(tmp_path: Path) -> None:
    table = table_of(tmp_path, pair(1, 10, 11), pair(2, 20, 22)[:1], pair(1, 30, 33, user=5))

    assert sorted(pair_up(table, PLAN).base.column("last_byte_ms")) == [10, 30]


def test_retries_and_other_phases_form_no_pairs(tmp_path: Path) -> None:
    plan = make_plan(PAIRED, phase("alone"), sides=4)
    retry = [record(1.05, side=BASE, attempt=1)]
    alone = [record(5 + i, phase=1, user=0) for i in range(4)]
    table = table_of(tmp_path, pair(1, 10, 11), retry, alone)

    assert len(pair_up(table, plan)) == 1


def test_no_samples_no_pairs(tmp_path: Path) -> None:
    table = table_of(tmp_path)

    assert len(pair_up(table, PLAN)) == 0
    assert observe(table, PLAN, {0: WINDOW}) == ((), None)


# --- what they tell


def test_the_effect_is_the_median_over_pairs(tmp_path: Path) -> None:
    observations, _ = observe(table_of(tmp_path, many(1.07)), PLAN, {0: WINDOW})

    seen = found(observations, P50)
    assert seen.effect == pytest.approx(math.log(1.07), abs=0.025)
    assert seen.standard_error == pytest.approx(1.2533 * 0.1 * math.sqrt(2) / math.sqrt(300), rel=0.35)
    assert seen.base_n == seen.head_n == 300
    assert seen.base == pytest.approx(20, rel=0.03)
    tail = found(observations, P95)
    assert tail.effect is not None
    assert tail.base is not None
    assert tail.head is not None
    assert math.log(tail.head / tail.base) == pytest.approx(tail.effect)


def test_questions_that_differ_cancel_in_their_pairs(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    records: list[bytes] = []
    for number, at in enumerate(np.linspace(1, 8.8, 200)):
        base = 20 * float(rng.choice([0.2, 1.0, 5.0]))
        records += pair(float(at), base, base * 1.03 * math.exp(rng.normal(0, 0.01)), user=number % 4)

    observations, _ = observe(table_of(tmp_path, records), PLAN, {0: WINDOW})

    seen = found(observations, P50)
    assert seen.effect == pytest.approx(math.log(1.03), abs=0.004)
    assert seen.standard_error is not None
    assert seen.standard_error < 0.002


def test_swapped_sides_turn_the_sign_and_nothing_else(tmp_path: Path) -> None:
    plain = table_of(tmp_path / "plain", many(1.04))
    swapped = read_samples(write(tmp_path / "swapped", *many(1.04)))
    records = np.array(swapped.parts[0].records)
    records["side"] = 1 - records["side"]
    swapped = replace(swapped, parts=(replace(swapped.parts[0], records=records),))

    one, other = (observe(table, PLAN, {0: WINDOW})[0] for table in (plain, swapped))

    assert [o.metric for o in one] == [o.metric for o in other]
    for mine, its in zip(one, other, strict=True):
        assert its.effect == (None if mine.effect is None else -mine.effect)
        assert its.standard_error == mine.standard_error
        assert (its.base, its.head) == pytest.approx((mine.head, mine.base))


def test_only_the_steady_segment_counts(tmp_path: Path) -> None:
    early = [each for at in np.linspace(0, 0.8, 20) for each in pair(float(at), 20, 200)]
    observations, _ = observe(table_of(tmp_path, early, many(1.0)), PLAN, {0: WINDOW})

    assert found(observations, P50).base_n == 300


def test_a_failed_request_takes_its_pair_out_of_the_latencies_and_counts_as_an_error(tmp_path: Path) -> None:
    broken = [
        record(2.0, side=BASE, user=90),
        record(2.1, Outcome.HTTP_5XX, side=HEAD, user=90, last_byte_ms=900.0),
    ]
    observations, _ = observe(table_of(tmp_path, many(1.0), broken), PLAN, {0: WINDOW})

    assert found(observations, P50).base_n == 300
    errors = found(observations, ERRORS)
    assert (errors.base, errors.base_n) == (0.0, 301)
    assert errors.head == pytest.approx(1 / 301)


def test_a_side_that_never_answers_is_seen_to_lack_the_metric(tmp_path: Path) -> None:
    records = [
        each
        for at in np.linspace(1, 8, 40)
        for each in (record(at, side=BASE, user=1), record(at + 0.01, Outcome.RESET, side=HEAD, user=1))
    ]
    observations, _ = observe(table_of(tmp_path, records), PLAN, {0: WINDOW})

    seen = found(observations, P50)
    assert (seen.head, seen.head_n, seen.effect) == (None, 0, None)
    assert seen.base == pytest.approx(20)
    assert found(observations, ERRORS).head == 1.0


def test_a_first_token_on_one_side_only_is_told(tmp_path: Path) -> None:
    records = [
        each
        for at in np.linspace(1, 8, 40)
        for each in (
            record(at, side=BASE, user=1, first_token_ms=5.0),
            record(at + 0.01, side=HEAD, user=1),
        )
    ]
    observations, _ = observe(table_of(tmp_path, records), PLAN, {0: WINDOW})

    seen = found(observations, TTFT)
    assert (seen.base, seen.head) == (5.0, None)


def test_tokens_are_compared_answer_by_answer(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    records = []
    for number, at in enumerate(np.linspace(1, 8.8, 200)):
        tokens = int(rng.integers(20, 400))
        records += [
            record(at, side=BASE, user=number % 5, output_tokens=tokens),
            record(at + 0.01, side=HEAD, user=number % 5, output_tokens=round(tokens * 1.2)),
        ]
    observations, _ = observe(table_of(tmp_path, records), PLAN, {0: WINDOW})

    seen = found(observations, TOKENS)
    assert seen.effect == pytest.approx(math.log(1.2), abs=0.005)
    assert seen.standard_error is not None
    assert seen.standard_error < 0.005


def control_pair(at_s: float, own_ms: float, again_ms: float, *, of: int, user: int = 50) -> list[bytes]:
    return [
        record(at_s, side=of, user=user, last_byte_ms=own_ms),
        record(at_s + 0.1, side=CONTROL_OF[of], user=user, last_byte_ms=again_ms),
    ]


@pytest.mark.parametrize("side", [BASE, HEAD])
def test_the_control_holds_a_side_against_itself(tmp_path: Path, side: int) -> None:
    control = [each for at in np.linspace(1, 8, 30) for each in control_pair(float(at), 20, 21, of=side)]
    observations, seen = observe(table_of(tmp_path, many(1.0), control), PLAN, {0: WINDOW})

    assert isinstance(seen, Control)
    assert seen.n == 30
    assert seen.effect == pytest.approx(math.log(21 / 20))
    assert found(observations, P50).base_n == 300


def test_the_control_is_that_of_both_sides(tmp_path: Path) -> None:
    """A head three times as slow as base is no fault; what asking twice adds to either is."""
    control = [
        each
        for place, at in enumerate(np.linspace(1, 8, 40))
        for each in control_pair(
            float(at), *((20, 22) if place % 2 else (60, 66)), of=BASE if place % 2 else HEAD
        )
    ]
    _, seen = observe(table_of(tmp_path, many(3.0), control), PLAN, {0: WINDOW})

    assert seen is not None
    assert seen.n == 40
    assert seen.effect == pytest.approx(math.log(1.1))


def test_a_round_of_an_older_version_has_controls_of_base_alone(tmp_path: Path) -> None:
    control = [
        each for at in np.linspace(1, 8, 30) for each in pair(float(at), 20, 21, user=50, other=CONTROL)
    ]
    _, seen = observe(table_of(tmp_path, many(1.0), control), PLAN, {0: WINDOW})

    assert seen is not None
    assert seen.n == 30
    assert seen.effect == pytest.approx(math.log(21 / 20))


def test_cpu_is_of_everything_that_a_side_served_its_controls_included(tmp_path: Path) -> None:
    """Base answers 20 requests of control, head 60, both 300 others, and each takes them 10 ms."""
    controls = [
        each
        for side, count in ((BASE, 10), (HEAD, 30))
        for at in np.linspace(1.1, 8, count)
        for each in control_pair(float(at), 20, 20, of=side)
    ]
    table = table_of(tmp_path, many(1.0), controls)
    readings = [
        Reading(role=f"target:{side}", at_s=T0_S + at, cpu_s=at / 8 * 0.010 * served, rss_bytes=1_000_000)
        for side, served in ((BASE, 320), (HEAD, 360))
        for at in np.linspace(0, 10, 41).tolist()
    ]

    per_side = readings_by_side(table, {0: WINDOW}, readings)

    for side in (BASE, HEAD):
        cpu = next(m for m in per_side[0, side] if m.name is MetricName.CPU_PER_REQUEST)
        assert cpu.value == pytest.approx(10.0, rel=0.02)


def test_blocks_are_a_tenth_of_the_round_and_never_too_short_for_neighbours_to_be_apart() -> None:
    assert block_s([(0.0, 3.0), (10.0, 15.0)]) == pytest.approx(0.8)
    assert block_s([(0.0, 0.4)]) == 0.1


def test_readings_are_observations_without_an_error(tmp_path: Path) -> None:
    readings = {
        (0, side): (Metric(name=MetricName.CPU_PER_REQUEST, value=1.0 + side, n=100),)
        for side in (BASE, HEAD)
    }
    observations, _ = observe(table_of(tmp_path, many(1.0)), PLAN, {0: WINDOW}, readings=readings)

    seen = found(observations, MetricName.CPU_PER_REQUEST)
    assert seen.effect == pytest.approx(math.log(2))
    assert seen.standard_error is None


def test_each_level_is_observed_for_itself_and_failures_over_all_as_well(tmp_path: Path) -> None:
    plan = make_plan(PAIRED, replace(PAIRED, name="more", users=20), sides=4)
    windows = {
        0: replace(WINDOW, steady_end_s=T0_S + 5),
        1: replace(WINDOW, steady_start_s=T0_S + 5),
    }
    slow = [each for at in np.linspace(5.2, 8.5, 200) for each in pair(float(at), 20, 30, user=int(at * 60))]
    fast = [each for at in np.linspace(1.2, 4.5, 200) for each in pair(float(at), 10, 10, user=int(at * 60))]
    observations, _ = observe(table_of(tmp_path, fast, slow), plan, windows)

    p50 = {o.level: o for o in observations if o.metric is P50}
    assert p50.keys() == {"2 users", "20 users"}
    assert p50["2 users"].effect == pytest.approx(0.0)
    assert p50["20 users"].effect == pytest.approx(math.log(1.5))
    failures = {o.level: o for o in observations if o.metric is ERRORS}
    assert failures.keys() == {None, "2 users", "20 users"}
    assert failures[None].base_n == failures["2 users"].base_n + failures["20 users"].base_n


# --- throughput


def turns(slice_s: float = 4.0) -> Phase:
    return Phase(
        name="rate",
        test_type=TestType.CONCURRENT,
        users=None,
        steady_s=2 * slice_s,
        model=LoadModel.OPEN,
        arrivals=Arrivals(points=(RatePoint(at_s=0, rate_rps=50),), process=ArrivalProcess.CONSTANT),
        slices=(
            Slice(side=BASE, start_s=0, duration_s=slice_s, pair=0),
            Slice(side=HEAD, start_s=slice_s, duration_s=slice_s, pair=0),
        ),
    )


def test_throughput_is_that_of_the_turns_of_an_open_loop(tmp_path: Path) -> None:
    plan: Plan = make_plan(turns(), sides=4)
    window = Window(start_s=T0_S, steady_start_s=T0_S, steady_end_s=T0_S + 8, end_s=T0_S + 8)
    events = [{"event": "slice", "index": 0, "slice": i, "at_s": T0_S + 4.0 * i} for i in (0, 1)]
    base = [record(i * 0.02, side=BASE, user=i % 9) for i in range(195)]
    head = [record(4 + i * 0.04, side=HEAD, user=i % 9) for i in range(98)]

    observations, control = observe(table_of(tmp_path, base, head), plan, {0: window}, events)

    seen = found(observations, RATE)
    assert control is None
    assert seen.base == pytest.approx(50, rel=0.03)
    assert seen.head == pytest.approx(25, rel=0.05)
    assert seen.effect == pytest.approx(math.log(0.5), abs=0.06)
    assert seen.standard_error is not None


def test_turns_too_short_for_whole_seconds_have_the_error_of_a_count(tmp_path: Path) -> None:
    plan: Plan = make_plan(turns(2.0), sides=4)
    window = Window(start_s=T0_S, steady_start_s=T0_S, steady_end_s=T0_S + 4, end_s=T0_S + 4)
    events = [{"event": "slice", "index": 0, "slice": i, "at_s": T0_S + 2.0 * i} for i in (0, 1)]
    base = [record(i * 0.02, side=BASE, user=i % 9) for i in range(95)]
    head = [record(2 + i * 0.04, side=HEAD, user=i % 9) for i in range(48)]

    observations, _ = observe(table_of(tmp_path, base, head), plan, {0: window}, events)

    seen = found(observations, RATE)
    assert seen.base_n > seen.head_n > 40
    assert seen.standard_error == pytest.approx(math.sqrt(1 / seen.base_n + 1 / seen.head_n))
