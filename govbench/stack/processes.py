"""Starting a process in a group of its own, recognising it later, ending all of it. Knows no stack.

A started process and everything it starts carry a mark in their environment. On Linux the members of a
stack are found by that mark, by their process group and session, or by their parents; elsewhere by the
process group alone.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

MARK_VARIABLE: Final = "GOVBENCH_STACK"
_PROC: Final = Path("/proc")
_POLL_S: Final = 0.02
_LONGEST_POLL_S: Final = 0.25
_KILL_WAIT_S: Final = 5.0


class Process(subprocess.Popen[bytes]):
    """A child in a session of its own that is not left behind when starting it is interrupted."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str],
        mark: str,
        log: Path,
        folder: Path | None = None,
    ) -> None:
        self._detached = False
        with log.open("wb") as output:
            try:
                super().__init__(
                    argv,
                    cwd=folder,
                    env={**environ, MARK_VARIABLE: mark},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError:
                raise
            except BaseException:
                # Ctrl-C between fork and exec: Popen does not kill the child then.
                if pid := getattr(self, "pid", None):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                raise

    def detach(self) -> None:
        """Let the process outlive this object without a warning."""
        self._detached = True

    def __del__(self) -> None:
        if not self._detached:
            super().__del__()


def start_token(pid: int) -> str | None:
    """What tells this process from a later one with the same id; None when there is none (or a zombie)."""
    stat = _stat(pid)
    if stat is not None:
        return None if stat.state in "ZX" else f"{_boot_id()}:{stat.start}"
    if (_PROC / "self" / "stat").exists():
        return None
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=10
    )
    return answer.stdout.strip() or None


def terminate(
    pid: int, mark: str, timeout_s: float, *, reap: Callable[[], object], whole_group: bool = True
) -> tuple[int, ...]:
    """End a started process and all it started: SIGTERM, then SIGKILL after ``timeout_s``.

    Waiting costs next to nothing: beside the load of a measurement it must not be felt.

    Args:
        pid: the process, which leads its group.
        mark: what it was started with.
        timeout_s: time that the members get to end by themselves.
        reap: collects the exit status of ``pid`` if it is a child of this process.
        whole_group: False when ``pid`` may belong to somebody else by now; then only the mark counts.

    Returns:
        Those that even SIGKILL did not end; usually none.
    """
    family = _Family(pid if whole_group else None, mark)
    try:
        family.send(signal.SIGTERM)
        living = family.wait_gone(timeout_s, reap)
    except BaseException:
        # A second Ctrl-C cuts the wait short: nothing is left all the same.
        family.send(signal.SIGKILL)
        family.wait_gone(_KILL_WAIT_S, reap)
        raise
    if living:
        family.send(signal.SIGKILL)
        living = family.wait_gone(_KILL_WAIT_S, reap)
    reap()
    return living


def members(group: int | None, mark: str) -> tuple[int, ...]:
    """Ids of the living processes of a stack, in rising order."""
    return _Family(group, mark).living()


class _Family:
    """The members of a stack: by group, session or mark, and whatever descends from one of those.

    A member that was seen once stays one, also when its parent has ended meanwhile.
    """

    def __init__(self, group: int | None, mark: str) -> None:
        self._group = group
        self._needle = f"{MARK_VARIABLE}={mark}".encode()
        self._seen: dict[int, str] = {}  # when each started: a later process with its id is another

    def living(self) -> tuple[int, ...]:
        """Those that live, in rising order; one look at all processes of the machine."""
        if not (_PROC / "self" / "stat").exists():
            return (self._group,) if self._group is not None and _group_exists(self._group) else ()
        there = _all_processes()
        found = {pid for pid, stat in there.items() if self._is_member(pid, stat)}
        children: dict[int, list[int]] = {}
        for pid, stat in there.items():
            children.setdefault(stat.parent, []).append(pid)
        unasked = list(found)
        while unasked:
            fresh = [child for child in children.get(unasked.pop(), ()) if child not in found]
            found.update(fresh)
            unasked += fresh
        self._seen.update((pid, there[pid].start) for pid in found)
        return tuple(sorted(found))

    def _is_member(self, pid: int, stat: _Stat) -> bool:
        if self._group in (stat.group, stat.session) or self._seen.get(pid) == stat.start:
            return True
        return self._needle in _environ(_PROC / str(pid))

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all that live."""
        pids = self.living()
        if self._group is not None and pids:
            # In one call, so that no member can start another one in between.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._group, number)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getpgid(pid) != self._group:
                    os.kill(pid, number)

    def wait_gone(self, timeout_s: float, reap: Callable[[], object]) -> tuple[int, ...]:
        """Wait until none lives; those that still do when the time is up.

        Looks at all processes only when those that were known have ended: they may have left others.
        """
        deadline, pause_s = time.monotonic() + timeout_s, _POLL_S
        while True:
            reap()
            living, left_s = self.living(), deadline - time.monotonic()
            if not living or left_s <= 0:
                return living
            if not _slept_until_ended(living, left_s):
                time.sleep(min(pause_s, left_s))
                pause_s = min(2 * pause_s, _LONGEST_POLL_S)


def _all_processes() -> dict[int, _Stat]:
    """Every living process of this machine but this one."""
    pids = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal()]
    stats = {pid: _stat(pid) for pid in pids if pid != os.getpid()}
    return {pid: stat for pid, stat in stats.items() if stat is not None and stat.state not in "ZX"}


def _slept_until_ended(pids: Sequence[int], timeout_s: float) -> bool:
    """Sleep until all of these have ended, or the time is up; False where the system cannot wake us."""
    deadline = time.monotonic() + timeout_s
    with contextlib.ExitStack() as opened:
        waiting, count = select.poll(), 0
        for pid in pids:
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            except (AttributeError, OSError):  # not Linux, an old kernel, too many open files
                return False
            opened.callback(os.close, descriptor)
            waiting.register(descriptor, select.POLLIN)
            count += 1
        while count and (left_s := deadline - time.monotonic()) > 0:
            for descriptor, _ in waiting.poll(left_s * 1000):
                waiting.unregister(descriptor)
                count -= 1
    return True


def kill_marked(mark: str) -> None:
    """End whatever carries the mark at once, for when no id of it is known (Linux only)."""
    for pid in members(None, mark):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def reap_child(pid: int) -> None:
    """Collect the exit status of ``pid`` if it is a child of this process and has ended."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


class _Stat:
    """The fields of ``/proc/PID/stat`` that matter here."""

    __slots__ = ("group", "parent", "session", "start", "state")

    def __init__(self, text: str) -> None:
        # The second field is the program's name in parentheses and may hold anything.
        fields = text.rpartition(")")[2].split()
        self.state, self.start = fields[0], fields[19]
        self.parent, self.group, self.session = (int(field) for field in fields[1:4])


def _stat(pid: int) -> _Stat | None:
    try:
        return _Stat((_PROC / str(pid) / "stat").read_text(errors="replace"))
    except (OSError, IndexError):
        return None


def _environ(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:  # another user's process, or it has just ended
        return []


def _boot_id() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
