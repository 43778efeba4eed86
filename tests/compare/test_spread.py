"""The latencies of a baseline beside those of a run: level by level, of the runs it is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from govbench.compare.compare import compare_runs
from govbench.compare.spread import of_run, of_stored
from govbench.compare.stored import compare_window
from govbench.config.settings import CompareConfig
from govbench.results.baseline import BaselineEntry, BaselineLevel
from govbench.results.comparison import BaseDistribution, Reference
from govbench.results.metrics import Metric
from govbench.results.plan import Phase, TestType
from govbench.results.run import Distribution, RunSummary

BASELINE, CONCURRENT = TestType.BASELINE, TestType.CONCURRENT
BuildUsual = Callable[..., tuple[Metric, ...]]
BuildRun = Callable[..., RunSummary]
BuildEntry = Callable[..., BaselineEntry]


def spread(*counts: int, gamma: float = 1.02) -> Distribution:
    return Distribution(gamma=gamma, buckets=tuple(enumerate(counts, start=100)))


def with_distribution(entry: BaselineEntry, distribution: Distribution) -> BaselineEntry:
    (only,) = entry.test_types
    return replace(entry, test_types=(replace(only, distribution=distribution),))


def test_stored_runs_of_the_window_are_one_histogram(
    entry: BuildEntry, usual: BuildUsual, summary: BuildRun
) -> None:
    window = [with_distribution(entry(usual(), number=at), spread(1, 2)) for at in range(3)]
    compared = compare_window(window, Reference(label="stored"), summary(), CompareConfig())
    assert compared.base_distributions == (
        BaseDistribution(test_type=BASELINE, distribution=spread(3, 6), runs=3),
    )


def test_nothing_is_shown_of_runs_that_do_not_compare(
    entry: BuildEntry, usual: BuildUsual, summary: BuildRun
) -> None:
    other = with_distribution(entry(usual(), suite_version="2"), spread(1))
    compared = compare_window([other], Reference(label="stored"), summary(), CompareConfig())
    assert compared.base_distributions == ()


def test_resolutions_that_share_no_boundaries_are_not_one(
    entry: BuildEntry, usual: BuildUsual, summary: BuildRun
) -> None:
    entries = [
        with_distribution(entry(usual(), number=at), spread(1, gamma=gamma))
        for at, gamma in enumerate((1.02, 1.03))
    ]
    assert of_stored(summary(), 0, lambda _: entries) == ()


def of_levels(run: RunSummary) -> RunSummary:
    """The run with two levels of test type concurrent."""
    (result,) = run.phases
    phases = tuple(
        replace(
            result,
            phase=Phase(name=f"c{users}", test_type=CONCURRENT, users=users, steady_s=1),
            distribution=spread(users),
        )
        for users in (10, 25)
    )
    return replace(run, phases=phases)


def test_levels_stay_apart(entry: BuildEntry, usual: BuildUsual, summary: BuildRun) -> None:
    run = of_levels(summary({CONCURRENT: usual()}))
    stored = entry(usual(), test_type=CONCURRENT)
    (only,) = stored.test_types
    levels = tuple(
        BaselineLevel(level=label, metrics=(), distribution=distribution)
        for label, distribution in (("10 users", spread(7)), ("25 users", None))
    )
    stored = replace(stored, test_types=(replace(only, levels=levels, distribution=spread(99)),))
    assert of_stored(run, 0, lambda _: [stored]) == (
        BaseDistribution(test_type=CONCURRENT, level="10 users", distribution=spread(7), runs=1),
    )


def test_of_another_run_they_are_its_own(usual: BuildUsual, summary: BuildRun) -> None:
    run = of_levels(summary({CONCURRENT: usual()}))
    compared = compare_runs(run, run, CompareConfig())
    assert (
        compared.base_distributions
        == of_run(run)
        == tuple(
            BaseDistribution(test_type=CONCURRENT, level=f"{users} users", distribution=spread(users), runs=1)
            for users in (10, 25)
        )
    )
