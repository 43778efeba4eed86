"""Starts programs in process groups of their own and leaves none behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO


class Program:
    """A running program whose output goes to a file, unless ``stdout`` asks for it."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        piped: bool = False,
    ) -> None:
        self._log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else file,
                stderr=file if piped else subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id, which is that of its group as well."""
        return self._process.pid

    @property
    def stdout(self) -> IO[bytes]:
        """Its standard output, where that is piped."""
        assert self._process.stdout is not None
        return self._process.stdout

    def output(self) -> str:
        """What it has written to its log so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def interrupt(self, number: signal.Signals = signal.SIGINT, *, wait_s: float = 20.0) -> None:
        """Ask for an orderly end and wait for it."""
        if self._process.poll() is None:
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(wait_s)

    def close(self) -> None:
        """Kill what is left of the group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
