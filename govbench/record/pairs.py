"""From the samples of one round to its observations: pairs found, effects estimated. Judges nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from govbench.errors import TooFewSamples
from govbench.record.measure import error_rate, measure, pooled, steady_span
from govbench.record.phases import slice_windows
from govbench.record.reader import SampleTable
from govbench.record.series import Reading
from govbench.record.summarise import process_metrics
from govbench.record.waiting import waiting
from govbench.results.levels import level_labels
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import BASE, CONTROL_OF, HEAD, Plan, TestType
from govbench.results.rounds import Control, Observation
from govbench.results.run import Window
from govbench.stats import (
    FloatArray,
    PairedEstimate,
    block_ids,
    paired_median,
    quantile_log_ratio,
    ratio_of_means,
)

# A round lasts seconds: blocks long against the correlation of neighbouring pairs that still number a few.
BLOCKS_PER_ROUND = 10
SHORTEST_BLOCK_S = 0.1

_Times = Callable[[SampleTable], FloatArray]


def _since_due(name: str) -> _Times:
    return lambda table: table.since_due_ms(name)


# Latencies whose effect is the median over pairs.
_PAIRED: dict[MetricName, _Times] = {
    MetricName.RESPONSE_TIME_P50: lambda table: table.response_time_ms,
    MetricName.SERVICE_TIME_P50: lambda table: table.column("last_byte_ms").astype(np.float64),
    MetricName.TTFB_P50: _since_due("first_byte_ms"),
    MetricName.TTFT_P50: _since_due("first_token_ms"),
}
_TAILS = {MetricName.RESPONSE_TIME_P95: 0.95, MetricName.RESPONSE_TIME_P99: 0.99}
# Of streams: a request has many, or one that is no time of its own; their sides are compared as wholes.
_WHOLE = (MetricName.TPOT_P50, MetricName.CHUNK_GAP_P50, MetricName.CHUNK_GAP_P99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Requests that were asked as pairs: ``base`` and ``other`` hold the k-th pair at place k.

    ``base`` is on side ``BASE`` and ``other`` on ``HEAD``; of a control, ``base`` is on either of them and
    ``other`` on its control. ``first_s`` is when the earlier of the two was due.
    """

    base: SampleTable
    other: SampleTable
    first_s: FloatArray

    def __len__(self) -> int:
        return len(self.base)

    def where(self, mask: npt.NDArray[np.bool_]) -> Pairs:
        """The pairs that ``mask`` selects."""
        return Pairs(base=self.base.where(mask), other=self.other.where(mask), first_s=self.first_s[mask])


def pair_up(table: SampleTable, plan: Plan) -> Pairs:
    """The pairs of all paired phases: of each user the first and second request, the third and fourth.

    A user asks the two of a pair one right after the other, so the order tells what belongs together. Only
    first attempts count; a pair that the end of the load cut in two is left out.
    """
    paired = np.array([phase.paired for phase in plan.phases])[table.column("phase")]
    asked = table.where(paired & (table.column("attempt") == 0))
    order = np.lexsort((asked.due_s, asked.column("user")))
    user = asked.column("user")[order]
    begins = np.flatnonzero(np.r_[True, user[1:] != user[:-1]]) if len(user) else np.empty(0, np.int64)
    place = np.arange(len(user)) - np.repeat(begins, np.diff(np.r_[begins, len(user)]))
    is_first = (place % 2 == 0) & np.r_[user[1:] == user[:-1], False][: len(user)]
    first, second = order[np.flatnonzero(is_first)], order[np.flatnonzero(is_first) + 1]
    side = asked.column("side")
    in_order = side[first] < side[second]  # a control has a larger number than what it controls
    base, other = np.where(in_order, first, second), np.where(in_order, second, first)
    return Pairs(base=asked.take(base), other=asked.take(other), first_s=np.asarray(asked.due_s[first]))


