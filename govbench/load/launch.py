"""Starts the load process and follows it. Imports no Locust: that patches the whole process it is in."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from govbench.errors import LoadError, in_words
from govbench.results.plan import Plan
from govbench.results.redact import redact

LOG_NAME = "load.log"
MASTER_PORT = 5557  # where remote workers look for their master unless told otherwise
_LOG_TAIL_LINES = 15

Event = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadEnd:
    """How the load process ended. ``events`` are all but the ticks, in order, times in Unix seconds."""

    completed: bool
    failure: str | None
    events: tuple[Event, ...]
    errors: tuple[Event, ...] = field(default=())


class _Child:
    """A process of our own package that takes lines on stdin and tells events on stdout.

    Raises:
        LoadError: it cannot be started.
    """

    def __init__(self, module: str, folder: Path) -> None:
        self.folder = folder
        try:
            with (folder / LOG_NAME).open("wb") as log:
                # A session of its own: Ctrl-C reaches the parent alone, which then stops the load in order.
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", module, str(folder)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            raise LoadError(f"the load process cannot be started: {in_words(error)}") from error

    @property
    def pid(self) -> int:
        """Process id of the load process."""
        return self._process.pid

    def stop(self) -> None:
        """Ask for an orderly end: requests under way may finish within the plan's stop timeout."""
        self._send(b"stop")

    def kill(self) -> None:
        """End it now, workers and all; what they have recorded is on disk."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # it leads the group, and has not been waited for

    def close(self) -> None:
        """Leave nothing behind: kill the process if it still runs, and close the pipes."""
        if self._process.poll() is None:
            self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _send(self, line: bytes) -> None:
        assert self._process.stdin is not None
        # It has ended, and perhaps the pipe is closed: ``follow`` tells how.
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()

    def _events(self) -> Iterator[Event]:
        """All events until the process has ended, and its workers with it."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with contextlib.suppress(json.JSONDecodeError):  # a half line of a killed process
                event: Event = json.loads(line)
                yield event

    def _end_text(self, returncode: int) -> str:
        return f"the load process ended with {_exit_text(returncode)}{self._log_tail()}"

    def _log_tail(self) -> str:
        try:
            lines = (self.folder / LOG_NAME).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "".join(f"\n  {redact(line)}" for line in lines[-_LOG_TAIL_LINES:])


class LoadProcess(_Child):
    """A running load process, which carries out a plan and records it in ``folder``.

    Without a plan it makes itself ready, which takes about a second, and waits for ``begin``.
    """

    def __init__(self, plan: Plan | None, folder: Path) -> None:
        super().__init__("govbench.load", folder)
        if plan is not None:
            self.begin(plan)

    def begin(self, plan: Plan) -> None:
        """Let it carry out a plan; once only."""
        self._send(base64.b64encode(pickle.dumps(plan)))

    def follow(self, on_event: Callable[[Event], None]) -> LoadEnd:
        """Read events until the process has ended, handing each to ``on_event``."""
        kept: list[Event] = []
        for event in self._events():
            if event["event"] != "tick":
                kept.append(event)
            on_event(event)
        return self._end(kept, self._process.wait())

    def _end(self, events: list[Event], returncode: int) -> LoadEnd:
        done = next((e for e in events if e["event"] == "done"), None)
        failed = next((e for e in events if e["event"] == "failed"), None)
        failure = failed["message"] if failed else None
        if failure is None and (done is None or returncode != 0):
            failure = self._end_text(returncode)
        return LoadEnd(
            completed=bool(done and done["completed"]) and failure is None,
            failure=failure,
            events=tuple(events),
            errors=tuple(done["errors"]) if done else (),
        )


class WorkerProcess(_Child):
    """A worker for a master on another machine; what it records goes there, and stays in ``folder``."""

    def __init__(self, *, host: str, port: int, token: str, folder: Path) -> None:
        super().__init__("govbench.load.worker", folder)
        self._send(json.dumps({"host": host, "port": port, "token": token}).encode())

    def follow(self, on_event: Callable[[Event], None]) -> str | None:
        """Read events until the worker has ended; what went wrong, or None."""
        failure = None
        for event in self._events():
            if event["event"] == "failed":
                failure = str(event["message"])
            on_event(event)
        returncode = self._process.wait()
        return failure or (self._end_text(returncode) if returncode else None)


def problem_with(file: str, names: Sequence[str], *, limit_s: float = 120.0) -> tuple[str, str] | None:
    """Why a test file cannot be used, and a hint; None where it can be imported and has users of these names.

    It is imported in a process of its own, which ends with whatever the import has started in its group.

    Raises:
        LoadError: the process cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="govbench-preview-") as folder:
        preview = _Preview(file, names, Path(folder))
        try:
            return preview.answer(limit_s)
        finally:
            preview.close()


class _Preview(_Child):
    """A process that imports a test file and says whether it can be used."""

    def __init__(self, file: str, names: Sequence[str], folder: Path) -> None:
        super().__init__("govbench.load.preview", folder)
        self._file, self._is_late = file, False
        self._send(json.dumps([file, *names]).encode())

    def answer(self, limit_s: float) -> tuple[str, str] | None:
        """What is wrong, and a hint; None where nothing is."""
        timer = threading.Timer(limit_s, self._give_up)
        timer.start()
        try:
            for event in self._events():
                return (event["message"], event["hint"] or "") if event["event"] == "failed" else None
        finally:
            timer.cancel()
            timer.join()
            self.kill()  # before anybody waits for it: what the file has started goes with it
        if self._is_late:
            return f"{self._file}: it could not be imported within {limit_s:g} s", ""
        how = _exit_text(self._process.wait())
        return f"{self._file}: importing it ended with {how}{self._log_tail()}", ""

    def _give_up(self) -> None:
        self._is_late = True
        self.kill()


def _exit_text(returncode: int) -> str:
    return f"signal {-returncode}" if returncode < 0 else f"exit code {returncode}"
