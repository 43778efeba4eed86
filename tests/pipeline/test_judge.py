"""What becomes of a second measurement, and that a report tells it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest
from git import Repo

from govbench.config.settings import Settings
from govbench.errors import GovbenchError, StackError
from govbench.pipeline.run.judge import confirmed, judge
from govbench.pipeline.run.measure import Candidate
from govbench.results.comparison import Comparison, Results, Verdict
from govbench.results.plan import TestType
from govbench.results.run import RunSummary
from tests.pipeline.conftest import ToldProgress
from tests.pipeline.test_baselines import SETTINGS, at, stored


@dataclass
class Answers:
    """A candidate whose second measurement is known, or fails."""

    second: RunSummary | GovbenchError
    settings: Settings = field(default_factory=Settings)

    def measure_again(self, test_types: tuple[TestType, ...]) -> RunSummary:
        assert test_types
        if isinstance(self.second, GovbenchError):
            raise self.second
        return self.second


@pytest.fixture
def suspicious(repo: Repo, cwd: Path) -> Results:
    """Twice as slow as the stored run, and measured once."""
    stored(repo, cwd)
    results = judge(at(repo, p50_ms=40.0), SETTINGS, cwd)
    assert compared(results).verdict is Verdict.INCONCLUSIVE
    return results


def compared(results: Results) -> Comparison:
    assert results.comparison is not None
    return results.comparison


def measured_again(
    first: Results, second: RunSummary | GovbenchError, cwd: Path
) -> tuple[Results, list[str]]:
    progress = ToldProgress()
    found = confirmed(first, cast("Candidate", Answers(second)), cwd, progress)
    return found, progress.notes


def test_what_shows_again_is_a_regression_and_needs_no_word(
    suspicious: Results, repo: Repo, cwd: Path
) -> None:
    found, _ = measured_again(suspicious, at(repo, p50_ms=40.0), cwd)
    assert compared(found).verdict is Verdict.REGRESSION
    assert not any("Measured again" in note for note in compared(found).notes)


def test_a_second_measurement_that_says_nothing_is_told_with_its_reason(
    suspicious: Results, repo: Repo, cwd: Path
) -> None:
    second = at(repo, p50_ms=40.0)
    crooked = replace(second, generator=replace(second.generator, saturated=True))
    found, told = measured_again(suspicious, crooked, cwd)
    (note,) = (note for note in compared(found).notes if note.startswith("Measured again"))
    assert "nothing is confirmed by it: the load generator was the bottleneck" in note
    assert note in told
    assert compared(found).verdict is Verdict.INCONCLUSIVE


def test_a_second_boot_that_fails_is_told_too(suspicious: Results, cwd: Path) -> None:
    found, told = measured_again(suspicious, StackError("it did not come up"), cwd)
    said = "Could not be measured again, so that nothing is confirmed: it did not come up."
    assert said in compared(found).notes
    assert said in told
