"""What dies in mid-run ends it as failed, with exit 3 and every sample up to then."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.cli.conftest import Cli, marked

pytestmark = pytest.mark.load


@pytest.mark.parametrize(
    ("victim", "reason"),
    [
        ("govbench.load", "the load process ended with signal 9"),
        ("govbench.demo", "the stack candidate was killed by SIGKILL (out of memory?) during the run"),
    ],
)
def test_a_process_killed_in_mid_run(govbench: Cli, victim: str, reason: str) -> None:
    running = govbench.start("run", "embedded", "--test-types", "baseline", "--test-duration", "8")
    running.wait_for("  baseline: 1 user")
    time.sleep(3)

    (pid,) = [pid for pid, line in marked(govbench.environ).items() if victim in line]
    os.kill(pid, signal.SIGKILL)
    ended = running.end()

    assert ended.code == 3
    assert "Traceback" not in ended.err
    assert "invalid" in ended.out
    document = govbench.document
    assert document["summary"]["run"]["status"] == "failed"
    assert reason in document["summary"]["run"]["note"]
    assert document["comparison"]["verdict"] == "invalid"
    accounting = document["summary"]["accounting"]
    assert govbench.sample_count() == accounting["sent"] - accounting["lost"] > 20
    assert accounting["lost"] <= 1  # one user has at most one request under way
