"""Metrics of a set of samples: values with their intervals. Says nothing about what is good or bad."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from govbench.record.reader import BoolArray, SampleTable
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.run import Distribution, SliceWindow, Window
from govbench.stats import (
    FloatArray,
    block_ids,
    block_quantile_interval,
    is_estimable,
    log_buckets,
    normal_quantile,
    quantile,
    time_design_effect,
    wilson_interval,
)

LEVEL = 0.99
DISTRIBUTION_ERROR = 0.01
RESOLUTION_MS = 0.001  # of the times of events

_Quantiles = tuple[tuple[MetricName, float], ...]
_RESPONSE_QUANTILES: _Quantiles = (
    (MetricName.RESPONSE_TIME_P50, 0.50),
    (MetricName.RESPONSE_TIME_P95, 0.95),
    (MetricName.RESPONSE_TIME_P99, 0.99),
)


def inside(table: SampleTable, spans: Sequence[tuple[float, float]]) -> BoolArray:
    """Which requests were due within one of the spans [start, end) of Unix seconds."""
    due = table.due_s
    mask: BoolArray = np.zeros(len(table), dtype=np.bool_)
    for start, end in spans:
        mask |= (due >= start) & (due < end)
    return mask


def steady_span(window: Window) -> tuple[float, float]:
    """The span of a window whose requests count."""
    return window.steady_start_s, window.steady_end_s


def slice_span(window: SliceWindow) -> tuple[float, float]:
    """The span of a slice."""
    return window.start_s, window.end_s


def measure(table: SampleTable, spans: Sequence[tuple[float, float]]) -> tuple[Metric, ...]:
    """The metrics of the requests due within ``spans``; those that cannot be estimated are left out.

    Response times are of successful requests alone and count from the intended start. A percentile needs
    ten samples above it.
    """
    chosen = table.where(inside(table, spans))
    good = chosen.where(chosen.ok)
    metrics: list[Metric | None] = []
    blocks = block_ids(good.due_s)
    metrics += [_quantile_metric(n, good.response_time_ms, blocks, q) for n, q in _RESPONSE_QUANTILES]
    metrics.append(_quantile_metric(MetricName.SERVICE_TIME_P50, service_time_ms(good), blocks, 0.5))
    metrics.append(_quantile_metric(MetricName.TTFB_P50, good.since_due_ms("first_byte_ms"), blocks, 0.5))
    metrics.append(_quantile_metric(MetricName.TTFT_P50, good.since_due_ms("first_token_ms"), blocks, 0.5))
    metrics += _stream_metrics(good, blocks)
    metrics.append(_throughput(table, spans))
    metrics.append(error_rate(int(chosen.failed.sum()), len(good), inflated=_bursts(chosen)))
    metrics.append(_tokens(good))
    return tuple(metric for metric in metrics if metric is not None)


def service_time_ms(table: SampleTable) -> FloatArray:
    """From the actual send to the last byte: what a client that forgets when it was due would report."""
    times: FloatArray = table.column("last_byte_ms").astype(np.float64)
    return times


def scheduling_delay_ms(table: SampleTable) -> FloatArray:
    """How much later than due each request went out, without the time to look up, connect and shake hands."""
    delay: FloatArray = table.column("send_delay_ms").astype(np.float64)
    for name in ("dns_ms", "connect_ms", "tls_ms"):
        delay = delay - np.nan_to_num(table.column(name).astype(np.float64))
    return np.maximum(delay, 0.0)


def _stream_metrics(good: SampleTable, blocks: npt.NDArray[np.int64]) -> list[Metric | None]:
    """Of streamed answers whose events were recorded: time per output token, gaps between events.

    Events count from the first token on; one that came in the same segment as the one before came at the
    same time, which counts as ``RESOLUTION_MS``.
    """
    place, at_ms = good.events()
    if not len(place):
        return []
    since_token = at_ms - good.column("first_token_ms").astype(np.float64)[place]
    follows = (place[1:] == place[:-1]) & (since_token[:-1] >= 0)  # NaN, no token at all, is not >= 0 either
    gaps, gap_blocks = (
        np.maximum(np.diff(at_ms.astype(np.float64))[follows], RESOLUTION_MS),
        blocks[place[1:]][follows],
    )
    return [
        _quantile_metric(MetricName.TPOT_P50, _per_output_token_ms(good, place, since_token), blocks, 0.5),
        _quantile_metric(MetricName.CHUNK_GAP_P50, gaps, gap_blocks, 0.5),
        _quantile_metric(MetricName.CHUNK_GAP_P99, gaps, gap_blocks, 0.99),
    ]


def _per_output_token_ms(
    good: SampleTable, place: npt.NDArray[np.int32], since_token: FloatArray
) -> FloatArray:
    """(last event - first token) / (output tokens - 1) of each request; NaN where that is not known."""
    tokens = good.tokens("output_tokens")
    tokens[tokens < 2] = np.nan
    last: FloatArray = np.full(len(good), np.nan)
    last[place] = since_token  # of several values for one place the last one stays
    per_token: FloatArray = np.maximum(last / (tokens - 1), RESOLUTION_MS)
    return per_token


def _quantile_metric(
    name: MetricName, values: FloatArray, blocks: npt.NDArray[np.int64], q: float
) -> Metric | None:
    known = ~np.isnan(values)
    values, blocks = values[known], blocks[known]
    if not is_estimable(len(values), q):
        return None
    estimate = block_quantile_interval(values, blocks, q, LEVEL)
    if estimate is None:
        return Metric(name=name, value=quantile(values, q), n=len(values))
    return Metric(
        name=name,
        value=estimate.value,
        n=len(values),
        low=estimate.interval.low,
        high=estimate.interval.high,
        level=LEVEL,
        standard_error=estimate.log_se,
    )


def _throughput(table: SampleTable, spans: Sequence[tuple[float, float]]) -> Metric | None:
    """Successful answers that arrived within the spans, per second; its error from whole seconds."""
    end = table.where(table.ok).end_s
    seconds = sum(stop - start for start, stop in spans)
    counts = np.concatenate([_counts_per_second(end, start, stop) for start, stop in spans] or [np.empty(0)])
    total = sum(int(((end >= start) & (end < stop)).sum()) for start, stop in spans)
    if not total or seconds <= 0:
        return None
    rate = total / seconds
    if len(counts) < 3:
        return Metric(name=MetricName.THROUGHPUT, value=rate, n=total)
    error = float(counts.std(ddof=1)) / math.sqrt(len(counts)) / rate
    half = normal_quantile(0.5 + LEVEL / 2) * error
    return Metric(
        name=MetricName.THROUGHPUT,
        value=rate,
        n=total,
        low=rate * math.exp(-half),
        high=rate * math.exp(half),
        level=LEVEL,
        standard_error=error,
    )


def _counts_per_second(end_s: FloatArray, start: float, stop: float) -> FloatArray:
    whole = int(stop - start)
    counts, _ = (
        np.histogram(end_s, bins=whole, range=(start, start + whole)) if whole else (np.empty(0), None)
    )
    return counts.astype(np.float64)


def _bursts(table: SampleTable) -> float:
    """The design effect of failures that come in bursts, by blocks of time."""
    finished = table.where(table.ok | table.failed)
    return time_design_effect(finished.failed.astype(np.float64), finished.due_s)


def error_rate(failed: int, ok: int, *, inflated: float = 1.0) -> Metric | None:
    """Failed over finished requests, with Wilson's interval; None when nothing finished.

    ``inflated`` is the design effect: as if there were so many times fewer requests, the error counts.
    """
    n = failed + ok
    if not n:
        return None
    share = failed / n
    interval = wilson_interval(failed / inflated, n / inflated, LEVEL)
    return Metric(
        name=MetricName.ERROR_RATE,
        value=share,
        n=n,
        low=interval.low,
        high=interval.high,
        level=LEVEL,
        standard_error=math.sqrt(inflated * share * (1 - share) / n),
    )


def _tokens(good: SampleTable) -> Metric | None:
    tokens = good.tokens("output_tokens")
    values = tokens[~np.isnan(tokens)]
    if len(values) < 10 or not values.mean():
        return None
    mean = float(values.mean())
    error = float(values.std(ddof=1)) / math.sqrt(len(values)) / mean
    half = normal_quantile(0.5 + LEVEL / 2) * error
    return Metric(
        name=MetricName.OUTPUT_TOKENS,
        value=mean,
        n=len(values),
        low=mean * math.exp(-half),
        high=mean * math.exp(half),
        level=LEVEL,
        standard_error=error,
    )


def pooled(metrics: Iterable[Sequence[Metric]]) -> tuple[Metric, ...]:
    """One value per metric over the levels of a test type: the geometric mean of the levels' values.

    Pooling the raw requests instead would let the level with the most requests speak for all. Errors of the
    logarithms add in squares; error rates are pooled by their counts, the peak of memory is the largest.
    A metric that one level lacks is not pooled: another set of levels is another metric.
    """
    levels = [{metric.name: metric for metric in level} for level in metrics]
    if not levels:
        return ()
    shared = [name for name in MetricName if all(name in level for level in levels)]
    return tuple(_pool(name, [level[name] for level in levels]) for name in shared)


def _pool(name: MetricName, levels: list[Metric]) -> Metric:
    n = sum(level.n for level in levels)
    if METRICS[name].compared_as_difference:
        failed = sum(round(level.value * level.n) for level in levels)
        metric = error_rate(failed, n - failed, inflated=_pooled_bursts(levels, failed, n))
        assert metric is not None
        return metric
    if len(levels) == 1:
        return levels[0]
    if name is MetricName.MEMORY_PEAK:
        return Metric(name=name, value=max(level.value for level in levels), n=n)
    value = math.exp(sum(math.log(level.value) for level in levels) / len(levels))
    errors = [level.standard_error for level in levels]
    if any(error is None for error in errors):
        return Metric(name=name, value=value, n=n)
    error = math.sqrt(sum(e**2 for e in errors if e is not None)) / len(levels)
    half = normal_quantile(0.5 + LEVEL / 2) * error
    return Metric(
        name=name,
        value=value,
        n=n,
        low=value * math.exp(-half),
        high=value * math.exp(half),
        level=LEVEL,
        standard_error=error,
    )


def _pooled_bursts(levels: Sequence[Metric], failed: int, n: int) -> float:
    """The design effect of shares pooled by their counts: their errors add in squares, weighted by these."""
    independent = failed / n * (1.0 - failed / n) / n
    variance = sum((level.n * (level.standard_error or 0.0)) ** 2 for level in levels) / n**2
    return max(1.0, variance / independent) if independent > 0.0 else 1.0


def distribution(table: SampleTable, spans: Sequence[tuple[float, float]]) -> Distribution | None:
    """Response times of the successful requests due within ``spans``, in logarithmic buckets."""
    values = table.where(inside(table, spans) & table.ok).response_time_ms
    if not len(values):
        return None
    buckets = log_buckets(values[values > 0.0], relative_error=DISTRIBUTION_ERROR)
    gamma = (1 + DISTRIBUTION_ERROR) / (1 - DISTRIBUTION_ERROR)
    return Distribution(gamma=gamma, buckets=buckets)
