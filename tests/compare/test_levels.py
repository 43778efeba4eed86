from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from govbench.compare.acceptance import accept, parse_acceptance
from govbench.compare.compare import compare_runs, without_baseline
from govbench.compare.conclude import conclude
from govbench.compare.confirmation import again_of
from govbench.compare.levels import by_metric, worst_of
from govbench.compare.stored import compare_window
from govbench.config.settings import CompareConfig, MetricRule
from govbench.errors import ExitCode
from govbench.results.baseline import BaselineEntry, BaselineLevel, BaselineTestType
from govbench.results.comparison import Change, Comparison, Finding, Reference, Results, Verdict
from govbench.results.entry import entry_from_results
from govbench.results.metrics import Direction, Metric, MetricName
from govbench.results.plan import Phase, TestType
from govbench.results.run import RunSummary

BuildRun = Callable[..., RunSummary]
BuildEntry = Callable[..., BaselineEntry]
BuildMetric = Callable[..., Metric]

CONCURRENT = TestType.CONCURRENT
P50, ERRORS, THROUGHPUT = MetricName.RESPONSE_TIME_P50, MetricName.ERROR_RATE, MetricName.THROUGHPUT
CONFIG = CompareConfig(between_run_sd=0.02)
BEFORE = {10: 50.0, 25: 60.0, 50: 100.0}


def levelled(
    summary: BuildRun, metric: BuildMetric, p50s: Mapping[int, float], *, n: int = 1000
) -> RunSummary:
    """A run of ``concurrent`` with these medians in ms at these numbers of users."""
    pooled = [metric(P50, 70.0, n), metric(THROUGHPUT, 50.0, n), metric(ERRORS, 0.0, n)]
    run = summary({CONCURRENT: pooled})
    (one,) = run.phases
    phases = tuple(
        replace(
            one,
            phase=Phase(name=f"c{users}", test_type=CONCURRENT, users=users, steady_s=10),
            metrics=_metrics(metric, users, p50, n),
        )
        for users, p50 in p50s.items()
    )
    return replace(run, phases=phases)


def _metrics(metric: BuildMetric, users: int, p50: float, n: int) -> tuple[Metric, ...]:
    return metric(P50, p50, n), metric(THROUGHPUT, float(users), n), metric(ERRORS, 0.0, n)


def stored(
    entry: BuildEntry, metric: BuildMetric, p50s: Mapping[int, float], *, number: int, levels: bool = True
) -> BaselineEntry:
    pooled = sorted((metric(P50, 70.0), metric(THROUGHPUT, 50.0), metric(ERRORS, 0.0)), key=lambda m: m.name)
    split = tuple(
        BaselineLevel(
            level=f"{users} users",
            metrics=tuple(sorted(_metrics(metric, users, p50, 1000), key=lambda m: m.name)),
        )
        for users, p50 in sorted(p50s.items(), key=lambda level: f"{level[0]} users")
    )
    result = BaselineTestType(test_type=CONCURRENT, metrics=tuple(pooled), levels=split if levels else ())
    made: BaselineEntry = entry((), number=number, committed_at=f"2026-01-{number:02d}T09:00:00Z")
    return replace(made, test_types=(result,))


def p50_of(comparison: Comparison) -> Finding:
    (found,) = (f for f in comparison.findings if f.metric is P50)
    return found


def test_a_regression_at_the_top_level_alone_is_found_and_named(
    summary: BuildRun, metric: BuildMetric
) -> None:
    base = levelled(summary, metric, BEFORE)
    head = levelled(summary, metric, {**BEFORE, 50: 125.0})
    compared = compare_runs(base, head, CONFIG)
    finding = p50_of(compared)
    assert (finding.verdict, finding.level) == (Verdict.REGRESSION, "50 users")
    assert finding.baseline is not None
    assert finding.candidate is not None
    assert (finding.baseline.value, finding.candidate.value) == (100.0, 125.0)
    assert {each.level: each.verdict for each in finding.levels} == {
        "10 users": Verdict.PASS,
        "25 users": Verdict.PASS,
        "50 users": Verdict.REGRESSION,
    }
    assert finding.p_value is not None
    assert finding.p_value < 0.01
    assert conclude(compared).exit_code is ExitCode.REGRESSION


def test_a_metric_passes_only_where_each_of_its_levels_does(summary: BuildRun, metric: BuildMetric) -> None:
    base = levelled(summary, metric, BEFORE)
    assert p50_of(compare_runs(base, base, CONFIG)).verdict is Verdict.PASS
    head = levelled(summary, metric, {**BEFORE, 25: 65.0})  # not significant, and its interval reaches out
    finding = p50_of(compare_runs(base, head, CONFIG))
    assert (finding.verdict, finding.level) == (Verdict.INCONCLUSIVE, "25 users")


