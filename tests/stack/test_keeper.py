"""A killed govbench boots nothing that outlives it; one that is alive is not meddled with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from govbench.config.settings import StackConfig
from govbench.config.targets import CommandTarget
from govbench.stack.boot import boot
from govbench.stack.keeper import Charge, Keeper, keeper
from govbench.stack.processes import MARK_VARIABLE, start_token
from tests.stack.conftest import marked_processes

Command = Callable[[str], CommandTarget]


def gone(pid: int, *, within_s: float = 20) -> bool:
    deadline = time.monotonic() + within_s
    while start_token(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    return start_token(pid) is None


def booting(what: str, environ: dict[str, str]) -> subprocess.Popen[str]:
    """A program that boots something, tells its process, and is about to be killed."""
    script = f"""
    import os, sys, time
    from pathlib import Path
    from govbench.config.settings import StackConfig
    from govbench.config.targets import parse_target
    from govbench.stack.boot import boot
    from govbench.stack.build import build
    {what}
    print(stack.footprint.pid, stack.footprint.home, flush=True)
    time.sleep(300)
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], env=environ, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("mode", ["family", "stubborn"])
def test_sigkill_leaves_no_stack(
    tmp_path: Path, environ: dict[str, str], command: Command, mode: str
) -> None:
    target, log = command(mode).form, str(tmp_path)
    what = (
        f"stack = boot(parse_target({target!r}), StackConfig(stop_timeout_s=0.5), name='s', "
        f"log_folder=Path({log!r}), environ=dict(os.environ))"
    )
    with booting(what, environ) as program:
        assert program.stdout is not None
        pid, home = program.stdout.readline().split()
        assert len(marked_processes()) == (3 if mode == "family" else 1)
        program.kill()
        assert gone(int(pid))
    deadline = time.monotonic() + 10
    while (marked_processes() or Path(home).exists()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert marked_processes() == []
    assert not Path(home).exists()


def test_sigkill_leaves_no_build(tmp_path: Path, environ: dict[str, str]) -> None:
    sleep = f"{sys.executable} -c 'import time; time.sleep(300)'"
    what = (
        f"build(StackConfig(build={sleep!r}, stop_timeout_s=0.5), name='b', "
        f"log_folder=Path({str(tmp_path)!r}), environ=dict(os.environ), folder=None)"
    )
    with booting(what, environ) as program:
        deadline = time.monotonic() + 20
        while not marked_processes() and time.monotonic() < deadline:
            time.sleep(0.02)
        (pid,) = marked_processes()
        program.kill()
        assert gone(pid)


def test_a_stack_that_stays_is_not_ended(tmp_path: Path, environ: dict[str, str], command: Command) -> None:
    what = (
        f"stack = boot(parse_target({command('good').form!r}), StackConfig(stop_timeout_s=0.5), name='s', "
        f"log_folder=Path({str(tmp_path)!r}), environ=dict(os.environ)); stack.detach()"
    )
    # No state names this stack, so whoever boots next, as a test beside this one does, may clear it away.
    with booting(what, {**environ, "TMPDIR": str(tmp_path)}) as program:
        assert program.stdout is not None
        pid = int(program.stdout.readline().split()[0])
        program.kill()
    try:
        assert not gone(pid, within_s=1.0)
    finally:
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)


def test_signals_to_both_do_not_end_the_keeper_first(environ: dict[str, str]) -> None:
    watching = Keeper()
    variables = {**environ, MARK_VARIABLE: "m-kept"}
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, env=variables) as p:
        watching.watch(Charge(mark="m-kept", timeout_s=2.0))
        process = watching._process
        assert process is not None
        time.sleep(0.5)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process.send_signal(number)
        watching.close()
        assert p.wait(timeout=10) < 0
    assert process.returncode == 0


def test_a_keeper_that_died_is_replaced_and_told_everything(environ: dict[str, str]) -> None:
    watching = Keeper()
    variables = {**environ, MARK_VARIABLE: "m-first"}
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, env=variables) as p:
        watching.watch(Charge(mark="m-first", timeout_s=2.0))
        first = watching._process
        assert first is not None
        assert first.stdin is not None
        first.kill()
        first.wait()
        first.stdin.close()
        watching.watch(Charge(mark="m-second"))
        watching.forget("m-second")
        watching.close()
        assert p.wait(timeout=10) < 0


def test_what_was_stopped_is_forgotten(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command
) -> None:
    boot(command("good"), config, name="s", log_folder=tmp_path, environ=environ).stop()
    assert keeper()._charges == {}
