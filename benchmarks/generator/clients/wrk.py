"""wrk: about as little as a client can do. It only takes part where no user pauses."""

from __future__ import annotations

import math
import shutil
import subprocess
import time
from pathlib import Path

from benchmarks.generator.clients.base import CHAT_BODY, CHAT_PATH, TAIL_S, Load, Reported
from benchmarks.generator.processes import Program

_SCRIPT = Path(__file__).resolve().parents[1] / "wrk.lua"


class Wrk:
    """wrk with one thread."""

    name = "wrk"
    figures = frozenset({"capacity"})

    def missing(self) -> str | None:
        """Whether its program is there."""
        return None if shutil.which("wrk") else "not installed"

    def version(self) -> str:
        """The first line that it says of itself."""
        done = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
        return " ".join((done.stdout or done.stderr).split()[:2])

    def start(self, load: Load, folder: Path) -> RunningProgram:
        """Start wrk."""
        run_s = math.ceil(load.end_unix_s - time.time() + TAIL_S)
        command = ["wrk", "-t1", f"-c{load.users}", f"-d{run_s}s", "-s", str(_SCRIPT), load.url + CHAT_PATH]
        return RunningProgram(Program(command, folder / "log", environment={"GENERATOR_BODY": CHAT_BODY}))


class RunningProgram:
    """A client at work whose own report covers its start as well, and so is not read."""

    def __init__(self, program: Program) -> None:
        self._program = program

    @property
    def pid(self) -> int:
        """Its process."""
        return self._program.pid

    def report(self) -> Reported:
        """Interrupt it."""
        self._program.interrupt()
        return Reported()

    def close(self) -> None:
        """Kill it."""
        self._program.close()
