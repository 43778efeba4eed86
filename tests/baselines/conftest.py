from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from git import Repo

from govbench.results.baseline import BaselineEntry, BaselineTestType
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import Accounting, Distribution, Environment
from tests.user_of_git import UserOfGit

MACHINE = "linux-x86_64-amd-epyc-7b13-2c-24g"
FIRST_COMMIT_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True, params=["plain", "configured"])
def isolated_git(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    """No configuration of the machine reaches these repositories, and no repository around them.

    Everything runs twice: with git as it comes, and with whatever a user may have set.
    """
    user = UserOfGit.in_folder(tmp_path / "user") if request.param == "configured" else None
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(user.config) if user else "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for role in ("AUTHOR", "COMMITTER"):
        for what in ("NAME", "EMAIL", "DATE"):
            monkeypatch.delenv(f"GIT_{role}_{what}", raising=False)
    for name in ("EMAIL", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    yield
    assert not (user and user.ran.exists()), "a program that the user has configured was run"


def make_repo(folder: Path) -> Repo:
    repo = Repo.init(folder, initial_branch="main")
    with repo.config_writer() as config:
        config.set_value("user", "name", "Ada")
        config.set_value("user", "email", "ada@example.org")
    return repo


def commit_file(repo: Repo, name: str, text: str, at: datetime = FIRST_COMMIT_AT) -> str:
    path = Path(repo.working_dir) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    repo.git.add("--", name)
    stamp = at.isoformat()
    with repo.git.custom_environment(GIT_AUTHOR_DATE=stamp, GIT_COMMITTER_DATE=stamp):
        repo.git.commit("-q", "-m", f"change {name}", "--", name)
    return str(repo.git.rev_parse("HEAD"))


@pytest.fixture
def empty_repo(tmp_path: Path) -> Iterator[Repo]:
    repo = make_repo(tmp_path / "repo")
    yield repo
    repo.close()


@pytest.fixture
def repo(empty_repo: Repo) -> Repo:
    """A repository with four commits, an hour apart, on main."""
    for hour in range(4):
        commit_file(empty_repo, "app.py", f"version = {hour}\n", FIRST_COMMIT_AT + timedelta(hours=hour))
    return empty_repo


@pytest.fixture
def folder(repo: Repo) -> Path:
    return Path(repo.working_dir)


@pytest.fixture
def entry_of(repo: Repo) -> Callable[..., BaselineEntry]:
    """The entry of a commit of ``repo``; without one, of HEAD."""

    def build(ref: str = "HEAD", machine_class: str = MACHINE, **changes: Any) -> BaselineEntry:
        seconds = int(repo.git.show("-s", "--format=%ct", ref))
        entry = entry_at(
            str(repo.git.rev_parse(ref)), datetime.fromtimestamp(seconds, UTC), machine_class=machine_class
        )
        return replace(entry, **changes)

    return build


def entry_at(commit: str, committed_at: datetime, *, machine_class: str = MACHINE) -> BaselineEntry:
    return BaselineEntry(
        run_id=f"run-{commit[:6]}",
        suite="default",
        suite_version="1",
        profile="quick",
        commit=commit,
        committed_at=committed_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        measured_at="2026-02-01T00:00:00Z",
        govbench_version="0.1.0",
        environment=Environment(
            machine_class=machine_class,
            os="Linux",
            os_release="6.1",
            architecture="x86_64",
            cpu_model="AMD EPYC 7B13",
            cores=2,
            memory_bytes=25_000_000_000,
            python="3.12.1",
            packages={"govbench": "0.1.0"},
        ),
        accounting=Accounting(offered=900, sent=900, ok=900),
        test_types=(
            BaselineTestType(
                test_type=TestType.BASELINE,
                metrics=(Metric(name=MetricName.RESPONSE_TIME_P50, value=12.5, n=900),),
                distribution=Distribution(gamma=1.02, buckets=((127, 900),)),
            ),
        ),
    )
