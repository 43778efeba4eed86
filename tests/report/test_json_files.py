from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from govbench.report import json_files
from govbench.results.comparison import Results
from govbench.results.plan import Slice
from govbench.results.run import Distribution
from tests.recorded.runs import recorded

DOCS = Path(__file__).parents[2] / "docs" / "suite-files.md"
PARTS = [
    "baseline",
    "concurrent_users",
    "daily_load",
    "stress_test",
    "memory_latency",
    "token_projections",
    "summary",
]


def keys(body: Any) -> set[str]:
    if isinstance(body, dict):
        return set(body).union(*map(keys, body.values())) if body else set()
    return set().union(*map(keys, body)) if isinstance(body, list) else set()


def test_file_names_and_golden(golden: Callable[[str, str], None]) -> None:
    files = json_files.suite_files(recorded("stored_regression"), stamp="20260528_202640")
    assert list(files) == [
        "scalability_test_results_20260528_202640.json",
        "performance_metrics_20260528_202640.json",
        "token_usage_20260528_202640.json",
    ]
    for name, text in files.items():
        golden(name.replace("_20260528_202640", ""), text)


def test_the_parts_are_those_of_the_suite(results: Results, failed_run: Results) -> None:
    assert list(json_files.scalability_test_results(results)) == PARTS
    assert list(json_files.scalability_test_results(failed_run)) == PARTS


def test_levels_are_keyed_by_users_and_describe_the_candidate(results: Results) -> None:
    body = json_files.scalability_test_results(results)
    assert list(body["concurrent_users"]) == ["5_users", "10_users"]
    level = body["concurrent_users"]["10_users"]
    assert level["median_response_time_ms"] == pytest.approx(120.0 * 1.301)
    assert (level["total_requests"], level["successful_requests"], level["failed_requests"]) == (1000, 997, 3)
    assert level["error_rate"] == 0.003
    assert level["success_rate"] == 0.997
    assert level["errors"] == {"timeout": 3}


@pytest.mark.parametrize("name", ["first_run", "mass_failure", "open_loop", "ab_regression"])
def test_the_counts_of_a_block_are_those_that_its_rates_are_of(name: str) -> None:
    """Of real runs, whose warm-up has requests too: with these in it, nothing of this would hold."""
    results = recorded(name)
    blocks = blocks_of(json_files.scalability_test_results(results))
    if name == "open_loop":  # the suite's file has no part for test type custom
        blocks = [json_files._block(list(results.summary.phases), results.summary.phases[0].metrics)]
    assert blocks
    for block in blocks:
        ended = block["successful_requests"] + block["failed_requests"]
        assert block["total_requests"] == ended + block["cancelled_requests"]
        assert block["error_rate"] == pytest.approx(block["failed_requests"] / ended)
        assert sum(block["errors"].values()) == block["failed_requests"]
        rate = block["successful_requests"] / block["duration_seconds"]
        assert block["requests_per_second"] == pytest.approx(
            rate, rel=0.15
        )  # sent within, and answered within


def blocks_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        *([body["baseline"]] if body["baseline"] else []),
        *(body["concurrent_users"] or {}).values(),
    ]


def test_files_of_before_do_not_tell_the_counts(run_only: Results) -> None:
    phases = tuple(replace(p, steady=None, steady_s=None) for p in run_only.summary.phases)
    baseline = json_files.scalability_test_results(
        replace(run_only, summary=replace(run_only.summary, phases=phases))
    )["baseline"]
    assert baseline["total_requests"] is baseline["errors"] is baseline["dropped_requests"] is None
    assert baseline["duration_seconds"] == 20


def test_an_open_loop_has_a_rate_and_no_users() -> None:
    results = recorded("open_loop")
    block = json_files._block(list(results.summary.phases), ())
    assert (block["users"], block["arrival_rate_rps"]) == (None, 20)
    summary = json_files.scalability_test_results(results)["summary"]
    assert (summary["max_users"], summary["max_arrival_rate_rps"]) == (None, 20)
    timeline = json_files.performance_metrics(results)["timeline"]
    assert {point["users"] for point in timeline} <= {None, 0}
    assert any(point["requests_under_way"] for point in timeline)


@pytest.mark.parametrize("name", ["first_run", "ab_regression"])
def test_the_timeline_is_of_the_candidate_in_unix_seconds(name: str) -> None:
    results = recorded(name)
    timeline = json_files.performance_metrics(results)["timeline"]
    started_s = datetime.fromisoformat(results.summary.run.started_at).timestamp()
    assert started_s - 1 < timeline[0]["timestamp"] < started_s + 60
    assert timeline[1]["timestamp"] - timeline[0]["timestamp"] == pytest.approx(1)
    answered = sum(point["completed_requests"] for point in timeline)
    phases = [p for p in results.summary.phases if p.side == json_files._candidate(results.summary)]
    assert answered >= sum(p.accounting.ok for p in phases) * 0.9
    if len(results.summary.targets) > 1:
        assert answered < results.summary.accounting.ok * 0.6


