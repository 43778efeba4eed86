"""hey: a plain Go client without a script engine. It only takes part where no user pauses."""

from __future__ import annotations

import math
import shutil
import time
from pathlib import Path

from benchmarks.generator.clients.base import CHAT_BODY, CHAT_PATH, TAIL_S, Load
from benchmarks.generator.clients.wrk import RunningProgram
from benchmarks.generator.processes import Program


class Hey:
    """hey with one worker for each connection."""

    name = "hey"
    figures = frozenset({"capacity"})

    def missing(self) -> str | None:
        """Whether its program is there."""
        return None if shutil.which("hey") else "not installed"

    def version(self) -> str:
        """It has no way to ask for it."""
        return "unknown version"

    def start(self, load: Load, folder: Path) -> RunningProgram:
        """Start hey."""
        run_s = math.ceil(load.end_unix_s - time.time() + TAIL_S)
        body = ["-m", "POST", "-T", "application/json", "-A", "application/json", "-d", CHAT_BODY]
        command = ["hey", "-z", f"{run_s}s", "-c", str(load.users), *body, load.url + CHAT_PATH]
        return RunningProgram(Program(command, folder / "log"))
