"""Record the runs of ``runs.py`` anew: ``python -m tests.recorded.record [NAME ...]``, minutes for all.

Each is a real command of the command line on the embedded API, in a repository of its own. What is kept is
its results.json, without the names and paths of this machine.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.recorded.runs import DATA

API = "embedded:latency=20ms"
SHORT = ("--max-users", "25", "--test-duration", "3")
# In place of what tells which machine it was.
MACHINE_CLASS = "linux-x86_64-example-2c-8g"
MACHINE = {
    "machine_class": MACHINE_CLASS,
    "os_release": "6.1",
    "cpu_model": "Example CPU",
    "cores": 2,
    "memory_bytes": 8 * 2**30,
    "ci": None,
    "runner_image": None,
}
PLACE = "/repository"


class Repository:
    """A new git repository to measure in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            **{
                f"GIT_{who}_{what}": value
                for who in ("AUTHOR", "COMMITTER")
                for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
            },
        }
        (folder / ".gitignore").write_text("results/\n")
        shutil.copy(Path(__file__).with_name("users.py"), folder)
        self.git("init", "-q", "-b", "main")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "begin")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.folder, env=self.environ, check=True)

    def govbench(self, *arguments: str, code: int | None = 0) -> None:
        """Run a command, which has to end with ``code`` (None: with any verdict)."""
        command = [sys.executable, "-m", "govbench", *arguments]
        print("govbench", *arguments, flush=True)
        ended = subprocess.run(
            command, cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False
        )
        if ended.returncode not in ((0, 1) if code is None else (code,)):
            raise SystemExit(f"ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}")

    def document(self) -> dict[str, Any]:
        """The newest results.json, with nothing in it of this machine."""
        text = (self.folder / "results" / "latest" / "results.json").read_text(encoding="utf-8")
        found = json.loads(text)["summary"]["environment"]["machine_class"]
        body: dict[str, Any] = json.loads(text.replace(found, MACHINE_CLASS).replace(str(self.folder), PLACE))
        body["summary"]["environment"].update(MACHINE)
        return body


def shortened(value: Any, key: str = "") -> Any:
    """The document with nine digits a number, instants to the microsecond: half as long, and as real."""
    if isinstance(value, dict):
        return {name: shortened(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [shortened(item, key) for item in value]
    if not isinstance(value, float) or key == "gamma":  # bucket boundaries are powers of gamma
        return value
    return round(value, 6) if abs(value) > 1e6 else float(f"{value:.9g}")


def first_run(repository: Repository) -> None:
    repository.govbench("run", API, *SHORT)


def stored_regression(repository: Repository) -> None:
    longer = ("--max-users", "25", "--test-duration", "6")
    repository.govbench("run", API, *longer)
    repository.govbench("baseline", "update", "--commit")
    repository.git("commit", "-q", "--allow-empty", "-m", "a slower one")
    repository.govbench("run", f"{API},slowdown=3", *longer, code=1)


def ab_regression(repository: Repository) -> None:
    head = "embedded:latency=10ms,slowdown=1.5"
    options = ("--round", "1", "--max-time", "60s")
    repository.govbench("ab", "--base", "embedded:latency=10ms", "--head", head, *options, code=1)


def ab_equal(repository: Repository) -> None:
    target = "embedded:latency=10ms"
    repository.govbench(
        "ab", "--base", target, "--head", target, "--round", "1", "--max-time", "25s", code=None
    )


def mass_failure(repository: Repository) -> None:
    repository.govbench("run", f"{API},errors=0.9", "--max-users", "5", "--test-duration", "3", code=1)


def endpoints(repository: Repository) -> None:
    test_file = ("--test-file", "users.py", "--test-types", "concurrent")
    repository.govbench("run", API, *test_file, "--max-users", "10", "--test-duration", "4")


def open_loop(repository: Repository) -> None:
    repository.govbench("run", API, "--rate", "20", "--test-duration", "5")


CASES: dict[str, Callable[[Repository], None]] = {
    case.__name__: case
    for case in (
        first_run,
        stored_regression,
        ab_regression,
        ab_equal,
        mass_failure,
        endpoints,
        open_loop,
    )
}


def main(names: list[str]) -> None:
    """Record these, or all."""
    DATA.mkdir(exist_ok=True)
    for name in names or CASES:
        with tempfile.TemporaryDirectory() as folder:
            repository = Repository(Path(folder))
            CASES[name](repository)
            text = json.dumps(shortened(repository.document()), ensure_ascii=False, separators=(",", ":"))
        data = gzip.compress(text.encode(), mtime=0)
        (DATA / f"{name}.json.gz").write_bytes(data)
        print(f"{name}: {len(text)} bytes, {len(data)} packed", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
