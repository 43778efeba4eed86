"""What killed ones have left is cleared away by the next, and nothing else is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from govbench.config.targets import CommandTarget
from govbench.stack.home import Home, clear_leftovers, make_home
from govbench.stack.processes import MARK_VARIABLE, Process, start_token

Command = Callable[[str], CommandTarget]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of the system, for this test alone."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def sleeper(home: Home, mark: str) -> Process:
    process = Process(
        [sys.executable, "-S", "-c", "import time; time.sleep(300)"],
        environ=dict(os.environ),
        mark=mark,
        log=home.root / "log",
    )
    home.note(process.pid)
    return process


def end(process: Process) -> None:
    process.kill()
    process.wait()


def test_an_instance_finds_an_empty_folder_that_goes_with_it(temporary: Path) -> None:
    home = make_home("m-1")
    assert list(home.data.iterdir()) == []
    (home.data / "app.db").touch()
    home.remove()
    assert list(temporary.iterdir()) == []


def test_what_a_killed_one_left_is_ended_and_removed(temporary: Path) -> None:
    home = make_home("m-left")
    process = sleeper(home, "m-left")
    assert clear_leftovers(temporary) == 0, "its maker lives"
    assert process.poll() is None

    home.leave()  # as the system does when its maker is killed

    assert clear_leftovers(temporary) == 1
    assert process.wait(timeout=10) < 0
    assert not home.root.exists()


def test_a_killed_process_holds_no_lock(temporary: Path) -> None:
    script = (
        "import os, signal; from govbench.stack.home import make_home; "
        "make_home('m-dead'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    variables = {**os.environ, "TMPDIR": str(temporary)}
    subprocess.run([sys.executable, "-c", script], env=variables, check=False, timeout=60)
    assert len(list(temporary.iterdir())) == 1
    assert clear_leftovers(temporary) == 1
    assert list(temporary.iterdir()) == []


def test_a_later_process_with_the_same_id_is_left_alone(temporary: Path) -> None:
    home = make_home("m-old")
    process = sleeper(home, "m-other")
    owner = json.loads((home.root / "owner.json").read_text())
    (home.root / "owner.json").write_text(json.dumps({**owner, "token": "of an earlier boot"}))
    home.leave()
    try:
        assert clear_leftovers(temporary) == 1
        assert start_token(process.pid) is not None
    finally:
        end(process)


@pytest.mark.parametrize(("lives", "is_named", "goes"), [(1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1)])
def test_a_stack_that_stays_keeps_its_home(
    temporary: Path, tmp_path: Path, *, lives: bool, is_named: bool, goes: bool
) -> None:
    state = tmp_path / "state.json"
    mark = f"m-stays-{lives:d}{is_named:d}"  # others of these may run at the same time
    home = make_home(mark, kept_by=state)
    process = sleeper(home, mark)
    state.write_text(json.dumps({"data_folder": str(home.root) if is_named else "/another"}))
    home.leave()
    if not lives:
        end(process)
    try:
        assert clear_leftovers(temporary) == goes
        assert home.root.exists() != goes
        assert (process.poll() is None) == lives
    finally:
        end(process)


def test_what_is_not_provably_ours_stays(temporary: Path, tmp_path: Path) -> None:
    (temporary / "govbench-data-unlocked").mkdir()  # an earlier version's, or anybody's
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lock").touch()
    (temporary / "govbench-data-link").symlink_to(elsewhere)
    odd = make_home("m-odd")
    (odd.root / "owner.json").write_text('{"mark": "m-odd", "of": "a later version"}')
    odd.leave()

    assert clear_leftovers(temporary) == 0

    assert len(list(temporary.iterdir())) == 3
    assert elsewhere.exists()


def test_marks_are_looked_for_where_the_process_is_not_known(temporary: Path, tmp_path: Path) -> None:
    home = make_home("m-unknown")
    variables = {**os.environ, MARK_VARIABLE: "m-unknown"}
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, env=variables) as p:
        home.leave()
        assert clear_leftovers(temporary) == 1
        assert p.wait(timeout=10) < 0
