"""k6, whose script is ``../k6.js``."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.generator.clients.base import CHAT_BODY, CHAT_PATH, TAIL_S, Load, Reported
from benchmarks.generator.processes import Program

_SCRIPT = Path(__file__).resolve().parents[1] / "k6.js"


def _binary() -> str | None:
    """On the path, or beside the interpreter, where its Python package puts it."""
    beside = Path(sys.executable).parent / "k6"
    return shutil.which("k6") or (str(beside) if beside.exists() else None)


class K6:
    """k6 with as many virtual users; each is a JavaScript runtime of its own."""

    name = "k6"
    figures = frozenset({"capacity", "accuracy"})

    def missing(self) -> str | None:
        """Whether its program is there."""
        return None if _binary() else "not installed"

    def version(self) -> str:
        """What it says of itself."""
        done = subprocess.run([_binary() or "k6", "version"], capture_output=True, text=True, check=False)
        return done.stdout.split("(")[0].strip()

    def start(self, load: Load, folder: Path) -> RunningK6:
        """Start ``k6 run``."""
        given = {
            **dataclasses.asdict(load),
            "path": CHAT_PATH,
            "body": CHAT_BODY,
            "run_s": math.ceil(load.end_unix_s - time.time() + TAIL_S),
        }
        command = [_binary() or "k6", "run", "--quiet", "--no-usage-report", "--address", "", str(_SCRIPT)]
        environment = {
            "GENERATOR_LOAD": json.dumps(given),
            "GENERATOR_REPORT": str(folder / "report.json"),
        }
        return RunningK6(Program(command, folder / "log", environment=environment), folder)


class RunningK6:
    """A k6 process at work."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._program, self._folder = program, folder

    @property
    def pid(self) -> int:
        """The k6 process."""
        return self._program.pid

    def report(self) -> Reported:
        """Interrupt it and read its summary of the window."""
        self._program.interrupt()
        try:
            return Reported(**json.loads((self._folder / "report.json").read_bytes()))
        except FileNotFoundError:
            raise RuntimeError(f"k6 gave no report:\n{self._program.output()[-2000:]}") from None

    def close(self) -> None:
        """Kill it."""
        self._program.close()