def test_a_level_that_a_side_lacks_is_no_pass(summary: BuildRun, metric: BuildMetric) -> None:
    base = levelled(summary, metric, BEFORE)
    head = levelled(summary, metric, BEFORE)
    cut = replace(head, phases=(*head.phases[:2], replace(head.phases[2], metrics=())))
    finding = p50_of(compare_runs(base, cut, CONFIG))
    assert (finding.verdict, finding.level) == (Verdict.INVALID, "50 users")
    assert finding.reason == "not measured in head"
    neither = p50_of(compare_runs(cut, cut, CONFIG))
    assert (neither.verdict, neither.level) == (Verdict.INVALID, "50 users")


def test_failures_are_counted_over_all_levels(summary: BuildRun, metric: BuildMetric) -> None:
    base = levelled(summary, metric, BEFORE)
    (errors,) = (f for f in compare_runs(base, base, CONFIG).findings if f.metric is ERRORS)
    assert (errors.level, errors.levels) == (None, ())


def test_throughput_is_that_of_a_level_and_no_mean_of_several(summary: BuildRun, metric: BuildMetric) -> None:
    base = levelled(summary, metric, BEFORE)
    (finding,) = (f for f in compare_runs(base, base, CONFIG).findings if f.metric is THROUGHPUT)
    assert finding.level == "50 users"
    assert finding.candidate is not None
    assert finding.candidate.value == 50.0
    alone = without_baseline(base, "nothing is stored", CONFIG)
    (shown,) = (f for f in alone.findings if f.metric is THROUGHPUT)
    assert (shown.verdict, shown.level) == (Verdict.NO_BASELINE, "50 users")


def test_levels_share_the_level_of_confidence(summary: BuildRun, metric: BuildMetric) -> None:
    few, many = BEFORE, dict.fromkeys((10, 25, 50, 100, 250, 500, 1000), 100.0)
    config = replace(CONFIG, metrics={THROUGHPUT: MetricRule(gate=False), ERRORS: MetricRule(gate=False)})

    def p_value(p50s: Mapping[int, float]) -> float:
        head = levelled(summary, metric, {**p50s, 50: p50s[50] * 1.05})
        (at_50,) = (
            each
            for each in p50_of(compare_runs(levelled(summary, metric, p50s), head, config)).levels
            if each.level == "50 users"
        )
        assert at_50.p_value is not None
        return at_50.p_value

    assert p_value(many) == pytest.approx(p_value(few) * 7 / 3)


def test_stored_runs_are_held_against_level_by_level(
    summary: BuildRun, entry: BuildEntry, metric: BuildMetric
) -> None:
    window = [
        stored(entry, metric, {users: p50 * wobble for users, p50 in BEFORE.items()}, number=number)
        for number, wobble in enumerate((1.0, 1.01, 0.99, 1.0, 1.005, 0.995, 1.0), start=1)
    ]
    head = levelled(summary, metric, {**BEFORE, 50: 140.0})
    assert p50_of(compare_window(window, Reference(label="stored"), head, CONFIG)).suspect
    compared = compare_window(window, Reference(label="stored"), head, CONFIG, again=again_of(head))
    finding = p50_of(compared)
    assert (finding.verdict, finding.level) == (Verdict.REGRESSION, "50 users")
    assert [each.level for each in finding.levels] == ["10 users", "25 users", "50 users"]
    assert not any("each load level" in note for note in compared.notes)


@pytest.mark.parametrize(
    ("with_levels", "without", "by_level"),
    [(1, 0, True), (2, 0, True), (2, 5, False), (3, 5, True), (0, 5, False)],
)
def test_stored_runs_without_levels_are_compared_over_all_of_them_and_that_is_said(
    summary: BuildRun, entry: BuildEntry, metric: BuildMetric, with_levels: int, without: int, by_level: bool
) -> None:
    window = [
        stored(entry, metric, BEFORE, number=number, levels=number <= with_levels)
        for number in range(1, with_levels + without + 1)
    ]
    compared = compare_window(window, Reference(label="stored"), levelled(summary, metric, BEFORE), CONFIG)
    finding = p50_of(compared)
    assert bool(finding.levels) is by_level
    said = [note for note in compared.notes if "each load level" in note]
    assert said == (
        []
        if by_level
        else ["Too few stored runs have figures of each load level: concurrent is compared over all levels."]
    )
    if not by_level:
        assert finding.candidate is not None
        assert finding.candidate.value == 70.0  # of all levels, as the stored ones are


def change(estimate: float) -> Change:
    return Change(estimate=estimate, low=estimate - 0.01, high=estimate + 0.01, level=0.99)


