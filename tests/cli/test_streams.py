"""Outputs that take nothing, or not these characters: a verdict keeps its code, and no gate turns green."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.conftest import SHORT, Cli
from tests.cli.test_stored_files import twice_as_fast

pytestmark = pytest.mark.load

GOVBENCH = (sys.executable, "-m", "govbench")


@pytest.fixture
def regressed(measured: Cli) -> Cli:
    """A repository with a run, and ``fast.json``, beside which it is a regression."""
    path = measured.folder / "results.json"
    (measured.cwd / "fast.json").write_text(twice_as_fast(path.read_text()))
    return measured


def in_shell(
    govbench: Cli, script: str, *, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A script in which ``govbench`` is the command line."""
    define = f'govbench() {{ {shlex.join(GOVBENCH)} "$@"; }}\n'
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail\n{define}{script}"],
        cwd=govbench.cwd,
        env={**govbench.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def told(ended: subprocess.CompletedProcess[str]) -> str:
    """The one complaint of a command."""
    assert "Traceback" not in ended.stderr
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("govbench: ")]
    return line


COMPARE = "govbench compare fast.json results/latest --fail-on regression,invalid"
PASSES = "govbench report results/latest"


def test_a_reader_that_has_gone_changes_no_verdict(regressed: Cli) -> None:
    """All of the reader's input comes after it has gone, or much of it."""
    for reader in ("true", "head -n 1", "sleep 0.1"):
        ended = in_shell(regressed, f"{COMPARE} --html | {reader}")
        assert (ended.returncode, ended.stderr) == (1, "")
        ended = in_shell(regressed, f"{PASSES} --csv | {reader}")
        assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("command", ["run", "ab"])
def test_a_measurement_whose_reader_has_gone_keeps_its_code(
    govbench: Cli, embedded_url: str, command: str
) -> None:
    (govbench.cwd / "govbench.toml").write_text("[thresholds]\nresponse_time_p50_ms = 0.001\n")
    call = f"govbench run {embedded_url} {shlex.join(SHORT)}"
    if command == "ab":
        call = f"govbench ab --base {embedded_url} --head {embedded_url} --round 0.6 --max-time 5s"

    ended = in_shell(govbench, f"{call} | true")

    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    assert (govbench.folder / "report.html").exists()


def test_help_that_nobody_reads_is_no_failure(govbench: Cli) -> None:
    for call in ("--help", "run --help", "--version"):
        ended = in_shell(govbench, f"govbench {call} | true")
        assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("away", "why"),
    [(">/dev/full", "No space left on device"), (">&-", "it is closed")],
    ids=["full", "closed"],
)
def test_what_cannot_be_printed_is_told_and_is_not_green(regressed: Cli, away: str, why: str) -> None:
    for call, code in ((PASSES, 4), (f"{PASSES} --csv", 4), (COMPARE, 1), ("govbench --help", 4)):
        ended = in_shell(regressed, f"{call} {away}")
        assert ended.returncode == code, ended.stderr
        assert told(ended) == f"govbench: stdout cannot be written: {why}"


def test_a_run_that_cannot_print_has_written_its_results(govbench: Cli, embedded_url: str) -> None:
    ended = in_shell(govbench, f"govbench run {embedded_url} {shlex.join(SHORT)} >/dev/full")

    assert ended.returncode == 4, ended.stderr
    assert told(ended) == "govbench: stdout cannot be written: No space left on device"
    assert govbench.document["summary"]["run"]["status"] == "completed"
    assert (govbench.folder / "report.html").exists()


def test_a_closed_stdout_that_nothing_goes_to_is_no_failure(regressed: Cli) -> None:
    ended = in_shell(regressed, f"{PASSES} --html --to report.html >&-")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "</html>" in (regressed.cwd / "report.html").read_text()


