"""The fixed documents that every renderer is tested with, and golden files.

``python -m pytest tests/report --update-golden`` writes the golden files anew; read the difference before
committing it. Names in the documents are as awkward as people and attackers make them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from govbench.results.comparison import (
    Change,
    Comparison,
    Course,
    Explanation,
    Finding,
    Margin,
    Method,
    Reference,
    Results,
    Standing,
    ThresholdResult,
    ThresholdState,
    Verdict,
)
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.plan import Phase, TestType
from govbench.results.rounds import Aspect, Control, Observation, Round
from govbench.results.run import (
    Accounting,
    Distribution,
    Environment,
    GeneratorHealth,
    Outcome,
    PhaseResult,
    ProcessUsage,
    Provenance,
    RunInfo,
    RunStatus,
    RunSummary,
    Target,
    TestTypeResult,
    TimelinePoint,
    TokenUsage,
    Window,
)

GOLDEN = Path(__file__).parent / "golden"
START_S = 1_780_000_000.0  # 2026-05-28T20:26:40Z
STEADY_S = 20.0
PHASES = (("baseline", TestType.BASELINE, 1), ("5 users", TestType.CONCURRENT, 5))
AWKWARD_PHASE = ("10 `users` | <b>hot</b>", TestType.CONCURRENT, 10)
SLOWDOWN = (1.0, 1.301)
BASE_NAME = "main @octocat | `v1`\n## heading"
HEAD_NAME = "feature/<script>alert(\"1\")</script> & 'ünïcödé' 日本 \u202egnp.exe\x1b[31m"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden(name, text)`` holds ``text`` against the golden file of that name, byte for byte."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden", default=False):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text.encode())
        assert path.exists(), f"{name}: no golden file; see the docstring of tests/report/conftest.py"
        assert text == path.read_bytes().decode()

    return check


@pytest.fixture
def results() -> Results:
    """Two sides, every verdict, every state of a threshold: a regression."""
    return Results(summary=_summary(sides=2), comparison=_comparison())


@pytest.fixture
def in_rounds(results: Results) -> Results:
    """Nine rounds of fresh instances, the last three to confirm; one of them without a control."""
    assert results.comparison is not None
    kept = tuple(f for f in results.comparison.findings if f.test_type is TestType.CONCURRENT)
    return Results(
        summary=dataclasses.replace(results.summary, rounds=_rounds()),
        comparison=dataclasses.replace(
            results.comparison,
            method=Method.PAIRED_ROUNDS,
            findings=kept,
            courses=(_course(MetricName.RESPONSE_TIME_P50), _course(MetricName.ERROR_RATE)),
            looks=(6,),
        ),
    )


@pytest.fixture
def run_only() -> Results:
    """One side, nothing to compare with, nothing wrong."""
    summary = _summary(sides=1)
    return Results(
        summary=dataclasses.replace(
            summary,
            run=dataclasses.replace(summary.run, note=None, region=None),
            accounting=Accounting(offered=1800, sent=1800, ok=1800),
            warnings=(),
        )
    )


@pytest.fixture
def failed_run() -> Results:
    """The stack never came up: no request, no phase, no metric."""
    summary = _summary(sides=1)
    return Results(
        summary=dataclasses.replace(
            summary,
            run=dataclasses.replace(summary.run, status=RunStatus.FAILED, duration_s=0.0),
            accounting=Accounting(),
            phases=(),
            test_types=(),
            generator=GeneratorHealth(
                lag_p50_ms=None,
                lag_p99_ms=None,
                cpu_cores_mean=None,
                cpu_cores_peak=None,
                kernel_clock_share=None,
                saturated=False,
            ),
            resources=(),
            tokens=(),
            timeline=(),
            warnings=("the stack did not become healthy within 60 s",),
        )
    )


@pytest.fixture
def invalid(results: Results) -> Results:
    """The generator was the bottleneck: whatever the numbers say, there is no verdict on them."""
    assert results.comparison is not None
    return Results(
        summary=dataclasses.replace(
            results.summary,
            generator=dataclasses.replace(
                results.summary.generator,
                lag_p99_ms=412.0,
                cpu_cores_mean=0.998,
                cpu_cores_peak=1.0,
                saturated=True,
            ),
        ),
        comparison=dataclasses.replace(
            results.comparison,
            verdict=Verdict.INVALID,
            reason="the load generator was saturated: it used 0.998 cores of one",
            fault="the load generator was saturated: it used 0.998 cores of one",
            findings=tuple(
                dataclasses.replace(finding, verdict=Verdict.INVALID, reason="the generator was saturated")
                for finding in results.comparison.findings
            ),
        ),
    )


@pytest.fixture
def passing(results: Results) -> Results:
    """Every gated metric within its margin, every threshold met."""
    assert results.comparison is not None
    kept = tuple(f for f in results.comparison.findings if f.verdict is Verdict.PASS)
    met = tuple(t for t in results.comparison.thresholds if t.state is ThresholdState.MET)
    return Results(
        summary=results.summary,
        comparison=dataclasses.replace(
            results.comparison,
            verdict=Verdict.PASS,
            reason="no gated metric changed beyond its margin",
            findings=kept,
            thresholds=met,
        ),
    )


def _summary(*, sides: int) -> RunSummary:
    phases = tuple(
        _phase_result(name, test_type, users, side, at)
        for at, (name, test_type, users) in enumerate((*PHASES, AWKWARD_PHASE))
        for side in range(sides)
    )
    return RunSummary(
        run=RunInfo(
            id="20260528T202640Z-3f9a",
            suite="govstack | <chat>",
            suite_version="1",
            profile="quick",
            status=RunStatus.COMPLETED,
            started_at="2026-05-28T20:26:40Z",
            duration_s=75.25,
            seed=7,
            govbench_version="0.1.0",
            region="eu-west",
            note='a note: "quotes" <b>bold</b>\nand a second line, @everyone',
        ),
        targets=tuple(
            Target(name=name, form=form, url=url, api="govstack") for name, form, url in _targets()[:sides]
        ),
        environment=_environment(),
        provenance=Provenance(
            commit="0123456789abcdef0123456789abcdef01234567",
            branch="feature/`rm -rf`|<img src=x onerror=alert(1)>",
            dirty=True,
            committed_at="2026-05-28T18:00:00Z",
        ),
        accounting=Accounting(
            offered=12_345,
            dropped=5,
            sent=12_340,
            ok=12_300,
            failed=35,
            cancelled=5,
            errors={Outcome.TIMEOUT: 20, Outcome.HTTP_5XX: 12, Outcome.BAD_BODY: 3},
        ),
        phases=phases,
        test_types=tuple(
            TestTypeResult(
                test_type=test_type,
                side=side,
                metrics=_metrics(_p50(users) * SLOWDOWN[side], n=100 * users, users=users),
            )
            for test_type, users in ((TestType.BASELINE, 1), (TestType.CONCURRENT, 10))
            for side in range(sides)
        ),
        generator=GeneratorHealth(
            lag_p50_ms=0.041,
            lag_p99_ms=0.87,
            cpu_cores_mean=0.213,
            cpu_cores_peak=0.35,
            kernel_clock_share=0.998,
            saturated=False,
        ),
        resources=_resources(sides),
        tokens=tuple(
            TokenUsage(
                side=side,
                answers=6150,
                answers_with_usage=6100 - side,
                answers_with_input=6100 - side,
                answers_with_output=6100 - side,
                input_tokens=154_321,
                output_tokens=987_654 + side,
            )
            for side in range(sides)
        ),
        timeline=_timeline(),
        warnings=(
            "this machine was busy: load average 3.20 on 2 cores",
            "scenario <i>ask</i> | `curious`\n@admin: 3 queries were never asked",
        ),
    )


def _targets() -> tuple[tuple[str, str, str], ...]:
    return (
        (BASE_NAME, "embedded", "http://127.0.0.1:8001"),
        (HEAD_NAME, "embedded:slowdown=1.3", "http://127.0.0.1:8002/?q=<x>&y='1'"),
    )


def _environment() -> Environment:
    return Environment(
        machine_class="linux-x86_64-epyc-7763-4c-16g",
        os="Linux",
        os_release="6.8.0-1021",
        architecture="x86_64",
        cpu_model='AMD EPYC 7763 "Milan" | <64-Core>',
        cores=4,
        memory_bytes=16 * 1024**3,
        python="3.12.3",
        packages={"govbench": "0.1.0", "locust": "2.40.0"},
        ci="github",
        runner_image="ubuntu-24.04",
        load_average=(3.2, 2.1, 1.05),
    )


def _resources(sides: int) -> tuple[ProcessUsage, ...]:
    targets = tuple(
        ProcessUsage(
            role=f"target:{side}",
            cpu_s=12.5 * SLOWDOWN[side],
            cpu_cores_mean=0.42 * SLOWDOWN[side],
            rss_peak_bytes=(180 + 24 * side) * 1024**2,
            rss_last_bytes=(170 + 24 * side) * 1024**2,
            samples=240,
        )
        for side in range(sides)
    )
    generator = ProcessUsage(
        role="generator",
        cpu_s=6.4,
        cpu_cores_mean=0.213,
        rss_peak_bytes=96 * 1024**2,
        rss_last_bytes=95 * 1024**2,
        samples=240,
    )
    return (*targets, generator)


def _p50(users: int) -> float:
    return 80.0 + 4.0 * users


def _phase_result(name: str, test_type: TestType, users: int, side: int, at: int) -> PhaseResult:
    start_s = START_S + at * 25.0
    p50_ms = _p50(users) * SLOWDOWN[side]
    n = 100 * users
    failed = 3 if users == 10 else 0
    warm = n // 4
    errors = {Outcome.TIMEOUT: failed} if failed else {}
    return PhaseResult(
        phase=Phase(name=name, test_type=test_type, users=users, steady_s=STEADY_S, warmup_s=4, cooldown_s=1),
        side=side,
        window=Window(
            start_s=start_s, steady_start_s=start_s + 4, steady_end_s=start_s + 24, end_s=start_s + 25
        ),
        accounting=Accounting(
            offered=n + warm, sent=n + warm, ok=n + warm - failed, failed=failed, errors=errors
        ),
        steady=Accounting(offered=n, sent=n, ok=n - failed, failed=failed, errors=errors),
        steady_s=STEADY_S,
        metrics=_metrics(p50_ms, n=n, users=users),
        distribution=_distribution(p50_ms, n),
    )


def _metrics(p50_ms: float, *, n: int, users: int) -> tuple[Metric, ...]:
    def metric(name: MetricName, value: float, spread: float = 0.015) -> Metric:
        return Metric(
            name=name,
            value=value,
            n=n,
            low=value * (1 - spread),
            high=value * (1 + spread),
            level=0.99,
            standard_error=spread / 2.576,
        )

    return (
        metric(MetricName.RESPONSE_TIME_P50, p50_ms),
        metric(MetricName.RESPONSE_TIME_P95, p50_ms * 1.62),
        metric(MetricName.RESPONSE_TIME_P99, p50_ms * 12.4, spread=0.2),
        metric(MetricName.TTFB_P50, p50_ms * 0.31),
        metric(MetricName.TTFT_P50, p50_ms * 0.35),
        metric(MetricName.THROUGHPUT, users * 1000 / p50_ms),
        Metric(name=MetricName.ERROR_RATE, value=0.003 if users == 10 else 0.0, n=n),
        metric(MetricName.OUTPUT_TOKENS, 161.0),
        metric(MetricName.CPU_PER_REQUEST, p50_ms * 0.04),
        Metric(name=MetricName.MEMORY_PEAK, value=180.0 * 1024**2, n=240),
    )


def _distribution(p50_ms: float, n: int) -> Distribution:
    """Log-normal counts around the median, in buckets of 2 %."""
    gamma = 1.02
    middle = round(math.log(p50_ms, gamma))
    weights = {middle + i: math.exp(-(i * i) / (2 * 10.0**2)) for i in range(-30, 61)}
    scale = n / sum(weights.values())
    return Distribution(
        gamma=gamma, buckets=tuple((i, c) for i, w in weights.items() if (c := round(w * scale)) > 0)
    )


def _timeline() -> tuple[TimelinePoint, ...]:
    points = []
    for second in range(75):
        users = (1, 5, 10)[second // 25]
        p50_ms = _p50(users) * (1.15 + 0.1 * math.sin(second / 3))
        quiet = second % 25 == 24
        points.append(
            TimelinePoint(
                at_s=float(second),
                users=users,
                completed=0 if quiet else users * 10,
                failed=2 if second == 60 else 0,
                p50_ms=None if quiet else round(p50_ms, 3),
                p95_ms=None if quiet else round(p50_ms * 1.6, 3),
            )
        )
    return tuple(points)


def _comparison() -> Comparison:
    return Comparison(
        verdict=Verdict.REGRESSION,
        reason="response time p50 of concurrent and 2 more are worse beyond their margin",
        method=Method.UNPAIRED,
        baseline=Reference(
            label=BASE_NAME,
            run_ids=("20260527T101500Z-77aa",),
            commit="89abcdef0123456789abcdef0123456789abcdef",
            machine_class="linux-x86_64-epyc-7763-4c-16g",
            distance=3,
        ),
        candidate=Reference(
            label=HEAD_NAME,
            run_ids=("20260528T202640Z-3f9a",),
            commit="0123456789abcdef0123456789abcdef01234567",
            machine_class="linux-x86_64-epyc-7763-4c-16g",
        ),
        findings=_findings(),
        thresholds=_thresholds(),
        notes=("gate settings differ from the base: margin of <b>p95</b> | `loosened`",),
    )


def _findings() -> tuple[Finding, ...]:
    baseline, concurrent = TestType.BASELINE, TestType.CONCURRENT
    return (
        _finding(baseline, MetricName.RESPONSE_TIME_P50, Verdict.REGRESSION, (0.299, 0.281, 0.318)),
        _finding(baseline, MetricName.RESPONSE_TIME_P95, Verdict.PASS, (0.0042, -0.0113, 0.0199)),
        _finding(baseline, MetricName.RESPONSE_TIME_P99, Verdict.INVALID, None, reason="100 samples of 500"),
        _finding(baseline, MetricName.TTFT_P50, Verdict.INCONCLUSIVE, (0.021, -0.009, 0.052), mde=0.034),
        _finding(baseline, MetricName.THROUGHPUT, Verdict.NO_BASELINE, None, reason="the baseline has none"),
        _finding(baseline, MetricName.ERROR_RATE, Verdict.PASS, (0.0, -0.004, 0.004), mde=0.01),
        _finding(
            concurrent,
            MetricName.RESPONSE_TIME_P50,
            Verdict.REGRESSION,
            (0.301, 0.289, 0.312),
            mde=0.012,
            explanations=_explanations(),
        ),
        _finding(concurrent, MetricName.RESPONSE_TIME_P95, Verdict.REGRESSION, (0.12, 0.06, 0.183)),
        _finding(concurrent, MetricName.TTFB_P50, Verdict.IMPROVEMENT, (-0.0512, -0.0702, -0.0321)),
        _finding(concurrent, MetricName.TTFT_P50, Verdict.PASS, (0.0004, -0.0112, 0.0121), mde=0.018),
        _finding(concurrent, MetricName.THROUGHPUT, Verdict.REGRESSION, (-0.231, -0.239, -0.222), mde=0.02),
        _finding(concurrent, MetricName.ERROR_RATE, Verdict.PASS, (0.001, -0.003, 0.005), mde=0.01),
        _finding(concurrent, MetricName.OUTPUT_TOKENS, Verdict.PASS, (0.0, -0.001, 0.001)),
        _finding(concurrent, MetricName.CPU_PER_REQUEST, Verdict.NOT_COMPARABLE, None),
        _finding(concurrent, MetricName.MEMORY_PEAK, Verdict.PASS, None, reason="advisory, no interval"),
    )


def _finding(
    test_type: TestType,
    name: MetricName,
    verdict: Verdict,
    change: tuple[float, float, float] | None,
    *,
    reason: str | None = None,
    mde: float | None = None,
    explanations: tuple[Explanation, ...] = (),
) -> Finding:
    spec = METRICS[name]
    users = 1 if test_type is TestType.BASELINE else 10
    sides = [
        next(m for m in _metrics(_p50(users) * slowdown, n=100 * users, users=users) if m.name is name)
        for slowdown in SLOWDOWN
    ]
    return Finding(
        test_type=test_type,
        metric=name,
        verdict=verdict,
        gated=spec.gate,
        reason=reason or f"{verdict.value.replace('_', ' ')} by the rule | `{name.value}`",
        baseline=None if verdict is Verdict.NO_BASELINE else sides[0],
        candidate=None if verdict is Verdict.INVALID else sides[1],
        change=change
        and Change(
            estimate=change[0],
            low=change[1],
            high=change[2],
            level=0.99,
            difference=spec.compared_as_difference,
        ),
        margin=Margin(relative=0.02, absolute=0.01 if spec.compared_as_difference else 0.3),
        mde=mde,
        explanations=explanations,
    )


def _explanations() -> tuple[Explanation, ...]:
    """One of each kind, the names of categories as awkward as those of people."""

    def explanation(aspect: Aspect, base: float, head: float, **more: Any) -> Explanation:
        change = more.pop("change", head / base - 1 if base else head)
        share = aspect is Aspect.ERROR_CLASS or more.pop("share", False)
        return Explanation(
            aspect=aspect,
            baseline=base,
            candidate=head,
            baseline_n=790,
            candidate_n=800,
            change=Change(estimate=change, low=change * 0.9, high=change * 1.1, level=0.99, difference=share),
            **more,
        )

    others = Change(estimate=-0.003, low=-0.012, high=0.006, level=0.99)
    return (
        explanation(Aspect.CATEGORY, 101.0, 126.0, which=("passport | <b>",), others=others, only=True),
        explanation(Aspect.SCENARIO, 101.0, 126.0, which=("citizen", "@clerk"), others=others),
        explanation(Aspect.CATEGORY, 0.0, 0.015, which=("taxes",), others=others, only=True, share=True),
        explanation(Aspect.AFTER_FIRST_BYTE, 4.0, 8.5),
        explanation(Aspect.METRIC, 30.0, 41.0, metric=MetricName.TTFB_P50),
        explanation(Aspect.RESPONSE_BYTES, 1204.0, 1711.0),
        explanation(Aspect.METRIC, 84.0, 120.0, metric=MetricName.OUTPUT_TOKENS),
        explanation(Aspect.INPUT_TOKENS, 12.0, 24.0),
        explanation(Aspect.METRIC, 1.08, 1.41, metric=MetricName.CPU_PER_REQUEST),
        explanation(Aspect.ERROR_CLASS, 0.0, 0.015, which=("http_5xx",)),
    )


EFFECTS = (0.31, 0.27, 0.33, 0.30, 0.29, 0.32, 0.28, 0.31, 0.30)


def _rounds() -> tuple[Round, ...]:
    return tuple(
        Round(
            number=number,
            start_s=START_S + 8.0 * number,
            end_s=START_S + 8.0 * number + 5.5,
            boot_s=1.25,
            swapped=number % 2 == 1,
            confirms=number >= 6,
            control=None if number == 4 else Control(effect=0.004, standard_error=0.006, n=21),
            observations=(
                Observation(
                    test_type=TestType.CONCURRENT,
                    metric=MetricName.RESPONSE_TIME_P50,
                    base=120.0,
                    head=120.0 * (1 + effect),
                    base_n=210,
                    head_n=210,
                    effect=math.log1p(effect),
                    standard_error=0.01,
                ),
            ),
        )
        for number, effect in enumerate(EFFECTS)
    )


def _course(name: MetricName) -> Course:
    """Of the error rate nothing ever moved."""
    share = METRICS[name].compared_as_difference
    effects = tuple(0.0 if share else effect for effect in EFFECTS)

    def change(estimate: float, half: float) -> Change:
        return Change(
            estimate=estimate, low=estimate - half, high=estimate + half, level=0.99, difference=share
        )

    return Course(
        test_type=TestType.CONCURRENT,
        metric=name,
        standings=tuple(
            Standing(
                alone=change(effect, 0.04),
                so_far=change(sum(effects[: at + 1]) / (at + 1), 0.08 / math.sqrt(at + 1)),
            )
            for at, effect in enumerate(effects)
        ),
    )


def _thresholds() -> tuple[ThresholdResult, ...]:
    return (
        ThresholdResult(
            metric=MetricName.RESPONSE_TIME_P95,
            bound=200.0,
            state=ThresholdState.MISSED,
            test_type=TestType.CONCURRENT,
            value=252.9,
            source="MAX_RESPONSE_TIME_MS | <env>",
        ),
        ThresholdResult(
            metric=MetricName.ERROR_RATE,
            bound=0.05,
            state=ThresholdState.MET,
            value=0.003,
            source="govbench.toml",
        ),
        ThresholdResult(
            metric=MetricName.MEMORY_PEAK, bound=512 * 1024**2, state=ThresholdState.NOT_MEASURED
        ),
    )
