"""What one round tells besides its metrics: by category and scenario, sizes, tokens, error classes.

It is there to explain a verdict and takes no part in one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from govbench.errors import TooFewSamples
from govbench.record.measure import inside, steady_span
from govbench.record.pairs import Pairs, block_s, pair_up, within
from govbench.record.reader import BoolArray, SampleTable
from govbench.results.plan import BASE, HEAD, Plan, TestType
from govbench.results.rounds import Aspect, Circumstance
from govbench.results.run import Outcome, Window
from govbench.results.samples import CODE_OF
from govbench.stats import FloatArray, PairedEstimate, block_ids, paired_median, ratio_of_means

# Of each grouping the largest: results.json stays small, and a group with few questions shows nothing.
MOST_GROUPS = 16
SIGNIFICANT_DIGITS = 6

_Spans = Sequence[tuple[float, float]]


def circumstances_of(
    table: SampleTable, plan: Plan, windows: Mapping[int, Window]
) -> tuple[Circumstance, ...]:
    """The circumstances of every test type that was asked in pairs.

    Args:
        table: all samples of the round.
        plan: of the round, its sides base, head and control.
        windows: of its phases.
    """
    pairs = pair_up(table, plan)
    found: list[Circumstance] = []
    for test_type in TestType:
        spans = [
            steady_span(window)
            for phase, window in windows.items()
            if plan.phases[phase].test_type is test_type and plan.phases[phase].paired
        ]
        if spans:
            found += _of_test_type(test_type, table.where(inside(table, spans)), within(pairs, spans), spans)
    return tuple(found)


def _of_test_type(
    test_type: TestType, table: SampleTable, pairs: Pairs, spans: _Spans
) -> Iterable[Circumstance]:
    good = pairs.where((pairs.other.column("side") == HEAD) & pairs.base.ok & pairs.other.ok)
    counts = _finished(table, BASE), _finished(table, HEAD)
    if not all(counts):
        return
    for place, aspect in enumerate((Aspect.SCENARIO, Aspect.CATEGORY)):
        yield from _groups(test_type, aspect, place, table, good, spans)
    for aspect, values_of, estimate_of in (
        (Aspect.AFTER_FIRST_BYTE, _after_first_byte_ms, _median(good, spans)),
        (Aspect.RESPONSE_BYTES, _response_bytes, _means),
        (Aspect.INPUT_TOKENS, _input_tokens, _means),
    ):
        bare = Circumstance(test_type=test_type, aspect=aspect, base_n=counts[0], head_n=counts[1])
        found = _with_values(bare, values_of(good.base), values_of(good.other), estimate_of)
        if found.effect is not None:
            yield found
    yield from _error_classes(test_type, table, counts)


def _finished(table: SampleTable, side: int) -> int:
    return int(((table.column("side") == side) & (table.ok | table.failed)).sum())


# By category and by scenario


def _groups(
    test_type: TestType, aspect: Aspect, place: int, table: SampleTable, good: Pairs, spans: _Spans
) -> Iterable[Circumstance]:
    """A circumstance per group, largest first; a single group would only say the whole again."""
    names = np.array([*(kind[place] or "" for kind in table.kinds), ""])

    def group_of(requests: SampleTable) -> npt.NDArray[np.str_]:
        found: npt.NDArray[np.str_] = names[np.minimum(requests.column("kind"), len(names) - 1)]
        return found

    group, asked = group_of(table), group_of(good.base)
    sizes = Counter(group[group != ""].tolist())
    if len(sizes) < 2:
        return
    for which, _ in sizes.most_common(MOST_GROUPS):
        mine, pairs = table.where(group == which), good.where(asked == which)
        counts = _finished(mine, BASE), _finished(mine, HEAD)
        if not all(counts):
            continue
        old, new = pairs.base.response_time_ms, pairs.other.response_time_ms
        counted = Circumstance(
            test_type=test_type,
            aspect=aspect,
            which=which,
            base_n=counts[0],
            head_n=counts[1],
            base_failed=int((mine.failed & (mine.column("side") == BASE)).sum()),
            head_failed=int((mine.failed & (mine.column("side") == HEAD)).sum()),
        )
        yield _with_values(counted, old, new, _median(pairs, spans))


# Values of pairs

_Estimate = Callable[[FloatArray, FloatArray, BoolArray], tuple[float, float, PairedEstimate]]


def _with_values(
    bare: Circumstance, base: FloatArray, head: FloatArray, estimate_of: _Estimate
) -> Circumstance:
    """With both values, the effect and its error; as it is where too few pairs have them."""
    known = (base > 0) & (head > 0)
    try:
        old, new, estimate = estimate_of(base[known], head[known], known)
    except TooFewSamples:
        return bare
    base_value, head_value, effect, error = map(_short, (old, new, estimate.effect, estimate.se))
    return replace(bare, base=base_value, head=head_value, effect=effect, standard_error=error)


def _short(number: float) -> float:
    return float(f"{number:.{SIGNIFICANT_DIGITS}g}")


def _median(pairs: Pairs, spans: _Spans) -> _Estimate:
    blocks = block_ids(pairs.first_s, block_s(spans))

    def of(base: FloatArray, head: FloatArray, known: BoolArray) -> tuple[float, float, PairedEstimate]:
        estimate = paired_median(np.log(head) - np.log(base), blocks[known])
        return float(np.median(base)), float(np.median(head)), estimate

    return of


def _means(base: FloatArray, head: FloatArray, _: BoolArray) -> tuple[float, float, PairedEstimate]:
    estimate = ratio_of_means(base, head)
    return float(base.mean()), float(head.mean()), estimate


def _after_first_byte_ms(table: SampleTable) -> FloatArray:
    times: FloatArray = table.column("last_byte_ms").astype(np.float64) - table.column("first_byte_ms")
    return times


def _response_bytes(table: SampleTable) -> FloatArray:
    sizes: FloatArray = table.column("response_bytes").astype(np.float64)
    return sizes


def _input_tokens(table: SampleTable) -> FloatArray:
    return table.tokens("input_tokens")


# Failures


def _error_classes(
    test_type: TestType, table: SampleTable, counts: tuple[int, int]
) -> Iterable[Circumstance]:
    side, outcome = table.column("side"), table.column("outcome")
    for error in Outcome:
        if error in {Outcome.OK, Outcome.CANCELLED}:
            continue
        ended = outcome == CODE_OF[error]
        failed = [int((ended & (side == each)).sum()) for each in (BASE, HEAD)]
        if any(failed):
            yield Circumstance(
                test_type=test_type,
                aspect=Aspect.ERROR_CLASS,
                which=error.value,
                base_n=counts[0],
                head_n=counts[1],
                base_failed=failed[0],
                head_failed=failed[1],
            )
