"""The meter of a process tree, on real processes and on made-up ones."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import psutil
import pytest

from govbench.record import processes
from govbench.record.processes import ProcessTree

MIB = 1024 * 1024


class Times(NamedTuple):
    user: float
    system: float
    children_user: float
    children_system: float


class Memory(NamedTuple):
    rss: int


# Holds memory, forks children that share it, and waits to be killed.
PREFORK = """
import os, sys, time
held = bytearray(80 * 1024 * 1024)
for i in range(0, len(held), 4096): held[i] = 1
for _ in range(3):
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
print("ready", flush=True)
time.sleep(60)
"""
# Children that burn CPU and that nobody waits for: the kernel reaps them and passes their time to nobody.
AUTO_REAPED = """
import os, signal, sys, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
while True:
    if os.fork() == 0:
        while time.process_time() < 0.15: pass
        os._exit(0)
    time.sleep(0.2)
"""


@pytest.fixture
def started() -> Iterator[Any]:
    running: list[subprocess.Popen[str]] = []

    def start(code: str) -> int:
        command = [sys.executable, "-c", code]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process.pid

    yield start
    for process in running:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_pages_that_processes_share_count_once(started: Any) -> None:
    use = ProcessTree(started(PREFORK)).read()
    assert use is not None
    assert use.rss_bytes > 4 * 80 * MIB
    if sys.platform == "linux":
        assert use.own_bytes is not None
        assert 80 * MIB < use.own_bytes < 160 * MIB
    else:
        assert use.own_bytes is None
    assert use.threads == 4
    assert use.handles is not None
    assert use.handles >= 8
    assert use.unread == 0


def test_details_are_looked_at_less_often(started: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "DETAILS_EVERY", 3)
    tree = ProcessTree(started(PREFORK))
    looks = [tree.read() for _ in range(6)]
    assert [look is not None and look.threads is not None for look in looks] == [True, False, False] * 2


def test_cpu_time_never_falls_when_nobody_waits_for_children(started: Any) -> None:
    tree = ProcessTree(started(AUTO_REAPED))
    seen = []
    for _ in range(60):
        use = tree.read()
        if use is not None:
            seen.append(use.cpu_s)
        time.sleep(0.03)
    assert len(seen) > 20
    assert seen == sorted(seen)
    assert seen[-1] - seen[0] > 0.3, "what the children were seen with stays counted"


class Fake:
    """A process as psutil tells of it."""

    def __init__(self, pid: int, *, own: float, waited: float = 0.0, rss: int = 10) -> None:
        self.pid, self.own, self.waited, self.rss = pid, own, waited, rss
        self.members: list[Fake] = []
        self.error: psutil.Error | None = None

    def create_time(self) -> float:
        return 1.0

    def oneshot(self) -> Any:
        return contextlib.nullcontext()

    def children(self, *, recursive: bool) -> list[Fake]:
        assert recursive
        return self.members

    def cpu_times(self) -> Times:
        if self.error is not None:
            raise self.error
        return Times(self.own, 0.0, self.waited, 0.0)

    def memory_info(self) -> Any:
        return Memory(self.rss)

    def num_threads(self) -> int:
        return 1

    def num_fds(self) -> int:
        return 2


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Fake:
    root = Fake(1, own=1.0)
    monkeypatch.setattr(psutil, "Process", lambda pid: root)
    return root


def cpu_s(tree: ProcessTree) -> float:
    use = tree.read()
    assert use is not None
    return use.cpu_s


def test_what_a_child_passes_on_is_not_counted_twice(root: Fake) -> None:
    child = Fake(2, own=3.0)
    root.members = [child]
    tree = ProcessTree(1)
    assert cpu_s(tree) == 4.0
    root.members, root.waited, root.own = [], 3.5, 1.25  # it used half a second more before it ended
    assert cpu_s(tree) == pytest.approx(4.75)
    root.waited = 4.0  # of a child that came and went between two looks
    assert cpu_s(tree) == pytest.approx(5.25)


def test_what_nobody_waits_for_stays_counted(root: Fake) -> None:
    root.members = [Fake(2, own=3.0), Fake(3, own=1.0)]
    tree = ProcessTree(1)
    assert cpu_s(tree) == 5.0
    root.members = root.members[1:]
    root.own, root.members[0].own = 1.5, 1.25
    assert cpu_s(tree) == pytest.approx(5.75)


def test_a_number_given_to_another_process_starts_from_nothing(root: Fake) -> None:
    root.members = [Fake(2, own=3.0)]
    tree = ProcessTree(1)
    cpu_s(tree)
    again = Fake(2, own=0.5)
    again.create_time = lambda: 2.0  # type: ignore[method-assign]
    root.members = [again]
    assert cpu_s(tree) == pytest.approx(4.5)


def test_a_member_that_may_not_be_read_costs_its_own_figures_alone(root: Fake) -> None:
    secret = Fake(2, own=3.0, rss=100)
    root.members = [secret, Fake(3, own=1.0, rss=20)]
    tree = ProcessTree(1)
    assert cpu_s(tree) == 5.0
    secret.error, root.own = psutil.AccessDenied(2), 2.0
    use = tree.read()
    assert use is not None
    assert (use.cpu_s, use.rss_bytes, use.unread, use.own_bytes) == (6.0, 30, 1, None)


def test_a_member_that_ends_under_the_look_has_it_looked_again(root: Fake) -> None:
    gone = Fake(2, own=3.0)
    gone.error = psutil.NoSuchProcess(2)
    lists = iter([[gone], [gone], []])
    root.children = lambda *, recursive: next(lists)  # type: ignore[method-assign]
    assert cpu_s(ProcessTree(1)) == 1.0


def test_what_has_ended_tells_nothing(root: Fake) -> None:
    root.rss = 0
    assert ProcessTree(1).read() is None
    root.error = psutil.NoSuchProcess(1)
    assert ProcessTree(1).read() is None
