"""How wide an answer is, and where a body comes from."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from govbench.cli.options import body_of
from govbench.errors import UsageError
from tests.cli.conftest import Cli

CODE = "from govbench.cli.options import Output\nprint(Output().width)"


def width_on_a_terminal(columns: int, environ: dict[str, str]) -> int:
    ours, theirs = os.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        subprocess.run([sys.executable, "-c", CODE], env=environ, stdout=theirs, check=True)
        return int(os.read(ours, 100))
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(
    ("columns", "width"), [(40, 40), (60, 60), (79, 79), (80, 80), (100, 100), (300, 120), (5, 20), (0, 80)]
)
def test_a_terminal_is_used_as_wide_as_it_is(govbench: Cli, columns: int, width: int) -> None:
    assert width_on_a_terminal(columns, govbench.environ) == width


@pytest.mark.parametrize(("said", "width"), [("44", 44), ("1000", 120), ("wide", 70), ("0", 70), ("", 70)])
def test_what_columns_says_goes_first(govbench: Cli, said: str, width: int) -> None:
    assert width_on_a_terminal(70, {**govbench.environ, "COLUMNS": said}) == width


@pytest.mark.parametrize(("environ", "width"), [({}, "100"), ({"COLUMNS": "50"}, "50")])
def test_elsewhere_it_is_a_hundred_columns(govbench: Cli, environ: dict[str, str], width: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**govbench.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == width


def test_a_body_is_typed_or_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text('{"q": "ü"}', encoding="utf-8")

    assert body_of(None) is None
    assert body_of('{"q": 1}') == '{"q": 1}'
    assert body_of(f"@{tmp_path}/body.json") == '{"q": "ü"}'


def test_a_body_that_cannot_be_read_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"\xff\xd8")

    with pytest.raises(UsageError, match=r"--body @.*missing: cannot be read: No such file"):
        body_of(f"@{tmp_path}/missing")
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        body_of(f"@{tmp_path}/picture")
