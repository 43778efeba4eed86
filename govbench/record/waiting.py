"""Whether requests waited for each other: how answers slow with what is under way at a side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from govbench.record.measure import inside
from govbench.record.reader import SampleTable
from govbench.results.plan import BASE, HEAD, served_by

# With fewer the slope is mostly chance.
FEWEST = 30


def waiting(table: SampleTable, spans: Sequence[tuple[float, float]]) -> float | None:
    """How much longer answers take of requests sent while much is under way at their side, as a log ratio.

    With k the requests under way at the side when one is sent, itself included, and y the logarithm of what
    its answer takes, it is 2 cov(k, y) / sd(k): from one standard deviation of k below the mean to one above,
    along the least-squares line; the mean of base and head. Where each request has a server of its own it is
    0. All users together are as many as they are, so what both sides share, such as busy cores, hardly
    shows: it is the queue of one side that does.

    Args:
        table: all samples of a paired round; those around the spans are under way as well.
        spans: whose requests count.

    Returns:
        None where a side answered fewer than 30 requests.
    """
    by_side = (table.where(np.isin(table.column("side"), served_by(side))) for side in (BASE, HEAD))
    found = [_of_side(mine, spans) for mine in by_side]
    known = [each for each in found if each is not None]
    return sum(known) / len(known) if len(known) == len(found) else None


def _of_side(mine: SampleTable, spans: Sequence[tuple[float, float]]) -> float | None:
    sent_s = mine.due_s + mine.column("send_delay_ms") / 1e3
    counted = inside(mine, spans) & mine.ok
    if int(counted.sum()) < FEWEST:
        return None
    at = sent_s[counted]
    begun = np.searchsorted(np.sort(sent_s), at, "right")
    ended = np.searchsorted(np.sort(mine.end_s), at, "right")
    under_way = (begun - ended).astype(np.float64)
    took = np.log(np.maximum(mine.column("last_byte_ms")[counted].astype(np.float64), 1e-3))
    spread = float(under_way.std())
    if spread == 0.0:  # one user: nobody to wait for
        return 0.0
    return 2.0 * float(np.mean((under_way - under_way.mean()) * (took - took.mean()))) / spread
