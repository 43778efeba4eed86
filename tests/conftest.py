"""How the tests are run: side by side where the whole suite is asked for, each wherever there is room."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Under nohup a hang-up is ignored, in the background of a script an interrupt, and so by all that is started.
for _number, _usual in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)

# How long one example takes says how busy the machine is, and nothing about the code.
settings.register_profile("govbench", deadline=None)
settings.load_profile("govbench")

_PER_CORE = 2  # most tests wait: for an answer, a schedule, the end of a process
_MOST_WORKERS = 8
MadeOnce = Callable[[str, Callable[[Path], object]], Path]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Workers for the whole suite; a part of it is run in this process, which begins at once."""
    if config.args != config.getini("testpaths"):
        return 0
    # Those that may be used, where the system tells; in a container often fewer than there are.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_PER_CORE * cores, _MOST_WORKERS)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """``made_once(name, make)``: a folder that is filled once for all workers; the others wait for it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, whole = shared / name, shared / f"{name}.whole"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not whole.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of an attempt that failed
                folder.mkdir()
                make(folder)
                whole.touch()
        return folder

    return made
