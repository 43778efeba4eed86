"""Noise of rounds, detectable changes, when a calibration counts, and verdicts that rest on one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from govbench.compare.ab import compare_rounds
from govbench.compare.calibration import (
    BUDGETS_S,
    InForce,
    Load,
    detectable_changes,
    noises_of,
    nothing_gated,
    refusal,
    said_of,
)
from govbench.compare.compare import compare_runs, reference_of
from govbench.compare.rounds import FIXED_INSTANCE_SD, Judging
from govbench.compare.stored import compare_window
from govbench.compare.trial import Design, Step, Trial, design, without_looks
from govbench.config.settings import CompareConfig
from govbench.results.calibration import Calibration, Noise
from govbench.results.comparison import Finding, Verdict
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.rounds import Observation, Round
from govbench.results.run import RunSummary
from govbench.stats import instance_deviation, rounds_detectable_effect, run_deviation

CONFIG = CompareConfig()
P50, ERRORS = MetricName.RESPONSE_TIME_P50, MetricName.ERROR_RATE
CONCURRENT = TestType.CONCURRENT
EFFECTS = (0.01, -0.02, 0.03, 0.0, -0.01, -0.01)
MACHINE = "linux-x86_64-cpu-2c-4g"


def observation(
    effect: float, *, base: float = 50.0, metric: MetricName = P50, se: float | None = 0.01
) -> Observation:
    share = METRICS[metric].compared_as_difference
    return Observation(
        test_type=CONCURRENT,
        metric=metric,
        base=0.0 if share else base,
        head=0.0 if share else base * math.exp(effect),
        base_n=200,
        head_n=200,
        effect=None if share else effect,
        standard_error=None if share else se,
    )


def a_round(number: int, *seen: Observation) -> Round:
    return Round(number=number, start_s=0.0, end_s=1.6, boot_s=1.0, swapped=False, observations=seen)


def rounds_of(effects: Sequence[float]) -> list[Round]:
    return [a_round(i, observation(x), observation(0, metric=ERRORS)) for i, x in enumerate(effects)]


def made(**changes: Any) -> Calibration:
    noise = Noise(test_type=CONCURRENT, metric=P50, instance_sd=0.005, between_run_sd=0.03, round_se=0.01)
    calibration = Calibration(
        machine_class=MACHINE,
        suite="default",
        suite_version="v1",
        target="git:HEAD",
        calibrated_at="2026-01-31T09:30:00Z",
        govbench_version="0.1.0",
        rounds=20,
        round_load_s=1.6,
        round_time_s=3.0,
        noises=(noise,),
        target_kind="git",
        restarted=True,
    )
    return replace(calibration, **changes)


# --- the noise of rounds


def test_noise_is_that_of_the_effects_and_of_each_side() -> None:
    bases = [50.0, 51.0, 49.0, 50.0, 52.0, 50.0]
    rounds = [a_round(i, observation(x, base=b)) for i, (x, b) in enumerate(zip(EFFECTS, bases, strict=True))]

    (noise,) = noises_of(rounds, restarted=True)

    logs = [math.log(b) for b in bases]
    assert (noise.test_type, noise.metric) == (CONCURRENT, P50)
    assert noise.instance_sd == pytest.approx(instance_deviation(EFFECTS, [0.01] * 6))
    assert noise.between_run_sd == pytest.approx(
        run_deviation(logs, [a + b for a, b in zip(logs, EFFECTS, strict=True)])
    )
    assert noise.round_se == pytest.approx(0.01)


def test_a_share_has_no_noise_nor_has_a_metric_that_a_round_lacks() -> None:
    rounds = rounds_of(EFFECTS)
    first, *others = rounds
    first = replace(first, observations=(*first.observations, observation(0, metric=MetricName.TTFT_P50)))

    assert [noise.metric for noise in noises_of([first, *others], restarted=True)] == [P50]


def test_a_reading_has_no_error_within_a_round() -> None:
    rounds = [
        a_round(i, observation(x, metric=MetricName.MEMORY_PEAK, se=None)) for i, x in enumerate(EFFECTS)
    ]

    (noise,) = noises_of(rounds, restarted=True)

    assert noise.round_se == 0
    assert noise.instance_sd == pytest.approx(instance_deviation(EFFECTS, [0.0] * 6))


def test_without_restarts_instances_are_unknown() -> None:
    (noise,) = noises_of(rounds_of(EFFECTS), restarted=False)

    assert noise.instance_sd is None
    assert noise.between_run_sd > 0


# --- what can be detected


def findings(rounds: Sequence[Round]) -> tuple[Finding, ...]:
    trial = Trial(Judging(config=CONFIG), without_looks(len(rounds)))
    for each in rounds:
        trial.add(each)
    return trial.findings()


def test_the_detectable_change_is_that_of_the_last_look() -> None:
    rounds = rounds_of(EFFECTS)
    noises = noises_of(rounds, restarted=True)

    found = detectable_changes(noises, findings(rounds), round_time_s=4.0, config=CONFIG)

    assert [(each.max_time_s, each.rounds) for each in found] == [(30, 7), (60, 15), (120, 30), (300, 75)]
    plan = design(15, level=0.99)
    effect = rounds_detectable_effect(
        rounds=plan.looks[-1],
        within_se=0.01,
        instance_sd=noises[0].instance_sd or 0,
        margin=math.log1p(0.02),
        level=1 - (1 - plan.levels[-1]) / 2,  # two gated metrics: p50 and the error rate
    )
    assert found[1].mde == pytest.approx(math.expm1(effect))
    assert [each.mde for each in found] == sorted((each.mde for each in found), reverse=True)


def test_a_time_too_short_for_a_look_has_no_entry() -> None:
    rounds = rounds_of(EFFECTS)
    noises = noises_of(rounds, restarted=True)

    found = detectable_changes(noises, findings(rounds), round_time_s=15.0, config=CONFIG)

    assert [each.max_time_s for each in found] == list(BUDGETS_S[2:])
    unknown = noises_of(rounds, restarted=False)
    assert detectable_changes(unknown, findings(rounds), round_time_s=1.0, config=CONFIG) == ()


def test_the_absolute_margin_counts_where_times_are_short() -> None:
    rounds = [a_round(i, observation(x / 100, base=1.0, se=0.0001)) for i, x in enumerate(EFFECTS)]

    found = detectable_changes(
        noises_of(rounds, restarted=True), findings(rounds), round_time_s=1.0, config=CONFIG
    )

    assert all(each.mde > 0.3 for each in found)  # 0.3 ms of 1 ms


def test_a_calibration_needs_a_gated_metric_that_could_be_judged() -> None:
    strict = CompareConfig(min_samples=10_000)
    trial = Trial(Judging(config=strict), without_looks(6))
    for each in rounds_of(EFFECTS):
        trial.add(each)

    said = nothing_gated(trial.findings())

    assert said is not None
    assert said.startswith("response_time_p50_ms: only ")
    assert nothing_gated(findings(rounds_of(EFFECTS))) is None
    assert nothing_gated([replace(f, gated=False) for f in trial.findings()]) is None


def test_a_course_without_looks_goes_to_its_end() -> None:
    quiet = Judging(config=CompareConfig(instance_sd=0.0001))
    long, early = Trial(quiet, without_looks(20)), Trial(quiet, design(20, level=0.99))
    steps = [[trial.add(each) for each in rounds_of([0.0] * 20)] for trial in (long, early)]

    assert steps[0] == [*[Step.MEASURE] * 19, Step.END]
    assert long.looks_taken == 0
    assert steps[1][5] is Step.END


# --- when it counts

HERE = Load(suite="default", machine_class=MACHINE, kinds=("git", "git"), suite_version="v1", restarted=True)


@pytest.mark.parametrize(
    ("changes", "here", "age_days", "words"),
    [
        ({}, {}, 90.0, None),
        ({}, {}, 90.5, "it is 90 days old, and compare.calibration_max_age_days is 90"),
        ({}, {}, -2.0, "dated in the future"),
        ({}, {}, -0.1, None),
        (
            {"machine_class": "macos-arm64-m1-8c-8g"},
            {},
            1.0,
            "of another machine class, macos-arm64-m1-8c-8g",
        ),
        ({"suite": "other"}, {}, 1.0, "of another suite, other"),
        ({"suite_version": "v0"}, {}, 1.0, "under another load, v0 and not v1"),
        ({"suite_version": "v0"}, {"suite_version": None}, 1.0, None),
        ({"target_kind": "embedded"}, {}, 1.0, "another kind of target, embedded"),
        ({}, {"kinds": ("embedded",)}, 1.0, "another kind of target, git"),
        ({"target_kind": "embedded"}, {"kinds": ("embedded", "embedded")}, 1.0, None),
        ({"target_kind": "command"}, {"kinds": ("git", "command")}, 1.0, None),
        ({"target_kind": "compose"}, {"kinds": ("git", "git")}, 1.0, "another kind of target, compose"),
        (
            {"target_kind": "command"},
            {"kinds": ("url", "url"), "restarted": False},
            1.0,
            "made with fresh instances in every round, and here the same ones stay for all",
        ),
        ({"target_kind": "command"}, {"kinds": ("git", "url"), "restarted": False}, 1.0, "fresh instances"),
        (
            {"restarted": False, "target_kind": "url"},
            {"kinds": ("url",)},
            1.0,
            "nothing was started anew in it",
        ),
        ({"target_kind": None}, {}, 1.0, "an older version made it"),
        ({"restarted": None}, {}, 1.0, "whether that was started anew"),
        ({"restarted": None}, {"suite_version": None, "restarted": None}, 1.0, "an older version made it"),
    ],
)
def test_a_calibration_that_does_not_fit_is_refused(
    changes: dict[str, Any], here: dict[str, Any], age_days: float, words: str | None
) -> None:
    found = refusal(made(**changes), replace(HERE, **here), age_days=age_days, max_age_days=90)

    assert found == words if words is None else words in (found or "")


def test_one_without_restarts_counts_for_runs_and_not_for_rounds() -> None:
    noises = tuple(replace(noise, instance_sd=None) for noise in made().noises)
    url = made(noises=noises, target="url", target_kind="url", restarted=False)

    assert "nothing was started anew" in (refusal(url, HERE, age_days=1, max_age_days=90) or "")
    apart = replace(HERE, suite_version=None, restarted=None, kinds=("url",))
    assert refusal(url, apart, age_days=1, max_age_days=90) is None


# --- what verdicts make of it


def test_rounds_are_judged_by_the_calibrated_noise_of_each_metric() -> None:
    judging = Judging(config=CONFIG, calibration=made())

    assert judging.instance_sd(CONCURRENT, P50) == 0.005
    assert judging.instance_sd(TestType.BASELINE, P50) == CONFIG.instance_sd
    unknown = made(noises=(replace(made().noises[0], instance_sd=None),))
    assert Judging(config=CONFIG, calibration=unknown, restarted=False).instance_sd(CONCURRENT, P50) == (
        FIXED_INSTANCE_SD
    )


def test_runs_are_judged_by_the_noise_between_runs() -> None:
    known = InForce(calibration=made())

    assert known.between_run_sd(CONFIG, CONCURRENT, P50) == 0.03
    assert known.between_run_sd(CONFIG, TestType.BASELINE, P50) == 0.05
    assert InForce().between_run_sd(CONFIG, CONCURRENT, P50) == 0.05


def test_a_calibration_of_minutes_lowers_the_noise_of_days_to_half_of_what_is_configured() -> None:
    (noise,) = made().noises
    known = InForce(calibration=made(noises=(replace(noise, between_run_sd=0.004),)))

    assert known.between_run_sd(CONFIG, CONCURRENT, P50) == 0.025
    assert known.between_run_sd(CompareConfig(between_run_sd=0.006), CONCURRENT, P50) == 0.004


def test_throughput_of_rounds_says_nothing_of_runs() -> None:
    (noise,) = made().noises
    open_loop = made(noises=(replace(noise, metric=MetricName.THROUGHPUT, between_run_sd=0.2),))
    known = InForce(calibration=open_loop)

    assert known.between_run_sd(CONFIG, CONCURRENT, MetricName.THROUGHPUT) == 0.05
    assert not known.covers([CONCURRENT])
    assert InForce(calibration=made()).covers([CONCURRENT])
    assert not InForce(calibration=made()).covers([TestType.BASELINE])
    assert not InForce().covers([CONCURRENT])


NOTE = "calibrated on 2026-01-31 with 20 rounds of git:HEAD"


def test_two_runs_say_which_noise_they_were_judged_by(
    summary: Callable[..., RunSummary], usual: Callable[..., tuple[Metric, ...]]
) -> None:
    old, new = (summary({CONCURRENT: usual(p50)}) for p50 in (100.0, 106.0))

    def changed(known: InForce) -> tuple[float, str]:
        compared = compare_runs(old, new, CONFIG, known=known)
        (finding,) = (f for f in compared.findings if f.metric is P50)
        assert finding.change is not None
        return finding.change.high - finding.change.low, compared.notes[0]

    wide, plain = changed(InForce())
    narrow, calibrated = changed(InForce(calibration=made()))
    refused = changed(InForce(refused="calibration.json does not count: it is old"))

    assert narrow < 0.7 * wide
    assert NOTE in calibrated
    assert "(5.0% assumed, not calibrated here) is part" in plain
    assert refused[0] == wide
    assert "not calibrated here: calibration.json does not count: it is old" in refused[1]


def test_a_run_against_stored_ones_says_so_too(
    summary: Callable[..., RunSummary], usual: Callable[..., tuple[Metric, ...]], entry: Callable[..., Any]
) -> None:
    window = [entry(usual(100.0), test_type=CONCURRENT)]
    candidate = summary({CONCURRENT: usual(100.0)})
    compared = [
        compare_window(window, reference_of(candidate), candidate, CONFIG, known=known)
        for known in (InForce(), InForce(calibration=made()))
    ]

    assert [c.verdict for c in compared] == [Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE]
    by_metric = [{f.metric: f.mde or 0 for f in c.findings} for c in compared]
    assert by_metric[1][P50] < by_metric[0][P50]
    assert by_metric[1][MetricName.THROUGHPUT] == by_metric[0][MetricName.THROUGHPUT]
    assert NOTE in compared[1].notes[0]


def test_a_comparison_in_rounds_says_so_too(summary: Callable[..., RunSummary]) -> None:
    trial = Trial(Judging(config=CONFIG), without_looks(6))
    for each in rounds_of(EFFECTS):
        trial.add(each)

    def note(**judged_by: Any) -> str:
        run = summary()
        judging = Judging(config=CONFIG, **judged_by)
        return compare_rounds(run, trial, judging, baseline=reference_of(run)).notes[1]

    assert f": {NOTE}; metrics that it lacks: 1.0%." in note(calibration=made())
    assert note(refused="it is old").endswith(" is taken to be 1.0%, not calibrated here: it is old.")
    assert note(calibration=made(), restarted=False).endswith("so it enters every interval undiminished.")
    assert said_of(made()) == NOTE


# --- both error rates of whole comparisons


def course(rng: np.random.Generator, plan: Design, *, sd: float, calibrated: int, change: float) -> bool:
    """Whether a comparison with a calibration of so many rounds calls a regression or improvement."""

    def draw(count: int) -> list[float]:
        return [float(x) for x in sd * rng.standard_normal(count) + 0.01 * rng.standard_normal(count)]

    noises = noises_of(rounds_of(draw(calibrated)), restarted=True)
    trial = Trial(Judging(config=CONFIG, calibration=made(noises=noises)), plan)
    for each in rounds_of([change + x for x in draw(plan.rounds)]):
        if trial.add(each) is Step.END:
            break
    return any(f.verdict in {Verdict.REGRESSION, Verdict.IMPROVEMENT} for f in trial.findings())


@pytest.mark.parametrize("calibrated", [6, 20])
@pytest.mark.parametrize("sd", [0.003, 0.03])
def test_whole_comparisons_with_a_calibration_keep_both_error_rates(sd: float, calibrated: int) -> None:
    rng, plan = np.random.default_rng(11), design(12, level=CONFIG.level)

    alarms = sum(course(rng, plan, sd=sd, calibrated=calibrated, change=0.0) for _ in range(100))
    found = sum(course(rng, plan, sd=sd, calibrated=calibrated, change=0.15) for _ in range(20))

    assert alarms <= 1
    assert found >= 18
