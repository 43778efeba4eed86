from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from govbench.compare.rounds import Judging, control_fault, judge_rounds
from govbench.compare.trial import FEWEST_CONFIRMING, MIN_ROUNDS, Step, Trial, design
from govbench.config.settings import CompareConfig, MetricRule
from govbench.results.comparison import Finding, Verdict
from govbench.results.metrics import Direction, MetricName
from govbench.results.plan import TestType
from govbench.results.rounds import Control, Observation, Round

P50, P95, ERRORS = MetricName.RESPONSE_TIME_P50, MetricName.RESPONSE_TIME_P95, MetricName.ERROR_RATE
CONCURRENT = TestType.CONCURRENT
WITHIN = 0.015


def latency(
    effect: float | None, *, metric: MetricName = P50, se: float = WITHIN, **sides: Any
) -> Observation:
    values = {"base": 20.0, "head": 20.0 * math.exp(effect or 0.0), "base_n": 230, "head_n": 230} | sides
    return Observation(
        test_type=CONCURRENT,
        metric=metric,
        effect=effect,
        standard_error=se if effect is not None else None,
        **values,
    )


def errors(base: float = 0.0, head: float = 0.0, n: int = 250) -> Observation:
    return Observation(test_type=CONCURRENT, metric=ERRORS, base=base, head=head, base_n=n, head_n=n)


def a_round(number: int, *observations: Observation, control: Control | None = None, **more: Any) -> Round:
    return Round(
        number=number,
        start_s=10.0 * number,
        end_s=10.0 * number + 1.6,
        boot_s=1.0,
        swapped=number % 2 == 1,
        observations=observations,
        control=control,
        **more,
    )


def rounds_of(effects: Sequence[float], **more: Any) -> list[Round]:
    return [a_round(i, latency(e), errors(), **more) for i, e in enumerate(effects)]


def course(
    effects: Sequence[float], *, planned: int | None = None, config: CompareConfig | None = None
) -> Trial:
    """A trial led through these rounds, or as many of them as it wants."""
    trial = Trial(Judging(config=config or CompareConfig()), design(planned or len(effects), level=0.99))
    for number, effect in enumerate(effects):
        if trial.step is Step.END:
            break
        trial.add(a_round(number, latency(effect), errors(), confirms=trial.step is Step.CONFIRM))
    return trial


def found(trial: Trial, metric: MetricName = P50) -> Finding:
    (finding,) = (f for f in trial.findings() if f.metric is metric)
    return finding


def scatter(n: int, mean: float = 0.0, sd: float = 0.018, seed: int = 1) -> list[float]:
    values = np.random.default_rng(seed).normal(0.0, sd, n)
    return list(values - values.mean() + mean)


# --- looks


@pytest.mark.parametrize(
    ("rounds", "looks"),
    [(5, ()), (6, (6,)), (8, (6,)), (10, (6, 7, 8)), (20, (6, 9, 11, 14)), (60, (6, 17, 27, 38))],
)
def test_looks_are_few_and_the_first_comes_after_six_rounds(rounds: int, looks: tuple[int, ...]) -> None:
    assert design(rounds, level=0.99).looks == looks


def test_early_looks_ask_for_more() -> None:
    levels = design(20, level=0.99).levels

    assert list(levels) == sorted(levels, reverse=True)
    assert levels[0] > 0.9999
    assert 0.99 < levels[-1] < 0.993


def test_a_pass_is_looked_for_where_the_plan_says_and_nowhere_between() -> None:
    """Looked for after every round, a change as large as the margin is found within it far too often."""
    looks = design(20, level=0.99).looks
    ends = [len(course(scatter(20, sd=0.015, seed=seed)).rounds) for seed in range(40)]

    assert set(ends) <= {*looks, 20}
    assert len(set(ends) & set(looks)) >= 2


# --- verdicts


def test_a_large_change_ends_the_course_after_a_look_and_three_fresh_rounds() -> None:
    trial = course(scatter(20, mean=math.log(1.10)))

    assert trial.step is Step.END
    assert len(trial.rounds) == 9
    assert [r.confirms for r in trial.rounds] == [False] * 6 + [True] * 3
    finding = found(trial)
    assert finding.verdict is Verdict.REGRESSION
    assert "3 fresh rounds agree" in finding.reason
    assert finding.change is not None
    assert finding.change.low < 0.10 < finding.change.high


