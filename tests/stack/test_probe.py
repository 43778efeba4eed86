"""The quick check against stacks that work, and against each way in which they do not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from govbench.config.settings import StackConfig
from govbench.config.targets import EmbeddedSwitches, EmbeddedTarget
from govbench.results.plan import Api, Deadlines, HttpTemplate, Side
from govbench.stack.boot import boot, free_port
from govbench.stack.probe import Check, probe
from govbench.stack.running import RunningStack

StartStack = Callable[[str], RunningStack]
QUERY = "How do I register a birth?"


@pytest.fixture
def embedded(tmp_path: Path, config: StackConfig, environ: dict[str, str]) -> Iterator[RunningStack]:
    target = EmbeddedTarget(switches=EmbeddedSwitches(latency_ms=1))
    with boot(target, config, name="embedded", log_folder=tmp_path, environ=environ) as stack:
        yield stack


def checks(url: str, api: Api = Api.GOVSTACK, **fields: Any) -> dict[str, Check]:
    side = Side(name="s", url=url, api=api, **fields)
    found = probe(side, QUERY, deadlines=Deadlines(connect_s=2, total_s=5))
    assert len({check.name for check in found}) == len(found)
    return {check.name: check for check in found}


def test_the_embedded_api_passes_as_every_api(embedded: RunningStack) -> None:
    template = HttpTemplate(
        method="POST",
        path="/api/v1/chat",
        body='{"query": "{query}", "session_id": "{session_id}"}',
        answer_path="answer",
        session_path="session_id",
        input_tokens_path="usage.request_tokens",
    )
    cases: list[tuple[Api, dict[str, Any], list[str]]] = [
        (Api.GOVSTACK, {}, ["health", "request", "answer", "tokens", "session"]),
        (Api.GOVSTACK, {"stream": True}, ["health", "request", "stream", "tokens", "session"]),
        (Api.GOVSTACK_MESSAGE, {}, ["health", "request", "answer", "tokens", "session"]),
        (Api.OPENAI_CHAT, {}, ["health", "request", "answer", "tokens"]),
        (Api.OPENAI_CHAT, {"stream": True}, ["health", "request", "stream", "tokens"]),
        (Api.HTTP, {"http": template}, ["health", "request", "answer", "tokens", "session"]),
        (Api.HTTP, {"http": HttpTemplate(path="/health")}, ["health", "request", "answer"]),
    ]
    for api, fields, names in cases:
        found = checks(embedded.url, api, **fields)
        assert list(found) == names
        assert [check for check in found.values() if not check.ok] == []
        assert "reports no" not in str(found.get("tokens"))
        assert "names no" not in str(found.get("session"))


def test_nothing_there() -> None:
    found = checks(f"http://127.0.0.1:{free_port()}")
    assert list(found) == ["health"]
    assert not found["health"].ok
    assert "refused" in found["health"].detail


def test_no_health_path_is_no_fault(start: StartStack) -> None:
    server = start("good")
    side = Side(name="s", url=server.url, api=Api.GOVSTACK)
    found = probe(side, QUERY, health_path="/missing")
    assert all(check.ok for check in found)
    assert "404" in found[0].detail


@pytest.mark.parametrize(
    ("mode", "fields", "name", "detail", "hint"),
    [
        ("no-chat", {}, "request", "answers 404", "api govstack"),
        ("locked", {}, "request", "answers 401", "no key was sent: set API_KEY"),
        ("html", {}, "answer", "not JSON", "api govstack"),
        ("html", {"stream": True}, "stream", "not a stream", "drop stream"),
        ("good", {"api": Api.OPENAI_CHAT}, "answer", r"no choices\[0\]", "api openai-chat"),
        ("good", {"api": Api.OPENAI_CHAT, "stream": True}, "stream", "no choices", "api openai-chat"),
    ],
)
def test_what_does_not_work_is_named(
    start: StartStack, mode: str, fields: dict[str, Any], name: str, detail: str, hint: str
) -> None:
    last = list(checks(start(mode).url, **fields).values())[-1]
    assert (last.name, last.ok) == (name, False)
    assert re.search(detail, last.detail)
    assert last.hint is not None
    assert hint in last.hint


def test_a_wrong_key_is_told_from_none_and_not_shown(start: StartStack) -> None:
    server = start("locked")
    wrong = checks(server.url, secret_headers=(("X-API-Key", "wrong-key-1"),))["request"]
    assert "401" in wrong.detail
    assert "wrong-key-1" not in wrong.detail
    assert wrong.hint is not None
    assert "not accepted" in wrong.hint
    assert checks(server.url, secret_headers=(("X-API-Key", "right-key"),))["answer"].ok


def test_missing_tokens_and_session_are_told_but_no_fault(start: StartStack) -> None:
    found = checks(start("bare").url)
    assert found["tokens"].ok
    assert "no token usage" in found["tokens"].detail
    assert found["session"].ok
    assert "no session" in found["session"].detail


def test_configured_paths_must_lead_somewhere(start: StartStack) -> None:
    template = HttpTemplate(
        method="POST", body='{"q": "{query}"}', session_path="gone", output_tokens_path="usage.gone"
    )
    found = checks(start("good").url, Api.HTTP, http=template)
    assert found["answer"].ok
    assert not found["tokens"].ok
    assert not found["session"].ok
    wrong = HttpTemplate(method="POST", body='{"q": "{query}"}', answer_path="gone")
    answer = checks(start("bare").url, Api.HTTP, http=wrong)["answer"]
    assert not answer.ok
    assert "nothing at 'gone', where answer says" in answer.detail


STREAMED = HttpTemplate(
    method="POST",
    path="/api/v1/chat",
    body='{"query": "{query}", "session_id": "{session_id}", "stream": true}',
    answer_path="delta",
    session_path="session_id",
    output_tokens_path="usage.response_tokens",
)


@pytest.mark.parametrize(
    ("template", "detail", "hint"),
    [
        (STREAMED, "events with content, the first after", None),
        (replace(STREAMED, end="[DONE]"), "events with content, the first after", None),
        (
            replace(STREAMED, answer_path="gone"),
            "none with content",
            "is answer in section [target.http] right?",
        ),
    ],
)
def test_streams_of_any_api(
    embedded: RunningStack, template: HttpTemplate, detail: str, hint: str | None
) -> None:
    found = checks(embedded.url, Api.HTTP, http=template, stream=True)
    assert detail in found["stream"].detail
    assert found["stream"].hint == hint
    if found["stream"].ok:
        assert (found["tokens"].ok, found["session"].ok) == (True, True)


def test_an_api_that_does_not_answer_in_time(start: StartStack) -> None:
    server = start("slow-chat")
    side = Side(name="s", url=server.url, api=Api.GOVSTACK)
    last = probe(side, QUERY, deadlines=Deadlines(total_s=0.3))[-1]
    assert (last.name, last.ok) == ("request", False)
    assert last.hint is not None
    assert "--api-timeout" in last.hint