def at(level: str, verdict: Verdict, estimate: float | None = None, *, name: MetricName = P50) -> Finding:
    return Finding(
        test_type=CONCURRENT,
        metric=name,
        verdict=verdict,
        gated=True,
        reason=f"because of {level}",
        level=level,
        change=None if estimate is None else change(estimate),
    )


@pytest.mark.parametrize(
    ("levels", "verdict", "level"),
    [
        ([at("a", Verdict.REGRESSION, 0.2), at("b", Verdict.REGRESSION, 0.3)], Verdict.REGRESSION, "b"),
        ([at("a", Verdict.REGRESSION, 0.2), at("b", Verdict.INVALID)], Verdict.REGRESSION, "a"),
        ([at("a", Verdict.INVALID), at("b", Verdict.INCONCLUSIVE, 0.1)], Verdict.INVALID, "a"),
        ([at("a", Verdict.IMPROVEMENT, -0.3), at("b", Verdict.INCONCLUSIVE, 0.1)], Verdict.INCONCLUSIVE, "b"),
        ([at("a", Verdict.IMPROVEMENT, -0.3), at("b", Verdict.PASS, 0.0)], Verdict.IMPROVEMENT, "a"),
        ([at("a", Verdict.IMPROVEMENT, -0.2), at("b", Verdict.IMPROVEMENT, -0.3)], Verdict.IMPROVEMENT, "b"),
        ([at("a", Verdict.PASS, 0.01), at("b", Verdict.PASS, -0.01)], Verdict.PASS, "a"),
        ([at("a", Verdict.NO_BASELINE), at("b", Verdict.NO_BASELINE)], Verdict.NO_BASELINE, "b"),
    ],
)
def test_the_worst_level_speaks_for_a_metric(levels: Sequence[Finding], verdict: Verdict, level: str) -> None:
    (finding,) = by_metric(levels, {})
    assert (finding.verdict, finding.level, finding.reason) == (verdict, level, f"because of {level}")
    assert [each.level for each in finding.levels] == ["a", "b"]


def test_what_is_worse_is_a_matter_of_the_metric_and_its_rule() -> None:
    levels = [at("a", Verdict.PASS, 0.02), at("b", Verdict.PASS, -0.01), at("c", Verdict.PASS, -0.03)]
    assert worst_of(levels, 1).level == "a"
    assert worst_of(levels, -1).level == "c"
    assert worst_of(levels, 0).level == "c"
    fewer_is_worse = {P50: MetricRule(direction=Direction.HIGHER)}
    assert [f.level for f in by_metric(levels, fewer_is_worse)] == ["c"]


def test_metrics_keep_their_order_and_a_single_level_is_left_as_it_is() -> None:
    single = replace(at("a", Verdict.PASS, 0.0), level=None)
    joined = by_metric([at("a", Verdict.PASS, 0.0, name=THROUGHPUT), single], {})
    assert [f.metric for f in joined] == [THROUGHPUT, P50]
    assert joined[1] is single


def test_accepting_what_regressed_at_one_level_accepts_nothing_of_the_others(
    summary: BuildRun, metric: BuildMetric
) -> None:
    base = levelled(summary, metric, BEFORE)
    head = levelled(summary, metric, {**BEFORE, 50: 140.0})
    meant = [parse_acceptance("response_time_p50_ms meant", source="me")]
    accepted = accept(compare_runs(base, head, CONFIG), meant)
    assert conclude(accepted).exit_code is ExitCode.OK

    lacking = replace(head, phases=(replace(head.phases[0], metrics=()), *head.phases[1:]))
    accepted = accept(compare_runs(base, lacking, CONFIG), meant)
    assert p50_of(accepted).verdict is Verdict.REGRESSION
    assert conclude(accepted).verdict is Verdict.INVALID
    assert conclude(accepted).exit_code is ExitCode.NOT_MEASURED


def test_a_level_that_fails_is_not_hidden_by_a_worse_one_that_was_left_out(
    summary: BuildRun, metric: BuildMetric
) -> None:
    base = levelled(summary, metric, BEFORE)
    head = levelled(summary, metric, {**BEFORE, 50: 140.0})
    lacking = replace(head, phases=(replace(head.phases[0], metrics=()), *head.phases[1:]))
    compared = compare_runs(base, lacking, CONFIG)
    assert p50_of(compared).verdict is Verdict.REGRESSION
    assert conclude(compared, frozenset({Verdict.INVALID})).exit_code is ExitCode.NOT_MEASURED
    assert conclude(compared, frozenset({Verdict.REGRESSION})).exit_code is ExitCode.REGRESSION


WOBBLES = (1.0, 1.02, 0.98, 1.01, 0.99, 1.015, 0.985, 1.0)