def test_an_improvement_is_confirmed_alike() -> None:
    trial = course(scatter(20, mean=-math.log(1.10)))

    assert found(trial).verdict is Verdict.IMPROVEMENT


def test_no_change_passes_before_the_time_is_up() -> None:
    trial = course(scatter(40, sd=0.005))

    assert found(trial).verdict is Verdict.PASS
    assert found(trial, ERRORS).verdict is Verdict.PASS
    assert len(trial.rounds) < 40


def test_what_fresh_rounds_do_not_show_is_not_reported() -> None:
    trial = course([*scatter(6, mean=0.10), *scatter(14, mean=0.0, seed=2)])

    finding = found(trial)
    assert trial.rounds[6].confirms
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.reason.startswith("unconfirmed: 3 fresh rounds alone say")


def test_a_change_in_the_other_direction_does_not_confirm() -> None:
    trial = course([*scatter(6, mean=0.10), *scatter(14, mean=-0.10, seed=2)])

    assert found(trial).verdict is not Verdict.REGRESSION


def test_what_shows_after_the_last_look_came_too_late() -> None:
    trial = course([*scatter(6), *([0.2] * 2)], planned=8)

    assert found(trial).verdict is Verdict.INCONCLUSIVE


def test_without_time_for_fresh_rounds_nothing_is_reported() -> None:
    trial = course(scatter(6, mean=0.2), planned=6)

    assert trial.step is Step.END
    finding = found(trial)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "too late" in finding.reason


def test_a_confirmation_that_was_cut_short_counts_from_two_rounds_on() -> None:
    whole = course(scatter(9, mean=0.2), planned=20)
    for count, verdict in ((7, Verdict.INCONCLUSIVE), (6 + FEWEST_CONFIRMING, Verdict.REGRESSION)):
        cut = Trial(Judging(config=CompareConfig()), design(20, level=0.99))
        for each in whole.rounds[:count]:
            cut.add(each)
        assert found(cut).verdict is verdict


@pytest.mark.parametrize("count", range(1, MIN_ROUNDS))
def test_fewer_than_six_rounds_decide_nothing(count: int) -> None:
    trial = course(scatter(count, mean=0.5), planned=20) if count > 1 else course([0.5], planned=20)

    assert found(trial).verdict is Verdict.INCONCLUSIVE
    assert f"only {count} round" in found(trial).reason


def test_no_rounds_no_findings() -> None:
    trial = Trial(Judging(config=CompareConfig()), design(0, level=0.99))

    assert trial.step is Step.END
    assert trial.findings() == ()


# --- the sides swapped


def mirrored(each: Round) -> Round:
    return replace(
        each,
        observations=tuple(
            replace(
                o,
                base=o.head,
                head=o.base,
                base_n=o.head_n,
                head_n=o.base_n,
                effect=None if o.effect is None else -o.effect,
            )
            for o in each.observations
        ),
    )


MIRROR = {Verdict.REGRESSION: Verdict.IMPROVEMENT, Verdict.IMPROVEMENT: Verdict.REGRESSION}


@pytest.mark.parametrize("mean", [0.0, 0.02, 0.05, 0.2])
@pytest.mark.parametrize("failing", [0.0, 0.3])
def test_swapped_sides_give_the_mirrored_verdict(mean: float, failing: float) -> None:
    plain = [
        a_round(i, latency(e), latency(e * 2, metric=P95, se=0.03), errors(0.0, failing))
        for i, e in enumerate(scatter(14, mean=mean))
    ]
    one, other = (Trial(Judging(config=CompareConfig()), design(14, level=0.99)) for _ in range(2))
    while one.step is not Step.END:
        one.add(plain[len(one.rounds)])
        other.add(mirrored(plain[len(other.rounds)]))
        assert one.step is other.step

    for mine, its in zip(one.findings(), other.findings(), strict=True):
        assert its.verdict is MIRROR.get(mine.verdict, mine.verdict)
        assert (its.baseline, its.candidate) == (mine.candidate, mine.baseline)
        assert mine.change is not None
        assert its.change is not None
        if mine.change.difference:
            assert its.change.estimate == -mine.change.estimate
            assert (its.change.low, its.change.high) == pytest.approx((-mine.change.high, -mine.change.low))
        else:
            assert math.log1p(its.change.estimate) == pytest.approx(
                -math.log1p(mine.change.estimate), abs=1e-15
            )
            assert math.log1p(its.change.low) == pytest.approx(-math.log1p(mine.change.high), abs=1e-15)


