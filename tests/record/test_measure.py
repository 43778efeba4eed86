from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from govbench.record.measure import (
    distribution,
    error_rate,
    inside,
    measure,
    pooled,
    scheduling_delay_ms,
)
from govbench.record.part import EVENT_DTYPE
from govbench.record.reader import SampleTable, read_samples
from govbench.results.metrics import Metric, MetricName
from govbench.results.run import Outcome
from tests.record.conftest import T0_S, record, write

STEADY = [(float(T0_S), float(T0_S + 10))]


@pytest.fixture
def thousand(tmp_path: Path) -> SampleTable:
    """1,000 answers in 10 s, of 1 to 1,000 ms plus 2 ms of delay before the send; each order is mixed."""
    records = (
        record(
            i / 100, last_byte_ms=float(i * 7 % 1000 + 1), first_byte_ms=float(i * 7 % 1000) / 2,
            send_delay_ms=2.0, output_tokens=i % 3,
        )
        for i in range(1000)
    )  # fmt: skip
    return read_samples(write(tmp_path, *records))


def by_name(metrics: tuple[Metric, ...]) -> dict[MetricName, Metric]:
    return {metric.name: metric for metric in metrics}


def test_percentiles_are_nearest_ranks_from_the_intended_start(thousand: SampleTable) -> None:
    metrics = by_name(measure(thousand, STEADY))
    assert metrics[MetricName.RESPONSE_TIME_P50].value == 502
    assert metrics[MetricName.RESPONSE_TIME_P95].value == 952
    assert metrics[MetricName.RESPONSE_TIME_P99].value == 992
    assert metrics[MetricName.TTFB_P50].value == 2 + 499 / 2
    assert metrics[MetricName.RESPONSE_TIME_P50].n == 1000
    assert MetricName.TTFT_P50 not in metrics
    assert metrics[MetricName.OUTPUT_TOKENS].value == pytest.approx(0.999)
    for metric in metrics.values():
        assert metric.low is None or metric.high is None or metric.low <= metric.value <= metric.high


def test_a_percentile_needs_ten_samples_above_it(tmp_path: Path) -> None:
    def named(count: int) -> set[MetricName]:
        folder = tmp_path / str(count)
        return set(
            by_name(measure(read_samples(write(folder, *[record(i / 200) for i in range(count)])), STEADY))
        )

    assert MetricName.RESPONSE_TIME_P50 in named(20)
    assert MetricName.RESPONSE_TIME_P50 not in named(19)
    assert MetricName.RESPONSE_TIME_P95 in named(200)
    assert MetricName.RESPONSE_TIME_P95 not in named(199)
    assert MetricName.RESPONSE_TIME_P99 not in named(999)


def test_failures_have_no_part_in_response_times(tmp_path: Path) -> None:
    good = [record(i / 10, last_byte_ms=20.0) for i in range(75)]
    bad = [record(i * 3 / 10, Outcome.TIMEOUT, last_byte_ms=9_000.0) for i in range(25)]
    gone = [record(i / 10, Outcome.CANCELLED, last_byte_ms=9_000.0) for i in range(10)]
    metrics = by_name(measure(read_samples(write(tmp_path, *good, *bad, *gone)), STEADY))
    assert metrics[MetricName.RESPONSE_TIME_P50].value == 20
    assert metrics[MetricName.RESPONSE_TIME_P50].n == 75
    rate = metrics[MetricName.ERROR_RATE]
    assert (rate.value, rate.n) == (0.25, 100)
    # Wilson (1927), 25 of 100 at 99 %: centre (p + z²/2n) / (1 + z²/n), z = 2.575829.
    assert rate.low == pytest.approx(0.15643, abs=1e-5)
    assert rate.high == pytest.approx(0.37468, abs=1e-5)


def test_only_requests_due_within_the_spans_count(tmp_path: Path) -> None:
    samples = read_samples(write(tmp_path, *[record(i) for i in range(10)]))
    spans = [(T0_S + 2.0, T0_S + 4.0), (T0_S + 7.0, T0_S + 8.0)]
    assert inside(samples, spans).nonzero()[0].tolist() == [2, 3, 7]
    assert not inside(samples, []).any()


