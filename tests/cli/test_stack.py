"""``govbench stack``: up, wait, status, logs, down, and what an interrupted one leaves behind: nothing."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.cli.conftest import Cli, Serve

PYTHON = shlex.quote(sys.executable)


@pytest.fixture
def stacks(govbench: Cli) -> Iterator[Cli]:
    yield govbench
    govbench("stack", "down", "--all")


def test_from_up_to_down(stacks: Cli) -> None:
    up = stacks("stack", "up", "embedded")
    url = up.out.strip()

    assert up.code == 0, up.err
    assert httpx.get(f"{url}/health").status_code == 200
    again = stacks("stack", "up", "embedded")
    assert (again.code, again.out.strip()) == (0, url)
    assert "was running already" in again.err
    status = stacks("stack", "status")
    assert status.code == 0
    assert status.out.startswith(f"default: running, embedded at {url}; ")
    waited = stacks("stack", "wait")
    assert (waited.code, waited.out.strip()) == (0, url)
    assert "listening" in stacks("stack", "logs").out
    assert stacks("quick-check", url, "--quiet").code == 0

    down = stacks("stack", "down")

    assert (down.code, down.out) == (0, "")
    assert "stack default is down" in down.err
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")
    assert "was not up" in stacks("stack", "down").err
    assert "listening" in stacks("stack", "logs").out
    assert stacks("stack", "status").out == ""


def test_several_stacks_are_told_apart_by_name(stacks: Cli) -> None:
    for name in ("one", "two"):
        assert stacks("stack", "up", "embedded", "--name", name).code == 0

    ambiguous = stacks("stack", "logs")
    assert ambiguous.code == 2
    assert "several stacks are up: one, two" in ambiguous.complaint
    shown = json.loads(stacks("stack", "status", "--json").out)
    assert [(each["name"], each["healthy"]) for each in shown] == [("one", True), ("two", True)]
    other = stacks("stack", "up", "embedded:latency=50ms", "--name", "one")
    assert other.code == 2
    assert "running with another target" in other.complaint

    assert stacks("stack", "down", "--all").code == 0
    assert stacks("stack", "status").err.strip() == "no stack is up"


def test_a_stack_that_ended_by_itself(stacks: Cli) -> None:
    stacks("stack", "up", "embedded", "--name", "api")
    (shown,) = json.loads(stacks("stack", "status", "api", "--json").out)
    os.kill(shown["pid"], signal.SIGKILL)
    time.sleep(0.2)

    status = stacks("stack", "status", "api")

    assert status.code == 3
    assert status.out.startswith("api: ended by itself (embedded)")


def test_a_taken_port(govbench: Cli, embedded_url: str) -> None:
    port = embedded_url.rpartition(":")[2]

    ended = govbench("stack", "up", "embedded", "--port", port)

    assert ended.code == 3
    assert f"port {port} is taken" in ended.complaint


def test_wait_for_a_url(govbench: Cli, embedded_url: str, serve: Serve) -> None:
    ended = govbench("stack", "wait", embedded_url)

    assert (ended.code, ended.out.strip()) == (0, embedded_url)


def test_wait_ends_when_the_time_is_over(govbench: Cli, nowhere: str) -> None:
    ended = govbench("stack", "wait", nowhere, "--timeout", "500ms")

    assert ended.code == 3
    assert "connection refused" in ended.complaint


@pytest.mark.parametrize("arguments", [("wait",), ("wait", "api"), ("status", "api")])
def test_a_stack_that_was_never_brought_up(govbench: Cli, arguments: tuple[str, ...]) -> None:
    ended = govbench("stack", *arguments)

    assert ended.code == 3
    assert "never brought up" in ended.out + ended.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_up_leaves_nothing(govbench: Cli, number: signal.Signals, code: int) -> None:
    (govbench.cwd / "app.py").write_text(
        "import subprocess, sys, time\n"
        'subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)\n'
        'print("started", flush=True); time.sleep(60)\n'
    )
    running = govbench.start("stack", "up", f"command:{PYTHON} app.py {{port}}", "--name", "api")
    log = govbench.cwd / ".govbench" / "stacks" / "api.log"
    while not log.exists() or "started" not in log.read_text():
        assert running.process.poll() is None
        time.sleep(0.02)

    running.send(number)
    ended = running.end()

    assert ended.code == code
    assert "interrupted" in ended.complaint
    assert not log.with_suffix(".json").exists()
