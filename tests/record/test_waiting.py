from __future__ import annotations

import heapq
from pathlib import Path

import numpy as np
import pytest

from govbench.record.pairs import observe
from govbench.record.reader import SampleTable, read_samples
from govbench.record.waiting import waiting
from govbench.results.metrics import MetricName
from govbench.results.plan import BASE, HEAD
from govbench.results.run import Window
from tests.record.conftest import T0_S, make_plan, record, write
from tests.record.test_pairs import PAIRED

SPAN = (T0_S + 0.5, T0_S + 100.0)


def asked_of_slots(folder: Path, *, slots: int, users: int, pairs: int = 300) -> SampleTable:
    """Users who ask base and head in turns; each side answers so many requests at once, the others wait."""
    rng = np.random.default_rng(3)
    free = {side: [0.0] * slots for side in (BASE, HEAD)}
    coming = [(0.001 * user, user, 0) for user in range(users)]
    turns = rng.random((users, pairs)) < 0.5
    records: list[bytes] = []
    while len(records) < 2 * pairs:
        sent, user, place = heapq.heappop(coming)
        side = BASE if bool(turns[user, place // 2]) == (place % 2 == 0) else HEAD
        ended = max(sent, free[side][0]) + 0.025 * float(np.exp(0.15 * rng.normal()))
        heapq.heapreplace(free[side], ended)
        records.append(record(sent, side=side, user=user, last_byte_ms=1e3 * (ended - sent)))
        heapq.heappush(coming, (ended, user, place + 1))
    return read_samples(write(folder, *records))


@pytest.mark.parametrize(("slots", "users"), [(8, 4), (8, 8), (4, 4), (1, 1)])
def test_nobody_waits_where_each_request_has_a_server(tmp_path: Path, slots: int, users: int) -> None:
    found = waiting(asked_of_slots(tmp_path, slots=slots, users=users), [SPAN])

    assert found == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize(("slots", "users"), [(4, 8), (4, 12), (2, 4), (1, 2), (1, 3), (1, 10)])
def test_requests_wait_where_there_are_more_of_them(tmp_path: Path, slots: int, users: int) -> None:
    found = waiting(asked_of_slots(tmp_path, slots=slots, users=users), [SPAN])

    assert found is not None
    assert found > 0.15


def test_few_answers_tell_nothing_of_it(tmp_path: Path) -> None:
    table = asked_of_slots(tmp_path, slots=1, users=3, pairs=28)

    assert waiting(table, [(T0_S, T0_S + 100.0)]) is None


def test_latencies_of_a_round_say_how_far_requests_waited(tmp_path: Path) -> None:
    table = asked_of_slots(tmp_path, slots=1, users=3)
    last_s = float(table.end_s.max())
    window = Window(start_s=T0_S, steady_start_s=SPAN[0], steady_end_s=last_s, end_s=last_s)

    observations, _ = observe(table, make_plan(PAIRED, sides=4), {0: window})

    by_metric = {each.metric: each.waiting for each in observations}
    assert by_metric[MetricName.RESPONSE_TIME_P50] == pytest.approx(waiting(table, [(SPAN[0], last_s)]))
    assert by_metric[MetricName.ERROR_RATE] is None
