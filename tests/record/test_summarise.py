from __future__ import annotations

import dataclasses
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from govbench.record.reader import read_samples
from govbench.record.series import Reading
from govbench.record.summarise import Recording, summarise, target_role
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import (
    BASE,
    CONTROL,
    CONTROL_OF,
    HEAD,
    HEAD_CONTROL,
    Pause,
    Phase,
    Slice,
    TestType,
    ThinkTime,
    Workers,
)
from govbench.results.run import Outcome, RunSummary, SliceWindow, Window
from tests.record.conftest import (
    ENVIRONMENT,
    INFO,
    PROVENANCE,
    T0_S,
    make_plan,
    open_phase,
    phase,
    record,
    write,
)

P50 = MetricName.RESPONSE_TIME_P50


def window(start: float, steady: float, steady_end: float, end: float) -> Window:
    return Window(
        start_s=T0_S + start, steady_start_s=T0_S + steady, steady_end_s=T0_S + steady_end, end_s=T0_S + end
    )


def summary(
    folder: Path,
    records: list[bytes],
    phases: list[Phase],
    windows: dict[int, Window],
    *,
    sides: int = 1,
    sent: int | None = None,
    **rest: Any,
) -> RunSummary:
    recording = Recording(
        info=INFO,
        plan=make_plan(*phases, sides=sides),
        targets=(),
        environment=ENVIRONMENT,
        provenance=PROVENANCE,
        samples=read_samples(write(folder, *records, sent=sent)),
        windows=windows,
        **rest,
    )
    return summarise(recording)


def metric(metrics: tuple[Metric, ...], name: MetricName) -> Metric:
    return next(m for m in metrics if m.name is name)


def test_two_levels_from_end_to_end(tmp_path: Path) -> None:
    levels = [phase("ten", users=10), phase("forty", users=40)]
    windows = {0: window(0, 0, 10, 10), 1: window(10, 10, 20, 20)}
    records = [record(i / 10, last_byte_ms=10.0, input_tokens=3, output_tokens=5) for i in range(100)]
    records += [
        record(10 + i / 40, last_byte_ms=40.0, phase=1, input_tokens=3, output_tokens=5) for i in range(400)
    ]
    records += [record(15, Outcome.HTTP_5XX, phase=1, status=500), record(19.9, Outcome.CANCELLED, phase=1)]
    result = summary(tmp_path, records, levels, windows)
    assert [p.phase.name for p in result.phases] == ["ten", "forty"]
    assert [metric(p.metrics, P50).value for p in result.phases] == [10, 40]
    assert [p.accounting.ok for p in result.phases] == [100, 400]
    assert (result.accounting.sent, result.accounting.ok, result.accounting.cancelled) == (502, 500, 1)
    assert result.accounting.errors == {Outcome.HTTP_5XX: 1}
    assert result.accounting.balanced
    (concurrent,) = result.test_types
    pooled = concurrent.metric(P50)
    assert pooled is not None
    assert pooled.value == pytest.approx(20)
    (tokens,) = result.tokens
    assert (tokens.answers, tokens.answers_with_usage) == (500, 500)
    assert (tokens.input_tokens, tokens.output_tokens, tokens.cached_tokens) == (1500, 2500, None)
    assert (tokens.input_per_answer, tokens.output_per_answer, tokens.total_tokens) == (3, 5, 4000)
    assert result.generator.kernel_clock_share == 1
    assert not result.generator.saturated


def test_the_warm_up_is_in_no_steady_count(tmp_path: Path) -> None:
    good = [record(i / 10) for i in range(-50, 100)]
    bad = [record(at, Outcome.HTTP_5XX) for at in (-4.0, -3.0, -2.0, 5.0)]
    late = [record(10.5), record(9.5, Outcome.CANCELLED)]
    (found,) = summary(tmp_path, [*good, *bad, *late], [phase()], {0: window(-5, 0, 10, 11)}).phases

    assert (found.accounting.sent, found.accounting.ok, found.accounting.failed) == (156, 151, 4)
    steady = found.steady
    assert steady is not None
    assert steady.balanced
    assert (steady.offered, steady.sent, steady.ok, steady.failed, steady.cancelled) == (102, 102, 100, 1, 1)
    assert steady.errors == {Outcome.HTTP_5XX: 1}
    assert found.steady_s == pytest.approx(10)
    # one meaning of n: answers behind a time, finished requests behind a share
    assert metric(found.metrics, P50).n == steady.ok
    assert metric(found.metrics, MetricName.ERROR_RATE).n == steady.ok + steady.failed


