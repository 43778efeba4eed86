"""Ctrl-C and SIGTERM in every phase of a run: what was measured is written, and nothing keeps running."""

from __future__ import annotations

import os
import pty
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import SHORT, Cli, Ended, Serve, Started, assert_none_left

pytestmark = pytest.mark.load

PYTHON = shlex.quote(sys.executable)
FAMILY = shlex.quote(str(Path(__file__).parent.parent / "stack" / "misbehave.py"))
SIGNALS = pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)


def started_load(govbench: Cli, *options: str) -> Started:
    running = govbench.start("run", *options)
    running.wait_for("  baseline: 1 user")
    return running


@SIGNALS
def test_while_the_stack_boots(govbench: Cli, number: signal.Signals, code: int) -> None:
    (govbench.cwd / "app.py").write_text("import time; time.sleep(60)")
    running = govbench.start("run", f"command:{PYTHON} app.py {{port}}")
    running.wait_for("booting")

    running.send(number)
    ended = running.end()

    assert ended.code == code
    assert "interrupted" in ended.complaint
    assert ended.out == ""


@pytest.mark.slow
@SIGNALS
def test_in_the_warm_up(govbench: Cli, number: signal.Signals, code: int) -> None:
    running = started_load(govbench, "embedded", "--test-duration", "30")
    time.sleep(0.5)

    running.send(number)
    ended = running.end()

    assert ended.code == code
    assert "what was measured is in" in ended.complaint
    assert govbench.document["summary"]["run"]["status"] == "interrupted"
    assert govbench.document["comparison"]["verdict"] == "invalid"
    assert govbench.sample_count() > 0


def test_in_the_steady_segment(govbench: Cli) -> None:
    running = started_load(govbench, "embedded", "--test-duration", "30")
    time.sleep(3)

    running.send(signal.SIGINT)
    ended = running.end()

    assert ended.code == 130
    document = govbench.document
    assert document["summary"]["run"]["status"] == "interrupted"
    assert_summary(ended, document)
    assert govbench.sample_count() == document["summary"]["accounting"]["sent"] > 50
    assert {path.name for path in govbench.folder.iterdir()} >= {"report.html", "report.md", "junit.xml"}
    rendered = govbench("report", str(govbench.folder))
    assert rendered.code == 0
    assert "interrupted" in rendered.out


def assert_summary(ended: Ended, document: dict[str, Any]) -> None:
    """What was measured is shown, as that of a run that was not cut short, and stderr says where it is."""
    assert f"{document['summary']['accounting']['sent']}" in ended.out
    assert document["summary"]["run"]["id"] in ended.out
    assert "interrupted" in ended.out
    assert ended.complaint.startswith("govbench: interrupted; what was measured is in ")


def test_a_comparison_in_its_first_round(govbench: Cli) -> None:
    running = govbench.start(
        "ab", "--base", "embedded", "--head", "embedded", "--round", "30", "--max-time", "60s"
    )
    deadline = time.monotonic() + 60
    while not list(govbench.cwd.glob("results/*/round-000/names.json")):  # its first answer
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1)

    running.send(signal.SIGINT)
    ended = running.end()

    assert ended.code == 130, ended.err
    document = govbench.document
    assert document["summary"]["run"]["status"] == "interrupted"
    assert document["comparison"]["verdict"] == "invalid"
    assert {path.name for path in govbench.folder.iterdir()} >= {"report.html", "report.md", "junit.xml"}
    assert_summary(ended, document)


@pytest.mark.slow
def test_while_a_comparison_boots_its_second_round(govbench: Cli) -> None:
    running = govbench.start(
        "ab", "--base", "embedded", "--head", "embedded", "--round", "1", "--max-time", "60s"
    )
    running.wait_for("round 2 of ")

    running.send(signal.SIGINT)
    ended = running.end()

    assert ended.code == 130, ended.err
    assert govbench.document["summary"]["run"]["status"] == "interrupted"
    assert len(govbench.document["summary"]["rounds"]) >= 2
    assert_summary(ended, govbench.document)


def test_while_the_load_is_stopping_is_now(govbench: Cli, serve: Serve) -> None:
    (govbench.cwd / "govbench.toml").write_text("[load]\nstop_timeout_s = 60\n")
    running = started_load(govbench, serve("slow"), "--test-duration", "30", "--verbose")
    running.send(signal.SIGINT)
    running.wait_for("load: stopping")

    running.send(signal.SIGINT)
    ended = running.end(timeout_s=20)

    assert ended.code == 130
    assert govbench.document["summary"]["run"]["status"] == "interrupted"


def test_while_the_reports_are_written(govbench: Cli, embedded_url: str) -> None:
    running = govbench.start("run", embedded_url, *SHORT)
    running.wait_for("comparing")

    running.send(signal.SIGINT)
    ended = running.end()

    assert ended.code == 130
    assert "what was measured is in" in ended.complaint
    assert govbench.document["summary"]["run"]["status"] == "completed"
    assert (govbench.folder / "report.html").exists()


def test_a_killed_command_leaves_its_samples_and_no_load(govbench: Cli) -> None:
    running = started_load(govbench, "embedded", "--test-duration", "30")
    time.sleep(1)

    running.process.kill()
    assert running.end().code == -signal.SIGKILL

    assert govbench.sample_count() > 0
    # Whoever sends SIGKILL gets no report, but nothing keeps running: the fixture looks.


@pytest.mark.parametrize("target", ["embedded", f"command:{PYTHON} {FAMILY} family {{port}}"])
def test_a_killed_command_leaves_no_stack(govbench: Cli, target: str) -> None:
    temporary = govbench.cwd / "tmp"
    temporary.mkdir()
    govbench.environ["TMPDIR"] = str(temporary)
    running = started_load(govbench, target, "--test-duration", "30")
    assert list(temporary.glob("govbench-data-*"))

    running.process.kill()
    running.end()

    assert_none_left(govbench.environ)
    deadline = time.monotonic() + 10
    while list(temporary.glob("govbench-data-*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_closed_terminal_ends_the_run_in_order(govbench: Cli) -> None:
    terminal, ours = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "govbench", "run", "embedded", "--test-duration", "30"],
        cwd=govbench.cwd,
        env=govbench.environ,
        stdin=ours,
        stdout=ours,
        stderr=ours,
        start_new_session=True,
    )
    os.close(ours)
    seen = b""
    while b"baseline: 1 user" not in seen:
        seen += os.read(terminal, 4096)
    time.sleep(1)

    os.close(terminal)
    process.send_signal(signal.SIGHUP)

    assert process.wait(timeout=60) == 129
    assert govbench.document["summary"]["run"]["status"] == "interrupted"
    assert (govbench.folder / "report.html").exists()
