"""Misbehaving stacks on loopback, and the check that no process of theirs is left behind."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from govbench.config.settings import StackConfig
from govbench.config.targets import CommandTarget
from govbench.stack.boot import boot
from govbench.stack.processes import MARK_VARIABLE
from govbench.stack.running import RunningStack
from tests.stack.repository import Repository, make_repository

SCRIPT = Path(__file__).with_name("misbehave.py")
StartStack = Callable[[str], RunningStack]


@pytest.fixture
def command() -> Callable[[str], CommandTarget]:
    """The target that misbehaves in a given mode."""
    words = f"{shlex.quote(sys.executable)} {shlex.quote(str(SCRIPT))}"
    return lambda mode: CommandTarget(command=f"{words} {mode} {{port}}")


@pytest.fixture
def environ() -> dict[str, str]:
    return {**os.environ, "TEST_PROCESS": str(os.getpid())}


@pytest.fixture
def config() -> StackConfig:
    return StackConfig(boot_timeout_s=20, stop_timeout_s=5)


@pytest.fixture
def start(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Callable[[str], CommandTarget]
) -> Iterator[StartStack]:
    """Boot the script in a mode in which it becomes healthy."""
    running: list[RunningStack] = []

    def start_mode(mode: str) -> RunningStack:
        running.append(boot(command(mode), config, name=mode, log_folder=tmp_path, environ=environ))
        return running[-1]

    yield start_mode
    for stack in running:
        stack.stop()


def marked_processes() -> list[int]:
    """Living processes that the tests of this very pytest process have booted."""
    needle = f"TEST_PROCESS={os.getpid()}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if needle in variables and any(v.startswith(MARK_VARIABLE.encode()) for v in variables):
            found.append(int(process.name))
    return found


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    yield
    assert marked_processes() == []


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Nothing of this machine's git configuration reaches it, and no repository around it."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return make_repository(tmp_path / "repository")
