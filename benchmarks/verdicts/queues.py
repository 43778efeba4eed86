"""Two queues that users ask in turns, played out request by request: what pairs take where stacks are busy.

Pairs and controls follow ``govbench.load.models``, as the load process has them.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from govbench.load.models import Controls, Pairing
from govbench.results.plan import BASE, HEAD, served_by

Array = npt.NDArray[np.float64]

_SIDE_OF = {asked: side for side in (BASE, HEAD) for asked in served_by(side)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Pairs in the order in which they began: base and head, or a side and its control; response times."""

    first_ms: Array
    one_ms: Array
    other_ms: Array
    is_control: npt.NDArray[np.bool_]

    def where(self, mask: npt.NDArray[np.bool_]) -> Asked:
        """The pairs that ``mask`` selects."""
        return Asked(
            first_ms=self.first_ms[mask],
            one_ms=self.one_ms[mask],
            other_ms=self.other_ms[mask],
            is_control=self.is_control[mask],
        )


def ask(service_ms: Array, *, head_factor: float, slots: int, users: int, rng: np.random.Generator) -> Asked:
    """Users ask pair after pair without pause; each side answers ``slots`` requests at once, in their order.

    Args:
        service_ms: of shape (2, n): what the two requests of each pair take a server of base.
        head_factor: how many times as long they take one of head.
        slots: requests that each side answers at once.
        users: how many ask, each one request at a time.
        rng: for the order of the sides and the places of the controls.
    """
    seed = int(rng.integers(2**31))
    controls = Controls(seed)
    pairings = [Pairing(seed, user, controls) for user in range(users)]
    free_ms = {side: [0.0] * slots for side in (BASE, HEAD)}
    coming = [(user * 1e-3, user) for user in range(users)]  # when each sends its next request
    under_way: list[tuple[int, tuple[int, int]] | None] = [
        None
    ] * users  # the place of its pair, and its sides
    n = service_ms.shape[1]
    first_ms, times, is_control = np.zeros(n), np.full((2, n), np.nan), np.zeros(n, dtype=np.bool_)
    begun = 0
    while coming:
        sent_ms, user = heapq.heappop(coming)
        second = under_way[user]
        if second is None:
            if begun == n:
                continue
            place, sides = begun, pairings[user].next_sides()
            under_way[user], asked, begun = (place, sides), sides[0], begun + 1
            first_ms[place], is_control[place] = sent_ms, max(sides) > HEAD
        else:
            place, sides = second
            under_way[user], asked = None, sides[1]
        side, row = _SIDE_OF[asked], int(asked == max(sides))
        service = service_ms[row, place] * (head_factor if side == HEAD else 1.0)
        ended_ms = max(sent_ms, free_ms[side][0]) + service
        heapq.heapreplace(free_ms[side], ended_ms)
        times[row, place] = ended_ms - sent_ms
        heapq.heappush(coming, (ended_ms, user))
    return Asked(first_ms=first_ms, one_ms=times[0], other_ms=times[1], is_control=is_control)
