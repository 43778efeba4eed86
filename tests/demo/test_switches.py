"""The test switches of a real instance: each does what it says, by the instance's own figures."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from govbench.demo.latency import query_factor
from tests.demo.conftest import Start

QUERY = "How can I renew my passport?"


def test_errors_depend_on_the_seed_alone(start: Start) -> None:
    failures = []
    for seed in ("5", "5", "6"):
        instance = start("--latency-ms", "0", "--errors", "0.2", "--seed", seed)
        statuses = [instance.ask(QUERY).status_code for _ in range(200)]
        figures = instance.figures()
        assert figures["count"] == 200
        assert figures["by_status"] == {"200": statuses.count(200), "500": statuses.count(500)}
        failures.append([i for i, status in enumerate(statuses) if status == 500])
    assert failures[0] == failures[1] != failures[2]
    assert 15 <= len(failures[0]) <= 65  # four and a half standard deviations around 40


def test_a_failing_stream_is_500_with_a_clear_body(start: Start) -> None:
    instance = start("--latency-ms", "0", "--errors", "1")
    messages = [{"role": "user", "content": QUERY}]
    completion = instance.client.post("/v1/chat/completions", json={"messages": messages, "stream": True})
    assert completion.status_code == 500
    assert completion.json()["error"]["type"] == "server_error"
    response = instance.ask(QUERY, stream=True, session_id="s")
    assert response.status_code == 500
    assert "on purpose" in response.json()["detail"]
    assert instance.client.get("/chat/s").status_code == 404


def test_leak_is_real_memory(start: Start) -> None:
    instance = start("--latency-ms", "0", "--leak-bytes", "1000000")
    instance.ask(QUERY)
    before = instance.figures()
    for _ in range(40):
        instance.ask(QUERY)
    after = instance.figures()
    assert after["leaked_bytes"] - before["leaked_bytes"] == 40_000_000
    assert after["rss_bytes"] - before["rss_bytes"] >= 39_000_000
    assert "govstack_leaked_bytes 41000000\n" in instance.client.get("/metrics").text


def test_requests_wait_for_a_slot(start: Start) -> None:
    """Five at once on one slot: their LLM times cannot overlap, and the last one waits for the others."""
    instance = start("--latency-ms", "200", "--jitter", "0", "--slots", "1")
    llm_time_s = 0.2 * query_factor(QUERY)
    start_s = time.monotonic()
    with ThreadPoolExecutor(5) as pool:
        assert [r.status_code for r in pool.map(instance.ask, [QUERY] * 5)] == [200] * 5
    assert time.monotonic() - start_s >= 5 * llm_time_s
    assert instance.figures()["p99_ms"] > 3 * llm_time_s * 1000


def test_slowdown_multiplies_the_service_time(start: Start, sample_queries: list[dict[str, str]]) -> None:
    options = ("--latency-ms", "100", "--jitter", "0", "--slowdown")
    base, slowed = start(*options, "1.0"), start(*options, "3.0")
    for sample in sample_queries[:9]:
        for instance in (base, slowed):
            assert instance.ask(sample["query"]).status_code == 200
    ratio = slowed.figures()["median_ms"] / base.figures()["median_ms"]
    assert 2.6 < ratio < 3.3  # of hundreds of milliseconds: a busy machine adds little to them


def test_slowdown_multiplies_the_own_time_too(start: Start) -> None:
    """Without LLM time only the extra wait before the answer is left; a factor of 20 shows it clearly."""
    base, slowed = start("--latency-ms", "0"), start("--latency-ms", "0", "--slowdown", "20")
    for _ in range(60):
        for instance in (base, slowed):
            instance.ask(QUERY)
    ratio = slowed.figures()["median_ms"] / base.figures()["median_ms"]
    assert 4 < ratio < 100  # both own times are below a millisecond, and a busy machine adds to each


def test_slowdown_stretches_a_stream(start: Start) -> None:
    medians = []
    for slowdown in ("1", "2"):
        instance = start("--latency-ms", "40", "--jitter", "0", "--slowdown", slowdown)
        for _ in range(5):
            assert instance.ask(QUERY, stream=True).text.endswith("data: [DONE]\n\n")
        medians.append(instance.figures()["median_ms"])
    assert 1.7 < medians[1] / medians[0] < 2.3


def test_freeze_stops_everything_once(start: Start) -> None:
    instance = start("--latency-ms", "0", "--freeze-s", "1.2")
    begin_s = time.monotonic()
    instance.ask(QUERY)
    longest_s, longest_at_s = 0.0, 0.0
    while time.monotonic() - begin_s < 7.5:
        sent_s = time.monotonic()
        instance.client.get("/health")
        if time.monotonic() - sent_s > longest_s:
            longest_s, longest_at_s = time.monotonic() - sent_s, sent_s - begin_s
        time.sleep(0.02)
    assert longest_s == pytest.approx(1.2, abs=0.5)
    assert longest_at_s == pytest.approx(5, abs=0.5)