def test_halves_of_tokens_are_counted_apart(tmp_path: Path) -> None:
    records = [record(i / 10, output_tokens=50) for i in range(40)]
    records += [record(4 + i / 10, output_tokens=20, input_tokens=7, cached_tokens=4) for i in range(10)]
    warm = [record(-1, output_tokens=9_999), record(9.5, Outcome.HTTP_5XX, output_tokens=9_999)]
    (tokens,) = summary(tmp_path, [*warm, *records], [phase()], {0: window(-5, 0, 10, 10)}).tokens
    assert (tokens.answers, tokens.answers_with_usage) == (50, 50)
    assert (tokens.answers_with_input, tokens.answers_with_output) == (10, 50)
    assert (tokens.input_tokens, tokens.output_tokens, tokens.cached_tokens) == (70, 2200, 40)
    assert (tokens.input_per_answer, tokens.output_per_answer) == (7, 44)


def test_tokens_that_no_answer_reports_are_not_zero(tmp_path: Path) -> None:
    records = [record(i / 10, output_tokens=50) for i in range(40)]
    (tokens,) = summary(tmp_path, records, [phase()], {0: window(0, 0, 10, 10)}).tokens
    assert (tokens.input_tokens, tokens.output_tokens, tokens.total_tokens) == (None, 2000, None)
    assert (tokens.input_per_answer, tokens.answers_with_input) == (None, 0)


def test_tokens_of_controls_are_those_of_the_stack_that_answered(tmp_path: Path) -> None:
    sides = [BASE] * 30 + [HEAD] * 30 + [CONTROL_OF[BASE]] * 3 + [CONTROL_OF[HEAD]] * 2
    records = [record(at / 10, side=side, output_tokens=10) for at, side in enumerate(sides)]
    paired = replace(phase(), paired=True)
    found = summary(tmp_path, records, [paired], {0: window(0, 0, 10, 10)}, sides=4).tokens
    assert [(t.side, t.answers, t.output_tokens) for t in found] == [(0, 33, 330), (1, 32, 320)]


def test_a_test_type_that_was_not_finished_is_not_pooled(tmp_path: Path) -> None:
    phases = [phase("one", test_type=TestType.BASELINE), phase("ten"), phase("forty")]
    windows = {0: window(0, 0, 10, 10), 1: window(10, 10, 20, 20)}
    records = [record(i / 10) for i in range(100)] + [record(10 + i / 10, phase=1) for i in range(100)]
    result = summary(tmp_path, records, phases, windows)
    assert [t.test_type for t in result.test_types] == [TestType.BASELINE]
    assert len(result.phases) == 2


def test_records_that_a_kill_took_are_lost_not_forgotten(tmp_path: Path) -> None:
    result = summary(tmp_path, [record(1)], [phase()], {0: window(0, 0, 5, 5)}, sent=4)
    assert (result.accounting.sent, result.accounting.ok, result.accounting.lost) == (4, 1, 3)
    assert not result.accounting.balanced


def test_nothing_recorded(tmp_path: Path) -> None:
    result = summary(tmp_path, [], [phase()], {})
    assert (result.phases, result.test_types, result.timeline, result.tokens) == ((), (), (), ())
    assert result.generator.lag_p99_ms is None
    assert result.generator.kernel_clock_share is None


