"""Percentiles that count failures as slower than any answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from govbench.record.adjusted import adjusted_percentiles
from govbench.record.reader import read_samples
from govbench.results.metrics import AdjustedPercentile, MetricName
from govbench.results.run import Outcome
from tests.record.conftest import T0_S, record, write

STEADY = [(float(T0_S), float(T0_S + 10))]
P50, P95, P99 = (
    MetricName.RESPONSE_TIME_P50,
    MetricName.RESPONSE_TIME_P95,
    MetricName.RESPONSE_TIME_P99,
)


def found(folder: Path, *records: bytes) -> dict[MetricName, AdjustedPercentile]:
    return {each.name: each for each in adjusted_percentiles(read_samples(write(folder, *records)), STEADY)}


def test_a_percentile_of_any_number_is_an_observed_value(tmp_path: Path) -> None:
    """Of 20 answers of 1 to 20 ms the p95 is the 19th, the p99 the slowest (nearest rank)."""
    by_name = found(tmp_path, *[record(i / 10, last_byte_ms=float(i + 1)) for i in range(20)])
    assert (by_name[P50].value, by_name[P95].value, by_name[P99].value) == (10.0, 19.0, 20.0)
    assert (by_name[P95].n, by_name[P95].failed) == (20, 0)


@pytest.mark.parametrize(
    ("bad", "p50", "p95"),
    [(0, 20.0, 20.0), (5, 20.0, 20.0), (6, 20.0, None), (50, 20.0, None), (51, None, None)],
)
def test_a_failure_is_slower_than_any_answer(
    tmp_path: Path, bad: int, p50: float | None, p95: float | None
) -> None:
    """However fast it failed; what was cancelled, or lies outside the spans, does not count."""
    by_name = found(
        tmp_path,
        *[record(i / 100, last_byte_ms=20.0) for i in range(100 - bad)],
        *[record(i / 100, Outcome.HTTP_5XX, last_byte_ms=1.0) for i in range(bad)],
        *[record(i / 100, Outcome.CANCELLED, last_byte_ms=1.0) for i in range(30)],
        *[record(20 + i / 100, Outcome.HTTP_5XX, last_byte_ms=1.0) for i in range(30)],
    )
    assert (by_name[P50].value, by_name[P95].value) == (p50, p95)
    assert (by_name[P95].n, by_name[P95].failed) == (100, bad)


def test_what_no_good_answer_has_is_left_out(tmp_path: Path) -> None:
    """Answers without a first token have no time to it; where all failed, nobody knows."""
    plain = found(tmp_path / "plain", *[record(i / 100) for i in range(50)])
    assert MetricName.TTFT_P50 not in plain
    assert MetricName.SERVICE_TIME_P50 in plain
    failed = found(tmp_path / "failed", *[record(i / 100, Outcome.TIMEOUT) for i in range(50)])
    assert {each.value for each in failed.values()} == {None}
    assert MetricName.TTFT_P50 in failed
    assert found(tmp_path / "none", record(20.0)) == {}


@pytest.mark.parametrize(("n", "failed"), [(0, 0), (5, 6), (5, -1)])
def test_counts_that_cannot_be(n: int, failed: int) -> None:
    with pytest.raises(ValueError, match="failed of"):
        AdjustedPercentile(name=P95, value=None, n=n, failed=failed)