def wobbling(entry: BuildEntry, metric: BuildMetric, last: Mapping[int, float]) -> list[BaselineEntry]:
    """Stored runs that differ a little, and a last one with these medians."""
    runs = [{users: p50 * wobble for users, p50 in BEFORE.items()} for wobble in WOBBLES]
    return [stored(entry, metric, each, number=i) for i, each in enumerate([*runs, last], start=1)]


def test_a_level_that_rose_bit_by_bit_is_a_regression_at_the_load_where_it_did(
    summary: BuildRun, entry: BuildEntry, metric: BuildMetric
) -> None:
    """The mean over the levels moved by four percent and shows nothing."""
    window = wobbling(entry, metric, {**BEFORE, 50: 112.0})
    head = levelled(summary, metric, {**BEFORE, 50: 109.0})
    label = Reference(label="stored")
    alone = compare_window(window[:-1], label, head, CONFIG, again=again_of(head))
    assert p50_of(alone).verdict is not Verdict.REGRESSION
    finding = p50_of(compare_window(window, label, head, CONFIG, again=again_of(head)))
    assert (finding.verdict, finding.level) == (Verdict.REGRESSION, "50 users")
    assert finding.since == f"{8:040x}"[:9] + ".." + f"{9:040x}"[:9]
    assert {each.level: each.verdict for each in finding.levels}["10 users"] is not Verdict.REGRESSION


def test_a_suspect_is_one_at_its_load_alone(
    summary: BuildRun, entry: BuildEntry, metric: BuildMetric
) -> None:
    last = {**BEFORE, 50: 180.0}
    window = wobbling(entry, metric, last)
    window[-1] = replace(window[-1], suspects=("concurrent/response_time_p50_ms/50 users",))
    finding = p50_of(
        compare_window(window, Reference(label="stored"), levelled(summary, metric, BEFORE), CONFIG)
    )
    counted = {each.level: each.baseline.n for each in finding.levels if each.baseline is not None}
    assert counted == {"10 users": 9000, "25 users": 9000, "50 users": 8000}
    whole = replace(window[-1], suspects=("concurrent/response_time_p50_ms",))
    finding = p50_of(
        compare_window(
            [*window[:-1], whole], Reference(label="stored"), levelled(summary, metric, BEFORE), CONFIG
        )
    )
    assert {each.baseline.n for each in finding.levels if each.baseline is not None} == {8000}


def test_what_is_stored_of_a_flag_names_its_load(
    summary: BuildRun, entry: BuildEntry, metric: BuildMetric
) -> None:
    window = wobbling(entry, metric, BEFORE)
    head = levelled(summary, metric, {**BEFORE, 50: 180.0})
    label = Reference(label="stored")
    key = "concurrent/response_time_p50_ms/50 users"
    once = compare_window(window, label, head, CONFIG)
    kept = entry_from_results(Results(summary=head, comparison=once))
    assert kept.suspects == (key,)
    assert kept.is_suspect(CONCURRENT, P50, "50 users")
    assert not kept.is_suspect(CONCURRENT, P50, "10 users")
    red = compare_window(window, label, head, CONFIG, again=again_of(head))
    remembered = entry_from_results(Results(summary=head, comparison=red))
    assert (remembered.suspects, remembered.accepted_metrics) == ((key,), (key,))
    assert remembered.is_open(CONCURRENT, P50, "50 users")
    assert not remembered.is_open(CONCURRENT, P50, "25 users")
    accepted = entry_from_results(Results(summary=head, comparison=red), accepted="meant")
    assert (accepted.suspects, accepted.accepted_metrics) == ((), (key,))
    assert accepted.begins_level(CONCURRENT, P50, "50 users")
    assert not accepted.begins_level(CONCURRENT, P50, "10 users")


def test_of_a_load_that_was_flagged_the_second_measurement_is_stored(
    summary: BuildRun, entry: BuildEntry, metric: BuildMetric
) -> None:
    """Also where another load speaks for the metric by then."""
    window = wobbling(entry, metric, BEFORE)
    head = levelled(summary, metric, {**BEFORE, 10: 54.5, 50: 180.0})
    second = levelled(summary, metric, {**BEFORE, 10: 54.0, 50: 101.0})
    label = Reference(label="stored")
    judged = compare_window(window, label, head, CONFIG, again=again_of(second))
    assert p50_of(judged).level == "10 users"
    result = entry_from_results(Results(summary=head, comparison=judged)).test_type(CONCURRENT)
    assert result is not None
    stored_at = {level.level: level.metric(P50) for level in result.levels}
    assert {name: each.value for name, each in stored_at.items() if each is not None} == {
        "10 users": 54.5,
        "25 users": 60.0,
        "50 users": 101.0,
    }