# --- hard cases


def test_all_values_equal_pass() -> None:
    trial = Trial(Judging(config=CompareConfig()), design(20, level=0.99))
    while trial.step is not Step.END:
        trial.add(a_round(len(trial.rounds), latency(0.0, se=0.0), errors()))

    assert found(trial).verdict is Verdict.PASS


def test_a_side_of_only_errors_is_a_regression_of_the_error_rate() -> None:
    trial = Trial(Judging(config=CompareConfig()), design(20, level=0.99))
    while trial.step is not Step.END:
        gone = latency(None, head=None, head_n=0)
        trial.add(a_round(len(trial.rounds), gone, errors(0.0, 1.0)))

    assert len(trial.rounds) == 9
    assert found(trial, ERRORS).verdict is Verdict.REGRESSION
    assert found(trial).verdict is Verdict.INVALID
    assert found(trial).reason == "not measured in head"


def test_a_metric_that_some_rounds_lack_is_judged_by_the_others() -> None:
    rounds = rounds_of(scatter(8, mean=0.2))
    rounds[3] = a_round(3, errors())

    findings = judge_rounds(rounds, Judging(config=CompareConfig()))

    assert next(f for f in findings if f.metric is P50).verdict is Verdict.REGRESSION


def test_zeros_have_no_ratio() -> None:
    rounds = [a_round(i, latency(None, base=0.0, head=1.0), errors()) for i in range(8)]

    (finding,) = (f for f in judge_rounds(rounds, Judging(config=CompareConfig())) if f.metric is P50)

    assert finding.verdict is Verdict.INVALID
    assert "no relative change exists" in finding.reason


def test_too_few_requests_are_invalid() -> None:
    rounds = [a_round(i, latency(0.1, base_n=3, head_n=3), errors()) for i in range(6)]

    (finding,) = (f for f in judge_rounds(rounds, Judging(config=CompareConfig())) if f.metric is P50)

    assert finding.verdict is Verdict.INVALID
    assert finding.reason == "only 18 samples; at least 30 are needed"


def test_failures_in_bursts_count_for_less() -> None:
    even = [a_round(i, errors(0.0, 0.04)) for i in range(10)]
    burst = [a_round(i, errors(0.0, 0.4 if i == 4 else 0.0)) for i in range(10)]
    judging = Judging(config=CompareConfig())

    widths = []
    for rounds in (even, burst):
        (finding,) = (f for f in judge_rounds(rounds, judging) if f.metric is ERRORS)
        assert finding.change is not None
        widths.append(finding.change.high - finding.change.low)

    assert widths[1] > 3 * widths[0]


def test_an_advisory_metric_is_looked_at_once_and_its_last_rounds_have_to_agree() -> None:
    def judged(effects: Sequence[float]) -> Finding:
        trial = Trial(Judging(config=CompareConfig()), design(12, level=0.99))
        for i, e in enumerate(effects):
            if trial.step is Step.END:
                break
            trial.add(a_round(i, latency(0.001 * (-1) ** i, se=0.03), latency(e, metric=P95), errors()))
        return found(trial, P95)

    assert judged(scatter(12, mean=0.1)).verdict is Verdict.REGRESSION
    faded = judged([*scatter(8, mean=0.2), *scatter(4, mean=0.0, seed=3)])
    assert faded.verdict is Verdict.INCONCLUSIVE
    assert faded.reason.startswith("unconfirmed")


def test_what_early_looks_ask_for_is_not_asked_of_an_advisory_metric() -> None:
    trial = Trial(Judging(config=CompareConfig()), design(20, level=0.99))
    for i, (p50, p95) in enumerate(zip(scatter(20, mean=0.1), scatter(20, mean=0.05, seed=2), strict=True)):
        if trial.step is Step.END:
            break
        trial.add(a_round(i, latency(p50), latency(p95, metric=P95, se=0.03), errors()))

    assert trial.looks_taken == 1
    at_the_look = {
        f.metric: f for f in judge_rounds(trial.rounds, Judging(config=CompareConfig()), level=trial.level)
    }
    assert at_the_look[P95].verdict is Verdict.INCONCLUSIVE
    assert found(trial, P95).verdict is Verdict.REGRESSION


