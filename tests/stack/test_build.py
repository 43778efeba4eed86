"""The build command: where it runs, what it is told, how it fails, and that nothing of it runs on."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from govbench.config.settings import StackConfig
from govbench.errors import ConfigError, ExitCode, StackError
from govbench.stack import build as build_module
from govbench.stack.build import build
from govbench.stack.processes import MARK_VARIABLE, members

PYTHON = shlex.quote(sys.executable)


def run(script: str, folder: Path, environ: dict[str, str], **keys: float) -> None:
    config = StackConfig(
        build=f"{PYTHON} -c {shlex.quote(script)}", environment={"KEY": "s3cret-value"}, stop_timeout_s=5
    )
    config = replace(config, **keys)  # type: ignore[arg-type]
    work = folder / "work"
    work.mkdir()
    build(config, name="base", log_folder=folder / "logs", environ=environ, folder=work)


def test_it_runs_in_the_folder_with_the_configured_environment(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    run("import os; open('made', 'w').write(os.environ['KEY']); print(os.environ['PWD'])", tmp_path, environ)

    assert (tmp_path / "work" / "made").read_text() == "s3cret-value"
    assert (tmp_path / "logs" / "base-build.log").read_text() == f"{tmp_path / 'work'}\n"


def test_nothing_to_build_leaves_no_log(tmp_path: Path, environ: dict[str, str]) -> None:
    build(StackConfig(), name="base", log_folder=tmp_path, environ=environ, folder=None)

    assert list(tmp_path.iterdir()) == []


def test_a_build_that_fails_shows_the_end_of_its_log(tmp_path: Path, environ: dict[str, str]) -> None:
    script = "import os, sys; print('no compiler', os.environ['KEY'], flush=True); sys.exit(4)"
    with pytest.raises(StackError) as caught:
        run(script, tmp_path, environ)

    assert caught.value.exit_code is ExitCode.NOT_MEASURED
    first, _, log = str(caught.value).partition("\n")
    assert first == "the build of base ended with exit code 4"
    assert log.endswith("no compiler [redacted]")


def test_a_build_that_takes_too_long_is_ended_with_its_children(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    script = (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        "time.sleep(60)"
    )
    # That nothing is left of it, the fixture of this folder checks.
    with pytest.raises(StackError, match="was not done after 1 s") as caught:
        run(script, tmp_path, environ, build_timeout_s=1)

    assert "build_timeout_s" in (caught.value.hint or "")


def test_what_a_build_leaves_running_is_ended(tmp_path: Path, environ: dict[str, str]) -> None:
    script = (
        "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    )
    run(script, tmp_path, environ)


def test_commands_that_cannot_be_run(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(StackError, match="cannot build the stack: no program 'no-such-tool'") as caught:
        build(
            StackConfig(build="no-such-tool x"),
            name="b",
            log_folder=tmp_path,
            environ=environ,
            folder=tmp_path,
        )
    assert "committed files only" in (caught.value.hint or "")
    with pytest.raises(ConfigError, match=r"\[stack\] build: "):
        build(StackConfig(build="make 'x"), name="b", log_folder=tmp_path, environ=environ, folder=None)


def test_a_stop_before_the_id_of_a_build_is_known_leaves_none(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[subprocess.Popen[bytes]] = []

    def interrupted(words: list[str], *, environ: dict[str, str], mark: str, **_: object) -> None:
        made.append(subprocess.Popen(words, env={**environ, MARK_VARIABLE: mark}, start_new_session=True))
        deadline = time.monotonic() + 10
        while not members(None, mark) and time.monotonic() < deadline:
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(build_module, "start_process", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(StackConfig(build="sleep 60"), name="b", log_folder=tmp_path, environ=environ, folder=tmp_path)
    try:
        assert made[0].wait(timeout=10) == -signal.SIGKILL
    finally:
        made[0].kill()
        made[0].wait()
