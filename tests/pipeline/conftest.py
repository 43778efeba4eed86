"""Results of a small run, made without measuring one, and repositories to store them in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from git import Repo

from govbench.compare.trial import Trial
from govbench.results.comparison import Results
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import Phase, Plan, TestType
from govbench.results.run import (
    Accounting,
    Distribution,
    Environment,
    GeneratorHealth,
    PhaseResult,
    Provenance,
    RunInfo,
    RunStatus,
    RunSummary,
    Target,
    TestTypeResult,
    Window,
)

MACHINE = "linux-x86_64-amd-epyc-2c-24g"


class ToldProgress:
    """Remembers what a pipeline told."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.notes: list[str] = []

    def step(self, text: str) -> None:
        self.steps.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def load_begins(self, plan: Plan) -> None:
        raise AssertionError("these tests put no load on anything")

    def load_event(self, event: Mapping[str, Any]) -> None:
        raise AssertionError("these tests put no load on anything")

    def load_ends(self) -> None:
        raise AssertionError("these tests put no load on anything")

    def round_ends(self, trial: Trial) -> None:
        raise AssertionError("these tests put no load on anything")


def made_summary(*, p50_ms: float = 20.0, commit: str | None = None, **run: Any) -> RunSummary:
    """A run of one phase with one user, 600 requests, none failed."""
    phase = Phase(name="baseline", test_type=TestType.BASELINE, users=1, steady_s=12.0, warmup_s=2.0)
    metrics = (
        Metric(name=MetricName.RESPONSE_TIME_P50, value=p50_ms, n=600, standard_error=0.002),
        Metric(name=MetricName.THROUGHPUT, value=50.0, n=600, standard_error=0.002),
        Metric(
            name=MetricName.ERROR_RATE, value=0.0, n=600, low=0.0, high=0.01, level=0.99, standard_error=0.001
        ),
    )
    accounting = Accounting(offered=600, sent=600, ok=600)
    info = RunInfo(
        id="20260131T093000Z-1a2b3c",
        suite="default",
        suite_version="v1",
        profile="quick",
        status=RunStatus.COMPLETED,
        started_at="2026-01-31T09:30:00Z",
        duration_s=14.0,
        seed=1,
        govbench_version="0.1.0",
    )
    return RunSummary(
        run=replace(info, **run),
        targets=(Target(name="candidate", form="embedded", url="http://127.0.0.1:8000", api="govstack"),),
        environment=Environment(
            machine_class=MACHINE,
            os="Linux",
            os_release="6.1",
            architecture="x86_64",
            cpu_model="AMD EPYC",
            cores=2,
            memory_bytes=25_000_000_000,
            python="3.12.1",
            packages={"locust": "2.43"},
        ),
        provenance=Provenance()
        if commit is None
        else Provenance(commit=commit, branch="main", dirty=False, committed_at="2026-01-31T09:00:00Z"),
        accounting=accounting,
        phases=(
            PhaseResult(
                phase=phase,
                side=0,
                window=Window(start_s=0.0, steady_start_s=2.0, steady_end_s=14.0, end_s=14.0),
                accounting=accounting,
                metrics=metrics,
                distribution=Distribution(gamma=1.02, buckets=((151, 600),)),
            ),
        ),
        test_types=(TestTypeResult(test_type=TestType.BASELINE, side=0, metrics=metrics),),
        generator=GeneratorHealth(
            lag_p50_ms=0.1,
            lag_p99_ms=0.4,
            cpu_cores_mean=0.1,
            cpu_cores_peak=0.2,
            kernel_clock_share=1.0,
            saturated=False,
        ),
    )


@pytest.fixture
def summary() -> RunSummary:
    return made_summary()


@pytest.fixture
def results(summary: RunSummary) -> Results:
    return Results(summary=summary, comparison=None)


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repo]:
    """A repository with two commits and nothing of this machine's configuration."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    with Repo.init(tmp_path / "repository", initial_branch="main") as repo:
        with repo.config_writer() as config:
            config.set_value("user", "name", "Ada")
            config.set_value("user", "email", "ada@example.org")
        for version in range(2):
            (tmp_path / "repository" / "app.py").write_text(f"version = {version}\n")
            repo.git.add("-A")
            repo.git.commit("-q", "-m", f"version {version}")
        yield repo


@pytest.fixture
def cwd(repo: Repo) -> Path:
    return Path(repo.working_dir)
