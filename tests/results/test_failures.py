"""Answers that say of themselves that they failed, in the shapes of many servers, and those that do not."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from govbench.results.failures import ReportedFailure, loads
from govbench.results.plan import Api, HttpTemplate, Side
from govbench.results.wire import read_answer, stream_content

FAILED = {
    "a text": {"error": "the model is gone"},
    "an object of OpenAI": {"error": {"message": "the model is gone", "type": "server_error", "code": None}},
    "a list": {"errors": [{"message": "the model is gone"}], "data": None},
    "a type": {"type": "error", "message": "the model is gone"},
    "a type of Anthropic": {"type": "error", "error": {"type": "api_error", "message": "the model is gone"}},
    "a type of responses": {"type": "response.failed", "error": {"message": "the model is gone"}},
    "an object of vLLM": {"object": "error", "message": "the model is gone", "code": 500},
    "a status": {"status": "error", "message": "the model is gone"},
    "a success": {"success": False, "message": "the model is gone"},
    "an ok": {"ok": False, "error": "the model is gone"},
    "beside an answer": {"answer": "Sorry.", "delta": "Sorry.", "error": "the model is gone"},
    "a reason": {"answer": "So", "delta": "So", "finish_reason": "error", "detail": "the model is gone"},
    "of a choice": {
        "choices": [
            {
                "delta": {"content": "a"},
                "message": {"content": "a"},
                "error": {"message": "the model is gone"},
            }
        ]
    },
}
REASONS = ["error", "abort", "cancelled", "insufficient_system_resource"]
FINE: dict[str, Any] = {
    "no error": {"error": None, "errors": [], "success": True, "ok": True},
    "an empty error": {"error": "", "errors": None},
    "types": {"type": "answer", "object": "chat.completion", "status": "ok"},
    "a text about errors": {"text": "error: failed", "answer": 'say "error"'},
    "content_filter": {"finish_reason": "content_filter"},
    "length": {"finish_reason": "length"},
    "no object": [{"error": "x"}],
}


def side(api: Api, *, stream: bool = False, path: bool = False) -> Side:
    template = HttpTemplate(answer_path="answer" if path else None) if api is Api.HTTP else None
    return Side(name="x", url="http://h", api=api, http=template, stream=stream)


@pytest.mark.parametrize("said", FAILED)
@pytest.mark.parametrize("api", Api)
def test_a_whole_answer_that_says_it_failed(api: Api, said: str) -> None:
    with pytest.raises(ReportedFailure, match="the model is gone"):
        read_answer(side(api), json.dumps(FAILED[said]).encode())


@pytest.mark.parametrize("said", FAILED)
@pytest.mark.parametrize("api", [Api.GOVSTACK, Api.OPENAI_CHAT, Api.HTTP])
def test_an_event_that_says_the_answer_failed(api: Api, said: str) -> None:
    with pytest.raises(ReportedFailure, match="the model is gone"):
        stream_content(side(api, stream=True), json.dumps(FAILED[said]).encode())


@pytest.mark.parametrize("name", [b"error", b"Error", b"response.failed", b"stream_error"])
@pytest.mark.parametrize(
    "data", [b'{"message": "overloaded", "code": 529}', b"overloaded", b'["overloaded", 1]']
)
@pytest.mark.parametrize("api", [Api.GOVSTACK, Api.OPENAI_CHAT, Api.HTTP])
def test_an_event_whose_name_says_so(api: Api, data: bytes, name: bytes) -> None:
    with pytest.raises(ReportedFailure, match="overloaded"):
        stream_content(side(api, stream=True), data, name)


@pytest.mark.parametrize("reason", REASONS)
def test_a_model_that_was_stopped_by_a_failure(reason: str) -> None:
    choice = {"finish_reason": reason, "delta": {}, "message": {"content": "Half an ans"}}
    body = json.dumps({"choices": [choice]}).encode()
    with pytest.raises(ReportedFailure, match=reason):
        stream_content(side(Api.OPENAI_CHAT, stream=True), body)
    with pytest.raises(ReportedFailure, match=reason):
        read_answer(side(Api.OPENAI_CHAT), body)


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter", "tool_calls", None])
def test_a_model_that_stopped_for_another_reason(reason: str | None) -> None:
    body = json.dumps(
        {"choices": [{"finish_reason": reason, "delta": {}, "message": {"content": "a"}}]}
    ).encode()
    assert read_answer(side(Api.OPENAI_CHAT), body).text == "a"
    assert not stream_content(side(Api.OPENAI_CHAT, stream=True), body).content


@pytest.mark.parametrize("said", FINE)
def test_what_only_looks_like_a_failure(said: str) -> None:
    body = json.dumps(FINE[said]).encode()
    read_answer(side(Api.HTTP), body)
    assert stream_content(side(Api.HTTP, stream=True), body).content
    if said != "no object":
        assert read_answer(side(Api.GOVSTACK), json.dumps({"answer": "a", **FINE[said]}).encode()).text
        assert not stream_content(side(Api.GOVSTACK, stream=True), body, b"message").done


@pytest.mark.parametrize("body", [b"an error", b"<p>error</p>", b"{error}", b'{"a": 1} error', b"\xff{error"])
def test_what_is_no_json_says_nothing(body: bytes) -> None:
    read_answer(side(Api.HTTP), body)
    assert stream_content(side(Api.HTTP, stream=True), body).content


def test_a_large_answer_of_an_unknown_api_is_not_looked_at() -> None:
    """Its time belongs to the load; one that names what is read from it is parsed anyway."""
    body = json.dumps({"error": "gone", "rows": "x" * 70_000}).encode()
    read_answer(side(Api.HTTP), body)
    with pytest.raises(ReportedFailure):
        read_answer(side(Api.HTTP, path=True), body)


def test_with_paths_an_answer_that_says_it_failed_is_one() -> None:
    with pytest.raises(ReportedFailure, match="gone"):
        read_answer(side(Api.HTTP, path=True), b'{"answer": "a", "error": "gone"}')


def test_the_words_are_redacted_and_cut() -> None:
    with pytest.raises(ReportedFailure) as failure:
        read_answer(side(Api.HTTP), b'{"error": "no access with api_key=hunter22 ' + b"x" * 9_000 + b'"}')
    assert "hunter22" not in str(failure.value)
    assert len(str(failure.value)) < 300


def test_deep_words_end_somewhere() -> None:
    value: object = "deep"
    for _ in range(50):
        value = {"error": value}
    with pytest.raises(ReportedFailure):
        read_answer(side(Api.HTTP), json.dumps(value).encode())


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'"\\ud83d"', "\ufffd"),
        (b'"a\\ude00b"', "a\ufffdb"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\\\ud83d \\ud83d"', "\\ud83d \ufffd"),
        (b'"\xf0\x9f"', "\ufffd"),
    ],
)
def test_half_a_character_does_not_spoil_an_answer(data: bytes, text: str) -> None:
    assert loads(data) == text
    event = b'{"choices": [{"delta": {"content": ' + data + b"}}]}"
    assert stream_content(side(Api.OPENAI_CHAT, stream=True), event).content


@pytest.mark.parametrize("data", [b"{", b"NaN", b'{"a": Infinity}', b'"\\ud83d', b"\xff", b"'a'"])
def test_what_is_no_json_all_the_same(data: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        loads(data)
