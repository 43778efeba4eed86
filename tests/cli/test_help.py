"""Help, version, quick start and well-behaved streams: what every command owes to its caller."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from govbench import __version__
from govbench.cli.main import COMMANDS
from tests.cli.conftest import Cli

HEAVY = ("locust", "gevent", "numpy", "fastapi", "uvicorn", "git", "jinja2", "httpx", "pydantic")
IN_GROUPS = {
    "baseline": ("list", "show", "update", "prune"),
    "stack": ("up", "wait", "status", "logs", "down"),
}
CALLS = [
    *((name,) for name, _, _ in COMMANDS if name not in IN_GROUPS),
    *((group, name) for group, names in IN_GROUPS.items() for name in names),
]


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_help_of_a_command_has_an_example_on_a_line_of_its_own(govbench: Cli, call: tuple[str, ...]) -> None:
    ended = govbench.here(*call, "--help")

    assert ended.code == 0, ended.err
    assert ended.err == ""
    _, _, examples = ended.out.partition("Examples:")
    words = " ".join(("govbench", *call))
    assert any(line.strip().startswith(words) for line in examples.splitlines()), ended.out


def test_help_lists_every_command_with_the_first_line_of_its_own_help(govbench: Cli) -> None:
    listed = " ".join(govbench.here("--help", env={"COLUMNS": "200"}).out.split())

    for name, _, line in COMMANDS:
        assert f"{name} {line}" in listed
        assert line in " ".join(govbench.here(name, "-h", env={"COLUMNS": "200"}).out.split())


def test_version(govbench: Cli) -> None:
    ended = govbench("--version")

    assert (ended.code, ended.out, ended.err) == (0, f"govbench {__version__}\n", "")


def test_without_a_command_it_shows_the_help(govbench: Cli) -> None:
    assert "quick-check" in govbench().out


def imported_by(govbench: Cli, *arguments: str) -> set[str]:
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "govbench", *arguments],
        cwd=govbench.cwd,
        env=govbench.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in ended.stderr.splitlines() if line.startswith("import time:")]
    assert len(lines) > 100
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_help_imports_nothing_heavy(govbench: Cli) -> None:
    assert imported_by(govbench, "--help") & set(HEAVY) == set()


@pytest.mark.parametrize("arguments", [("compare", "--help"), ("compare",), ("report",), ("run", "--help")])
def test_no_command_line_imports_locust(govbench: Cli, arguments: tuple[str, ...]) -> None:
    assert imported_by(govbench, *arguments) & {"locust", "gevent"} == set()


@pytest.mark.parametrize(
    ("arguments", "code"), [(("--help",), 0), (("run", "--help"), 0), (("stack", "status", "x", "--json"), 3)]
)
def test_a_reader_that_has_gone_is_no_fault(govbench: Cli, arguments: tuple[str, ...], code: int) -> None:
    """Nor does it make a stack be up that is not."""
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen(
        [sys.executable, "-m", "govbench", *arguments],
        cwd=govbench.cwd,
        env=govbench.environ,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(writer)
        _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (code, "")


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, {}])
def test_no_colour_where_none_is_wanted_or_shown(govbench: Cli, variables: dict[str, str]) -> None:
    ended = govbench("quick-check", "http://127.0.0.1:9", env=variables)

    assert ended.code == 3
    assert "\x1b[3" not in ended.out + ended.err


def test_json_on_stdout_is_all_of_stdout(govbench: Cli) -> None:
    ended = govbench("stack", "status", "api", "--json")

    assert ended.code == 3
    assert json.loads(ended.out)[0]["condition"] == "never_up"
