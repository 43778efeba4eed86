"""The result files of the GovStack test suite, so that what reads those can read ours. Measures nothing.

The files describe the candidate (of a pair, the head); response times are in milliseconds and rates are
ratios in [0, 1]. A part or value that was not measured is null. docs/suite-files.md lists every key.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from govbench.report.circumstances import process_name, side_count, side_name
from govbench.report.gaps import first_s
from govbench.report.headline import headline
from govbench.results.comparison import Results
from govbench.results.levels import metrics_by_level
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import (
    Accounting,
    Distribution,
    PhaseResult,
    RunSummary,
    TestTypeResult,
    TokenUsage,
)

PROJECTED_REQUESTS = (1_000, 10_000, 100_000, 1_000_000)
# Key of the suite's file, value of the test type that fills it.
_OTHER_PARTS = (("daily_load", "daily_load"), ("stress_test", "stress"), ("memory_latency", "memory"))


def suite_files(results: Results, *, stamp: str) -> dict[str, str]:
    """File names and texts of the suite's three files; ``stamp`` is ``YYYYMMDD_HHMMSS``."""
    documents = {
        "scalability_test_results": scalability_test_results(results),
        "performance_metrics": performance_metrics(results),
        "token_usage": token_usage(results),
    }
    return {
        f"{name}_{stamp}.json": json.dumps(_short(body), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        for name, body in documents.items()
    }


def scalability_test_results(results: Results) -> dict[str, Any]:
    """The suite's main file: a part per test type, token projections and a summary."""
    summary = results.summary
    return {
        "baseline": _part(summary, TestType.BASELINE.value),
        "concurrent_users": _by_users(summary),
        **{key: _part(summary, test_type) for key, test_type in _OTHER_PARTS},
        "token_projections": _projections(_tokens(summary)),
        "summary": _summary(results),
    }


def performance_metrics(results: Results) -> dict[str, Any]:
    """Metrics with their intervals, the run second by second, and what the processes used."""
    summary = results.summary
    sides = side_count(summary)
    generator = summary.generator
    return {
        "run_id": summary.run.id,
        "timestamp": summary.run.started_at,
        "duration_seconds": summary.run.duration_s,
        "metrics": {
            result.test_type.value: _metrics(summary, result)
            for result in summary.test_types
            if result.side == _candidate(summary)
        }
        or None,
        "timeline": _timeline(summary),
        "processes": {
            process_name(usage.role, sides): {
                "cpu_seconds": usage.cpu_s,
                "cpu_cores_mean": usage.cpu_cores_mean,
                "memory_peak_bytes": usage.memory_peak_bytes,
                "memory_last_bytes": usage.memory_last_bytes,
            }
            for usage in summary.resources
        }
        or None,
        "generator": {
            "lag_p50_ms": generator.lag_p50_ms,
            "lag_p99_ms": generator.lag_p99_ms,
            "scheduling_delay_p50_ms": generator.scheduling_delay_p50_ms,
            "scheduling_delay_p99_ms": generator.scheduling_delay_p99_ms,
            "cpu_cores_mean": generator.cpu_cores_mean,
            "cpu_cores_peak": generator.cpu_cores_peak,
            "saturated": generator.saturated,
        },
    }


def _timeline(summary: RunSummary) -> list[dict[str, Any]] | None:
    """The candidate's answers moment by moment, in Unix seconds."""
    own = next((each.points for each in summary.side_timelines if each.side == _candidate(summary)), None)
    start_s = first_s(summary)
    points = [
        {
            "timestamp": round(start_s + point.at_s, 3),
            "users": point.users,
            "requests_under_way": point.under_way,
            "completed_requests": point.completed,
            "failed_requests": point.failed,
            "median_response_time_ms": point.p50_ms,
            "p95_response_time_ms": point.p95_ms,
        }
        for point in own or summary.timeline
    ]
    return points or None


def _metrics(summary: RunSummary, result: TestTypeResult) -> dict[str, Any]:
    """Of a test type with several levels those at each, beside what they have in common.

    A throughput that is the mean of several never happened.
    """
    levels = metrics_by_level(summary, result.test_type, result.side)
    shared = {
        metric.name.value: _metric(metric)
        for metric in result.metrics
        if not (levels and metric.name is MetricName.THROUGHPUT)
    }
    if not levels:
        return shared
    by_level = {level: {m.name.value: _metric(m) for m in metrics} for level, metrics in levels.items()}
    return {**shared, "levels": by_level}


def token_usage(results: Results) -> dict[str, Any]:
    """Tokens that the answers reported: of the candidate, and of each side where there are two."""
    summary = results.summary
    sides = side_count(summary)
    return {
        "run_id": summary.run.id,
        "timestamp": summary.run.started_at,
        "usage": _usage(_tokens(summary)),
        "sides": {side_name(usage.side, sides): _usage(usage) for usage in summary.tokens}
        if sides > 1 and summary.tokens
        else None,
    }


def _part(summary: RunSummary, test_type: str) -> dict[str, Any] | None:
    """All phases of a test type together; None where it did not run."""
    phases = [phase for phase in _phases(summary) if phase.phase.test_type.value == test_type]
    if not phases:
        return None
    pooled = next(
        (
            result.metrics
            for result in summary.test_types
            if result.test_type.value == test_type and result.side == _candidate(summary)
        ),
        (),
    )
    return _block(phases, pooled)


def _by_users(summary: RunSummary) -> dict[str, Any] | None:
    """A block per number of users; where two phases share one, that with the most requests stands."""
    found: dict[int, PhaseResult] = {}
    for phase in _phases(summary):
        users = phase.phase.users
        if phase.phase.test_type is not TestType.CONCURRENT or users is None:
            continue
        if users not in found or phase.accounting.sent > found[users].accounting.sent:
            found[users] = phase
    blocks = {f"{users}_users": _block([phase], phase.metrics) for users, phase in sorted(found.items())}
    return blocks or None


def _block(phases: list[PhaseResult], metrics: tuple[Metric, ...]) -> dict[str, Any]:
    values = {metric.name: metric.value for metric in metrics}
    error_rate = values.get(MetricName.ERROR_RATE)
    return {
        "users": _most_users(phases),
        "arrival_rate_rps": _highest_rate_rps(phases),
        "duration_seconds": sum(_steady_s(phase) for phase in phases),
        **_counts([phase.steady for phase in phases]),
        "success_rate": None if error_rate is None else 1 - error_rate,
        "error_rate": error_rate,
        "avg_response_time_ms": _mean_ms(phase.distribution for phase in phases),
        "median_response_time_ms": values.get(MetricName.RESPONSE_TIME_P50),
        "p95_response_time_ms": values.get(MetricName.RESPONSE_TIME_P95),
        "p99_response_time_ms": values.get(MetricName.RESPONSE_TIME_P99),
        "median_service_time_ms": values.get(MetricName.SERVICE_TIME_P50),
        "median_time_to_first_byte_ms": values.get(MetricName.TTFB_P50),
        "median_time_to_first_token_ms": values.get(MetricName.TTFT_P50),
        "median_time_per_output_token_ms": values.get(MetricName.TPOT_P50),
        "requests_per_second": values.get(MetricName.THROUGHPUT),
        "output_tokens_per_answer": values.get(MetricName.OUTPUT_TOKENS),
        "cpu_per_request_ms": values.get(MetricName.CPU_PER_REQUEST),
        "memory_peak_bytes": values.get(MetricName.MEMORY_PEAK),
    }


def _summary(results: Results) -> dict[str, Any]:
    summary, comparison = results.summary, results.comparison
    accounting = summary.accounting
    ended = accounting.ok + accounting.failed
    rates = [
        metric.value
        for phase in _phases(summary)
        for metric in phase.metrics
        if metric.name is MetricName.THROUGHPUT
    ]
    return {
        "run_id": summary.run.id,
        "timestamp": summary.run.started_at,
        "status": summary.run.status.value,
        "profile": summary.run.profile,
        "target": summary.targets[_candidate(summary)].name if summary.targets else None,
        "region": summary.run.region,
        "duration_seconds": summary.run.duration_s,
        "total_requests": accounting.sent,
        "successful_requests": accounting.ok,
        "failed_requests": accounting.failed,
        "cancelled_requests": accounting.cancelled,
        "success_rate": accounting.ok / ended if ended else None,
        "error_rate": accounting.failed / ended if ended else None,
        "max_users": _most_users(_phases(summary)),
        "max_arrival_rate_rps": _highest_rate_rps(_phases(summary)),
        "max_requests_per_second": max(rates, default=None),
        "verdict": None if comparison is None else comparison.verdict.value,
        "headline": headline(results),
        "thresholds": None if comparison is None else _thresholds(results),
        "warnings": list(summary.warnings),
    }


def _thresholds(results: Results) -> list[dict[str, Any]]:
    found = () if results.comparison is None else results.comparison.thresholds
    return [
        {
            "metric": threshold.metric.value,
            "test_type": None if threshold.test_type is None else threshold.test_type.value,
            "bound": threshold.bound,
            "value": threshold.value,
            "state": threshold.state.value,
            "source": threshold.source,
        }
        for threshold in found
    ]


def _projections(usage: TokenUsage | None) -> dict[str, Any] | None:
    """Tokens of so many requests, were all like those measured: the mean of one, multiplied."""
    if usage is None or not usage.answers_with_usage:
        return None
    per_input, per_output = usage.input_per_answer, usage.output_per_answer
    per_both = None if per_input is None or per_output is None else per_input + per_output
    return {
        "requests_measured": usage.answers_with_usage,
        "avg_input_tokens_per_request": per_input,
        "avg_output_tokens_per_request": per_output,
        "avg_total_tokens_per_request": per_both,
        "projected": {
            f"{requests}_requests": {
                "input_tokens": _times(per_input, requests),
                "output_tokens": _times(per_output, requests),
                "total_tokens": None
                if per_input is None or per_output is None
                else round(per_input * requests) + round(per_output * requests),
            }
            for requests in PROJECTED_REQUESTS
        },
    }


def _times(mean: float | None, requests: int) -> int | None:
    return None if mean is None else round(mean * requests)


def _usage(usage: TokenUsage | None) -> dict[str, Any] | None:
    if usage is None or not usage.answers_with_usage:
        return None
    return {
        "successful_requests": usage.answers,
        "requests_with_usage": usage.answers_with_usage,
        "total_input_tokens": usage.input_tokens,
        "total_output_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "avg_input_tokens": usage.input_per_answer,
        "avg_output_tokens": usage.output_per_answer,
    }


def _metric(metric: Metric) -> dict[str, Any]:
    return {
        "value": metric.value,
        "unit": metric.spec.unit.value,
        "low": metric.low,
        "high": metric.high,
        "level": metric.level,
        "n": metric.n,
    }


def _counts(parts: Sequence[Accounting | None]) -> dict[str, Any]:
    """Where the requests of the steady segments went; null where one of them was not counted apart."""
    counted = [part for part in parts if part is not None]
    if len(counted) < len(parts):
        return dict.fromkeys(
            (
                "total_requests",
                "successful_requests",
                "failed_requests",
                "cancelled_requests",
                "dropped_requests",
                "errors",
            )
        )
    errors: Counter[str] = Counter()
    for part in counted:
        errors.update({outcome.value: n for outcome, n in part.errors.items()})
    return {
        "total_requests": sum(part.sent for part in counted),
        "successful_requests": sum(part.ok for part in counted),
        "failed_requests": sum(part.failed for part in counted),
        "cancelled_requests": sum(part.cancelled for part in counted),
        "dropped_requests": sum(part.dropped for part in counted),
        "errors": dict(errors),
    }


def _most_users(phases: Sequence[PhaseResult]) -> int | None:
    """None of open loops, which have none."""
    return max((p.phase.users for p in phases if p.phase.users is not None), default=None)


def _highest_rate_rps(phases: Sequence[PhaseResult]) -> float | None:
    """At which requests were due in open loops; None of closed ones."""
    arrivals = [p.phase.arrivals for p in phases if p.phase.arrivals is not None]
    return max((point.rate_rps for each in arrivals for point in each.points), default=None)


def _steady_s(result: PhaseResult) -> float:
    """How long a side was measured. Older files do not tell; then the slices do, where sides took turns."""
    if result.steady_s is not None:
        return result.steady_s
    slices = result.phase.slices
    own = sum(part.duration_s for part in slices if part.side == result.side)
    return own if slices else result.phase.steady_s


def _short(body: Any) -> Any:
    """The document with its numbers cut to six decimals: more say nothing, and differ between machines."""
    if isinstance(body, dict):
        return {key: _short(value) for key, value in body.items()}
    if isinstance(body, list):
        return [_short(value) for value in body]
    return round(body, 6) if isinstance(body, float) else body


def _mean_ms(distributions: Iterable[Distribution | None]) -> float | None:
    """Mean response time from the buckets, each at its middle: right to half a bucket's width."""
    total, n = 0.0, 0
    for distribution in distributions:
        if distribution is None:
            return None
        for index, count in distribution.buckets:
            upper_ms = distribution.gamma**index
            total += count * (upper_ms / distribution.gamma + upper_ms) / 2
            n += count
    return total / n if n else None


def _candidate(summary: RunSummary) -> int:
    """The side under judgement: the second of a pair, else the only one."""
    return side_count(summary) - 1


def _phases(summary: RunSummary) -> list[PhaseResult]:
    return [phase for phase in summary.phases if phase.side == _candidate(summary)]


def _tokens(summary: RunSummary) -> TokenUsage | None:
    return next((usage for usage in summary.tokens if usage.side == _candidate(summary)), None)
