"""Questions in pairs: who is asked, what is recorded, and that neither side fares better for being second."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from govbench.record.pairs import observe, pair_up
from govbench.record.phases import phase_windows
from govbench.results.metrics import MetricName
from govbench.results.plan import BASE, CONTROL, HEAD, Plan, ThinkTime
from tests.load.conftest import BODY, Loads, Serve, http, make_plan, replies

pytestmark = pytest.mark.load

HEAD_OF_ANSWER, REST = http()[: -len(BODY)], BODY


def paired(*urls: str, steady_s: float = 1.5, users: int = 4) -> Plan:
    plan = make_plan(*urls, steady_s=steady_s, users=users)
    phases = tuple(replace(p, paired=True, think_time=ThinkTime()) for p in plan.phases)
    return replace(plan, phases=phases)


def test_every_user_asks_two_sides_the_same_question(serve: Serve, loads: Loads) -> None:
    base, head = serve(replies(http(), keep=True)), serve(replies(http(), keep=True))

    ended = loads.run(paired(base.url, head.url, base.url))

    samples = ended.samples
    for user in np.unique(samples.column("user")):
        mine = samples.where(samples.column("user") == user)
        order = np.argsort(mine.due_s, kind="stable")
        sides = mine.column("side")[order]
        for first, second in zip(sides[::2], sides[1::2], strict=False):
            assert {int(first), int(second)} in ({BASE, HEAD}, {BASE, CONTROL})
    pairs = pair_up(samples, paired(base.url, head.url, base.url))
    controls = int((pairs.other.column("side") == CONTROL).sum())
    assert len(pairs) / 10 - 4 <= controls <= len(pairs) / 10 + 4
    asked = [sum(b"POST" in request for request in server.requests) for server in (base, head)]
    assert sum(asked) == len(samples)


def test_no_side_is_slow_so_that_the_other_is_fast(serve: Serve, loads: Loads) -> None:
    """Head and body in two segments: where acknowledgements are delayed, one side takes 40 ms."""
    answer = replies(HEAD_OF_ANSWER, REST, keep=True)
    base, head = serve(answer), serve(answer)
    plan = paired(base.url, head.url, base.url)

    ended = loads.run(plan)

    windows = phase_windows(ended.end.events, end_s=float(ended.samples.end_s.max()))
    observations, control = observe(ended.samples, plan, windows)
    (seen,) = (o for o in observations if o.metric is MetricName.RESPONSE_TIME_P50)
    assert seen.base is not None
    assert seen.head is not None
    assert max(seen.base, seen.head) < 20
    assert seen.effect is not None
    assert abs(seen.effect) < 1
    assert control is not None
    assert abs(control.effect) < 1


def test_users_have_their_questions_in_the_order_of_the_seed(serve: Serve, loads: Loads) -> None:
    server = serve(replies(http(), keep=True))
    plan = paired(server.url, server.url, server.url, users=1, steady_s=0.4)

    loads.run(plan)

    bodies = [request.rpartition(b"\r\n\r\n")[2] for request in server.requests]
    assert len(bodies) > 20
    assert all(a == b for a, b in zip(bodies[::2], bodies[1::2], strict=False))
    assert any(a != b for a, b in pairwise(bodies[::2]))