def test_sliced_phases_count_by_side_and_slice(tmp_path: Path) -> None:
    parts = tuple(Slice(side=i % 2, pair=i // 2, start_s=5 * i, duration_s=5) for i in range(4))
    found = [
        SliceWindow(
            phase=0, pair=p.pair, side=p.side, start_s=T0_S + p.start_s + 0.2, end_s=T0_S + p.start_s + 5
        )
        for p in parts
    ]
    # In the guard everything takes a second; of a slice cut short (the last), nothing counts.
    records = [
        record(i / 20, side=i // 100 % 2, last_byte_ms=1000.0 if i % 100 < 4 else 10.0 + i // 100)
        for i in range(400)
    ]
    whole = {0: window(0, 0, 20, 20)}
    sliced = phase(steady_s=20, slices=parts)
    result = summary(tmp_path, records, [sliced], whole, sides=2, slices=tuple(found[:3]))
    assert [(metric(p.metrics, P50).n, metric(p.metrics, P50).value) for p in result.phases] == [
        (192, 10),
        (96, 11),
    ]
    assert [p.accounting.ok for p in result.phases] == [200, 200]
    assert [p.steady.ok for p in result.phases if p.steady] == [192, 96]
    assert [p.steady_s for p in result.phases] == [pytest.approx(2 * 4.8), pytest.approx(4.8)]


def test_processes(tmp_path: Path) -> None:
    readings = [
        Reading(role=role, at_s=T0_S + i, cpu_s=i * share, rss_bytes=1000 + i)
        for i in range(11)
        for role, share in (("generator", 0.95), (target_role(0), 0.5))
    ]
    records = [record(i / 10, lag_ms=i / 100) for i in range(100)]
    result = summary(tmp_path, records, [phase()], {0: window(0, 0, 10, 10)}, readings=tuple(readings))
    metrics = result.phases[0].metrics
    assert metric(metrics, MetricName.CPU_PER_REQUEST).value == pytest.approx(50)  # 5 s over 100 requests
    assert metric(metrics, MetricName.MEMORY_PEAK).value == 1010
    assert result.generator.saturated
    assert result.generator.cpu_cores_mean == pytest.approx(0.95)
    assert result.generator.lag_p50_ms == pytest.approx(0.49)
    assert result.generator.lag_p99_ms == pytest.approx(0.98)


def test_cpu_per_request_counts_the_controls_that_a_side_served(tmp_path: Path) -> None:
    served = {BASE: 100, CONTROL: 20, HEAD: 100, HEAD_CONTROL: 60}
    records = [
        record(10 * i / count, side=side, user=side) for side, count in served.items() for i in range(count)
    ]
    readings = tuple(
        Reading(role=target_role(side), at_s=T0_S + at, cpu_s=at / 10 * 0.010 * count, rss_bytes=1_000_000)
        for side, count in ((BASE, 120), (HEAD, 160))
        for at in range(11)
    )

    found = summary(
        tmp_path,
        records,
        [dataclasses.replace(phase(), paired=True)],
        {0: window(0, 0, 10, 10)},
        sides=4,
        readings=readings,
    )

    assert [result.side for result in found.phases] == [BASE, HEAD]
    for result in found.phases:
        assert metric(result.metrics, MetricName.CPU_PER_REQUEST).value == pytest.approx(10.0)


def test_lags_that_were_not_measured_do_not_thin_out_those_that_were(tmp_path: Path) -> None:
    records = [record(i / 100, lag_ms=5.0) for i in range(10)]
    records += [record(i / 100, Outcome.CONNECT, flags=0) for i in range(30)]
    result = summary(tmp_path, records, [phase()], {0: window(0, 0, 10, 10)})
    assert result.generator.lag_p50_ms == 5
    assert result.generator.kernel_clock_share == 0.25


def test_timeline(tmp_path: Path) -> None:
    phases = [phase("one", users=3), phase("two", users=7)]
    windows = {0: window(0, 1, 2, 2), 1: window(2, 2, 4, 4)}
    records = [
        record(0.1, last_byte_ms=10.0), record(0.2, last_byte_ms=30.0), record(0.95, last_byte_ms=100.0),
        record(2.5, Outcome.RESET), record(3.5, last_byte_ms=7.0), record(3.6, Outcome.CANCELLED),
    ]  # fmt: skip
    points = summary(tmp_path, records, phases, windows).timeline
    assert [(p.at_s, p.users, p.completed, p.failed) for p in points[:4]] == [
        (0, 3, 2, 0),
        (1, 3, 1, 0),
        (2, 7, 0, 1),
        (3, 7, 1, 0),
    ]
    assert [p.p50_ms for p in points[:4]] == [10, 100, None, 7]
    assert sum(p.completed for p in points) == 4


def test_the_timeline_of_a_long_run_is_thinned(tmp_path: Path) -> None:
    records = [record(float(second)) for second in range(0, 7200, 10)]
    points = summary(tmp_path, records, [phase(steady_s=7200)], {0: window(0, 0, 7200, 7200)}).timeline
    assert len(points) <= 601
    assert points[1].at_s == 12
    assert sum(p.completed for p in points) == 720


def test_a_moment_of_several_seconds_has_the_percentiles_of_its_answers(tmp_path: Path) -> None:
    """Not the median of the medians of its seconds: one of them has most of the answers."""
    times = [10.0] * 9 + [50.0, 60.0]
    records = [record(0.5 + i / 100, last_byte_ms=ms) for i, ms in enumerate(times[:9])]
    records += [record(1.5, last_byte_ms=50.0), record(2.5, last_byte_ms=60.0)]
    (first, *_) = summary(tmp_path, records, [phase(steady_s=7200)], {0: window(0, 0, 7200, 7200)}).timeline
    assert (first.completed, first.p50_ms, first.p95_ms) == (11, 10, 60)


def test_base_and_head_have_a_timeline_each(tmp_path: Path) -> None:
    sides = [BASE, HEAD, CONTROL, HEAD_CONTROL]
    records = [
        record(i / 4 + side / 16, side=side, last_byte_ms=10.0 * (1 + side % 2))
        for i in range(12)
        for side in sides
    ]
    paired = replace(phase(), paired=True)
    found = summary(tmp_path, records, [paired], {0: window(0, 0, 3, 3)}, sides=4)
    base, head = found.side_timelines
    assert (base.side, head.side) == (BASE, HEAD)
    assert [p.p50_ms for p in base.points[:3]] == [10, 10, 10]
    assert [p.p50_ms for p in head.points[:3]] == [20, 20, 20]
    for both, *each in zip(found.timeline, base.points, head.points, strict=True):
        assert both.completed == sum(point.completed for point in each)
        assert {point.at_s for point in each} == {both.at_s}


def test_pairs_estimate_no_throughput(tmp_path: Path) -> None:
    """Both sides get as many requests: a rate, but none that would tell them apart."""
    sides = [BASE, HEAD, CONTROL, HEAD_CONTROL]
    records = [record(i / 40 + side / 160, side=side) for i in range(400) for side in sides]
    for paired, has_interval in ((True, False), (False, True)):
        whole = {0: window(0, 0, 10, 10)}
        found = summary(
            tmp_path / str(paired),
            records,
            [replace(phase(), paired=paired)],
            whole,
            sides=4 if paired else 2,
        )
        rate = metric(found.phases[0].metrics, MetricName.THROUGHPUT)
        assert rate.value == pytest.approx(40)
        assert (rate.low is not None, rate.standard_error is not None) == (has_interval, has_interval)


def test_a_run_of_one_side_has_one_timeline(tmp_path: Path) -> None:
    assert summary(tmp_path, [record(1)], [phase()], {0: window(0, 0, 5, 5)}).side_timelines == ()


def test_the_users_of_a_long_run_are_those_of_the_instant(tmp_path: Path) -> None:
    """Points of 12 s each: the second phase begins with the 300th of them, not with the 3,600th."""
    phases = [phase("one", users=3, steady_s=3600), phase("two", users=7, steady_s=3600)]
    windows = {0: window(0, 0, 3600, 3600), 1: window(3600, 3600, 7200, 7200)}
    records = [record(float(second), phase=second // 3600) for second in range(0, 7200, 10)]
    points = summary(tmp_path, records, phases, windows).timeline
    assert [(p.at_s, p.users) for p in points[299:301]] == [(3588, 3), (3600, 7)]
    assert (points[599].at_s, points[599].users) == (7188, 7)


def test_a_summary_is_a_value(tmp_path: Path) -> None:
    result = summary(tmp_path, [record(1)], [phase()], {0: window(0, 0, 5, 5)})
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.warnings = ()  # type: ignore[misc]


def busy(cores: float, seconds: int = 20) -> tuple[Reading, ...]:
    """A generator that uses that many cores all the time."""
    return tuple(
        Reading(role="generator", at_s=T0_S + i, cpu_s=i * cores, rss_bytes=1) for i in range(seconds + 1)
    )


def test_an_open_loop_shows_in_its_delays_whether_it_kept_up(tmp_path: Path) -> None:
    records = [
        record(i / 10, send_delay_ms=i / 10, connect_ms=1.0 if i > 50 else math.nan) for i in range(100)
    ]
    result = summary(
        tmp_path,
        records,
        [open_phase()],
        {0: window(0, 0, 10, 10)},
        readings=busy(0.99),
        dropped={(0, 0): 7},
        dropped_steady={(0, 0): 5},
    )

    assert not result.generator.saturated
    assert result.phases[0].scheduling_delay_p99_ms == pytest.approx(9.8 - 1)
    assert result.generator.scheduling_delay_p99_ms == pytest.approx(9.8 - 1)
    part = result.phases[0].accounting
    assert (part.offered, part.dropped, part.sent, part.balanced) == (107, 7, 100, True)
    steady = result.phases[0].steady
    assert steady is not None
    assert (steady.offered, steady.dropped, steady.sent, steady.balanced) == (105, 5, 100, True)


def test_the_generator_is_saturated_by_its_closed_loops_alone(tmp_path: Path) -> None:
    both = [phase(), open_phase()]
    windows = {0: window(0, 0, 10, 10), 1: window(10, 10, 20, 20)}
    idle_then_busy = tuple(dataclasses.replace(r, cpu_s=max(0.0, r.at_s - T0_S - 10)) for r in busy(1.0))
    records = [record(i, phase=i // 10) for i in range(20)]

    calm = summary(tmp_path / "calm", records, both, windows, readings=idle_then_busy)
    hot = summary(tmp_path / "hot", records, both, windows, readings=busy(0.95))

    assert not calm.generator.saturated
    assert hot.generator.saturated
    assert calm.phases[0].scheduling_delay_p99_ms is None


def test_a_paced_user_that_is_late_is_no_late_generator(tmp_path: Path) -> None:
    pace = ThinkTime(low_s=1.0, high_s=1.0, pause=Pause.PACING)
    records = [record(i / 10, send_delay_ms=500.0) for i in range(50)]
    records += [record(10 + i / 10, send_delay_ms=0.5, phase=1) for i in range(50)]
    windows = {0: window(0, 0, 10, 10), 1: window(10, 10, 20, 20)}

    result = summary(tmp_path, records, [phase(think_time=pace), phase("two")], windows)

    assert result.generator.scheduling_delay_p99_ms == 0.5


@pytest.mark.parametrize(
    ("cores", "workers", "worker_cores", "saturated"),
    [
        (0.95, 1, (), True),
        (1.9, 2, (), True),  # both of them together
        (1.7, 2, (), False),
        (0.95, 2, (), False),
        (0.95, 2, (0.1, 0.85), False),
        (0.95, 2, (0.95, 0.0), True),  # one alone, which the mean hides
        (0.0, 0, (0.2, 0.95), True),  # on other machines
    ],
)
def test_the_generator_is_saturated_by_its_mean_and_by_its_busiest_worker(
    tmp_path: Path, cores: float, workers: int, worker_cores: tuple[float, ...], saturated: bool
) -> None:
    plan = replace(
        make_plan(phase()), workers=Workers(local=workers, remote=0 if workers else 2, token="t" * 32)
    )
    found = summarise(
        Recording(
            info=INFO,
            plan=plan,
            targets=(),
            environment=ENVIRONMENT,
            provenance=PROVENANCE,
            samples=read_samples(write(tmp_path, *[record(i / 10) for i in range(100)])),
            windows={0: window(0, 0, 10, 10)},
            readings=busy(cores),
            worker_cores=worker_cores,
        )
    )
    assert found.generator.saturated is saturated


def test_the_timeline_of_an_open_loop_has_the_requests_under_way(tmp_path: Path) -> None:
    records = [record(i / 10, last_byte_ms=250.0) for i in range(100)]

    result = summary(tmp_path, records, [open_phase()], {0: window(0, 0, 10, 10)})

    assert {point.users for point in result.timeline[:10]} == {None}
    assert {point.under_way for point in result.timeline[1:-1]} <= {2, 3}
