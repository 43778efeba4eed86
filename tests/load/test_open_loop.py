"""Real load processes that keep to a schedule, against servers that answer, stall, or never answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from govbench.load.launch import Event, LoadProcess
from govbench.load.models import due_offsets
from govbench.record.measure import measure, scheduling_delay_ms
from govbench.record.phases import dropped_by_phase
from govbench.record.summarise import accounting
from govbench.results.metrics import MetricName
from govbench.results.plan import (
    ArrivalProcess,
    Arrivals,
    LoadModel,
    Pause,
    Phase,
    Plan,
    Query,
    RatePoint,
    Scenario,
    TestType,
    ThinkTime,
)
from govbench.results.run import Outcome
from tests.load.conftest import Ended, Loads, Serve, http, make_plan, replies, says_nothing
from tests.reference.conftest import Reference, start_reference, stop_reference

pytestmark = pytest.mark.load

GOOD = replies(http(), keep=True)
CONSTANT, POISSON = ArrivalProcess.CONSTANT, ArrivalProcess.POISSON


def open_phase(
    *rates: tuple[float, float],
    steady_s: float = 1.0,
    process: ArrivalProcess = CONSTANT,
    max_in_flight: int = 100,
    name: str = "open",
) -> Phase:
    points = tuple(RatePoint(at_s=at, rate_rps=rate) for at, rate in rates)
    return Phase(
        name=name,
        test_type=TestType.CUSTOM,
        users=None,
        steady_s=steady_s,
        model=LoadModel.OPEN,
        arrivals=Arrivals(points=points, process=process, max_in_flight=max_in_flight),
    )


def open_plan(url: str, *phases: Phase, **options: Any) -> Plan:
    return replace(make_plan(url, **options), phases=phases)


def due_s(ended: Ended) -> np.ndarray:
    """When requests were due, in order, from the start of the first phase."""
    start = next(e["at_s"] for e in ended.events if e["event"] == "phase")
    due: np.ndarray = np.sort(ended.samples.due_s) - start
    return due


def dropped(ended: Ended) -> int:
    return sum(dropped_by_phase(ended.events).values())


def assert_balanced(ended: Ended) -> None:
    """Both equations hold, no record is lost, and the phases dropped what the whole run did."""
    found = accounting(ended.samples)
    assert found.balanced
    assert found.lost == 0
    assert dropped(ended) == found.dropped


@pytest.fixture
def reference() -> Iterator[Reference]:
    started = start_reference("--default", "/fixed?ms=5")
    yield started
    stop_reference(started)


def address(reference: Reference) -> str:
    return f"http://127.0.0.1:{reference.listening['port']}"


def test_every_arrival_is_due_where_the_schedule_says(loads: Loads, serve: Serve) -> None:
    ended = loads.run(open_plan(serve(GOOD).url, open_phase((0, 200))))

    assert ended.end.completed
    assert due_s(ended) == pytest.approx(np.arange(200) / 200, abs=0.002)
    assert_balanced(ended)
    assert accounting(ended.samples).dropped == 0
    assert ended.samples.ok.all()


def test_random_arrivals_follow_the_seed(loads: Loads, serve: Serve) -> None:
    phase = open_phase((0, 150), process=POISSON)
    ended = loads.run(open_plan(serve(GOOD).url, phase))
    assert phase.arrivals is not None

    expected = list(due_offsets(phase.arrivals, until_s=1.0, seed="1/arrivals/0"))
    # Either of the two readings that say when the phase began may come late, and then all are late alike.
    late_s = due_s(ended) - np.array(expected)
    assert abs(float(np.median(late_s))) < 0.1
    assert late_s == pytest.approx(float(np.median(late_s)), abs=0.002)


def test_idle_callers_and_their_connections_are_used_again(loads: Loads, serve: Serve) -> None:
    server = serve(GOOD)
    ended = loads.run(open_plan(server.url, open_phase((0, 50))))

    assert len(ended.samples) == 50
    assert server.connections < 25


def test_who_finds_every_place_taken_waits_and_who_cannot_wait_is_dropped(loads: Loads, serve: Serve) -> None:
    server = serve(says_nothing)
    plan = open_plan(server.url, open_phase((0, 100), max_in_flight=4), total_s=0.4, stop_timeout_s=0.1)
    ended = loads.run(plan)

    found = accounting(ended.samples)
    assert_balanced(ended)
    assert ended.end.failure is None
    assert found.offered == 100
    assert found.dropped > 50
    assert sum(dropped_by_phase(ended.events, steady=True).values()) == found.dropped
    # four at once, each until its deadline; those that waited for their place keep the instant they were due
    sent_s = np.sort(ended.samples.due_s + ended.samples.column("send_delay_ms") / 1e3)
    assert sent_s[3] < ended.samples.end_s.min() <= sent_s[4]
    assert scheduling_delay_ms(ended.samples).max() > 200
    in_flight = [
        int(
            (
                (ended.samples.due_s + ended.samples.column("send_delay_ms") / 1e3 <= at)
                & (at < ended.samples.end_s)
            ).sum()
        )
        for at in ended.samples.end_s - 0.01
    ]
    assert max(in_flight) <= 4


def test_what_was_dropped_of_the_steady_segment_is_told_apart(loads: Loads, serve: Serve) -> None:
    phase = replace(open_phase((0, 100), max_in_flight=1), warmup_s=0.5, steady_s=0.3, cooldown_s=0.2)
    ended = loads.run(open_plan(serve(says_nothing).url, phase, total_s=5, stop_timeout_s=0.1))

    assert_balanced(ended)
    # one is under way and one waits from the beginning on: every arrival due in the segment is dropped
    assert accounting(ended.samples).offered == 100
    assert sum(dropped_by_phase(ended.events, steady=True).values()) == pytest.approx(30, abs=1)


@pytest.mark.parametrize("limit", [1, 37])
def test_a_limit_of_requests_leaves_the_rest_dropped(loads: Loads, serve: Serve, limit: int) -> None:
    plan = replace(open_plan(serve(GOOD).url, open_phase((0, 500))), max_requests=limit)
    ended = loads.run(plan)

    assert len(ended.samples) == limit
    assert_balanced(ended)


def later(seconds: float, act: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer


@pytest.mark.parametrize("stop_timeout_s", [0.0, 2.0])
def test_a_stop_in_mid_phase_leaves_nothing_out(
    loads: Loads, reference: Reference, stop_timeout_s: float
) -> None:
    # every answer is held back when the stop comes: some are under way, some wait, the others find no place
    phase = open_phase((0, 400), steady_s=20, process=POISSON, max_in_flight=50)

    def stall_and_stop(process: LoadProcess, event: Event) -> None:
        if event["event"] == "phase":
            later(0.4, lambda: reference.client.post("/control/freeze?s=1"))
            later(1.0, process.stop)

    ended = loads.run(open_plan(address(reference), phase, stop_timeout_s=stop_timeout_s), stall_and_stop)

    assert not ended.end.completed
    found = accounting(ended.samples)
    assert_balanced(ended)
    assert phase.arrivals is not None
    stopped_s = next(e["at_s"] for e in ended.events if e["event"] == "stopping")
    began_s = next(e["at_s"] for e in ended.events if e["event"] == "phase")
    scheduled = list(due_offsets(phase.arrivals, until_s=20, seed="1/arrivals/0"))
    by_the_stop = sum(offset <= stopped_s - began_s for offset in scheduled)
    assert found.offered == pytest.approx(by_the_stop, abs=10)
    assert found.dropped > 0
    if stop_timeout_s:
        assert found.cancelled == 0
        assert found.sent == reference.truth()["count"]
    else:
        assert found.cancelled > 0
        assert found.ok <= reference.truth()["count"] <= found.sent


def test_a_kill_leaves_a_header_that_adds_up(loads: Loads, reference: Reference) -> None:
    def kill(process: LoadProcess, event: Event) -> None:
        if event["event"] == "tick":
            process.kill()

    ended = loads.run(
        open_plan(address(reference), open_phase((0, 2000), steady_s=20, max_in_flight=5)), kill
    )

    head = ended.samples.header
    assert head.dropped > 0
    assert head.offered == head.sent + head.dropped
    assert len(ended.samples) <= head.sent


def test_closed_and_open_phases_follow_each_other(loads: Loads, serve: Serve) -> None:
    closed = replace(make_plan("http://x").phases[0], users=3, steady_s=0.5)
    plan = open_plan(
        serve(GOOD).url,
        closed,
        open_phase((0, 100), steady_s=0.6, name="first"),
        open_phase((0, 0), (0.6, 200), steady_s=0.6, name="second"),
        replace(closed, name="again"),
    )
    ended = loads.run(plan)

    assert ended.end.completed
    assert_balanced(ended)
    phase = ended.samples.column("phase")
    sizes = np.bincount(phase, minlength=4)
    assert sizes[1] == pytest.approx(60, abs=3)  # and the last answers of the users before
    assert sizes[2] == pytest.approx(60, abs=3)
    assert sizes[0] > 0
    assert sizes[3] > 0
    assert ended.samples.ok.sum() >= len(ended.samples) - 6


def test_kinds_of_users_come_by_their_weight(loads: Loads, serve: Serve) -> None:
    plan = open_plan(serve(GOOD).url, open_phase((0, 400), steady_s=1))
    often, rarely = (
        Scenario(name=name, queries=(Query(text=name),), weight=weight)
        for name, weight in (("often", 3.0), ("rarely", 1.0))
    )
    server = serve(GOOD)
    ended = loads.run(
        replace(plan, scenarios=(often, rarely), sides=(replace(plan.sides[0], url=server.url),))
    )

    assert len(ended.samples) == 400
    assert sum(b"often" in request for request in server.requests) == pytest.approx(300, abs=35)


def test_a_paced_user_is_due_by_the_clock(loads: Loads, reference: Reference) -> None:
    pace = ThinkTime(low_s=0.1, high_s=0.1, pause=Pause.PACING)
    plan = make_plan(address(reference), users=1, steady_s=1.5)
    plan = replace(plan, phases=(replace(plan.phases[0], think_time=pace),))
    ended = loads.run(plan)

    gaps = np.diff(np.sort(ended.samples.due_s)[1:])
    assert len(gaps) >= 11
    assert gaps == pytest.approx(0.1, abs=1e-6)


def test_only_an_open_loop_sees_a_stall_for_what_it_is(
    loads: Loads, reference: Reference, tmp_path: Path
) -> None:
    """Everything is held back for F seconds of T: the share (F - x)/T of arrivals waits longer than x.

    So p95 is F - 0.05 T. A closed loop sends next to nothing meanwhile and reports what it always sees.
    """
    held_s, steady_s, rate = 1.0, 5.0, 100.0

    def freeze(process: LoadProcess, event: Event) -> None:
        del process
        if event["event"] == "steady":
            later(1, lambda: reference.client.post(f"/control/freeze?s={held_s}"))

    opened = loads.run(
        open_plan(
            address(reference), open_phase((0, rate), steady_s=steady_s, process=POISSON, max_in_flight=500)
        ),
        freeze,
    )
    opened_until_s = time.time()
    folder = tmp_path / "closed"
    folder.mkdir()
    closed = Loads(folder).run(
        make_plan(address(reference), users=2, steady_s=steady_s, think_s=0.02), freeze
    )

    p95_s = np.quantile(opened.samples.response_time_ms[opened.samples.ok], 0.95) / 1e3
    theory_s = held_s - 0.05 * steady_s
    # as the server saw it: its own stalls come on top of the theory, what waits before it reads is not in it
    truth_s = reference.truth(start=opened.samples.due_s.min(), end=opened_until_s)["p95_ms"] / 1e3
    slack_s = 0.1 * theory_s + 1 / rate
    assert theory_s - slack_s < p95_s < max(theory_s, truth_s) + slack_s
    assert_balanced(opened)
    assert opened.end.completed
    hidden = closed.samples.column("last_byte_ms")
    assert np.quantile(hidden, 0.95) < hidden.max() / 4
    assert hidden.max() > 900
    # what the users of the open loop saw, its own service times tell as well: no request waited to be sent
    spans = [(opened.samples.due_s.min(), opened.samples.due_s.max() + 1)]
    found = {metric.name: metric.value for metric in measure(opened.samples, spans)}
    assert found[MetricName.SERVICE_TIME_P50] <= found[MetricName.RESPONSE_TIME_P50]
    assert opened.samples.is_outcome(Outcome.OK).all()
