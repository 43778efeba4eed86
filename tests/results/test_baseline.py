from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from govbench.errors import PublishError, ResultsError
from govbench.results.baseline import (
    MAX_BUCKETS,
    MAX_LEVEL_BUCKETS,
    BaselineEntry,
    BaselineTestType,
    from_json,
    to_json,
    utc_text,
)
from govbench.results.comparison import Comparison, Method, Reference, Results, Verdict
from govbench.results.entry import entry_from_results
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import Phase, TestType
from govbench.results.run import (
    Accounting,
    Distribution,
    Environment,
    GeneratorHealth,
    Outcome,
    PhaseResult,
    Provenance,
    RunInfo,
    RunStatus,
    RunSummary,
    Target,
    TestTypeResult,
    Window,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"
WINDOW = Window(start_s=0, steady_start_s=1, steady_end_s=2, end_s=3)


def metric(name: MetricName = MetricName.RESPONSE_TIME_P50, value: float = 12.3456789) -> Metric:
    return Metric(
        name=name, value=value, n=900, low=value, high=value * 1.01, level=0.99, standard_error=0.0123456789
    )


def phase(
    buckets: tuple[tuple[int, int], ...], *, side: int = 0, test_type: TestType = TestType.BASELINE
) -> PhaseResult:
    return PhaseResult(
        phase=Phase(name=f"{test_type} phase", test_type=test_type, users=2, steady_s=1),
        side=side,
        window=WINDOW,
        accounting=Accounting(offered=10, sent=10, ok=9, failed=1, errors={Outcome.TIMEOUT: 1}),
        metrics=(metric(),),
        distribution=Distribution(gamma=1.02, buckets=buckets),
    )


def results(**changes: Any) -> Results:
    summary = RunSummary(
        run=RunInfo(
            id="20260131T100000Z-a1b2",
            suite="default",
            suite_version="1",
            profile="quick",
            status=RunStatus.COMPLETED,
            started_at="2026-01-31T11:00:00.250+01:00",
            duration_s=60,
            seed=1,
            govbench_version="0.1.0",
            region="alice's desk",
            note="/home/alice/notes.txt",
        ),
        targets=(
            Target(name="head", form="http://internal.example/", url="http://internal.example/", api="http"),
        ),
        environment=Environment(
            machine_class="linux-x86_64-amd-epyc-7b13-2c-24g",
            os="Linux",
            os_release="6.1",
            architecture="x86_64",
            cpu_model="AMD EPYC 7B13",
            cores=2,
            memory_bytes=25_276_510_208,
            python="3.12.1",
            packages={"locust": "2.40.0", "govbench": "0.1.0"},
            load_average=(0.5, 0.25, 0.125),
        ),
        provenance=Provenance(
            commit=COMMIT, branch="main", dirty=False, committed_at="2026-01-31T09:30:00+00:00"
        ),
        accounting=Accounting(),
        phases=(
            phase(((1, 2), (2, 3))),
            phase(((2, 4), (9, 1))),
            phase(((5, 7),), side=1),
            phase(((7, 7),), test_type=TestType.CONCURRENT),
        ),
        test_types=(
            TestTypeResult(test_type=TestType.CONCURRENT, side=0, metrics=(metric(),)),
            TestTypeResult(
                test_type=TestType.BASELINE, side=0, metrics=(metric(), metric(MetricName.ERROR_RATE, 0.1))
            ),
            TestTypeResult(test_type=TestType.BASELINE, side=1, metrics=(metric(value=99.0),)),
        ),
        generator=GeneratorHealth(
            lag_p50_ms=None,
            lag_p99_ms=None,
            cpu_cores_mean=None,
            cpu_cores_peak=None,
            kernel_clock_share=None,
            saturated=False,
        ),
    )
    return Results(summary=replace(summary, **changes))


def of(result: BaselineTestType | None) -> BaselineTestType:
    assert result is not None
    return result


def test_entry_keeps_one_side() -> None:
    entry = entry_from_results(results())
    assert [kind.test_type for kind in entry.test_types] == [TestType.BASELINE, TestType.CONCURRENT]
    assert of(entry.test_type(TestType.BASELINE)).metric(MetricName.RESPONSE_TIME_P50) == metric()
    assert of(entry.test_type(TestType.BASELINE)).metric(MetricName.THROUGHPUT) is None
    assert entry.accounting == Accounting(offered=30, sent=30, ok=27, failed=3, errors={Outcome.TIMEOUT: 3})
    assert entry.machine_class == "linux-x86_64-amd-epyc-7b13-2c-24g"
    assert entry.verdict is None
    other = entry_from_results(results(), side=1)
    assert of(other.test_type(TestType.BASELINE)).metrics == (metric(value=99.0),)
    assert other.test_type(TestType.CONCURRENT) is None


def test_phases_of_a_test_type_are_merged() -> None:
    merged = of(entry_from_results(results()).test_type(TestType.BASELINE)).distribution
    assert merged == Distribution(gamma=1.02, buckets=((1, 2), (2, 7), (9, 1)))


def test_each_level_of_a_test_type_is_kept_and_read_back() -> None:
    levels = {10: 12.0, 25: 13.0, 100: 20.0}
    phases = tuple(
        replace(
            phase(((1, 2),), test_type=TestType.CONCURRENT),
            phase=Phase(name=f"c{users}", test_type=TestType.CONCURRENT, users=users, steady_s=1),
            metrics=(metric(value=value), metric(MetricName.ERROR_RATE, 0.0)),
        )
        for users, value in levels.items()
    )
    entry = entry_from_results(results(phases=phases))
    concurrent = of(entry.test_type(TestType.CONCURRENT))
    assert [level.level for level in concurrent.levels] == ["10 users", "100 users", "25 users"]
    at_100 = concurrent.at_level("100 users")
    assert at_100 is not None
    p50 = at_100.metric(MetricName.RESPONSE_TIME_P50)
    assert p50 == replace(metric(value=20.0), low=None, high=None, level=None)
    assert concurrent.at_level("50 users") is None

    text = to_json(entry)
    line = next(line for line in text.splitlines() if '"value": 20.0' in line)
    assert line.strip() == '"response_time_p50_ms": {"n": 900, "standard_error": 0.0123457, "value": 20.0}'
    back = of(from_json(text, source="x").test_type(TestType.CONCURRENT))
    assert [(each.level, each.metrics[1].value) for each in back.levels] == [
        ("10 users", 12.0),
        ("100 users", 20.0),
        ("25 users", 13.0),
    ]


def test_a_single_level_is_the_test_type_itself() -> None:
    assert of(entry_from_results(results()).test_type(TestType.CONCURRENT)).levels == ()
    assert "levels" not in body()["test_types"]["concurrent"]


@pytest.mark.parametrize("saturated", [True, False])
def test_an_entry_says_whether_the_generator_was_the_limit(saturated: bool) -> None:
    made = results()
    health = replace(made.summary.generator, saturated=saturated)
    made = replace(made, summary=replace(made.summary, generator=health))
    entry = entry_from_results(made)
    assert entry.saturated is saturated
    assert from_json(to_json(entry), source="entry").saturated is saturated


def test_an_entry_of_seven_levels_stays_small() -> None:
    of_level = tuple(metric(name, value=123.456789 + at) for at, name in enumerate(sorted(MetricName)))
    buckets = tuple((index, 12_345) for index in range(0, 400, 2))
    phases = tuple(
        replace(
            phase(buckets, test_type=TestType.CONCURRENT),
            phase=Phase(name=f"c{users}", test_type=TestType.CONCURRENT, users=users, steady_s=1),
            metrics=of_level,
        )
        for users in (10, 25, 50, 100, 250, 500, 1000)
    )
    both = tuple(
        TestTypeResult(test_type=test_type, side=0, metrics=of_level)
        for test_type in (TestType.BASELINE, TestType.CONCURRENT)
    )
    alone = phase(buckets)
    assert len(to_json(entry_from_results(results(phases=(alone, *phases), test_types=both)))) < 20_000


def test_each_level_keeps_a_coarse_distribution_that_is_read_back() -> None:
    phases = tuple(
        replace(
            phase(tuple((index, users) for index in range(100)), test_type=TestType.CONCURRENT),
            phase=Phase(name=f"c{users}", test_type=TestType.CONCURRENT, users=users, steady_s=1),
        )
        for users in (10, 25)
    )
    entry = entry_from_results(results(phases=(phase(((1, 1),)), *phases)))
    again = from_json(to_json(entry), source="entry")
    for label, users in (("10 users", 10), ("25 users", 25)):
        at, back = (of(each.test_type(TestType.CONCURRENT)).at_level(label) for each in (entry, again))
        assert at is not None
        assert back is not None
        assert at.distribution is not None
        assert len(at.distribution.buckets) <= MAX_LEVEL_BUCKETS
        assert sum(count for _, count in at.distribution.buckets) == 100 * users
        assert back.distribution == at.distribution


def test_times_become_utc() -> None:
    entry = entry_from_results(results())
    assert (entry.committed_at, entry.measured_at) == ("2026-01-31T09:30:00Z", "2026-01-31T10:00:00Z")
    with pytest.raises(ValueError, match="offset"):
        utc_text("2026-01-31T09:30:00")


def test_verdict_and_acceptance_are_kept() -> None:
    judged = replace(
        results(),
        comparison=Comparison(
            verdict=Verdict.REGRESSION,
            reason="slower",
            method=Method.STORED_WINDOW,
            baseline=None,
            candidate=Reference(label="head"),
        ),
    )
    entry = entry_from_results(judged, accepted="new model, slower and better", anchor="v1.0")
    assert (entry.verdict, entry.accepted, entry.anchor) == (
        Verdict.REGRESSION,
        "new model, slower and better",
        "v1.0",
    )


@pytest.mark.parametrize("status", [RunStatus.INTERRUPTED, RunStatus.FAILED])
def test_only_a_completed_run_becomes_a_baseline(status: RunStatus) -> None:
    unfinished = replace(results().summary.run, status=status)
    with pytest.raises(PublishError, match=status):
        entry_from_results(results(run=unfinished))


def test_no_commit_no_baseline() -> None:
    with pytest.raises(PublishError, match="no commit"):
        entry_from_results(results(provenance=Provenance()))


def test_nothing_measured_is_no_baseline() -> None:
    with pytest.raises(PublishError, match="nothing on side 2"):
        entry_from_results(results(), side=2)
    empty = TestTypeResult(test_type=TestType.BASELINE, side=0, metrics=())
    with pytest.raises(PublishError, match="nothing on side 0"):
        entry_from_results(results(test_types=(empty,)))


@pytest.mark.parametrize("suite", ["../../etc", "a/b", ".hidden", "", "a..b", "two words"])
def test_a_name_that_is_no_folder_is_refused(suite: str) -> None:
    with pytest.raises(ResultsError, match="suite"):
        entry_from_results(results(run=replace(results().summary.run, suite=suite)))


def test_nothing_personal_is_stored() -> None:
    text = to_json(entry_from_results(results()))
    for private in ("internal.example", "alice", "/home", "main", "load_average"):
        assert private not in text


def test_document_is_readable_in_a_diff() -> None:
    text = to_json(entry_from_results(results()))
    lines = text.splitlines()
    assert text.endswith("}\n")
    assert not text.endswith("\n\n")
    assert (
        '    "response_time_p50_ms": {"high": 12.4691, "level": 0.99, "low": 12.3457, "n": 900, '
        '"standard_error": 0.0123457, "value": 12.3457}'
    ) in lines
    assert '   "distribution": {"buckets": "1:2,7 9:1", "gamma": 1.02},' in lines
    keys = list(json.loads(text))
    assert keys == sorted(keys)


def test_round_trip_is_stable() -> None:
    text = to_json(entry_from_results(results(), accepted="ok", anchor="v1"))
    entry = from_json(text, source="x.json")
    assert to_json(entry) == text
    assert (entry.run_id, entry.accepted, entry.anchor) == ("20260131T100000Z-a1b2", "ok", "v1")
    assert entry.accounting.errors == {Outcome.TIMEOUT: 3}
    assert of(entry.test_type(TestType.BASELINE)).distribution == Distribution(
        gamma=1.02, buckets=((1, 2), (2, 7), (9, 1))
    )


def test_a_full_entry_stays_small() -> None:
    wide = Distribution(gamma=1.01, buckets=tuple((index, 12_345) for index in range(-100, 1900, 2)))
    full = results(
        phases=tuple(replace(phase((), test_type=kind), distribution=wide) for kind in TestType),
        test_types=tuple(
            TestTypeResult(
                test_type=kind,
                side=0,
                metrics=tuple(metric(name, 1234.56789 * (1 + i)) for i, name in enumerate(MetricName)),
            )
            for kind in TestType
        ),
    )
    entry = entry_from_results(full)
    for kind in entry.test_types:
        assert kind.distribution is not None
        assert len(kind.distribution.buckets) <= MAX_BUCKETS
        assert sum(count for _, count in kind.distribution.buckets) == 1000 * 12_345
    assert len(to_json(entry)) < 20_000 * len(TestType) / 6  # 20 KB for the six of the full profile


def test_gamma_is_never_rounded() -> None:
    odd = Distribution(gamma=1.0201234567890123, buckets=((400, 1),))
    entry = entry_from_results(results(phases=(replace(phase(()), distribution=odd),)))
    back = from_json(to_json(entry), source="x.json")
    assert of(back.test_type(TestType.BASELINE)).distribution == odd


def body() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(to_json(entry_from_results(results())))
    return document


def edited(*keys: str, value: Any) -> str:
    document = body()
    node = document
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = value
    return json.dumps(document)


P50 = ("test_types", "baseline", "metrics", "response_time_p50_ms")
BUCKETS = ("test_types", "baseline", "distribution", "buckets")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        (to_json(entry_from_results(results()))[:300], "line"),
        ("[]", "not an object"),
        ("[" * 100_000, "x.json"),
        ("{}", "schema"),
        (edited("schema_version", value=2), "schema_version 2"),
        ('{"schema": "a", "schema": "b"}', "schema: the key stands there 2 times"),
        (edited(*P50, "value", value="fast"), "test_types.baseline.metrics.response_time_p50_ms.value"),
        (edited(*P50, "value", value=math.nan), "NaN"),
        (edited(*P50, "value", value=7).replace('"value": 7', '"value": 1e999'), "finite"),
        (edited(*P50, "n", value=0), "response_time_p50_ms"),
        (edited(*P50, "low", value=99), "upside down"),
        (edited(*P50, value=3), "test_types.baseline.metrics.response_time_p50_ms: must be an object"),
        (edited("test_types", value={}), "test_types"),
        (edited("test_types", value=[]), "test_types: must be an object"),
        (edited(*BUCKETS, value="1:2;3"), "test_types.baseline.distribution.buckets"),
        (edited(*BUCKETS, value="5:1 2:1"), "rising"),
        (edited(*BUCKETS, value="5:0"), "at least 1"),
        (edited(*BUCKETS, value=[1]), "test_types.baseline.distribution.buckets"),
        (edited(*BUCKETS[:-1], "gamma", value=0.5), "gamma"),
        (edited("commit", value="main"), "commit"),
        (edited("suite", value="../x"), "suite"),
        (edited("committed_at", value="yesterday"), "yesterday"),
        (edited("environment", "cores", value="two"), "environment.cores"),
        (edited("verdict", value="great"), "verdict"),
        (edited("accepted", value="x\nGovbench-Run: y"), "accepted"),
    ],
)
def test_a_damaged_document_is_an_error_that_names_file_and_key(text: str, named: str) -> None:
    with pytest.raises(ResultsError) as caught:
        from_json(text, source="x.json")
    assert str(caught.value).startswith("x.json: ")
    assert named in str(caught.value)


def test_entry_checks_itself() -> None:
    entry: BaselineEntry = entry_from_results(results())
    with pytest.raises(ValueError, match="order"):
        replace(entry, test_types=tuple(reversed(entry.test_types)))


def test_what_a_later_govbench_knows_is_left_out() -> None:
    usual = from_json(edited("verdict", value="pass"), source="entry")
    more = edited("test_types", "baseline", "metrics", "speed", value={"value": 1, "n": 1, "odd": []})
    assert from_json(more, source="entry").test_types == usual.test_types
    nonsense = edited("test_types", "nonsense", value={"metrics": "of another form"})
    assert from_json(nonsense, source="entry").test_types == usual.test_types
    assert from_json(edited("colour", value="red"), source="entry").test_types == usual.test_types