def test_a_metric_may_have_a_margin_of_its_own() -> None:
    wide = CompareConfig(metrics={P50: MetricRule(margin=0.15)})

    assert found(course(scatter(20, mean=math.log(1.05), sd=0.005), config=wide)).verdict is Verdict.PASS


@pytest.mark.parametrize("change", [0.10, -0.10])
def test_what_ought_to_stay_as_it_is_regresses_either_way(change: float) -> None:
    config = CompareConfig(metrics={P50: MetricRule(direction=Direction.NEITHER)})

    trial = course(scatter(20, mean=math.log1p(change)), config=config)

    assert found(trial).verdict is Verdict.REGRESSION
    assert "fresh rounds agree" in found(trial).reason


def test_the_direction_of_a_metric_can_be_turned_round() -> None:
    config = CompareConfig(metrics={P50: MetricRule(direction=Direction.HIGHER)})

    assert found(course(scatter(20, mean=0.1), config=config)).verdict is Verdict.IMPROVEMENT


def test_instances_that_stay_the_same_leave_their_noise_undiminished() -> None:
    rounds = rounds_of(scatter(12, sd=0.01))
    fresh, kept = (
        judge_rounds(rounds, Judging(config=CompareConfig(), restarted=restarted))
        for restarted in (True, False)
    )

    assert fresh[0].change is not None
    assert kept[0].change is not None
    assert kept[0].change.high > 2.576 * 0.02 > fresh[0].change.high


# --- rounds that lack a side


def without_head(number: int) -> Round:
    gap = latency(None, head=None, head_n=0)
    return a_round(number, gap, errors(0.0, 1.0, n=60))


@pytest.mark.parametrize("gaps", [1, 4])
def test_rounds_without_answers_of_head_leave_the_others_to_judge(gaps: int) -> None:
    whole = rounds_of(scatter(12, mean=math.log(1.1), sd=0.01))
    rounds = [*(without_head(i) for i in range(gaps)), *whole[gaps:]]

    judged = {f.metric: f for f in judge_rounds(rounds, Judging(config=CompareConfig()))}

    assert judged[P50].verdict is Verdict.REGRESSION
    assert f"; head has no value in {gaps} of 12 rounds" in (judged[P50].reason or "")
    change = judged[P50].change
    assert change is not None
    assert change.estimate == pytest.approx(0.1, abs=0.02)
    assert judged[ERRORS].verdict is Verdict.REGRESSION
    assert judged[ERRORS].reason is not None
    assert "no value" not in judged[ERRORS].reason


def test_where_half_of_the_rounds_lack_head_nothing_is_known_of_it_and_that_is_said() -> None:
    rounds = [*(without_head(i) for i in range(4)), *rounds_of(scatter(4, sd=0.01))]

    judged = {f.metric: f for f in judge_rounds(rounds, Judging(config=CompareConfig()))}

    assert judged[P50].verdict is Verdict.INVALID
    assert judged[P50].reason == "head has no value in 4 of 8 rounds: more than half have to be whole"


def test_a_head_that_never_answers_is_not_measured() -> None:
    judged = {
        f.metric: f
        for f in judge_rounds([without_head(i) for i in range(6)], Judging(config=CompareConfig()))
    }

    assert (judged[P50].verdict, judged[P50].reason) == (Verdict.INVALID, "not measured in head")


# --- requests that wait for each other


@pytest.mark.parametrize("change", [1.1, 1 / 1.1])
@pytest.mark.parametrize(
    ("restarted", "waiting", "is_flagged"),
    [(False, 0.4, False), (False, 0.05, True), (False, None, True), (True, 0.4, True)],
)
def test_queues_leave_lasting_instances_undecided(
    change: float, restarted: bool, waiting: float | None, is_flagged: bool
) -> None:
    """Fresh instances differ anew in each round, and show by their scatter what queues make of it."""
    effects = scatter(12, mean=math.log(change), sd=0.01)
    rounds = [a_round(i, latency(e, waiting=waiting), errors()) for i, e in enumerate(effects)]

    judged = judge_rounds(rounds, Judging(config=CompareConfig(), restarted=restarted))

    (finding,) = (f for f in judged if f.metric is P50)
    flagged = {Verdict.REGRESSION, Verdict.IMPROVEMENT}
    assert (finding.verdict in flagged) == is_flagged
    assert is_flagged or "use fewer --users" in (finding.reason or "")


