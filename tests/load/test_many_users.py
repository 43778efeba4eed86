"""Thousands of users that think for long: every request is accounted for, and memory stays within bounds.

``GOVBENCH_TEST_USERS=10000`` makes it the full size, where the hard limit of open files allows it.
"""

from __future__ import annotations

import os
import resource
from dataclasses import replace

import psutil
import pytest

from govbench.load.launch import Event, LoadProcess
from govbench.record.summarise import accounting
from govbench.results.run import Outcome
from tests.load.conftest import Loads, make_plan
from tests.load.test_load_process import outcomes

pytestmark = [pytest.mark.load, pytest.mark.slow]

USERS = int(os.environ.get("GOVBENCH_TEST_USERS", "2000"))
MEMORY_BYTES = 90_000_000 + USERS * 31_000  # 400 MB at 10,000 users


@pytest.fixture
def many_files() -> None:
    """The server of the test inherits our limit; the load process raises its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < USERS * 1.1:
        pytest.skip(f"this system allows {hard} open files, too few for {USERS} users")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, USERS * 2)), hard))


@pytest.mark.usefixtures("many_files")
def test_thousands_of_users_end_with_exact_accounting(demo: str, loads: Loads) -> None:
    peak = 0

    def watch(process: LoadProcess, event: Event) -> None:
        nonlocal peak
        if event["event"] == "tick":
            peak = max(peak, psutil.Process(process.pid).memory_info().rss)

    plan = make_plan(demo, users=USERS, warmup_s=USERS / 500 + 2, steady_s=2, think_s=60, total_s=30)
    phase = replace(plan.phases[0], spawn_rate=500)
    ended = loads.run(replace(plan, phases=(phase,), stop_timeout_s=10), watch)
    assert ended.end.completed, ended.end.failure
    whole = accounting(ended.samples)
    assert whole.balanced
    assert whole.lost == whole.dropped == 0
    assert set(outcomes(ended.samples)) <= {Outcome.OK, Outcome.CANCELLED}
    assert whole.ok >= USERS * 0.95
    assert len(set(ended.samples.column("user").tolist())) == USERS
    assert max(event["users"] for event in ended.events if event["event"] == "tick") == USERS
    assert 0 < peak < MEMORY_BYTES, f"{peak / 1e6:.0f} MB"
