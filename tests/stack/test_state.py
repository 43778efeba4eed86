"""Stacks that outlive the command: brought up, found again, taken down, gone by themselves."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from govbench.config.settings import Call, StackConfig
from govbench.config.targets import CommandTarget, EmbeddedTarget, GitTarget, UrlTarget
from govbench.errors import StackError, UsageError
from govbench.stack import state as state_module
from govbench.stack.health import Finding
from govbench.stack.processes import members, start_token
from govbench.stack.state import Condition, StackState, StackStatus, down, logs, names, status, up
from tests.stack.repository import Repository

Command = Callable[[str], CommandTarget]


def test_up_status_logs_down(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command
) -> None:
    state, already = up(command("family"), config, name="mine", environ=environ, folder=tmp_path)
    assert not already
    assert names(tmp_path) == ("mine",)
    assert (tmp_path / "mine.json").stat().st_mode & 0o077 == 0
    try:
        assert up(command("family"), config, name="mine", environ=environ, folder=tmp_path) == (state, True)
        with pytest.raises(UsageError, match="another target"):
            up(EmbeddedTarget(), config, name="mine", environ=environ, folder=tmp_path)
        now = status("mine", folder=tmp_path)
        assert (now.condition, now.state) == (Condition.RUNNING, state)
        assert now.look is not None
        assert now.look.finding is Finding.HEALTHY
        assert logs("mine", config=config, folder=tmp_path) == "mode family, password=[redacted]"
    finally:
        assert down("mine", stop_timeout_s=5, folder=tmp_path).condition is Condition.RUNNING
    assert members(state.pid, state.mark) == ()
    assert names(tmp_path) == ()
    assert down("mine", stop_timeout_s=5, folder=tmp_path).condition is Condition.NEVER_UP
    assert logs("mine", config=config, folder=tmp_path, lines=1)


def test_a_stack_that_has_gone_is_reported_once_and_cleared_away(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command
) -> None:
    state, _ = up(command("family"), config, name="mine", environ=environ, folder=tmp_path)
    os.kill(state.pid, signal.SIGKILL)
    os.waitpid(state.pid, 0)
    assert len(members(None, state.mark)) == 2
    assert status("mine", folder=tmp_path).condition is Condition.GONE
    assert members(None, state.mark) == ()
    assert status("mine", folder=tmp_path).condition is Condition.NEVER_UP


def test_a_process_id_that_now_belongs_to_somebody_else_is_left_alone(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command
) -> None:
    state, _ = up(command("good"), config, name="mine", environ=environ, folder=tmp_path)
    other, _ = up(command("good"), config, name="other", environ=environ, folder=tmp_path)
    down("mine", stop_timeout_s=5, folder=tmp_path)
    stale = {**json.loads((tmp_path / "other.json").read_text()), "name": "mine"}
    stale |= {"pid": other.pid, "token": state.token, "mark": state.mark}
    (tmp_path / "mine.json").write_text(json.dumps(stale))
    assert down("mine", stop_timeout_s=5, folder=tmp_path).condition is Condition.GONE
    assert start_token(other.pid) == other.token
    down("other", stop_timeout_s=5, folder=tmp_path)


def test_a_stack_that_does_not_come_up_leaves_no_state(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command
) -> None:
    config = replace(config, boot_timeout_s=0.5)
    with pytest.raises(StackError, match="exit code 7"):
        up(command("dies"), config, name="mine", environ=environ, folder=tmp_path)
    assert names(tmp_path) == ()
    assert "line 49" in logs("mine", config=config, folder=tmp_path, lines=1)


def test_what_cannot_be_done(tmp_path: Path, config: StackConfig) -> None:
    with pytest.raises(UsageError, match="runs already"):
        up(UrlTarget(url="http://h"), config, name="u", environ={}, folder=tmp_path)
    with pytest.raises(UsageError, match="no log"):
        logs("never", config=config, folder=tmp_path)
    (tmp_path / "torn.json").write_text("{")
    with pytest.raises(StackError, match=r"torn\.json"):
        status("torn", folder=tmp_path)


def test_a_field_of_a_later_version_does_not_keep_a_stack_up(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command
) -> None:
    state, _ = up(command("good"), config, name="mine", environ=environ, folder=tmp_path)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "replicas": 3}))
    assert down("mine", stop_timeout_s=5, folder=tmp_path).condition is Condition.RUNNING
    assert members(state.pid, state.mark) == ()
    file.write_text("[]")
    with pytest.raises(StackError, match=r"mine\.json: cannot be read"):
        status("mine", folder=tmp_path)


def test_names_that_look_alike_as_files_are_two_stacks(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command
) -> None:
    try:
        one, _ = up(command("good"), config, name="a/b", environ=environ, folder=tmp_path)
        other, was_up = up(command("good"), config, name="a-b", environ=environ, folder=tmp_path)
        assert not was_up
        assert one.url != other.url
        assert names(tmp_path) == ("a-b", "a/b")
        assert status("a/b", folder=tmp_path).state == one
    finally:
        for name in ("a/b", "a-b"):
            down(name, stop_timeout_s=5, folder=tmp_path)


def test_status_while_another_brings_the_stack_up_clears_nothing(
    tmp_path: Path,
    config: StackConfig,
    environ: dict[str, str],
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, _ = up(command("good"), config, name="mine", environ=environ, folder=tmp_path)
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    calls: list[str] = []
    brought_up: list[StackState] = []

    def in_between(name: str, folder: Path) -> StackStatus:
        # What ``status`` has seen is out of date by the time that it would clear it away.
        found = seen(name, folder)
        calls.append(name)
        if len(calls) == 1:
            brought_up.append(up(command("good"), config, name=name, environ=environ, folder=folder)[0])
        return found

    seen = state_module._seen
    with monkeypatch.context() as patched:
        patched.setattr(state_module, "_seen", in_between)
        assert status("mine", folder=tmp_path).condition is Condition.RUNNING

    assert status("mine", folder=tmp_path).state == brought_up[0]
    down("mine", stop_timeout_s=5, folder=tmp_path)


def test_status_does_not_wait_for_who_brings_the_stack_up(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], command: Command
) -> None:
    state, _ = up(command("family"), config, name="mine", environ=environ, folder=tmp_path)
    os.kill(state.pid, signal.SIGKILL)
    os.waitpid(state.pid, 0)
    with (tmp_path / "mine.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert status("mine", folder=tmp_path).condition is Condition.GONE
        assert (tmp_path / "mine.json").exists()
    assert status("mine", folder=tmp_path).condition is Condition.GONE
    assert names(tmp_path) == ()


def at(repository: Repository) -> Call:
    return Call(flags={"target.form": "git:main"}, cwd=repository.root)


def test_a_stack_at_a_commit_keeps_its_checkout_and_data_until_it_is_down(
    tmp_path: Path, environ: dict[str, str], repository: Repository
) -> None:
    target = GitTarget(ref="main")
    state, _ = up(target, StackConfig(), name="git", environ=environ, folder=tmp_path, call=at(repository))
    try:
        assert (state.form, state.commit) == ("git:main", repository.git("rev-parse", "main"))
        kept = [Path(path or "") for path in (state.checkout, state.data_folder)]
        assert all(path.is_dir() for path in kept)
        again = up(target, StackConfig(), name="git", environ=environ, folder=tmp_path, call=at(repository))
        assert again == (state, True)

        repository.commit()
        with pytest.raises(UsageError, match="git:main has moved on since"):
            up(target, StackConfig(), name="git", environ=environ, folder=tmp_path, call=at(repository))
    finally:
        down("git", stop_timeout_s=5, folder=tmp_path)
    assert not any(path.exists() for path in kept)
    assert repository.worktrees() == []


def test_a_stack_at_a_commit_that_ended_by_itself_is_cleared_away(
    tmp_path: Path, environ: dict[str, str], repository: Repository
) -> None:
    target = GitTarget(ref="main")
    state, _ = up(target, StackConfig(), name="git", environ=environ, folder=tmp_path, call=at(repository))
    os.kill(state.pid, signal.SIGKILL)
    os.waitpid(state.pid, 0)

    assert status("git", folder=tmp_path).condition is Condition.GONE

    assert repository.worktrees() == []
    assert not Path(state.data_folder or "").exists()


def test_a_stack_at_a_commit_that_does_not_come_up_leaves_nothing(
    tmp_path: Path, environ: dict[str, str], repository: Repository
) -> None:
    repository.commit(app="raise SystemExit(5)")

    with pytest.raises(StackError, match="exit code 5"):
        up(
            GitTarget(ref="main"),
            StackConfig(),
            name="git",
            environ=environ,
            folder=tmp_path,
            call=at(repository),
        )

    assert repository.worktrees() == []
    assert names(tmp_path) == ()
