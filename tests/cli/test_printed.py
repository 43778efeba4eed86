"""What commands print of a report: on terminals of any width, quiet, whole; several runs in one comment."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios

import pytest
from rich.cells import cell_len

from govbench.report.layouts.markdown import LEAST_BYTES
from tests.cli.conftest import Cli

pytestmark = pytest.mark.load


def on_terminal(govbench: Cli, columns: int, *arguments: str) -> list[str]:
    """Lines that a command writes to a terminal of that width, without their colours."""
    main, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", "govbench", *arguments],
        cwd=govbench.cwd,
        env={**govbench.environ, "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=end,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ):
        os.close(end)
        text = b""
        while True:
            try:
                part = os.read(main, 65_536)
            except OSError:  # the other end was closed
                break
            if not part:
                break
            text += part
    os.close(main)
    return re.sub(r"\x1b\[[0-9;]*m", "", text.decode()).replace("\r", "").splitlines()


@pytest.mark.parametrize("columns", [40, 72, 100])
def test_a_terminal_is_filled_and_not_left(measured: Cli, columns: int) -> None:
    found = on_terminal(measured, columns, "report", str(measured.folder))

    assert columns - 12 <= max(map(cell_len, found)) <= columns


def test_a_terminal_that_does_not_tell_its_width_is_80_wide(measured: Cli) -> None:
    found = on_terminal(measured, 0, "report", str(measured.folder))

    assert 68 <= max(map(cell_len, found)) <= 80


def test_the_last_lines_are_the_exit_code_and_the_page(measured: Cli) -> None:
    ended = measured.here("report", str(measured.folder))

    *_, verdict, page = ended.out.splitlines()
    assert re.fullmatch(r". [a-z ]+ · exit code 0: .+", verdict)
    assert page == f"report: {(measured.folder / 'report.html').relative_to(measured.cwd)}"


def test_quiet_is_a_line_for_each_gated_metric(measured: Cli) -> None:
    gated = [f for f in measured.document["comparison"]["findings"] if f["gated"]]

    ended = measured.here("report", str(measured.folder), "--quiet")

    *lines, verdict = ended.out.splitlines()
    assert len(lines) == len(gated) > 0
    assert "exit code 0" in verdict


def test_verbose_shows_what_is_folded(measured: Cli) -> None:
    brief, whole = (measured.here("report", str(measured.folder), *more).out for more in ((), ("-v",)))

    assert "more with --verbose: " in brief
    assert "more with --verbose: " not in whole
    assert len(whole.splitlines()) > 2 * len(brief.splitlines()) > 20


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_a_poor_encoding_has_something_for_every_sign(measured: Cli, encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "govbench", "report", str(measured.folder), "-v"],
        cwd=measured.cwd,
        env={**measured.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )

    text = done.stdout.decode(encoding)
    assert text.startswith("+--")
    assert "\nResponse times\n" in text
    assert "\\u" not in text


def test_several_runs_are_one_comment(measured: Cli) -> None:
    second = measured.cwd / "second"
    shutil.copytree(measured.folder, second)
    call = ("report", str(measured.folder), str(second), "--markdown")

    whole = measured.here(*call)
    cut = measured.here(*call, "--max-bytes", str(LEAST_BYTES * 4))

    assert whole.out.count("\n### ") == cut.out.count("\n### ") == 2
    assert len(cut.out.encode()) <= LEAST_BYTES * 4 < len(whole.out.encode())
    assert "Left out for length: " in cut.out
    assert "`second/report.html`" in cut.out


@pytest.mark.parametrize(
    "more",
    [(), ("--junit",), ("--markdown", "--junit"), ("--max-bytes", "5000"), ("--csv", "--max-bytes", "5000")],
)
def test_only_markdown_holds_several_runs_or_has_a_budget(measured: Cli, more: tuple[str, ...]) -> None:
    runs = [str(measured.folder)] * (1 if "--max-bytes" in more else 2)

    ended = measured.here("report", *runs, *more)

    assert (ended.code, ended.out) == (2, "")
    assert "--markdown" in ended.err


def test_a_budget_that_holds_nothing_is_a_mistake(measured: Cli) -> None:
    ended = measured.here("report", str(measured.folder), "--markdown", "--max-bytes", str(LEAST_BYTES - 1))

    assert (ended.code, ended.out) == (2, "")