# --- the control


@pytest.mark.parametrize(("effect", "is_flat"), [(0.0, True), (0.005, True), (0.1, False), (-0.1, False)])
def test_a_base_that_does_not_look_like_itself_makes_the_measurement_invalid(
    effect: float, is_flat: bool
) -> None:
    wobble = [0.01, -0.01, 0.005, -0.005, 0.0, 0.0, 0.01, -0.01]
    rounds = [
        a_round(i, control=Control(effect=effect + w, standard_error=0.01, n=25))
        for i, w in enumerate(wobble)
    ]

    fault = control_fault(rounds, CompareConfig())

    assert (fault is None) == is_flat
    assert fault is None or re.search(
        r"^the control is not flat: the sides against themselves differ by [+-]\d+\.\d% \[.+%, .+%\], beyond"
        r" the margin of 2\.0%",
        fault,
    )


def test_without_control_pairs_nothing_is_said_of_them() -> None:
    assert control_fault(rounds_of([0.1, 0.2]), CompareConfig()) is None


def test_asking_for_findings_on_the_way_changes_nothing() -> None:
    effects = scatter(20, mean=math.log(1.10))
    asked, unasked = (Trial(Judging(config=CompareConfig()), design(20, level=0.99)) for _ in range(2))
    for number, effect in enumerate(effects[:9]):
        for trial in (asked, unasked):
            trial.add(a_round(number, latency(effect), errors()))
        asked.findings()
        assert asked.step is unasked.step

    assert asked.findings() == unasked.findings()


# --- levels


def levelled(number: int, at_10: float, at_50: float, **more: Any) -> Round:
    seen = (replace(latency(at_10), level="10 users"), replace(latency(at_50), level="50 users"))
    return a_round(number, *seen, errors(), **more)


def led(at_10: Sequence[float], at_50: Sequence[float]) -> Trial:
    trial = Trial(Judging(config=CompareConfig()), design(len(at_10), level=0.99))
    for number, (low, high) in enumerate(zip(at_10, at_50, strict=True)):
        if trial.step is Step.END:
            break
        trial.add(levelled(number, low, high, confirms=trial.step is Step.CONFIRM))
    return trial


def test_what_regressed_at_one_level_is_confirmed_at_that_level_and_reported_once() -> None:
    trial = led(scatter(30), scatter(30, mean=0.2, seed=2))

    finding = found(trial)
    assert (finding.verdict, finding.level) == (Verdict.REGRESSION, "50 users")
    assert "fresh rounds agree" in finding.reason
    assert [(each.level, each.verdict) for each in finding.levels] == [
        ("10 users", Verdict.PASS),
        ("50 users", Verdict.REGRESSION),
    ]
    assert [(each.metric, each.level, each.agrees) for each in trial.confirmed] == [(P50, "50 users", True)]
    assert found(trial, ERRORS).levels == ()


def test_a_level_whose_change_does_not_show_again_is_open_whatever_another_level_confirms() -> None:
    gone = [0.2] * 6 + [0.0] * 24
    trial = led(gone, scatter(30, mean=0.2, seed=2))

    by_level = {each.level: each for each in found(trial).levels}
    assert by_level["50 users"].verdict is Verdict.REGRESSION
    assert by_level["10 users"].verdict is not Verdict.REGRESSION
    assert {each.level: each.agrees for each in trial.confirmed} == {"10 users": False, "50 users": True}


def test_a_level_that_nobody_answers_on_either_side_is_no_pass() -> None:
    at_50 = replace(errors(1.0, 1.0), level="50 users")
    rounds = [
        a_round(
            number,
            replace(latency(0.0), level="10 users"),
            replace(errors(), level="10 users"),
            at_50,
            errors(0.5, 0.5),
        )
        for number in range(8)
    ]
    levels = {f.level: f for f in judge_rounds(rounds, Judging(config=CompareConfig())) if f.metric is P50}
    assert levels["10 users"].verdict is Verdict.PASS
    assert levels["50 users"].verdict is Verdict.INVALID
    assert levels["50 users"].reason.startswith("not measured on either side")