def test_nothing_takes_the_place_of_closed_streams(govbench: Cli, embedded_url: str) -> None:
    """What is opened first takes the lowest number: without care a file of samples would be stdout."""
    ended = in_shell(govbench, f"govbench run {embedded_url} {shlex.join(SHORT)} <&- >&- 2>&-")

    assert ended.returncode == 4
    assert govbench.sample_count() == govbench.document["summary"]["accounting"]["sent"] > 0


@pytest.mark.parametrize("away", ["2>/dev/full", "2>&-", "2> >(true)"])
def test_a_stderr_that_takes_nothing_changes_no_verdict(regressed: Cli, away: str) -> None:
    assert in_shell(regressed, f"{COMPARE} {away}").returncode == 1
    assert in_shell(regressed, f"{PASSES} {away}").returncode == 0
    assert in_shell(regressed, f"govbench report missing {away}").returncode == 2


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii", "cp437", "utf-16"])
def test_any_encoding_is_written(regressed: Cli, embedded_url: str, encoding: str) -> None:
    env = {"PYTHONIOENCODING": encoding}
    calls = [(PASSES, 0), (COMPARE, 1), (f"{PASSES} --html", 0), (f"govbench quick-check {embedded_url}", 0)]
    for call, code in calls:
        ended = in_shell(regressed, f"{call} >out", env=env)
        assert ended.returncode == code, ended.stderr
        assert "Traceback" not in ended.stderr
        assert (regressed.cwd / "out").stat().st_size > 100


def test_what_an_encoding_lacks_is_written_otherwise(regressed: Cli) -> None:
    ended = in_shell(regressed, f"{COMPARE} >out", env={"PYTHONIOENCODING": "latin-1"})

    assert ended.returncode == 1
    said = (regressed.cwd / "out").read_text(encoding="latin-1")
    assert "x regression" in said
    assert "?" not in said.partition("\n")[0]


def test_a_terminal_that_was_closed_is_a_reader_that_has_gone(regressed: Cli) -> None:
    terminal, ours = pty.openpty()
    process = subprocess.Popen(
        [*GOVBENCH, *shlex.split(COMPARE)[1:]],
        cwd=regressed.cwd,
        env=regressed.environ,
        stdin=subprocess.DEVNULL,
        stdout=ours,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(ours)
    os.close(terminal)

    _, said = process.communicate(timeout=60)

    assert (process.returncode, said) == (1, "")


def test_a_pipe_that_is_slow_is_waited_for(regressed: Cli) -> None:
    """A pipe that somebody made non-blocking says it is full, which is no failure."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    process = subprocess.Popen(
        [*GOVBENCH, *shlex.split(PASSES)[1:], "--html"],
        cwd=regressed.cwd,
        env=regressed.environ,
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as reader:
        said = reader.read()
    _, complaint = process.communicate(timeout=60)

    assert (process.returncode, complaint) == (0, "")
    assert said.rstrip().endswith("</html>")


def at_the_question(govbench: Cli, keys: bytes) -> tuple[int, str]:
    """Exit code and words of a run that asks for leave on a terminal; ``keys`` are what is typed."""
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        [*GOVBENCH, "run", "http://far.invalid", "--max-users", "100"],
        cwd=govbench.cwd,
        env=govbench.environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    while b"[y/N]" not in said:
        said += os.read(terminal, 4096)
    os.write(terminal, keys)
    code = process.wait(timeout=60)
    with suppress(OSError):  # so a terminal ends
        while more := os.read(terminal, 4096):
            said += more
    os.close(terminal)
    return code, said.decode()


@pytest.mark.parametrize("keys", [b"\x04", b"n\n", b"\n"], ids=["ctrl-d", "no", "enter"])
def test_a_load_that_is_not_agreed_to(govbench: Cli, keys: bytes) -> None:
    code, said = at_the_question(govbench, keys)

    assert code == 2, said
    assert "nothing was measured: the load was not agreed to" in said
    assert "Traceback" not in said
    assert not Path(govbench.cwd / "results").exists()
