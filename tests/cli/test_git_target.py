"""``git:REF`` from the command line: run, quick-check, stack up; what fails, and what Ctrl-C leaves."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import SHORT, Cli
from tests.stack.repository import PYTHON, app, config_text

# What is stored must rest on 30 requests; of this target a second has fewer.
LONG_ENOUGH_TO_BE_STORED = ("--test-types", "baseline", "--test-duration", "4")
SLOW_START = "import time; print('started', flush=True); time.sleep(60)\n"


@pytest.fixture
def git(govbench: Cli, tmp_path: Path) -> Iterator[Cli]:
    """A repository with two commits, and a temporary folder that must be empty in the end."""
    temporary = tmp_path / "home" / "tmp"
    temporary.mkdir()
    cli = Cli(cwd=tmp_path, environ={**govbench.environ, "TMPDIR": str(temporary)})
    (cli.cwd / "govbench.toml").write_text(config_text())
    (cli.cwd / "app.py").write_text(app("one"))
    cli.commit_all()
    (cli.cwd / "app.py").write_text(app("two"))
    cli.commit_all()
    yield cli
    cli("stack", "down", "--all")
    assert list(temporary.iterdir()) == []
    assert len(cli.git("worktree", "list").splitlines()) == 1


def commit(cli: Cli, **files: str) -> None:
    for name, text in files.items():
        (cli.cwd / {"app": "app.py", "config": "govbench.toml"}[name]).write_text(text)
    cli.commit_all()


def test_a_run_and_its_baseline_belong_to_the_commit(git: Cli) -> None:
    commit(git, config=config_text(build="sh -c 'echo >> app.py'"))
    commit(git, config=config_text())
    earlier = git.git("rev-parse", "HEAD~1")
    (git.cwd / "app.py").write_text("edited and not committed")
    before = git.git("status", "--porcelain=v2", "--branch")

    ended = git("run", "git:HEAD~1", *LONG_ENOUGH_TO_BE_STORED)

    assert ended.code == 0, ended.err
    assert git.git("status", "--porcelain=v2", "--branch") == before
    summary = git.document["summary"]
    assert summary["provenance"]["commit"] == earlier
    assert summary["provenance"]["dirty"] is False
    assert summary["targets"][0]["form"] == "git:HEAD~1"

    git.git("checkout", "-q", "app.py")
    stored = git(
        "baseline",
        "update",
        env={
            f"GIT_{who}_{what}": "ada@x.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        },
    )
    assert stored.code == 0, stored.err
    (entry,) = (git.cwd / "baselines").rglob(f"*-{earlier[:12]}-quick-*.json")
    assert earlier in entry.read_text()


def test_quick_check_and_stack_up(git: Cli) -> None:
    assert git("quick-check", "git:HEAD~1").code == 0

    up = git("stack", "up", "git:HEAD~1")

    assert up.code == 0, up.err
    assert httpx.get(up.out.strip(), trust_env=False).json()["answer"] == "one"
    assert git("stack", "up", "git:HEAD~1").out == up.out
    assert git("stack", "down").code == 0


def test_refs_that_name_no_commit(git: Cli) -> None:
    git.git("branch", "release")

    ended = git("run", "git:relaese", *SHORT)

    assert ended.code == 2
    assert "git:relaese: no such commit, branch or tag" in ended.complaint
    assert "did you mean git:release?" in ended.err


def test_a_commit_without_a_stack_is_started_as_now(git: Cli) -> None:
    commit(git, config="[load]\nmax_users = 5\n")
    commit(git, config=config_text())

    ended = git("quick-check", "git:HEAD~1")

    assert ended.code == 0, ended.err
    assert "git:HEAD~1: no stack is configured at that commit; it is started as now" in ended.err


def test_a_build_or_a_start_that_fails(git: Cli) -> None:
    commit(git, config=config_text(build=f"{PYTHON} -c 'raise SystemExit(\"no compiler\")'"))
    commit(git, app="raise SystemExit('no database')", config=config_text())

    build, start = git("run", "git:HEAD~1", *SHORT), git("run", "git:HEAD", *SHORT)

    assert (build.code, start.code) == (3, 3)
    assert "the build of candidate ended with exit code 1" in build.complaint
    assert "no compiler" in build.err
    assert "no database" in start.err
    check = git("quick-check", "git:HEAD~1")
    assert check.code == 3
    assert "no compiler" in check.out


@pytest.mark.parametrize("where", ["build", "app"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_or_boot_leaves_nothing(git: Cli, where: str, number: signal.Signals) -> None:
    if where == "build":
        (git.cwd / "build.py").write_text(SLOW_START)
        commit(git, config=config_text(build=f"{PYTHON} build.py"))
    else:
        commit(git, app=SLOW_START)
    running = git.start("run", "git:HEAD", *SHORT)
    name = "candidate-build.log" if where == "build" else "candidate.log"
    while not any("started" in log.read_text() for log in git.cwd.glob(f"results/*/{name}")):
        assert running.process.poll() is None
        time.sleep(0.02)

    running.send(number)
    ended = running.end()

    # That no process, checkout or data folder is left, the fixtures check.
    assert ended.code == 128 + number
