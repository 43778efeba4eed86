"""Many streams at once: events are read in company, and their times stay those of the kernel."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from govbench.load.launch import LoadProcess
from govbench.record.reader import read_samples
from govbench.results.plan import Api, Phase, Plan, Query, Scenario, Side, TestType, ThinkTime
from govbench.stats import quantile

pytestmark = [
    pytest.mark.load,
    pytest.mark.skipif(sys.platform != "linux", reason="without kernel stamps nothing gathers"),
]


@pytest.fixture
def reference() -> Iterator[str]:
    command = [sys.executable, "-m", "govbench.reference", "--port", "0"]
    command += ["--default-stream", "/stream?first_ms=200&events=20&gap_ms=50"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        process.terminate()


def test_events_that_gather_keep_their_times(reference: str, tmp_path: Path) -> None:
    phase = Phase(name="streams", test_type=TestType.CONCURRENT, users=150, steady_s=4, spawn_rate=100)
    plan = Plan(
        phases=(phase,),
        scenarios=(Scenario(name="user", queries=(Query(text="Hello?"),), think_time=ThinkTime(high_s=0.3)),),
        sides=(Side(name="candidate", url=reference, api=Api.OPENAI_CHAT, stream=True),),
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
    assert bool((good.column("clock") == 1).all())
    # Read up to a pause later, but not stamped later: the first token stays where the server sent it.
    assert 199 <= quantile(good.column("first_token_ms").astype(float), 0.5) <= 206
    assert quantile(good.column("lag_ms").astype(float), 0.5) > 0.5