def test_throughput_counts_answers_that_arrived_within_the_spans(tmp_path: Path) -> None:
    # Five a second for ten seconds; those due in the last second arrive after the end, as do the failures.
    on_time = [record(i / 5, last_byte_ms=50.0) for i in range(45)]
    late = [record(9 + i / 5, last_byte_ms=1_500.0) for i in range(5)]
    before = [record(-0.5, last_byte_ms=600.0)]
    failed = [record(i / 5, Outcome.RESET) for i in range(45)]
    metrics = by_name(measure(read_samples(write(tmp_path, *on_time, *late, *before, *failed)), STEADY))
    throughput = metrics[MetricName.THROUGHPUT]
    assert (throughput.value, throughput.n) == (4.6, 46)
    # Counts of whole seconds: 6, 5, 5, 5, 5, 5, 5, 5, 5, 0.
    deviation = math.sqrt((1.4**2 + 8 * 0.4**2 + 4.6**2) / 9)
    assert throughput.standard_error == pytest.approx(deviation / math.sqrt(10) / 4.6)


def test_nothing_answered(tmp_path: Path) -> None:
    samples = read_samples(write(tmp_path, *[record(i / 10, Outcome.CONNECT) for i in range(50)]))
    assert set(by_name(measure(samples, STEADY))) == {MetricName.ERROR_RATE}
    assert measure(samples, STEADY)[0].value == 1
    assert distribution(samples, STEADY) is None


def test_no_samples_and_no_spans(tmp_path: Path, thousand: SampleTable) -> None:
    assert measure(read_samples(write(tmp_path / "empty")), STEADY) == ()
    assert measure(thousand, []) == ()
    assert error_rate(0, 0) is None


def test_distribution_keeps_every_answer_within_its_error(thousand: SampleTable) -> None:
    found = distribution(thousand, STEADY)
    assert found is not None
    assert sum(count for _, count in found.buckets) == 1000
    below = sum(count for index, count in found.buckets if found.gamma**index <= 500)
    assert below == pytest.approx(498, abs=12)


def metric(name: MetricName, value: float, n: int = 100, error: float | None = 0.02) -> Metric:
    return Metric(name=name, value=value, n=n, standard_error=error)


def test_levels_are_pooled_by_the_geometric_mean() -> None:
    p50, peak, rate = MetricName.RESPONSE_TIME_P50, MetricName.MEMORY_PEAK, MetricName.ERROR_RATE
    low = (metric(p50, 10, 900, 0.03), metric(peak, 5, error=None), metric(rate, 0.1, 10))
    high = (metric(p50, 40, 100, 0.04), metric(peak, 9, error=None), metric(rate, 0.01, 990))
    found = by_name(pooled([low, high]))
    assert found[p50].value == pytest.approx(20)  # √(10 · 40), whatever the counts
    assert found[p50].standard_error == pytest.approx(0.025)  # √(0.03² + 0.04²) / 2
    assert found[p50].n == 1000
    assert found[p50].low == pytest.approx(20 * math.exp(-2.575829 * 0.025))
    assert found[peak].value == 9
    assert found[rate].value == pytest.approx((1 + 10) / 1000)  # by the counts


def test_what_one_level_lacks_is_not_pooled() -> None:
    p50, p99 = MetricName.RESPONSE_TIME_P50, MetricName.RESPONSE_TIME_P99
    found = by_name(pooled([(metric(p50, 10), metric(p99, 30)), (metric(p50, 10),)]))
    assert set(found) == {p50}
    assert pooled([(metric(p50, 10),), ()]) == ()
    assert pooled([]) == ()


def test_an_error_that_one_level_lacks_is_not_made_up() -> None:
    p50 = MetricName.RESPONSE_TIME_P50
    (found,) = pooled([(metric(p50, 10),), (metric(p50, 40, error=None),)])
    assert found.value == pytest.approx(20)
    assert found.standard_error is None
    assert found.low is None


