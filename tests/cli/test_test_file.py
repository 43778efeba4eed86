"""A test file that cannot be used ends ``govbench run`` before anything is booted."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from govbench.load.launch import problem_with
from tests.cli.conftest import SHORT, Cli

pytestmark = pytest.mark.load

USERS = """
from locust import task
from govbench.users import GovStackUser


class Citizen(GovStackUser):
    pass


class Clerk(GovStackUser):
    pass
"""
BOOT = f"command:{sys.executable} -c \"open('booted', 'w')\" {{port}}"


@pytest.mark.parametrize(
    ("source", "names", "words"),
    [
        ("x = 1\n", None, "users.py has no users: no class in it derives from BenchUser or GovStackUser"),
        (USERS, "Citzen", "users.py has no user Citzen"),
        (USERS, "Clerk, Mayor", "users.py has no user Mayor"),
        ("x = 1\nimport no_such_module\n", None, "users.py:2: ModuleNotFoundError: No module named"),
        ("raise SystemExit(0)\n", None, "users.py:1: SystemExit: 0"),
        ("import os\nprint('well')\nos._exit(7)\n", None, "users.py: importing it ended with exit code 7"),
        (f"import subprocess\nsubprocess.Popen(['sleep', '90'])\n{USERS}", "Mayor", "has no user Mayor"),
    ],
)
def test_a_file_that_cannot_be_used_makes_it_2(
    govbench: Cli, source: str, names: str | None, words: str
) -> None:
    (govbench.cwd / "users.py").write_text(source)
    chosen = () if names is None else ("--user-class", names)

    ended = govbench("run", BOOT, "--test-file", "users.py", *chosen)

    # That no process is left, of those that the file starts either, the fixture checks.
    assert ended.code == 2, ended.err
    assert words in ended.complaint
    assert not (govbench.cwd / "booted").exists()
    assert list(govbench.cwd.glob("results/*Z-*")) == []


def test_the_names_that_there_are_stand_in_the_hint(govbench: Cli) -> None:
    (govbench.cwd / "users.py").write_text(USERS)

    ended = govbench("run", BOOT, "--test-file", "users.py", "--user-class", "Mayor")

    assert "it has Citizen, Clerk" in ended.err


def test_what_the_file_prints_is_no_answer_and_its_users_run(govbench: Cli, embedded_url: str) -> None:
    (govbench.cwd / "users.py").write_text('print(\'{"event": "failed", "message": "no"}\')\n' + USERS)

    ended = govbench("run", embedded_url, *SHORT, "--test-file", "users.py", "--user-class", "Clerk")

    assert ended.code == 0, ended.err
    assert govbench.sample_count() > 0


def test_a_signal_while_the_file_is_imported(govbench: Cli) -> None:
    (govbench.cwd / "users.py").write_text(
        "import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(60)\n"
    )
    running = govbench.start("run", BOOT, "--test-file", "users.py")
    while not (govbench.cwd / "begun").exists():
        assert running.process.poll() is None

    running.send(signal.SIGTERM)

    assert running.end().code == 143
    assert not (govbench.cwd / "booted").exists()


def test_a_file_that_takes_too_long(tmp_path: Path) -> None:
    (tmp_path / "users.py").write_text("import time\ntime.sleep(60)\n")
    file = str(tmp_path / "users.py")

    assert problem_with(file, (), limit_s=0.5) == (f"{file}: it could not be imported within 0.5 s", "")
