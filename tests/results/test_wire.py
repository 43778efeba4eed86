"""Requests and answers of every target API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.errors import ConfigError
from govbench.results.answers import Answer, StreamEvent
from govbench.results.failures import ReportedFailure
from govbench.results.plan import Api, HttpTemplate, Side
from govbench.results.wire import Wire, read_answer, request_for, stream_content

AWKWARD = 'Say "héllo"\n{session_id} \\ {user_id} 🏛'


def side(api: Api = Api.GOVSTACK, url: str = "http://127.0.0.1:8000", **fields: Any) -> Side:
    return Side(name="s", url=url, api=api, **fields)


def http(**fields: Any) -> Side:
    return side(Api.HTTP, http=HttpTemplate(**fields))


def body_of(target: Side, query: str = AWKWARD, session_id: str | None = None) -> Any:
    body = request_for(target, query, session_id, "u-7").body
    assert body is not None
    return json.loads(body)


def test_govstack_request() -> None:
    target = side(collection_id="law", stream=True)
    request = request_for(target, AWKWARD, None, "u-7")
    assert (request.method, request.path, request.name) == ("POST", "/api/v1/chat", "POST /api/v1/chat")
    assert body_of(target) == {"query": AWKWARD, "collection_id": "law", "session_id": None, "stream": True}
    assert body_of(side(), "q", "s-1") == {"query": "q", "collection_id": None, "session_id": "s-1"}


def test_govstack_message_request() -> None:
    target = side(Api.GOVSTACK_MESSAGE)
    assert request_for(target, "q", None, "u").path == "/chat/"
    assert body_of(target, session_id="s") == {
        "message": AWKWARD,
        "session_id": "s",
        "user_id": "u-7",
        "metadata": {},
    }
    with pytest.raises(ConfigError, match="no streaming"):
        Wire(side(Api.GOVSTACK_MESSAGE, stream=True))


def test_openai_request() -> None:
    messages = [{"role": "user", "content": AWKWARD}]
    assert body_of(side(Api.OPENAI_CHAT, model="m-1")) == {"model": "m-1", "messages": messages}
    assert body_of(side(Api.OPENAI_CHAT, stream=True)) == {
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://h", "/v1/chat/completions"),
        ("http://h/", "/v1/chat/completions"),
        ("http://h/v1/", "/v1/chat/completions"),
        ("http://h/llm/v1", "/llm/v1/chat/completions"),
    ],
)
def test_path_of_the_base_address_is_kept_and_the_version_not_doubled(url: str, path: str) -> None:
    assert request_for(side(Api.OPENAI_CHAT, url), "q", None, "u").path == path


def test_http_get_has_no_body_and_escapes_its_path() -> None:
    request = request_for(http(path="/søk?q={query}&u={user_id}"), "a&b c/ö", None, "u 1")
    assert request.body is None
    assert request.path == "/s%C3%B8k?q=a%26b%20c%2F%C3%B6&u=u%201"
    assert request.name == "GET /søk"
    assert "Content-Type" not in dict(request.headers)


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/søk og svar", "/s%C3%B8k%20og%20svar"),
        ("/a%20b?q=x y", "/a%20b?q=x%20y"),
        ("/a/b?c=d&e", "/a/b?c=d&e"),
    ],
)
def test_a_path_without_placeholders_is_escaped_once(path: str, sent: str) -> None:
    assert request_for(http(path=path), "q", None, "u").path == sent


@pytest.mark.parametrize(
    ("url", "path", "sent"),
    [
        ("http://h/mein dienst/ü", "/{query}", "/mein%20dienst/%C3%BC/a%2Fb%3F"),
        ("http://h/mein dienst/ü", "/ask", "/mein%20dienst/%C3%BC/ask"),
        ("http://h/a%20b", "/ask me/{query}", "/a%20b/ask%20me/a%2Fb%3F"),
    ],
)
def test_what_goes_over_the_wire_is_escaped_with_the_path_of_the_base_address(
    url: str, path: str, sent: str
) -> None:
    target = side(Api.HTTP, url, http=HttpTemplate(path=path))
    assert request_for(target, "a/b?", None, "u").path == sent


def test_the_path_of_the_base_address_is_escaped_for_every_api() -> None:
    asked = {api: request_for(side(api, "http://h/ü x"), "q", None, "u").path for api in Api}
    assert {path.partition("x")[0] for path in asked.values()} == {"/%C3%BC%20"}


@given(query=st.text(st.characters(codec="utf-8")), user=st.text(st.characters(codec="utf-8")))
def test_http_body_template_carries_any_text(query: str, user: str) -> None:
    target = http(
        method="post", path="/ask", body='{"q": "Q: {query}", "s": "{session_id}", "x": {"u": "{user_id}"}}'
    )
    body = request_for(target, query, None, user).body
    assert body is not None
    assert json.loads(body) == {"q": f"Q: {query}", "s": None, "x": {"u": user}}


def test_http_session_placeholder_within_a_text() -> None:
    target = http(method="POST", body='{"s": "{session_id}", "t": "sid={session_id}"}')
    assert body_of(target, session_id='a"b') == {"s": 'a"b', "t": 'sid=a"b'}
    assert body_of(target) == {"s": None, "t": "sid="}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"method": "POST", "body": '{"q": {query}}'}, "not JSON"),
        ({"body": "{}"}, "a GET request has no body"),
        ({"method": "PO ST"}, "not an HTTP method"),
    ],
)
def test_wrong_template(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Wire(http(**fields))


def test_given_headers_win_over_defaults_and_secrets_over_both() -> None:
    target = side(headers=(("accept", "text/plain"), ("X-A", "1")), secret_headers=(("x-a", "2"),))
    headers = Wire(target).request("q", None, "u").headers
    assert dict(headers) == {
        "accept": "text/plain",
        "User-Agent": "govbench",
        "Content-Type": "application/json",
        "x-a": "2",
    }


@pytest.mark.parametrize("header", [("X-A", "1\r\nX-B: 2"), ("X A", "1"), ("X-A", "é"), ("", "1")])
def test_header_that_cannot_be_sent(header: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match="header"):
        Wire(side(headers=(header,)))


def test_a_refused_secret_is_not_shown() -> None:
    with pytest.raises(ConfigError) as refused:
        Wire(side(secret_headers=(("X-API-Key", "s3cret\n"),)))
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("key", ["answer", "response", "message", "text"])
@pytest.mark.parametrize("api", [Api.GOVSTACK, Api.GOVSTACK_MESSAGE])
def test_govstack_answer(api: Api, key: str) -> None:
    body = {key: "yes", "session_id": "s", "usage": {"request_tokens": 3, "response_tokens": 0}}
    assert read_answer(side(api), json.dumps(body).encode()) == Answer("yes", "s", 3, 0)


def test_openai_answer() -> None:
    body = {"choices": [{"message": {"content": "yes"}}], "usage": {"prompt_tokens": 3, "input_tokens": 9}}
    assert read_answer(side(Api.OPENAI_CHAT), json.dumps(body).encode()) == Answer("yes", None, 3, None)


@pytest.mark.parametrize("count", [-1, "3", 2.5, True, None, 2**32])
def test_usage_that_is_no_count_is_not_measured(count: object) -> None:
    body = json.dumps({"answer": "a", "usage": {"input_tokens": count}}).encode()
    assert read_answer(side(), body).input_tokens is None


@pytest.mark.parametrize(
    ("api", "body", "says"),
    [
        (Api.GOVSTACK, b"", "empty"),
        (Api.GOVSTACK, b"<html>", "not JSON"),
        (Api.GOVSTACK, b"[]", "not an object"),
        (Api.GOVSTACK, b'{"answer": null, "detail": "no such collection"}', "no such collection"),
        (Api.OPENAI_CHAT, b'{"error": {"message": "no such model"}}', "no such model"),
        (Api.OPENAI_CHAT, b'{"choices": []}', "no choices"),
        (Api.OPENAI_CHAT, b'{"choices": [{"message": {"content": 1}}]}', "not a text"),
    ],
)
def test_answer_of_another_shape(api: Api, body: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_answer(side(api), body)


def test_http_answer_by_paths() -> None:
    target = http(
        answer_path="$.data[0].text",
        session_path="meta.sid",
        input_tokens_path="meta.n.0",
        output_tokens_path="meta.gone.3",
    )
    body = b'{"data": [{"text": "yes"}], "meta": {"sid": 12, "n": [7]}}'
    assert read_answer(target, body) == Answer("yes", "12", 7, None)
    with pytest.raises(ValueError, match="where answer says"):
        read_answer(target, b'{"data": []}')
    with pytest.raises(ValueError, match="not JSON"):
        read_answer(target, b"plain")
    assert read_answer(http(answer_path="a"), b'{"a": [1]}').text == "[1]"


def test_http_answer_without_paths_may_be_anything() -> None:
    assert read_answer(http(), b"\xff\x00 plain") == Answer()


def test_govstack_stream() -> None:
    target = side(stream=True)
    assert stream_content(target, b'{"delta": "He"}').content
    assert not stream_content(target, b'{"delta": ""}').content
    last = stream_content(
        target, b'{"done": true, "session_id": "s", "usage": {"input_tokens": 1, "output_tokens": 2}}'
    )
    assert last == StreamEvent(False, True, 1, 2, session_id="s")
    assert stream_content(target, b"[DONE]").done


def test_openai_stream() -> None:
    target = side(Api.OPENAI_CHAT, stream=True)
    assert not stream_content(
        target, b'{"choices": [{"delta": {"role": "assistant", "content": ""}}]}'
    ).content
    assert stream_content(target, b'{"choices": [{"delta": {"content": "He"}}]}').content
    for thought in (b'{"reasoning_content": "Hm", "content": null}', b'{"reasoning": "Hm", "content": ""}'):
        event = stream_content(target, b'{"choices": [{"delta": %b}]}' % thought)
        assert event.content
        assert not event.is_answer, "a token, but none of the answer"
    for key in (b"content", b"refusal", b"tool_calls", b"function_call"):
        event = stream_content(target, b'{"choices": [{"delta": {"%b": "He", "reasoning": "Hm"}}]}' % key)
        assert event == StreamEvent(content=True, done=False, is_answer=True)
    usage = stream_content(target, b'{"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}')
    assert usage == StreamEvent(False, False, 1, 2)
    assert stream_content(target, b"[DONE]").done


@pytest.mark.parametrize(
    ("usage", "cached"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 8}}, 8),
        ({"input_tokens_details": {"cached_tokens": 0}}, 0),
        ({"cache_read_input_tokens": 5}, 5),
        ({"prompt_cache_hit_tokens": 6}, 6),
        ({"prompt_tokens_details": {"cached_tokens": None}}, None),
        ({"prompt_tokens_details": None}, None),
        ({}, None),
    ],
)
def test_tokens_from_a_cache_are_told_where_the_answer_tells_them(
    usage: dict[str, object], cached: int | None
) -> None:
    body = {"choices": [{"message": {"content": "yes"}}], "usage": {"prompt_tokens": 9, **usage}}
    assert read_answer(side(Api.OPENAI_CHAT), json.dumps(body).encode()) == Answer(
        "yes", None, 9, None, cached
    )
    last = json.dumps({"choices": [], "usage": {"prompt_tokens": 9, **usage}}).encode()
    assert stream_content(side(Api.OPENAI_CHAT, stream=True), last).cached_tokens == cached


def test_stream_of_an_unknown_api() -> None:
    target = side(Api.HTTP, http=HttpTemplate(), stream=True)
    assert stream_content(target, b"anything") == StreamEvent(content=True, done=False)
    assert not stream_content(target, b" ").content
    assert stream_content(target, b"[DONE]") == StreamEvent(content=False, done=True)


STREAMED = HttpTemplate(
    answer_path="token.text",
    session_path="id",
    input_tokens_path="usage.in",
    output_tokens_path="usage.out",
    end="stop",
)


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b'{"token": {"text": "a"}}', b"", StreamEvent(content=True, done=False, is_answer=True)),
        (b'{"token": {"text": ""}}', b"", StreamEvent(content=False, done=False)),
        (b'{"ping": 1}', b"ping", StreamEvent(content=False, done=False)),
        (b'{"id": "s-1"}', b"", StreamEvent(content=False, done=False, session_id="s-1")),
        (
            b'{"token": {"text": "a"}, "usage": {"in": 3, "out": 4}}',
            b"",
            StreamEvent(content=True, done=False, input_tokens=3, output_tokens=4, is_answer=True),
        ),
        (b'{"usage": {"out": 4}}', b"stop", StreamEvent(content=False, done=True, output_tokens=4)),
        (b"{}", b"stop", StreamEvent(content=False, done=True)),
        (b"", b"stop", StreamEvent(content=False, done=True)),
        (b" ", b"", StreamEvent(content=False, done=False)),
        (b"stop", b"", StreamEvent(content=False, done=True)),
        (b"[DONE]", b"", StreamEvent(content=False, done=True)),
    ],
)
def test_events_of_an_api_whose_paths_are_configured(data: bytes, name: bytes, expected: StreamEvent) -> None:
    assert stream_content(side(Api.HTTP, http=STREAMED, stream=True), data, name) == expected


def test_an_event_that_is_no_json_does_not_go_with_paths() -> None:
    with pytest.raises(ValueError, match="the event is not JSON, and JSON paths are configured"):
        stream_content(side(Api.HTTP, http=STREAMED, stream=True), b"plain")


@pytest.mark.parametrize("data", [b'{"error": "overloaded"}', b'{"token": {"text": "a"}, "type": "error"}'])
def test_an_event_with_paths_that_says_it_failed(data: bytes) -> None:
    with pytest.raises(ReportedFailure):
        stream_content(side(Api.HTTP, http=STREAMED, stream=True), data)


def test_without_a_path_to_the_text_every_event_but_the_last_is_content() -> None:
    tokens = HttpTemplate(output_tokens_path="n", end='{"n": 2}')
    target = side(Api.HTTP, http=tokens, stream=True)
    assert stream_content(target, b'{"n": 1}') == StreamEvent(content=True, done=False, output_tokens=1)
    assert stream_content(target, b'{"n": 2}') == StreamEvent(content=False, done=True)
    plain = side(Api.HTTP, http=HttpTemplate(end="bye"), stream=True)
    assert stream_content(plain, b"hello") == StreamEvent(content=True, done=False)
    assert stream_content(plain, b"bye") == StreamEvent(content=False, done=True)


@pytest.mark.parametrize(
    ("api", "end", "has"),
    [
        (Api.HTTP, None, False),
        (Api.HTTP, "x", True),
        (Api.GOVSTACK, None, True),
        (Api.OPENAI_CHAT, None, True),
    ],
)
def test_whether_a_stream_has_an_end_mark(api: Api, end: str | None, has: bool) -> None:
    template = HttpTemplate(end=end) if api is Api.HTTP else None
    assert Wire(side(api, http=template, stream=True)).has_end_mark is has


@pytest.mark.parametrize(
    ("kind", "template", "body"),
    [
        ("text/plain", "ask {query}, {session_id}", b'ask a&b "\xc3\xbc", '),
        ("application/x-www-form-urlencoded; charset=utf-8", "q={query}&n=1", b"q=a%26b+%22%C3%BC%22&n=1"),
        ("application/xml", '<q s="{session_id}">1</q>', b'<q s="">1</q>'),
        (
            "application/vnd.api+json",
            '{"q": "{query}", "s": "{session_id}"}',
            b'{"q": "a&b \\"\xc3\xbc\\"", "s": null}',
        ),
    ],
)
def test_a_body_is_what_its_content_type_says(kind: str, template: str, body: bytes) -> None:
    target = side(
        Api.HTTP, http=HttpTemplate(method="POST", body=template), headers=(("content-type", kind),)
    )
    request = request_for(target, 'a&b "ü"', None, "u")
    assert request.body == body
    assert [value for name, value in request.headers if name.lower() == "content-type"] == [kind]


@pytest.mark.parametrize("api", [Api.GOVSTACK, Api.OPENAI_CHAT])
@pytest.mark.parametrize("data", [b"plain", b"1", b'{"error": {"message": "overloaded"}}'])
def test_event_of_another_shape(api: Api, data: bytes) -> None:
    with pytest.raises(ValueError, match="event"):
        stream_content(side(api, stream=True), data)