def test_service_time_forgets_when_a_request_was_due(thousand: SampleTable) -> None:
    assert by_name(measure(thousand, STEADY))[MetricName.SERVICE_TIME_P50].value == 500


def test_connecting_is_no_scheduling_delay(tmp_path: Path) -> None:
    samples = read_samples(
        write(
            tmp_path,
            record(0, send_delay_ms=12.0, dns_ms=1.0, connect_ms=3.0, tls_ms=6.0),
            record(1, send_delay_ms=5.0),
            record(2, send_delay_ms=1.0, connect_ms=1.5),  # float16 may round above the whole
        )
    )

    assert scheduling_delay_ms(samples).tolist() == [2.0, 5.0, 0.0]


def stream_events(*events: tuple[int, float]) -> bytes:
    return np.array(list(events), dtype=EVENT_DTYPE).tobytes()


def test_gaps_and_tokens_of_streams(tmp_path: Path) -> None:
    # 100 streams whose first event has no token yet; then 11 events 20 ms apart, the last two in one segment
    records = [record(i / 10, first_token_ms=50.0, output_tokens=21) for i in range(100)]
    times = [5.0, *(50.0 + 20 * k for k in range(10)), 230.0]
    folder = write(tmp_path, *records)
    (folder / "events").write_bytes(stream_events(*[(i, at) for i in range(100) for at in times]))

    metrics = by_name(measure(read_samples(folder), STEADY))

    assert metrics[MetricName.CHUNK_GAP_P50].value == pytest.approx(20)
    assert metrics[MetricName.CHUNK_GAP_P50].n == 1000  # of 11 gaps, the one before the token is none
    assert metrics[MetricName.CHUNK_GAP_P99].value == pytest.approx(20)
    assert metrics[MetricName.TPOT_P50].value == pytest.approx(180 / 20)


def test_events_of_other_requests_have_no_part(tmp_path: Path) -> None:
    late = [record(100 + i, first_token_ms=1.0, output_tokens=5) for i in range(50)]
    failed = [record(1 + i / 100, Outcome.TRUNCATED, first_token_ms=1.0) for i in range(50)]
    counted = [record(2 + i / 100, first_token_ms=1.0, output_tokens=5) for i in range(50)]
    folder = write(tmp_path, *late, *failed, *counted)
    gap = {0: 900.0, 1: 700.0, 2: 8.0}
    (folder / "events").write_bytes(
        stream_events(*[(i, 1.0 + gap[i // 50] * k) for i in range(150) for k in range(2)])
    )

    metrics = by_name(measure(read_samples(folder), STEADY))

    assert metrics[MetricName.CHUNK_GAP_P50].value == pytest.approx(8)
    assert metrics[MetricName.TPOT_P50].value == pytest.approx(2)


def test_streams_without_usage_have_no_time_per_token(tmp_path: Path) -> None:
    folder = write(tmp_path, *[record(i / 10, first_token_ms=1.0) for i in range(50)])
    (folder / "events").write_bytes(stream_events(*[(i, 1.0 + k) for i in range(50) for k in range(2)]))

    metrics = by_name(measure(read_samples(folder), STEADY))

    assert MetricName.TPOT_P50 not in metrics
    assert MetricName.CHUNK_GAP_P50 in metrics


def test_events_that_came_in_one_segment_have_a_gap_of_the_resolution(tmp_path: Path) -> None:
    folder = write(tmp_path, *[record(i / 10, first_token_ms=1.0, output_tokens=3) for i in range(50)])
    (folder / "events").write_bytes(stream_events(*[(i, 1.0) for i in range(50) for _ in range(3)]))

    metrics = by_name(measure(read_samples(folder), STEADY))

    assert metrics[MetricName.CHUNK_GAP_P50].value == 0.001
    assert metrics[MetricName.TPOT_P50].value == 0.001
