"""Every endpoint of a real instance in its own process, over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.demo.conftest import Instance, Start

PASSPORT = "How can I renew my passport?"


def events(lines: Iterator[str]) -> list[str]:
    return [line.removeprefix("data: ") for line in lines if line]


def test_health(fast: Instance) -> None:
    body = fast.client.get("/health").json()
    assert body["status"] == "healthy"
    assert body["version"]
    assert body["uptime_s"] >= 0


def test_chat_answers_with_sources(fast: Instance) -> None:
    body = fast.ask(PASSPORT, collection_id="public-services").json()
    assert "ten working days" in body["answer"]
    assert body["collection_id"] == "public-services"
    assert 0 < body["confidence"] < 1
    source = body["sources"][0]
    assert set(source) == {"id", "title", "url", "score", "snippet"}
    assert source["id"] == "renew-passport"
    usage = body["usage"]
    assert usage["total_tokens"] == usage["request_tokens"] + usage["response_tokens"] > 0


def test_chat_admits_what_it_does_not_know(fast: Instance) -> None:
    body = fast.ask("How do I cook pasta carbonara?").json()
    assert body["answer"].startswith("I don't know")
    assert (body["sources"], body["confidence"]) == ([], 0)


def test_a_session_carries_the_topic(fast: Instance) -> None:
    first = fast.ask("Does my small company need a VAT number?").json()
    second = fast.ask("How often are the returns due?", session_id=first["session_id"]).json()
    assert second["session_id"] == first["session_id"]
    assert second["sources"][0]["id"] == "vat-registration"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"{not json", "body"),
        (b"{}", "query"),
        (b'{"query": "   "}', "query"),
        (b'{"query": 7}', "query"),
        (b'{"query": "q", "session_id": ""}', "session_id"),
        (b"[]", "body"),
        (b"", "body"),
    ],
)
def test_wrong_input_is_422_and_says_where(fast: Instance, content: bytes, place: str) -> None:
    response = fast.client.post("/api/v1/chat", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    problem = response.json()["detail"][0]
    assert place in problem["loc"]
    assert problem["msg"]


def test_a_huge_query_is_refused_without_an_echo(fast: Instance) -> None:
    response = fast.ask("passport " * 5000)
    assert response.status_code == 422
    assert len(response.content) < 500
    assert fast.ask("x" * 2_000_000).status_code == 413
    assert fast.ask(PASSPORT).status_code == 200


def test_unknown_collection_is_404(fast: Instance) -> None:
    response = fast.ask(PASSPORT, collection_id="recipes")
    assert response.status_code == 404
    assert "recipes" in response.json()["detail"]


@pytest.mark.parametrize(
    "query", ['" OR 1=1; --', "NEAR(", "title:passport AND *", "'); DROP TABLE session;", "\0 ü 漢字 🙂"]
)
def test_search_syntax_is_only_text(fast: Instance, query: str) -> None:
    assert fast.ask(query).status_code == 200


def test_chat_with_history(fast: Instance) -> None:
    message = {"message": PASSPORT, "session_id": "h-1", "user_id": "u-1", "metadata": {"channel": "web"}}
    body = fast.client.post("/chat/", json=message).json()
    assert "passport" in body["response"]
    assert body["session_id"] == "h-1"
    assert set(body["usage"]) == {"request_tokens", "response_tokens", "total_tokens"}
    fast.client.post("/chat/", json={"message": "And how much is the express service?", "session_id": "h-1"})
    history = fast.client.get("/chat/h-1").json()
    assert [m["role"] for m in history["messages"]] == ["user", "assistant", "user", "assistant"]
    assert history["messages"][1]["content"] == body["response"]
    assert history["user_id"] == "u-1"
    assert fast.client.delete("/chat/h-1").json() == {"session_id": "h-1", "deleted_messages": 4}
    assert fast.client.get("/chat/h-1").status_code == 404
    assert fast.client.delete("/chat/h-1").status_code == 404


def test_completion_has_the_openai_shape(fast: Instance) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PASSPORT}]
    body = fast.client.post("/v1/chat/completions", json={"model": "any", "messages": messages}).json()
    assert body["object"] == "chat.completion"
    assert body["model"] == "any"
    choice = body["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["role"] == "assistant"
    assert "ten working days" in choice["message"]["content"]
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_completion_reads_parts_and_earlier_questions(fast: Instance) -> None:
    messages = [
        {"role": "user", "content": "Does my small company need a VAT number?"},
        {"role": "assistant", "content": "Above 35,000 crowns."},
        {"role": "user", "content": [{"type": "text", "text": "How often are the returns due?"}]},
    ]
    body = fast.client.post("/v1/chat/completions", json={"messages": messages}).json()
    assert "each quarter" in body["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": []},
        {"messages": [{"role": "system", "content": "x"}]},
        {"messages": [{"role": "king", "content": "x"}]},
        {"messages": [{"role": "user", "content": "x" * 8001}]},
    ],
)
def test_completion_errors_have_the_openai_shape(fast: Instance, body: dict[str, object]) -> None:
    response = fast.client.post("/v1/chat/completions", json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert "message" in error["message"]
    assert len(response.content) < 500


def test_models(fast: Instance) -> None:
    assert fast.client.get("/v1/models").json()["data"][0]["id"] == "govstack-extractive"


def test_completion_stream_has_the_openai_chunks(fast: Instance) -> None:
    body = {
        "messages": [{"role": "user", "content": PASSPORT}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    with fast.client.stream("POST", "/v1/chat/completions", json=body) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        *chunks, done = events(response.iter_lines())
    assert done == "[DONE]"
    first, *deltas, stop, usage = [json.loads(chunk) for chunk in chunks]
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert {chunk["object"] for chunk in (first, *deltas, stop, usage)} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in (first, *deltas, stop, usage)}) == 1
    text = "".join(chunk["choices"][0]["delta"]["content"] for chunk in deltas)
    assert "ten working days" in text
    assert [chunk["choices"][0]["finish_reason"] for chunk in (first, deltas[-1], stop)] == [
        None,
        None,
        "stop",
    ]
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] > 0
    assert first["usage"] is None


def test_no_usage_chunk_unless_asked(fast: Instance) -> None:
    body = {"messages": [{"role": "user", "content": PASSPORT}], "stream": True}
    with fast.client.stream("POST", "/v1/chat/completions", json=body) as response:
        chunks = [json.loads(data) for data in events(response.iter_lines())[:-1]]
    assert all(chunk["choices"] and "usage" not in chunk for chunk in chunks)


@pytest.mark.parametrize(("field", "accept"), [(True, "*/*"), (False, "text/event-stream")])
def test_chat_stream(fast: Instance, field: bool, accept: str) -> None:
    body = {"query": PASSPORT, "stream": field, "session_id": f"stream-{field}"}
    with fast.client.stream("POST", "/api/v1/chat", json=body, headers={"Accept": accept}) as response:
        *chunks, done = events(response.iter_lines())
    assert done == "[DONE]"
    *deltas, last = [json.loads(chunk) for chunk in chunks]
    assert "".join(delta["delta"] for delta in deltas) == last["answer"]
    assert last["type"] == "done"
    assert last["sources"][0]["id"] == "renew-passport"
    history = fast.client.get(f"/chat/stream-{field}").json()["messages"]
    assert history[1]["content"] == last["answer"]


def test_stream_events_arrive_one_by_one(start: Start) -> None:
    instance = start("--latency-ms", "600", "--jitter", "0")
    times: list[float] = []
    body = {"messages": [{"role": "user", "content": PASSPORT}], "stream": True}
    with instance.client.stream("POST", "/v1/chat/completions", json=body) as response:
        times.extend(time.monotonic() for line in response.iter_lines() if line)
    # At least 0.6 · 600 ms in all, of which the events take 70 %; generous for a busy machine.
    assert times[-1] - times[0] > 0.15
    assert len({round(moment, 2) for moment in times}) >= 5


def test_prometheus_metrics(fast: Instance) -> None:
    fast.ask(PASSPORT)
    fast.client.get("/nowhere-1")
    response = fast.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = response.text
    for expected in (
        'govstack_requests_total{method="POST",path="/api/v1/chat",status="200"} ',
        'govstack_requests_total{method="GET",path="other",status="404"} ',
        "govstack_requests_in_flight 0\n",
        'govstack_service_time_seconds{quantile="0.99"} 0.',
        "govstack_service_time_seconds_count ",
        "govstack_service_time_seconds_sum ",
        "govstack_resident_memory_bytes ",
        "govstack_leaked_bytes 0\n",
        'govstack_tokens_total{kind="response"} ',
        'govstack_instance_info{seed="1",slowdown="1.0",',
    ):
        assert expected in text
    assert "nowhere" not in text
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(float(line.rsplit(" ", 1)[1]) >= 0 for line in samples)


def test_only_chat_requests_are_timed(fast: Instance) -> None:
    before = fast.figures()["count"]
    fast.client.get("/health")
    fast.client.get("/chat/none")
    fast.client.get("/v1/models")
    assert fast.figures()["count"] == before
    fast.ask(PASSPORT)
    assert fast.figures()["count"] == before + 1


def test_metrics_window(fast: Instance) -> None:
    start = time.time()
    for _ in range(3):
        fast.ask(PASSPORT)
    middle = time.time()
    fast.ask(PASSPORT)
    fast.client.post("/api/v1/chat", json={})
    assert fast.figures(start=start, end=middle)["count"] == 3
    later = fast.figures(start=middle)
    assert (later["count"], later["by_status"]) == (2, {"200": 1, "422": 1})
    assert fast.figures(start=middle, status=200)["count"] == 1
    empty = fast.figures(start=0, end=1)
    assert (empty["count"], empty["median_ms"], empty["by_status"]) == (0, None, {})
    text = fast.client.get("/metrics", params={"start": start, "end": middle}).text
    assert "govstack_service_time_seconds_count 3\n" in text
    assert "quantile=" not in fast.client.get("/metrics", params={"start": 0, "end": 1}).text
    assert fast.client.get("/metrics.json", params={"start": "soon"}).status_code == 422


def test_the_key_is_checked_when_there_is_one(start: Start) -> None:
    instance = start("--latency-ms", "0", "--api-key", "correct horse")
    message = {"message": PASSPORT}

    def status(**headers: str) -> int:
        return instance.client.post("/chat/", json=message, headers=headers).status_code

    assert status() == 401
    assert status(**{"X-API-Key": "wrong"}) == 401
    assert status(**{"X-API-Key": "correct horse"}) == 200
    assert status(Authorization="Bearer correct horse") == 200
    assert instance.ask(PASSPORT).status_code == 401
    refused = instance.client.post("/v1/chat/completions", json={"messages": []})
    assert refused.status_code in (400, 401)
    assert "error" in refused.json()
    assert instance.client.get("/health").status_code == 200
    assert instance.client.get("/metrics.json").json()["by_status"]["401"] >= 3


def test_any_key_is_accepted_when_there_is_none(fast: Instance) -> None:
    response = fast.client.post("/chat/", json={"message": PASSPORT}, headers={"X-API-Key": "whatever"})
    assert response.status_code == 200


def test_a_client_that_leaves_frees_its_slot(start: Start) -> None:
    instance = start("--latency-ms", "400", "--slots", "1", "--jitter", "0")
    body = {"query": PASSPORT, "stream": True}
    with instance.client.stream("POST", "/api/v1/chat", json=body) as response:
        next(response.iter_lines())
    assert instance.ask(PASSPORT).status_code == 200
