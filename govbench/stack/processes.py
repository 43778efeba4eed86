"""Starting a process in a group of its own, recognising it later, ending all of it. Knows no stack.

A started process and everything it starts carry a mark in their environment. On Linux the members of a
stack are found by that mark or by their process group and session; elsewhere by the process group alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

MARK_VARIABLE: Final = "GOVBENCH_STACK"
_PROC: Final = Path("/proc")
_POLL_S: Final = 0.02
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
) -> None:
    """End a started process and all it started: SIGTERM, then SIGKILL after ``timeout_s``.

    Args:
        pid: the process, which leads its group.
        mark: what it was started with.
        timeout_s: time that the members get to end by themselves.
        reap: collects the exit status of ``pid`` if it is a child of this process.
        whole_group: False when ``pid`` may belong to somebody else by now; then only the mark counts.
    """
    group = pid if whole_group else None
    try:
        _send(group, mark, signal.SIGTERM)
        _wait_gone(group, mark, timeout_s, reap)
    finally:
        # Also when a second Ctrl-C cuts the wait short.
        if members(group, mark):
            _send(group, mark, signal.SIGKILL)
            _wait_gone(group, mark, _KILL_WAIT_S, reap)
        reap()


def members(group: int | None, mark: str) -> tuple[int, ...]:
    """Ids of the living processes of a stack, in rising order."""
    if not (_PROC / "self" / "stat").exists():
        return (group,) if group is not None and _group_exists(group) else ()
    needle = f"{MARK_VARIABLE}={mark}".encode()
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        stat = _stat(int(entry.name))
        if stat is None or stat.state in "ZX":
            continue
        if group in (stat.group, stat.session) or needle in _environ(entry):
            found.append(int(entry.name))
    return tuple(sorted(found))


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

    __slots__ = ("group", "session", "start", "state")

    def __init__(self, text: str) -> None:
        # The second field is the program's name in parentheses and may hold anything.
        fields = text.rpartition(")")[2].split()
        self.state, self.group, self.session, self.start = (
            fields[0],
            int(fields[2]),
            int(fields[3]),
            fields[19],
        )


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


def _send(group: int | None, mark: str, number: signal.Signals) -> None:
    pids = members(group, mark)
    if group is not None and pids:
        # In one call, so that no member can start another one in between.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) != group:
                os.kill(pid, number)


def _wait_gone(group: int | None, mark: str, timeout_s: float, reap: Callable[[], object]) -> None:
    deadline = time.monotonic() + timeout_s
    reap()
    while members(group, mark) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        reap()


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
