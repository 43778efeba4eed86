"""Questions in pairs: who is asked, what is recorded, and that neither side fares better for being second."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from govbench.record.pairs import observe, pair_up
from govbench.record.phases import phase_windows
from govbench.results.metrics import MetricName
from govbench.results.plan import (
    BASE,
    CONTROL,
    CONTROL_OF,
    HEAD,
    HEAD_CONTROL,
    Plan,
    ThinkTime,
    Workers,
    served_by,
)
from tests.load.conftest import BODY, Loads, Serve, http, make_plan, replies

pytestmark = pytest.mark.load

HEAD_OF_ANSWER, REST = http()[: -len(BODY)], BODY


def paired(base: str, head: str, *, steady_s: float = 1.5, users: int = 4, turns: int = 1) -> Plan:
    plan = make_plan(base, head, base, head, steady_s=steady_s, users=users, turns=turns)
    phases = tuple(replace(p, paired=True, think_time=ThinkTime()) for p in plan.phases)
    return replace(plan, phases=phases)


def test_every_user_asks_two_sides_the_same_question(serve: Serve, loads: Loads) -> None:
    base, head = serve(replies(http(), keep=True)), serve(replies(http(), keep=True))

    plan = paired(base.url, head.url)
    ended = loads.run(plan)

    samples = ended.samples
    for user in np.unique(samples.column("user")):
        mine = samples.where(samples.column("user") == user)
        order = np.argsort(mine.due_s, kind="stable")
        sides = mine.column("side")[order]
        for first, second in zip(sides[::2], sides[1::2], strict=False):
            assert {int(first), int(second)} in ({BASE, HEAD}, {BASE, CONTROL}, {HEAD, HEAD_CONTROL})
    pairs = pair_up(samples, plan)
    for control in CONTROL_OF.values():
        controls = int((pairs.other.column("side") == control).sum())
        assert len(pairs) / 20 - 3 <= controls <= len(pairs) / 20 + 3
    asked = [sum(b"POST" in request for request in server.requests) for server in (base, head)]
    assert sum(asked) == len(samples)


@pytest.mark.parametrize("workers", [1, 2])
def test_phases_happen_in_the_order_of_the_plan_and_keep_their_numbers(
    serve: Serve, loads: Loads, workers: int
) -> None:
    base, head = serve(replies(http(), keep=True)), serve(replies(http(), keep=True))
    plan = paired(base.url, head.url, steady_s=0.5)
    few, many, most = (replace(plan.phases[0], name=str(n), users=n, spawn_rate=200) for n in (2, 4, 8))
    plan = replace(plan, phases=(few, many, most), order=(2, 0, 1), workers=Workers(local=workers))

    ended = loads.run(plan)

    windows = phase_windows(ended.events, end_s=float(ended.samples.end_s.max()))
    assert sorted(windows, key=lambda index: windows[index].start_s) == [2, 0, 1]
    observations, _ = observe(ended.samples, plan, windows)
    seen = {o.level: o.base_n for o in observations if o.metric is MetricName.RESPONSE_TIME_P50}
    assert list(seen) == ["2 users", "4 users", "8 users"]
    steady = windows[0].steady_start_s + 0.2, windows[0].steady_end_s
    due = ended.samples.due_s
    asking = ended.samples.where((due >= steady[0]) & (due < steady[1]))
    assert len(np.unique(asking.column("user"))) == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_both_sides_are_sent_as_much_in_every_tenth_of_a_round(
    serve: Serve, loads: Loads, workers: int
) -> None:
    """Counted over all users: with the controls to itself, base alone would be sent a tenth more."""
    server = serve(replies(http(), keep=True))
    users = 6
    plan = paired(server.url, server.url, users=users, steady_s=60.0)
    plan = replace(plan, workers=Workers(local=workers), max_requests=4000)

    samples = loads.run(plan).samples

    sent_s = samples.due_s + samples.column("send_delay_ms") / 1e3
    first_s, last_s = float(sent_s.min()), float(sent_s.max())
    tenth = np.minimum((10 * (sent_s - first_s) / (last_s - first_s)).astype(int), 9)
    asked = [np.isin(samples.column("side"), served_by(side)) for side in (BASE, HEAD)]
    for place in range(10):
        base, head = (int((side & (tenth == place)).sum()) for side in asked)
        # Users are within a pair at either end of a tenth; of two controls one may lie beyond it.
        assert abs(base - head) <= 2 * users + 4 * workers, (place, base, head)
    base, head = (int(side.sum()) for side in asked)
    assert base + head == 4000
    assert abs(base - head) <= users + 2 * workers


def test_controls_use_the_connections_of_their_side(serve: Serve, loads: Loads) -> None:
    """A server that gives each connection a place has as many of them to give on either side."""
    base, head = serve(replies(http(), keep=True)), serve(replies(http(), keep=True))

    ended = loads.run(paired(base.url, head.url, users=3, steady_s=0.5))

    assert {CONTROL, HEAD_CONTROL} <= set(ended.samples.column("side").tolist())
    assert (base.connections, head.connections) == (3, 3)


def test_controls_leave_base_and_head_at_the_same_turn(serve: Serve, loads: Loads) -> None:
    server = serve(replies(http(), keep=True))
    plan = paired(server.url, server.url, users=2, steady_s=0.6, turns=4)

    samples = loads.run(plan).samples

    pairs = pair_up(samples, plan)
    assert (pairs.other.column("side") > HEAD).any()
    assert (pairs.base.column("turn") == pairs.other.column("turn")).all()
    assert set(pairs.base.column("turn").tolist()) == {0, 1, 2, 3}


def test_no_side_is_slow_so_that_the_other_is_fast(serve: Serve, loads: Loads) -> None:
    """Head and body in two segments: where acknowledgements are delayed, one side takes 40 ms."""
    answer = replies(HEAD_OF_ANSWER, REST, keep=True)
    base, head = serve(answer), serve(answer)
    plan = paired(base.url, head.url)

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
    plan = paired(server.url, server.url, users=1, steady_s=60)

    loads.run(replace(plan, max_requests=24))

    bodies = [request.rpartition(b"\r\n\r\n")[2] for request in server.requests]
    assert len(bodies) == 24
    assert all(a == b for a, b in zip(bodies[::2], bodies[1::2], strict=False))
    assert any(a != b for a, b in pairwise(bodies[::2]))
