"""Locust's two stock users, each headless in one process; what they do stands in ``../locustfiles``."""

from __future__ import annotations

import dataclasses
import json
import math
import signal
import sys
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.generator.clients.base import TAIL_S, Load, Reported
from benchmarks.generator.processes import Program

_FILES = Path(__file__).resolve().parents[1] / "locustfiles"
_ROOT = Path(__file__).resolve().parents[3]


class Locust:
    """One of Locust's users; Locust is a dependency of govbench and so is never missing."""

    def __init__(self, name: str, file: str, figures: frozenset[str]) -> None:
        self.name, self.figures = name, figures
        self._file = file

    def missing(self) -> str | None:
        """Never missing."""
        return None

    def version(self) -> str:
        """Version of Locust."""
        return version("locust")

    def start(self, load: Load, folder: Path) -> RunningLocust:
        """Start ``locust --headless``."""
        file = _FILES / ("stream.py" if load.stream else self._file)
        run_s = math.ceil(load.end_unix_s - time.time() + TAIL_S)
        options = ["--headless", "--skip-log", "--only-summary", "--host", load.url, "-u", str(load.users)]
        command = [sys.executable, "-m", "locust", "-f", str(file), *options]
        command += ["-r", str(load.spawn_rate), "-t", f"{run_s}s"]
        environment = {
            "PYTHONPATH": str(_ROOT),
            "GENERATOR_LOAD": json.dumps(dataclasses.asdict(load)),
            "GENERATOR_REPORT": str(folder / "report.json"),
        }
        return RunningLocust(Program(command, folder / "log", environment=environment), folder)


class RunningLocust:
    """A Locust process at work."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._program, self._folder = program, folder

    @property
    def pid(self) -> int:
        """The Locust process."""
        return self._program.pid

    def report(self) -> Reported:
        """Read what Locust's statistics said at the end of the window."""
        self._program.interrupt(signal.SIGTERM)
        try:
            return Reported(**json.loads((self._folder / "report.json").read_bytes()))
        except FileNotFoundError:
            raise RuntimeError(f"locust gave no report:\n{self._program.output()[-2000:]}") from None

    def close(self) -> None:
        """Kill it."""
        self._program.close()


FAST_HTTP_USER = Locust("FastHttpUser", "fast.py", frozenset({"capacity", "accuracy", "stream"}))
HTTP_USER = Locust("HttpUser", "http.py", frozenset({"capacity", "accuracy"}))