def observe(
    table: SampleTable,
    plan: Plan,
    windows: Mapping[int, Window],
    events: Sequence[Mapping[str, object]] = (),
    readings: Mapping[tuple[int, int], tuple[Metric, ...]] | None = None,
) -> tuple[tuple[Observation, ...], Control | None]:
    """What one round shows of every metric, by test type, and its control.

    Args:
        table: all samples of the round.
        plan: of the round, its sides base, head and their controls.
        windows: of its phases.
        events: of the load process; they say where the slices of open-loop phases lie.
        readings: CPU and memory by (phase, side), where the processes could be looked at.
    """
    pairs = pair_up(table, plan)
    labels = level_labels(plan.phases)
    found: list[Observation] = []
    for test_type in TestType:
        chosen = {i: w for i, w in windows.items() if plan.phases[i].test_type is test_type}
        spans = {labels[i]: steady_span(w) for i, w in chosen.items() if plan.phases[i].paired}
        several = sum(p.paired for p in plan.phases if p.test_type is test_type) > 1
        for level, span in spans.items():
            at_level = _with_waiting(_paired_observations(test_type, pairs, [span]), waiting(table, [span]))
            found += _named(at_level, level) if several else at_level
        if several:  # over all levels too: failures are judged together
            found += _all_failures(test_type, pairs, list(spans.values()))
        found += _throughput(test_type, table, plan, chosen, events)
        found += _readings(test_type, plan, chosen, readings or {})
    control = _control(pairs, [steady_span(w) for i, w in windows.items() if plan.phases[i].paired])
    return tuple(found), control


def readings_by_side(
    samples: SampleTable, windows: Mapping[int, Window], readings: Sequence[Reading]
) -> dict[tuple[int, int], tuple[Metric, ...]]:
    """CPU and memory of the sides by (phase, side)."""
    found = {}
    for phase, window in windows.items():
        mine = samples.where(samples.column("phase") == phase)
        for side in (BASE, HEAD):
            found[phase, side] = process_metrics(readings, mine, side, [window])
    return found


def block_s(spans: Sequence[tuple[float, float]]) -> float:
    """Length of the blocks of time within a round."""
    return max(SHORTEST_BLOCK_S, sum(stop - start for start, stop in spans) / BLOCKS_PER_ROUND)


def within(pairs: Pairs, spans: Sequence[tuple[float, float]]) -> Pairs:
    """The pairs whose earlier request was due within one of the spans."""
    mask = np.zeros(len(pairs), dtype=np.bool_)
    for start, stop in spans:
        mask |= (pairs.first_s >= start) & (pairs.first_s < stop)
    return pairs.where(mask)


def _with_waiting(observations: Sequence[Observation], waited: float | None) -> list[Observation]:
    latencies = {*_PAIRED, *_TAILS}
    return [replace(o, waiting=waited) if o.metric in latencies else o for o in observations]


def _named(observations: Sequence[Observation], level: str) -> list[Observation]:
    return [replace(observation, level=level) for observation in observations]


def _all_failures(
    test_type: TestType, pairs: Pairs, spans: Sequence[tuple[float, float]]
) -> list[Observation]:
    mine = within(pairs, spans)
    failures = _failures(test_type, mine.where(mine.other.column("side") == HEAD))
    return [] if failures is None else [failures]


def _paired_observations(
    test_type: TestType, pairs: Pairs, spans: Sequence[tuple[float, float]]
) -> list[Observation]:
    mine = within(pairs, spans)
    mine = mine.where(mine.other.column("side") == HEAD)
    good = mine.where(mine.base.ok & mine.other.ok)
    blocks = block_ids(good.first_s, block_s(spans))
    found: list[Observation | None] = []
    for name, times_of in _PAIRED.items():
        found.append(
            _latency(test_type, name, times_of(good.base), times_of(good.other), blocks)
            or _one_sided(
                test_type, name, times_of(mine.base)[mine.base.ok], times_of(mine.other)[mine.other.ok]
            )
        )
    old, new = good.base.response_time_ms, good.other.response_time_ms
    for name, q in _TAILS.items():
        found.append(_tail(test_type, name, old, new, blocks, q))
    found += _of_wholes(test_type, good, spans)
    found.append(_failures(test_type, mine))
    found.append(_tokens(test_type, good))
    return [observation for observation in found if observation is not None]