def test_what_was_not_measured_is_null(failed_run: Results, results: Results) -> None:
    body = json_files.scalability_test_results(failed_run)
    assert all(body[part] is None for part in PARTS[:-1])
    assert body["summary"]["success_rate"] is None
    assert json_files.token_usage(failed_run)["usage"] is None
    measured = json_files.scalability_test_results(results)
    assert measured["daily_load"] is measured["stress_test"] is measured["memory_latency"] is None


def test_a_phase_without_metrics_gives_nulls_beside_its_counts(run_only: Results) -> None:
    phases = tuple(replace(p, metrics=(), distribution=None) for p in run_only.summary.phases)
    summary = replace(run_only.summary, phases=phases, test_types=())
    baseline = json_files.scalability_test_results(replace(run_only, summary=summary))["baseline"]
    assert baseline["total_requests"] == 100
    assert baseline["median_response_time_ms"] is None
    assert baseline["avg_response_time_ms"] is None
    assert baseline["success_rate"] is None


def test_the_mean_comes_from_the_middle_of_each_bucket(run_only: Results) -> None:
    distribution = Distribution(gamma=2.0, buckets=((1, 1), (2, 3)))  # (1, 2] and (2, 4] ms
    phases = tuple(replace(p, distribution=distribution) for p in run_only.summary.phases)
    body = json_files.scalability_test_results(
        replace(run_only, summary=replace(run_only.summary, phases=phases))
    )
    assert body["baseline"]["avg_response_time_ms"] == pytest.approx((1.5 + 3 * 3.0) / 4)


def test_the_time_of_a_side_is_that_of_its_slices(results: Results) -> None:
    slices = (
        Slice(side=0, start_s=0, duration_s=8, pair=0),
        Slice(side=1, start_s=8, duration_s=9, pair=0),
        Slice(side=1, start_s=17, duration_s=2.5, pair=1),
    )
    phases = tuple(
        replace(p, phase=replace(p.phase, slices=slices), steady_s=None) for p in results.summary.phases
    )
    body = json_files.scalability_test_results(
        replace(results, summary=replace(results.summary, phases=phases))
    )
    assert body["baseline"]["duration_seconds"] == 11.5


def test_projections_multiply_the_mean_of_one_request(results: Results) -> None:
    projections = json_files.scalability_test_results(results)["token_projections"]
    assert projections["requests_measured"] == 6099
    assert projections["avg_output_tokens_per_request"] == pytest.approx(987_655 / 6099)
    assert projections["projected"]["1000_requests"]["output_tokens"] == round(987_655 / 6099 * 1000)


def test_a_half_that_was_not_reported_is_null_and_so_is_the_total(run_only: Results) -> None:
    half = replace(run_only.summary.tokens[0], input_tokens=None, answers_with_input=0)
    halved = replace(run_only, summary=replace(run_only.summary, tokens=(half,)))
    usage = json_files.token_usage(halved)["usage"]
    assert (usage["total_input_tokens"], usage["total_tokens"], usage["avg_input_tokens"]) == (
        None,
        None,
        None,
    )
    assert usage["total_output_tokens"] == half.output_tokens
    assert usage["avg_output_tokens"] == pytest.approx(half.output_per_answer)
    projected = json_files.scalability_test_results(halved)["token_projections"]["projected"]
    assert projected["1000_requests"]["input_tokens"] is None
    assert projected["1000_requests"]["output_tokens"] > 0


def test_sides_are_told_apart_only_where_there_are_two(results: Results, run_only: Results) -> None:
    assert list(json_files.token_usage(results)["sides"]) == ["base", "head"]
    assert json_files.token_usage(run_only)["sides"] is None
    assert list(json_files.performance_metrics(run_only)["processes"]) == ["target", "generator"]


def test_every_key_is_documented(results: Results) -> None:
    documented = DOCS.read_text(encoding="utf-8")
    bodies = [json.loads(text) for text in json_files.suite_files(results, stamp="x").values()]
    given = {name for name in set().union(*map(keys, bodies)) if not name[0].isdigit()}
    own = {"base", "head", "generator", "timeout", "http_5xx", "bad_body", "concurrent"}
    metrics = {metric.name.value for result in results.summary.test_types for metric in result.metrics}
    assert sorted(name for name in given - own - metrics if f"`{name}`" not in documented) == []
