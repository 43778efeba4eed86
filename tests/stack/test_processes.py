"""Ending what was started: all of it, without being felt beside a load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from govbench.config.settings import StackConfig
from govbench.config.targets import CommandTarget
from govbench.errors import StackError
from govbench.stack import booted, processes
from govbench.stack.boot import boot
from govbench.stack.processes import Process, members, start_token, terminate

Command = Callable[[str], CommandTarget]

# Starts a child that has nothing of it: another session, no environment, and its own name for a mark.
ESCAPES = """
import os, subprocess, sys, time
child = subprocess.Popen(
    [sys.executable, "-S", "-c", "import time; time.sleep(300)"], env={}, start_new_session=True
)
print(child.pid, flush=True)
time.sleep(300)
"""


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When each look at all processes of the machine was taken."""
    taken: list[float] = []
    look = processes._all_processes

    def counted() -> object:
        taken.append(time.monotonic())
        return look()

    monkeypatch.setattr(processes, "_all_processes", counted)
    return taken


def test_a_stop_that_takes_long_hardly_looks_at_the_machine(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command, looks: list[float]
) -> None:
    config = replace(config, stop_timeout_s=1.0)
    stack = boot(command("stubborn"), config, name="s", log_folder=tmp_path, environ=environ)
    looks.clear()

    stack.stop()

    assert len(looks) <= 6, "one before and one after each signal and wait"


def test_without_help_of_the_system_it_looks_ever_more_seldom(
    tmp_path: Path,
    config: StackConfig,
    environ: dict[str, str],
    command: Command,
    looks: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    config = replace(config, stop_timeout_s=1.0)
    stack = boot(command("stubborn"), config, name="s", log_folder=tmp_path, environ=environ)
    looks.clear()

    stack.stop()

    assert stack.footprint is not None
    assert members(stack.footprint.pid, stack.footprint.mark) == ()
    assert len(looks) <= 16, "it would be fifty at the pace of the first"


def test_a_child_that_shed_group_session_and_mark_goes_too(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = Process([sys.executable, "-c", ESCAPES], environ=dict(os.environ), mark="m-escapes", log=log)
    deadline = time.monotonic() + 20
    while not log.read_text().endswith("\n") and time.monotonic() < deadline:
        time.sleep(0.02)
    child = int(log.read_text())

    assert members(process.pid, "m-escapes") == tuple(sorted((process.pid, child)))
    assert terminate(process.pid, "m-escapes", 5.0, reap=process.poll) == ()

    assert start_token(child) is None


def test_what_cannot_be_ended_is_told(
    tmp_path: Path,
    config: StackConfig,
    environ: dict[str, str],
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stack = boot(command("good"), config, name="base", log_folder=tmp_path, environ=environ)
    ended: list[int] = []

    def survives(pid: int, mark: str, timeout_s: float, *, reap: Callable[[], object]) -> tuple[int, ...]:
        terminate(pid, mark, timeout_s, reap=reap)
        ended.append(pid)
        return (pid,)

    monkeypatch.setattr(booted, "terminate", survives)
    with pytest.raises(StackError, match="the stack base cannot be ended: still there: process"):
        stack.stop()
    assert len(ended) == 1


def test_a_later_process_with_the_id_of_a_member_is_left_alone() -> None:
    family = processes._Family(None, "m-later")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        family._seen[other.pid] = "long ago"
        family.send(signal.SIGKILL)
        assert other.poll() is None