def _latency(
    test_type: TestType, name: MetricName, base: FloatArray, head: FloatArray, blocks: npt.NDArray[np.int64]
) -> Observation | None:
    known = (base > 0) & (head > 0)  # false for NaN as well: a time that was not measured
    if not known.any():
        return None
    base, head = base[known], head[known]
    try:
        estimate = paired_median(np.log(head) - np.log(base), blocks[known])
    except TooFewSamples:
        return None
    return _observed(test_type, name, float(np.median(base)), float(np.median(head)), estimate)


def _one_sided(
    test_type: TestType, name: MetricName, base: FloatArray, head: FloatArray
) -> Observation | None:
    """A latency that only one side has: the other answered nothing, or nothing of the kind."""
    base, head = base[base > 0], head[head > 0]
    if bool(len(base)) == bool(len(head)):
        return None
    return Observation(
        test_type=test_type,
        metric=name,
        base=float(np.median(base)) if len(base) else None,
        head=float(np.median(head)) if len(head) else None,
        base_n=len(base),
        head_n=len(head),
    )


def _tail(
    test_type: TestType,
    name: MetricName,
    base: FloatArray,
    head: FloatArray,
    blocks: npt.NDArray[np.int64],
    q: float,
) -> Observation | None:
    estimate = quantile_log_ratio(base, blocks, head, blocks, q)
    if estimate is None:
        return None
    middle = math.sqrt(float(np.quantile(base, q)) * float(np.quantile(head, q)))
    half = math.exp(estimate.effect / 2)
    return _observed(test_type, name, middle / half, middle * half, estimate)


def _observed(
    test_type: TestType, name: MetricName, base: float, head: float, estimate: PairedEstimate
) -> Observation:
    return Observation(
        test_type=test_type,
        metric=name,
        base=base,
        head=head,
        base_n=estimate.n,
        head_n=estimate.n,
        effect=estimate.effect,
        standard_error=estimate.se,
    )


def _of_wholes(
    test_type: TestType, good: Pairs, spans: Sequence[tuple[float, float]]
) -> list[Observation | None]:
    sides = [{m.name: m for m in measure(side, spans)} for side in (good.base, good.other)]
    return [_ratio(test_type, name, sides[0].get(name), sides[1].get(name)) for name in _WHOLE]


def _ratio(
    test_type: TestType, name: MetricName, base: Metric | None, head: Metric | None
) -> Observation | None:
    """Two values measured side by side, each with an error of its own where it has one."""
    if base is None or head is None or base.value <= 0 or head.value <= 0:
        return None
    errors = (base.standard_error, head.standard_error)
    return Observation(
        test_type=test_type,
        metric=name,
        base=base.value,
        head=head.value,
        base_n=base.n,
        head_n=head.n,
        effect=math.log(head.value) - math.log(base.value),
        standard_error=None if None in errors else math.hypot(*(e for e in errors if e is not None)),
    )


def _failures(test_type: TestType, pairs: Pairs) -> Observation | None:
    """Failed requests of either side, whether the other one of the pair failed or not."""
    base, head = (error_rate(int(t.failed.sum()), int(t.ok.sum())) for t in (pairs.base, pairs.other))
    if base is None or head is None:
        return None
    return Observation(
        test_type=test_type,
        metric=MetricName.ERROR_RATE,
        base=base.value,
        head=head.value,
        base_n=base.n,
        head_n=head.n,
    )


