"""What goes over the wire for each target API: request bodies and headers, and how answers are read.

Shared by the load client and the quick check, so that both send the same bytes. Opens no connection and
adds nothing that depends on one (``Host``, ``Content-Length``, ``Connection``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

import orjson

from govbench.errors import ConfigError
from govbench.results.plan import Api, HttpTemplate, Side

Headers = tuple[tuple[str, str], ...]

_PATHS: Final = {
    Api.GOVSTACK: "/api/v1/chat",
    Api.GOVSTACK_MESSAGE: "/chat/",
    Api.OPENAI_CHAT: "/v1/chat/completions",
}
_ANSWER_KEYS: Final = ("answer", "response", "message", "text")
_DELTA_KEYS: Final = ("delta", "content", "token", "text")
_INPUT_KEYS: Final = ("prompt_tokens", "input_tokens", "request_tokens")
_OUTPUT_KEYS: Final = ("completion_tokens", "output_tokens", "response_tokens")
_MOST_TOKENS: Final = 0xFFFFFFFE  # the largest count that a sample record can hold
_REASON_CHARS: Final = 200

_PLACEHOLDER: Final = re.compile(r'("\{session_id\}")|\{(query|session_id|user_id)\}')
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_URL_SAFE: Final = "/?#[]@!$&'()*+,;=:%~"

_BodyBuilder = Callable[[str, str | None, str], bytes | None]


# Named tuples rather than frozen dataclasses: these are built once or more per request of a load, and a
# frozen dataclass takes four times as long to construct.
class WireRequest(NamedTuple):
    """One request, complete but for what belongs to the connection; ``name`` is the same for all queries."""

    method: str
    path: str
    headers: Headers
    body: bytes | None
    name: str


class Answer(NamedTuple):
    """What was read from a whole answer; None where the answer does not say."""

    text: str | None = None
    session_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


class StreamEvent(NamedTuple):
    """What one server-sent event carried: a piece of the answer, the end, usage."""

    content: bool
    done: bool
    input_tokens: int | None = None
    output_tokens: int | None = None
    session_id: str | None = None


class Wire:
    """The wire format of one side, its constant parts computed once.

    Raises:
        ConfigError: the side cannot be put on the wire: a header with a line break, a template that is no
            JSON, a stream of an API that has none.
    """

    __slots__ = ("_body", "_headers", "_method", "_name", "_path", "_read", "_stream", "_url_path")

    def __init__(self, side: Side) -> None:
        template = side.http or HttpTemplate()
        is_http = side.api is Api.HTTP
        self._method = _method(template) if is_http else "POST"
        path = template.path if is_http else _PATHS[side.api]
        self._path = _joined(side.url, path)
        self._name = f"{self._method} {path.partition('?')[0]}"
        self._url_path = _filled_path(self._path) if _PLACEHOLDER.search(self._path) else None
        if self._url_path is None:
            self._path = quote(self._path, safe=_URL_SAFE)
        self._body = _body_builder(side, template)
        self._headers = _headers(side, with_body=not is_http or template.body is not None)
        self._read = _http_reader(template) if is_http else _READERS[side.api]
        self._stream = _STREAMS[side.api]

    @property
    def name(self) -> str:
        """The name that samples of this side carry."""
        return self._name

    def request(self, query: str, session_id: str | None, user_id: str) -> WireRequest:
        """The request that asks ``query``; ``session_id`` is None in the first turn."""
        path = self._path if self._url_path is None else self._url_path(query, session_id, user_id)
        body = self._body(query, session_id, user_id)
        return WireRequest(self._method, path, self._headers, body, self._name)

    def read_answer(self, body: bytes) -> Answer:
        """Read the body of a successful, whole (not streamed) answer.

        Raises:
            ValueError: the body is not of the API's shape; the message says what is wrong with it.
        """
        return self._read(body)

    def stream_content(self, event_data: bytes) -> StreamEvent:
        """Read the data of one server-sent event.

        Raises:
            ValueError: the event reports an error, or is not of the API's shape.
        """
        return self._stream(event_data)


@lru_cache(maxsize=64)
def wire_for(side: Side) -> Wire:
    """The wire format of ``side``; hold on to it where requests are many."""
    return Wire(side)


def request_for(side: Side, query: str, session_id: str | None, user_id: str) -> WireRequest:
    """``Wire.request`` for a single request."""
    return wire_for(side).request(query, session_id, user_id)


def read_answer(side: Side, body: bytes) -> Answer:
    """``Wire.read_answer`` for a single answer."""
    return wire_for(side).read_answer(body)


def stream_content(side: Side, event_data: bytes) -> StreamEvent:
    """``Wire.stream_content`` for a single event."""
    return wire_for(side).stream_content(event_data)


# --- requests


def _method(template: HttpTemplate) -> str:
    method = template.method.upper()
    if not _TOKEN.fullmatch(method):
        raise ConfigError(f"[target.http] method: {template.method!r} is not an HTTP method")
    if template.body is not None and method in {"GET", "HEAD"}:
        raise ConfigError(
            f"[target.http] body: a {method} request has no body",
            hint='set method = "POST", or drop the body',
        )
    return method


def _joined(url: str, path: str) -> str:
    prefix = urlsplit(url).path.rstrip("/")
    # The base address of OpenAI-like services is usually written with its version.
    if prefix.endswith("/v1") and path.startswith("/v1/"):
        prefix = prefix.removesuffix("/v1")
    return prefix + (path if path.startswith("/") else f"/{path}")


def _headers(side: Side, *, with_body: bool) -> Headers:
    accept = "text/event-stream" if side.stream else "application/json"
    merged = {
        "accept": ("Accept", "*/*" if side.api is Api.HTTP and not side.stream else accept),
        "user-agent": ("User-Agent", "govbench"),
    }
    if with_body:
        merged["content-type"] = ("Content-Type", "application/json")
    for name, value in (*side.headers, *side.secret_headers):
        if not _TOKEN.fullmatch(name):
            raise ConfigError(f"header {name!r}: not a header name")
        if _CONTROL.search(value) or not value.isascii():
            raise ConfigError(f"header {name}: its value has characters that a header cannot carry")
        merged[name.lower()] = (name, value.strip())
    return tuple(merged.values())


def _body_builder(side: Side, template: HttpTemplate) -> _BodyBuilder:
    if side.api is Api.GOVSTACK:
        return _govstack_body(side)
    if side.api is Api.GOVSTACK_MESSAGE:
        return _message_body(side)
    if side.api is Api.OPENAI_CHAT:
        return _openai_body(side)
    if template.body is None:
        return _no_body
    return _template_body(template.body)


def _govstack_body(side: Side) -> _BodyBuilder:
    middle = b',"collection_id":' + orjson.dumps(side.collection_id) + b',"session_id":'
    end = b',"stream":true}' if side.stream else b"}"
    dumps = orjson.dumps

    def body(query: str, session_id: str | None, user_id: str) -> bytes:  # noqa: ARG001
        return b'{"query":' + dumps(query) + middle + dumps(session_id) + end

    return body


def _message_body(side: Side) -> _BodyBuilder:
    if side.stream:
        raise ConfigError(
            "api govstack-message has no streaming answers", hint="drop stream, or use api govstack"
        )
    dumps = orjson.dumps

    def body(query: str, session_id: str | None, user_id: str) -> bytes:
        parts = (b'{"message":', dumps(query), b',"session_id":', dumps(session_id), b',"user_id":')
        return b"".join((*parts, dumps(user_id), b',"metadata":{}}'))

    return body


def _openai_body(side: Side) -> _BodyBuilder:
    model = b'"model":' + orjson.dumps(side.model) + b"," if side.model is not None else b""
    start = b"{" + model + b'"messages":[{"role":"user","content":'
    # Without include_usage a streamed answer carries no token counts.
    end = b'}],"stream":true,"stream_options":{"include_usage":true}}' if side.stream else b"}]}"
    dumps = orjson.dumps

    def body(query: str, session_id: str | None, user_id: str) -> bytes:  # noqa: ARG001
        return start + dumps(query) + end

    return body


def _no_body(query: str, session_id: str | None, user_id: str) -> None:  # noqa: ARG001
    return None


def _template_body(template: str) -> _BodyBuilder:
    fill = _filler(template, lambda text: orjson.dumps(text)[1:-1].decode())
    try:
        orjson.loads(fill("a", "b", "c"))
    except orjson.JSONDecodeError as error:
        raise ConfigError(
            f"[target.http] body: not JSON once the placeholders are filled in: {error}",
            hint='write placeholders inside quotes: {"question": "{query}"}',
        ) from error
    return lambda query, session_id, user_id: fill(query, session_id, user_id).encode()


def _filled_path(path: str) -> Callable[[str, str | None, str], str]:
    fill = _filler(path, lambda text: quote(text, safe=""))
    return lambda query, session_id, user_id: quote(fill(query, session_id, user_id), safe=_URL_SAFE)


def _filler(template: str, escape: Callable[[str], str]) -> Callable[[str, str | None, str], str]:
    """Fill placeholders in one pass, so that a query with braces in it is left as it is.

    A JSON string that is nothing but ``{session_id}`` becomes null while there is no session.
    """
    parts: list[str] = []
    slots: list[tuple[int, str]] = []
    last = 0
    for match in _PLACEHOLDER.finditer(template):
        parts += (template[last : match.start()], "")
        slots.append((len(parts) - 1, "session" if match[1] else match[2]))
        last = match.end()
    parts.append(template[last:])

    def fill(query: str, session_id: str | None, user_id: str) -> str:
        values = {
            "query": escape(query),
            "session_id": escape(session_id or ""),
            "user_id": escape(user_id),
            "session": "null" if session_id is None else f'"{escape(session_id)}"',
        }
        filled = parts.copy()
        for index, name in slots:
            filled[index] = values[name]
        return "".join(filled)

    return fill


# --- answers


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError("the body is empty" if not body.strip() else "the body is not JSON") from error
    if not isinstance(value, dict):
        raise ValueError("the body is JSON, but not an object")
    return value


def _govstack_answer(body: bytes) -> Answer:
    value = _object(body)
    text = _first_text(value, _ANSWER_KEYS)
    if text is None:
        raise ValueError(f"the answer has no text in any of {', '.join(_ANSWER_KEYS)}{_reported(value)}")
    return Answer(text, _session(value.get("session_id")), *_usage(value))


def _openai_answer(body: bytes) -> Answer:
    value = _object(body)
    try:
        text = value["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"the answer has no choices[0].message.content{_reported(value)}") from error
    if text is not None and not isinstance(text, str):
        raise ValueError("choices[0].message.content is not a text")
    return Answer(text, None, *_usage(value))


def _http_reader(template: HttpTemplate) -> Callable[[bytes], Answer]:
    names = ("answer_path", "session_path", "input_tokens_path", "output_tokens_path")
    answer, session, tokens_in, tokens_out = (_steps(getattr(template, name)) for name in names)
    if not any((answer, session, tokens_in, tokens_out)):
        return lambda _: Answer()

    def read(body: bytes) -> Answer:
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ValueError("the body is not JSON, and JSON paths are configured") from error
        text = _at(value, answer)
        if answer and text is None:
            raise ValueError(f"nothing at answer_path {template.answer_path!r}")
        return Answer(
            text if text is None or isinstance(text, str) else orjson.dumps(text).decode(),
            _session(_at(value, session)),
            _tokens(_at(value, tokens_in)),
            _tokens(_at(value, tokens_out)),
        )

    return read


def _steps(path: str | None) -> tuple[str, ...]:
    """Split ``a.b.0.c``; the spellings ``$.a`` and ``a[0]`` mean the same."""
    if path is None:
        return ()
    dotted = re.sub(r"\[(\d+)\]", r".\1", path.removeprefix("$"))
    return tuple(step for step in dotted.split(".") if step)


def _at(value: Any, steps: tuple[str, ...]) -> Any:
    if not steps:
        return None
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _first_text(value: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        text = value.get(key)
        if isinstance(text, str):
            return text
    return None


def _usage(value: dict[str, Any]) -> tuple[int | None, int | None]:
    usage = value.get("usage")
    if not isinstance(usage, dict):
        return None, None
    return _first_count(usage, _INPUT_KEYS), _first_count(usage, _OUTPUT_KEYS)


def _first_count(usage: dict[str, Any], keys: tuple[str, ...]) -> int | None:
    return next((count for key in keys if (count := _tokens(usage.get(key))) is not None), None)


def _tokens(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


def _session(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if type(value) is int else None


def _reported(value: dict[str, Any]) -> str:
    error = value.get("error", value.get("detail"))
    if isinstance(error, dict):
        error = error.get("message", error)
    return "" if error is None else f"; it reports an error: {str(error)[:_REASON_CHARS]}"


# --- streams

_DONE_MARK: Final = b"[DONE]"
_END: Final = StreamEvent(content=False, done=True)


def _event_object(data: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ValueError("the event is not JSON") from error
    if not isinstance(value, dict):
        raise ValueError("the event is JSON, but not an object")
    if value.get("error") is not None:
        raise ValueError(f"the event ends the answer{_reported(value)}")
    return value


def _govstack_event(data: bytes) -> StreamEvent:
    if data.strip() == _DONE_MARK:
        return _END
    value = _event_object(data)
    done = value.get("done") is True or value.get("type") in {"done", "end"}
    session_id = _session(value.get("session_id"))
    return StreamEvent(bool(_first_text(value, _DELTA_KEYS)), done, *_usage(value), session_id)


def _openai_event(data: bytes) -> StreamEvent:
    if data.strip() == _DONE_MARK:
        return _END
    value = _event_object(data)
    choices = value.get("choices")
    if not isinstance(choices, list):
        raise ValueError("the event has no choices")
    content = any(_openai_delta(choice) for choice in choices)
    return StreamEvent(content, False, *_usage(value))


def _openai_delta(choice: Any) -> bool:
    delta = choice.get("delta") if isinstance(choice, dict) else None
    return isinstance(delta, dict) and bool(delta.get("content"))


def _any_event(data: bytes) -> StreamEvent:
    """An event of an API that govbench knows nothing about: whatever it carries is content."""
    data = data.strip()
    return _END if data == _DONE_MARK else StreamEvent(bool(data), done=False)


_READERS: Final = {
    Api.GOVSTACK: _govstack_answer,
    Api.GOVSTACK_MESSAGE: _govstack_answer,
    Api.OPENAI_CHAT: _openai_answer,
}
_STREAMS: Final = {
    Api.GOVSTACK: _govstack_event,
    Api.GOVSTACK_MESSAGE: _govstack_event,
    Api.OPENAI_CHAT: _openai_event,
    Api.HTTP: _any_event,
}
