"""The course from a flag against stored runs to a verdict: measured again, level gated, accepted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from govbench.compare.compare import compare_runs
from govbench.compare.confirmation import again_in, again_of, to_measure_again
from govbench.compare.stored import compare_window
from govbench.config.settings import CompareConfig, MetricRule
from govbench.results.baseline import BaselineEntry, metric_key
from govbench.results.comparison import Comparison, Finding, Reference, Verdict
from govbench.results.metrics import Direction, Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunStatus, RunSummary

BuildUsual = Callable[..., tuple[Metric, ...]]
BuildRun = Callable[..., RunSummary]
BuildEntry = Callable[..., BaselineEntry]

P50, P95, ERRORS = MetricName.RESPONSE_TIME_P50, MetricName.RESPONSE_TIME_P95, MetricName.ERROR_RATE
BASELINE = TestType.BASELINE
CONFIG = CompareConfig()
STORED = Reference(label="stored")
SUSPECT = {"suspects": (metric_key(BASELINE, P50),)}
OPEN: dict[str, Any] = {
    "verdict": Verdict.REGRESSION,
    "suspects": (metric_key(BASELINE, P50),),
    "accepted_metrics": (metric_key(BASELINE, P50),),
}
ACCEPTED: dict[str, Any] = {"accepted": "by commit abc: meant", "verdict": Verdict.REGRESSION}


@pytest.fixture
def course(entry: BuildEntry, usual: BuildUsual, summary: BuildRun) -> Callable[..., Comparison]:
    """``course([(p50, changes) of each stored run, oldest first], first p50, second p50)``."""

    def build(
        runs: Sequence[float | tuple[float, dict[str, Any]]], first: float, second: float | None = None
    ) -> Comparison:
        known = [run if isinstance(run, tuple) else (run, {}) for run in runs]
        entries = [
            entry(usual(p50), number=i, committed_at=f"2026-01-{i + 1:02}T00:00:00Z", **changes)
            for i, (p50, changes) in enumerate(known)
        ]
        again = None if second is None else again_of(summary({BASELINE: usual(second)}))
        return compare_window(entries, STORED, summary({BASELINE: usual(first)}), CONFIG, again=again)

    return build


def p50_of(compared: Comparison) -> Finding:
    return next(f for f in compared.findings if f.metric is P50)


STILL = [100.0, 101.0, 99.0, 100.5, 99.5, 100.0]


def test_one_flag_is_a_suspect_and_no_verdict(course: Callable[..., Comparison]) -> None:
    compared = course(STILL, 150.0)
    found = p50_of(compared)
    assert (found.verdict, found.suspect, compared.verdict) == (
        Verdict.INCONCLUSIVE,
        True,
        Verdict.INCONCLUSIVE,
    )
    assert found.reason.startswith("unconfirmed: a regression that was not measured again")
    assert to_measure_again(compared) == (BASELINE,)


def test_what_shows_again_is_a_regression(course: Callable[..., Comparison]) -> None:
    compared = course(STILL, 150.0, 148.0)
    found = p50_of(compared)
    assert (found.verdict, found.suspect) == (Verdict.REGRESSION, False)
    assert "measured again: +48.0 %" in found.reason
    assert found.candidate is not None
    assert found.again is not None
    assert (found.candidate.value, found.again.value) == (150.0, 148.0)
    assert to_measure_again(compared) == ()


def test_what_does_not_show_again_is_replaced(course: Callable[..., Comparison]) -> None:
    found = p50_of(course(STILL, 150.0, 101.0))
    assert found.verdict is not Verdict.REGRESSION
    assert not found.suspect
    assert found.candidate is not None
    assert found.candidate.value == 101.0
    assert found.reason.startswith("not shown again: +50.0 %")


@pytest.mark.parametrize(("second", "verdict"), [(62.0, Verdict.IMPROVEMENT), (99.0, Verdict.INCONCLUSIVE)])
def test_improvements_are_held_to_the_same(
    course: Callable[..., Comparison], second: float, verdict: Verdict
) -> None:
    assert p50_of(course(STILL, 60.0)).suspect
    assert p50_of(course(STILL, 60.0, second)).verdict is verdict


def test_a_second_measurement_that_is_better_confirms_no_regression(
    course: Callable[..., Comparison],
) -> None:
    assert p50_of(course(STILL, 150.0, 60.0)).verdict is Verdict.INCONCLUSIVE


def test_more_than_half_the_margin_has_to_show_again(course: Callable[..., Comparison]) -> None:
    still = [100.0] * 30
    assert p50_of(course(still, 130.0, 104.5)).verdict is not Verdict.REGRESSION
    assert p50_of(course(still, 130.0, 109.0)).verdict is Verdict.REGRESSION


@pytest.mark.parametrize(("before", "verdict"), [(148.0, Verdict.REGRESSION), (60.0, Verdict.INCONCLUSIVE)])
def test_two_suspects_in_a_row_in_the_same_direction(
    course: Callable[..., Comparison], before: float, verdict: Verdict
) -> None:
    compared = course([*STILL, (before, SUSPECT)], 150.0)
    assert p50_of(compared).verdict is verdict
    assert to_measure_again(compared) == (BASELINE,)
    apart = course([*STILL, (before, SUSPECT), 100.0], 150.0)
    assert p50_of(apart).verdict is Verdict.INCONCLUSIVE


def test_a_suspect_is_no_part_of_the_window(course: Callable[..., Comparison]) -> None:
    found = p50_of(course([*STILL, (180.0, SUSPECT), 100.0], 100.0))
    assert found.baseline is not None
    assert found.baseline.value == pytest.approx(100.0, rel=0.005)
    assert found.baseline.n == 7000


def test_a_rise_that_was_absorbed_run_by_run_is_a_regression_with_its_commits(
    course: Callable[..., Comparison],
) -> None:
    """Each run was inconclusive and stored; the third shows that the level rose."""
    runs = [100.0, 103.0, 97.0, 101.0, 99.0, 102.0, 98.0, 115.0, 113.5]
    compared = course(runs, 114.0, 114.5)
    found = p50_of(compared)
    assert found.verdict is Verdict.REGRESSION
    assert found.since == f"{6:040x}"[:9] + ".." + f"{7:040x}"[:9]
    assert "and nobody accepted it" in found.reason
    (note,) = (note for note in compared.notes if "Govbench-Accept" in note)
    assert "Govbench-Accept: baseline/response_time_p50_ms WHY" in note
    assert found.baseline is not None
    assert found.baseline.value == pytest.approx(100.0, rel=0.01)  # the level that somebody wanted


def test_a_rise_has_to_show_again_like_everything(course: Callable[..., Comparison]) -> None:
    runs = [100.0, 103.0, 97.0, 101.0, 99.0, 102.0, 98.0, 115.0, 113.5]
    assert p50_of(course(runs, 114.0)).suspect
    assert p50_of(course(runs, 114.0, 100.0)).verdict is not Verdict.REGRESSION


def test_a_rise_that_is_mended_is_over(course: Callable[..., Comparison]) -> None:
    runs = [100.0, 103.0, 97.0, 101.0, 99.0, 102.0, 98.0, 115.0, 113.5, 114.0]
    found = p50_of(course(runs, 100.0))
    assert found.since is None
    assert found.verdict is not Verdict.REGRESSION


def test_on_acceptance_the_runs_since_the_change_are_the_window(course: Callable[..., Comparison]) -> None:
    runs = [100.0, 103.0, 97.0, 101.0, 99.0, 102.0, 98.0, 115.0, 113.5, (114.0, ACCEPTED)]
    found = p50_of(course(runs, 114.0))
    assert found.baseline is not None
    assert found.baseline.value == pytest.approx(114.2, rel=0.002)
    assert found.baseline.n == 3000
    assert not found.suspect


def test_an_acceptance_is_of_the_metrics_that_it_names(course: Callable[..., Comparison]) -> None:
    other = {**ACCEPTED, "accepted_metrics": ("baseline/throughput_rps",)}
    found = p50_of(course([*STILL, (100.0, other), 100.0], 100.0))
    assert found.baseline is not None
    assert found.baseline.n == 8000
    mine = {**ACCEPTED, "accepted_metrics": ("baseline/response_time_p50_ms",)}
    found = p50_of(course([*STILL, (150.0, mine), 150.0], 150.0))
    assert found.baseline is not None
    assert found.baseline.n == 2000


def test_what_fails_for_the_most_part_needs_no_second_measurement(
    entry: BuildEntry, usual: BuildUsual, summary: BuildRun
) -> None:
    window = [entry(usual(), number=i) for i in range(6)]
    compared = compare_window(window, STORED, summary({BASELINE: usual(errors=0.9)}), CONFIG)
    assert next(f for f in compared.findings if f.metric is ERRORS).verdict is Verdict.REGRESSION
    assert to_measure_again(compared) == ()
    some = compare_window(window, STORED, summary({BASELINE: usual(errors=0.1)}), CONFIG)
    assert next(f for f in some.findings if f.metric is ERRORS).suspect


def test_any_change_is_one_where_neither_is_better(
    entry: BuildEntry, usual: BuildUsual, summary: BuildRun
) -> None:
    config = CompareConfig(metrics={P50: MetricRule(direction=Direction.NEITHER)})
    window = [entry(usual(), number=i) for i in range(6)]

    def verdict(first: float, second: float) -> Verdict:
        again = again_of(summary({BASELINE: usual(second)}))
        run = summary({BASELINE: usual(first)})
        return p50_of(compare_window(window, STORED, run, config, again=again)).verdict

    assert verdict(60.0, 61.0) is Verdict.REGRESSION
    assert verdict(60.0, 150.0) is not Verdict.REGRESSION


def test_a_second_measurement_that_says_nothing_is_none(summary: BuildRun, usual: BuildUsual) -> None:
    assert again_of(summary({BASELINE: usual()}, status=RunStatus.FAILED)) == {}
    assert again_of(summary({BASELINE: usual(120.0)}))[BASELINE, P50, None].value == 120.0


def test_the_same_run_can_be_judged_anew_by_what_its_verdict_kept(
    entry: BuildEntry, usual: BuildUsual, summary: BuildRun, course: Callable[..., Comparison]
) -> None:
    first = course(STILL, 150.0, 148.0)
    assert again_in(first)[BASELINE, P50, None].value == 148.0
    window = [entry(usual(100.0), number=i) for i in range(6)]
    anew = compare_window(window, STORED, summary({BASELINE: usual(150.0)}), CONFIG, again=again_in(first))
    assert p50_of(anew).verdict is Verdict.REGRESSION


def test_only_gated_metrics_are_measured_again(course: Callable[..., Comparison]) -> None:
    compared = course(STILL, 150.0)
    advisory = replace(
        compared, findings=tuple(replace(finding, gated=False) for finding in compared.findings)
    )
    assert to_measure_again(advisory) == ()


@pytest.mark.parametrize(("runs", "said"), [(1, "1 of 5 baselines"), (4, "4 of 5 baselines"), (5, None)])
def test_a_short_history_says_what_it_can_see(
    course: Callable[..., Comparison], runs: int, said: str | None
) -> None:
    compared = course([100.0] * runs, 100.0)
    notes = [note for note in compared.notes if "cannot be seen" in note]
    assert len(notes) == (said is not None)
    if said is not None:
        assert notes[0].startswith(f"{said}: changes under ")
        assert notes[0].endswith(" % cannot be seen; govbench ab can.")


def test_two_runs_learn_their_noise_from_stored_ones_of_their_kind(
    entry: BuildEntry, usual: BuildUsual, summary: BuildRun
) -> None:
    quiet = [entry(usual(100.0), number=i) for i in range(12)]
    old, new = summary({BASELINE: usual(100.0)}), summary({BASELINE: usual(104.0)})

    def width(history: Sequence[BaselineEntry]) -> tuple[float, str]:
        compared = compare_runs(old, new, CONFIG, history=history)
        change = p50_of(compared).change
        assert change is not None
        return change.high - change.low, compared.notes[0]

    assumed, said = width([])
    learned, told = width(quiet)
    assert learned < 0.5 * assumed
    assert "assumed" in said
    assert "learned from 12 stored runs as well" in told
    assert width([replace(each, profile="full") for each in quiet]) == (assumed, said)


def test_a_noise_is_not_learned_across_an_accepted_change(course: Callable[..., Comparison]) -> None:
    """An acceptance begins a level where no change was seen yet: the step itself is no noise."""
    accepted = {"accepted_metrics": (metric_key(BASELINE, P50),), **ACCEPTED}
    stepped = p50_of(course([*STILL, (150.0, accepted), 151.0], 190.0))
    alone = p50_of(course([150.0, 151.0], 190.0))
    assert stepped.change is not None
    assert alone.change is not None
    assert stepped.change.high - stepped.change.low < alone.change.high - alone.change.low


# What is remembered of a regression.


def test_a_regression_that_is_remembered_stays_one_until_it_is_mended(
    course: Callable[..., Comparison],
) -> None:
    assert p50_of(course(STILL, 109.0, 109.5)).verdict is Verdict.INCONCLUSIVE
    remembered = [*STILL, (116.0, OPEN)]
    compared = course(remembered, 109.0, 109.5)
    found = p50_of(compared)
    assert found.verdict is Verdict.REGRESSION
    assert found.reason.startswith("it regressed with 000000000, and is ")
    assert "neither mended nor accepted: +9." in found.reason
    assert found.since == f"{5:040x}"[:9] + ".." + f"{6:040x}"[:9]
    assert found.baseline is not None
    assert found.baseline.value == pytest.approx(100.0, rel=0.005)
    assert any("Govbench-Accept: baseline/response_time_p50_ms WHY" in note for note in compared.notes)
    for mended in (course(remembered, 101.0), course(remembered, 109.0, 100.0), course(remembered, 80.0)):
        assert p50_of(mended).verdict is not Verdict.REGRESSION
    over = course([*remembered, 100.0], 109.0, 109.5)
    assert p50_of(over).verdict is Verdict.INCONCLUSIVE


def test_what_is_still_open_is_measured_again(course: Callable[..., Comparison]) -> None:
    assert to_measure_again(course([*STILL, (116.0, OPEN)], 109.0)) == (BASELINE,)


def test_a_remembered_improvement_of_an_open_regression_is_none(course: Callable[..., Comparison]) -> None:
    """What regressed lies below the level by now: then it is no regression that could be open."""
    assert p50_of(course([*STILL, (90.0, OPEN)], 91.0)).verdict is not Verdict.REGRESSION


def test_on_acceptance_what_was_remembered_is_the_window(course: Callable[..., Comparison]) -> None:
    accepted = {**ACCEPTED, "accepted_metrics": (metric_key(BASELINE, P50),)}
    for runs in ([(120.0, OPEN), (121.0, OPEN)], [(120.0, OPEN)]):
        found = p50_of(course([*STILL, *runs, (119.0, accepted)], 120.0))
        assert found.verdict is not Verdict.REGRESSION
        assert found.baseline is not None
        assert found.baseline.value == pytest.approx(120.0, rel=0.01)
        assert found.baseline.n == 1000 * (len(runs) + 1)


def test_an_advisory_metric_is_not_remembered(
    entry: BuildEntry, usual: BuildUsual, summary: BuildRun
) -> None:
    config = CompareConfig(metrics={P50: MetricRule(gate=False)})
    window = [entry(usual(100.0), number=i, committed_at=f"2026-01-{i + 1:02}T00:00:00Z") for i in range(6)]
    window.append(entry(usual(116.0), number=6, committed_at="2026-01-07T00:00:00Z", **OPEN))
    compared = compare_window(window, STORED, summary({BASELINE: usual(109.0)}), config)
    assert p50_of(compared).verdict is not Verdict.REGRESSION


# The last runs together.

NOISY = [100.0, 103.0, 97.0, 101.0, 99.0, 102.0, 98.0, 100.0]


def test_two_runs_that_are_open_alone_are_a_regression_together(course: Callable[..., Comparison]) -> None:
    alone = course(NOISY, 109.5, 110.0)
    assert p50_of(alone).verdict is Verdict.INCONCLUSIVE
    first = course([*NOISY, 111.5], 109.5)
    assert p50_of(first).suspect
    assert to_measure_again(first) == (BASELINE,)
    found = p50_of(course([*NOISY, 111.5], 109.5, 110.0))
    assert found.verdict is Verdict.REGRESSION
    assert found.since == f"{7:040x}"[:9] + ".." + f"{8:040x}"[:9]
    assert p50_of(course([*NOISY, 111.5], 109.5, 101.0)).verdict is not Verdict.REGRESSION


def test_no_run_speaks_for_another(course: Callable[..., Comparison]) -> None:
    """However far one of them lies out, each has to be worse by more than half the margin."""
    assert not p50_of(course([*NOISY, 140.0], 103.0)).suspect
