"""From the samples of a phase to its breakdown: who was asked, where the time went. Judges nothing.

By columns and groups, never request by request: it takes a few tens of bytes a sample while it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from govbench.record.measure import scheduling_delay_ms
from govbench.record.reader import BoolArray, SampleTable
from govbench.results.breakdown import (
    PERCENTILES,
    Attempts,
    Breakdown,
    Group,
    Groups,
    Part,
    PartOfTime,
    Spread,
    Tokens,
)
from govbench.results.run import Ending, Outcome
from govbench.results.samples import OUTCOME_CODES
from govbench.stats import FloatArray, is_estimable, quantile, quantiles

# Paths with ids in them would otherwise fill results.json.
MOST_GROUPS: Final = 50
DECIMALS: Final = 4  # of times in ms; they are measured to 0.001

_STATUS_BITS: Final = 16


def breakdown(counted: SampleTable, *, retries: int) -> Breakdown | None:
    """The requests of a steady segment on one side, taken apart; None where none of them finished.

    Args:
        counted: these requests.
        retries: how often the plan lets a request be tried again.
    """
    ended = counted.where(counted.ok | counted.failed)
    if not len(ended):
        return None
    ok = ended.ok
    good = ended.where(ok)
    times = good.response_time_ms
    kind = ended.column("kind")
    return Breakdown(
        response_time=spread(times),
        names=_groups(ended.column("name"), ended.names, ok, times),
        categories=_groups(kind, [each.category for each in ended.kinds], ok, times),
        scenarios=_groups(kind, [each.scenario for each in ended.kinds], ok, times),
        parts=_parts(good),
        input_tokens=_tokens(good, "input_tokens"),
        output_tokens=_tokens(good, "output_tokens"),
        cached_tokens=_tokens(good, "cached_tokens"),
        attempts=_attempts(ended, ok) if retries else None,
    )


def endings(counted: SampleTable, examples: Mapping[tuple[Outcome, int], str]) -> tuple[Ending, ...]:
    """How the requests of a steady segment ended, the commonest first.

    Args:
        counted: these requests.
        examples: what was wrong with the first of a kind, by its outcome and status.
    """
    keys = counted.column("outcome").astype(np.uint32) << _STATUS_BITS | counted.column("status")
    found, counts = np.unique(keys, return_counts=True)
    ends = []
    for key, count in zip(found.tolist(), counts.tolist(), strict=True):
        outcome, status = OUTCOME_CODES[key >> _STATUS_BITS], key & (1 << _STATUS_BITS) - 1
        assert outcome is not None  # records that were never written are in no table
        example = examples.get((outcome, status))
        ends.append(Ending(outcome=outcome, status=status or None, count=count, example=example))
    return tuple(sorted(ends, key=lambda end: -end.count))


def spread(values_ms: FloatArray) -> Spread:
    """How times are spread; NaN stands for those that were not measured, which are left out."""
    known = values_ms[~np.isnan(values_ms)]
    n = len(known)
    if not n:
        return Spread(n=0)
    shares = [q for q in PERCENTILES.values() if is_estimable(n, q)]
    found = dict(zip(shares, quantiles(known, shares), strict=True))
    return Spread(
        n=n,
        min_ms=_short(known.min()),
        mean_ms=_short(known.mean()),
        max_ms=_short(known.max()),
        **{name: _short(found[q]) if q in found else None for name, q in PERCENTILES.items()},
    )


def _short(value_ms: float) -> float:
    return round(float(value_ms), DECIMALS)


# By what they have in common


def _groups(
    numbers: npt.NDArray[Any], labels: Sequence[str | None], ok: BoolArray, times: FloatArray
) -> Groups:
    """The groups of finished requests by their labels; those without one are in none.

    Args:
        numbers: of each request, where in ``labels`` its own stands; beyond them, it has none.
        labels: several numbers may share one.
        ok: which of the requests succeeded.
        times: the response times of these.
    """
    names = tuple(dict.fromkeys(label for label in labels if label is not None))
    if not names:
        return Groups()
    place_of = {name: place for place, name in enumerate(names)}
    none = len(names)
    places = [none if label is None else place_of[label] for label in labels]
    group = np.array([*places, none], dtype=np.uint32)[np.minimum(numbers, len(labels))]
    failed = np.bincount(group[~ok], minlength=none + 1)
    group = group[ok]
    order = np.argsort(group, kind="stable").astype(np.uint32)
    edges = np.searchsorted(group[order], np.arange(none + 1, dtype=np.uint32))
    sizes = np.diff(edges) + failed[:none]
    ranked = [at for at in np.argsort(-sizes, kind="stable").tolist() if sizes[at]]
    return Groups(
        largest=tuple(
            Group(
                name=names[at],
                failed=int(failed[at]),
                times=spread(times[order[edges[at] : edges[at + 1]]]),
            )
            for at in ranked[:MOST_GROUPS]
        ),
        left_out=len(ranked[MOST_GROUPS:]),
    )


# Where the time went


def _column(name: str) -> Callable[[SampleTable], FloatArray]:
    return lambda table: table.column(name).astype(np.float64)


def _wait_ms(table: SampleTable) -> FloatArray:
    """From the last byte of a request to the first of its answer; some servers answer before they have it."""
    wait: FloatArray = table.column("first_byte_ms").astype(np.float64)
    wait -= np.nan_to_num(table.column("upload_ms"))
    return np.maximum(wait, 0.0)


def _transfer_ms(table: SampleTable) -> FloatArray:
    transfer: FloatArray = table.column("last_byte_ms").astype(np.float64)
    transfer -= table.column("first_byte_ms")
    return transfer


_PARTS: Final[dict[Part, Callable[[SampleTable], FloatArray]]] = {
    Part.DELAY: scheduling_delay_ms,
    Part.LOOK_UP: _column("dns_ms"),
    Part.CONNECT: _column("connect_ms"),
    Part.TLS: _column("tls_ms"),
    Part.UPLOAD: _column("upload_ms"),
    Part.WAIT: _wait_ms,
    Part.TRANSFER: _transfer_ms,
}


def _parts(good: SampleTable) -> tuple[PartOfTime, ...]:
    found = (PartOfTime(part=part, times=spread(times_of(good))) for part, times_of in _PARTS.items())
    return tuple(part for part in found if part.times.n)


# Tokens and attempts


def _tokens(good: SampleTable, name: str) -> Tokens | None:
    counts = good.tokens(name)
    known = counts[~np.isnan(counts)]
    n = len(known)
    if not n:
        return None
    p50, p95 = (quantile(known, q) if is_estimable(n, q) else None for q in (0.5, 0.95))
    return Tokens(n=n, total=int(known.sum()), p50=p50, p95=p95)


def _attempts(ended: SampleTable, ok: BoolArray) -> Attempts | None:
    """None where the samples do not tell a retry from a first attempt, as those of layout 1."""
    retry, redirect = ended.flag("retry"), ended.flag("redirect")
    if retry is None or redirect is None:
        return None
    first = ~retry & ~redirect
    return Attempts(
        asked=int(first.sum()),
        ok_at_first=int((first & ok).sum()),
        retries=int(retry.sum()),
        ok_after=int((retry & ok).sum()),
    )
