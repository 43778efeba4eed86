"""Many streams at once: events are read in company, and their times stay those of the kernel."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from govbench.load.gathering import FIRST_PAUSE_S, LONGEST_PAUSE_S, Gathering
from govbench.load.launch import LoadProcess
from govbench.record.reader import read_samples
from govbench.results.plan import Api, Phase, Plan, Query, Scenario, Side, TestType, ThinkTime
from govbench.stats import quantile
from tests.reference.conftest import Reference, start_reference, stop_reference

pytestmark = [
    pytest.mark.load,
    pytest.mark.skipif(sys.platform != "linux", reason="without kernel stamps nothing gathers"),
]


@pytest.fixture
def reference() -> Iterator[Reference]:
    started = start_reference("--default-stream", "/stream?first_ms=200&events=20&gap_ms=50")
    yield started
    stop_reference(started)


def ended(*gaps_ms: float) -> Gathering:
    """After streams of ten events each, so far apart."""
    gathering = Gathering()
    for gap_ms in gaps_ms:
        gathering.stream_begins()
        gathering.stream_ends([int(number * gap_ms * 1e6) for number in range(10)])
    gathering.close()
    return gathering


def test_the_pause_is_a_small_part_of_the_time_between_events() -> None:
    assert ended().pause_s == FIRST_PAUSE_S
    assert ended(*[50.0] * 100).pause_s == pytest.approx(50e-3 / 6, rel=0.01)
    assert ended(*[500.0] * 100).pause_s == LONGEST_PAUSE_S
    assert ended(12.0).pause_s == pytest.approx(2e-3)


def test_one_fast_stream_among_slow_ones_shortens_the_pause() -> None:
    assert ended(*[50.0] * 100, 6.0).pause_s == pytest.approx(1e-3)
    assert ended(*[50.0] * 100, 6.0, 50.0).pause_s < 2e-3


def test_a_stream_of_one_event_says_nothing_about_the_pause() -> None:
    gathering = ended(30.0)
    for times_ns in ([], [5]):
        gathering.stream_begins()
        gathering.stream_ends(times_ns)
    assert gathering.pause_s == FIRST_PAUSE_S


def test_events_that_gather_keep_their_times(reference: Reference, tmp_path: Path) -> None:
    phase = Phase(name="streams", test_type=TestType.CONCURRENT, users=150, steady_s=4, spawn_rate=100)
    url = f"http://127.0.0.1:{reference.listening['port']}"
    plan = Plan(
        phases=(phase,),
        scenarios=(Scenario(name="user", queries=(Query(text="Hello?"),), think_time=ThinkTime(high_s=0.3)),),
        sides=(Side(name="candidate", url=url, api=Api.OPENAI_CHAT, stream=True),),
    )
    load = LoadProcess(plan, tmp_path)
    try:
        end = load.follow(lambda _: None)
    finally:
        load.close()
    samples = read_samples(tmp_path)
    good = samples.where(samples.ok)

    assert end.completed
    assert len(good) == len(samples) > 150
    assert good.kernel_clock.mean() > 0.9
    # Read up to a pause later, but not stamped later: the first token stays where the server sent it.
    sent_ms = reference.truth()["streams"]["first_token"]["median_ms"]
    seen_ms = quantile(good.column("first_token_ms").astype(float), 0.5)
    late_ms = quantile(good.column("lag_ms").astype(float), 0.5)
    assert sent_ms >= 200
    assert late_ms > 0.5
    assert sent_ms - 1 <= seen_ms < sent_ms + max(late_ms, 1)