def _tokens(test_type: TestType, good: Pairs) -> Observation | None:
    base, head = good.base.tokens("output_tokens"), good.other.tokens("output_tokens")
    known = ~np.isnan(base) & ~np.isnan(head)
    old, new = base[known], head[known]
    if not (old.any() and new.any()):
        return None
    try:
        estimate = ratio_of_means(old, new)
    except TooFewSamples:
        return None
    return _observed(test_type, MetricName.OUTPUT_TOKENS, float(old.mean()), float(new.mean()), estimate)


def _throughput(
    test_type: TestType,
    table: SampleTable,
    plan: Plan,
    windows: Mapping[int, Window],
    events: Sequence[Mapping[str, object]],
) -> list[Observation]:
    """Of open-loop phases, in which the sides take turns: answers per second at the same rate of arrivals."""
    sliced = {index: window for index, window in windows.items() if plan.phases[index].slices}
    slices = slice_windows(plan, events, sliced) if sliced else ()
    labels = level_labels(plan.phases)
    several = sum(bool(p.slices) for p in plan.phases if p.test_type is test_type) > 1
    found: list[Observation] = []
    for phase in sorted({s.phase for s in slices} & sliced.keys()):
        sides = []
        for side in (BASE, HEAD):
            spans = [(s.start_s, s.end_s) for s in slices if s.phase == phase and s.side == side]
            mine = table.where((table.column("phase") == phase) & (table.column("side") == side))
            sides.append(_rate(mine, spans))
        observation = _ratio(test_type, MetricName.THROUGHPUT, *sides)
        if observation is not None:
            found.append(replace(observation, level=labels[phase] if several else None))
    return found


def _rate(table: SampleTable, spans: Sequence[tuple[float, float]]) -> Metric | None:
    """Answers per second; of a slice too short for whole seconds the error is that of a Poisson count.

    That can only overstate it where arrivals are evenly spaced.
    """
    found = next((m for m in measure(table, spans) if m.name is MetricName.THROUGHPUT), None)
    if found is None or found.standard_error is not None:
        return found
    return replace(found, standard_error=found.n**-0.5)


def _readings(
    test_type: TestType,
    plan: Plan,
    windows: Mapping[int, Window],
    readings: Mapping[tuple[int, int], tuple[Metric, ...]],
) -> list[Observation]:
    """CPU of each level; memory, which a process keeps from level to level, of all of them."""
    phases = [i for i in windows if plan.phases[i].paired]
    labels = level_labels(plan.phases)
    several = sum(p.paired for p in plan.phases if p.test_type is test_type) > 1
    sides = [[readings.get((phase, side), ()) for phase in phases] for side in (BASE, HEAD)]
    found = [_both(test_type, MetricName.MEMORY_PEAK, *(pooled(side) for side in sides))]
    for phase, *metrics in zip(phases, *sides, strict=True):
        observation = _both(test_type, MetricName.CPU_PER_REQUEST, *metrics)
        found.append(observation and replace(observation, level=labels[phase] if several else None))
    return [observation for observation in found if observation is not None]


def _both(
    test_type: TestType, name: MetricName, base: Sequence[Metric], head: Sequence[Metric]
) -> Observation | None:
    old, new = (next((metric for metric in side if metric.name is name), None) for side in (base, head))
    return _ratio(test_type, name, old, new)


def _control(pairs: Pairs, spans: Sequence[tuple[float, float]]) -> Control | None:
    """Both sides against themselves: what makes either crooked makes the measurement crooked."""
    mine = within(pairs, spans)
    is_control = np.isin(mine.other.column("side"), tuple(CONTROL_OF.values()))
    mine = mine.where(is_control & mine.base.ok & mine.other.ok)
    base, other = mine.base.response_time_ms, mine.other.response_time_ms
    try:
        estimate = paired_median(
            np.log(other) - np.log(base), block_ids(mine.first_s, block_s(spans or [(0, 1)]))
        )
    except TooFewSamples:
        return None
    return Control(effect=estimate.effect, standard_error=estimate.se, n=estimate.n)
