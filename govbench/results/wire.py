"""What goes over the wire for each target API: requests here, ``answers.py`` reads what comes back.

Shared by the load client and the quick check, so that both send the same bytes. Opens no connection and
adds nothing that depends on one (``Host``, ``Content-Length``, ``Connection``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote, quote_plus, urlsplit

import orjson

from govbench.errors import ConfigError
from govbench.results.answers import (
    READERS,
    STREAMS,
    Answer,
    EventReader,
    StreamEvent,
    http_event_reader,
    http_reader,
)
from govbench.results.plan import BODILESS, Api, HttpTemplate, Side

Headers = tuple[tuple[str, str], ...]

_PATHS: Final = {
    Api.GOVSTACK: "/api/v1/chat",
    Api.GOVSTACK_MESSAGE: "/chat/",
    Api.OPENAI_CHAT: "/v1/chat/completions",
}

_PLACEHOLDER: Final = re.compile(r'("\{session_id\}")|\{(query|session_id|user_id)\}')
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_URL_SAFE: Final = "/?#[]@!$&'()*+,;=:%~"

_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"

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


class Wire:
    """The wire format of one side, its constant parts computed once.

    Raises:
        ConfigError: the side cannot be put on the wire: a header with a line break, a template that is no
            JSON, a stream of an API that has none.
    """

    __slots__ = (
        "_body", "_headers", "_method", "_name", "_path", "_url_path", "has_end_mark", "read_answer",
        "stream_content",
    )  # fmt: skip

    read_answer: Callable[[bytes], Answer]
    """Read the body of a successful, whole (not streamed) answer.

    Raises:
        ReportedFailure: the answer says that it failed.
        ValueError: the body is not of the API's shape; the message says what is wrong with it.
    """

    stream_content: EventReader
    """Read the data of one server-sent event, and its name.

    Raises:
        ReportedFailure: the event says that the answer failed.
        ValueError: it is not of the API's shape.
    """

    has_end_mark: bool
    """Whether a stream ends with an event that says so, and is cut without it."""

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
        self.read_answer = http_reader(template) if is_http else READERS[side.api]
        self.stream_content = http_event_reader(template) if is_http else STREAMS[side.api]
        self.has_end_mark = not is_http or template.end is not None

    @property
    def name(self) -> str:
        """The name that samples of this side carry."""
        return self._name

    def request(self, query: str, session_id: str | None, user_id: str) -> WireRequest:
        """The request that asks ``query``; ``session_id`` is None in the first turn."""
        path = self._path if self._url_path is None else self._url_path(query, session_id, user_id)
        body = self._body(query, session_id, user_id)
        return WireRequest(self._method, path, self._headers, body, self._name)


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


def stream_content(side: Side, event_data: bytes, name: bytes = b"") -> StreamEvent:
    """``Wire.stream_content`` for a single event."""
    return wire_for(side).stream_content(event_data, name)


def _method(template: HttpTemplate) -> str:
    method = template.method.upper()
    if not _TOKEN.fullmatch(method):
        raise ConfigError(f"[target.http] method: {template.method!r} is not an HTTP method")
    if template.body is not None and method in BODILESS:
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
        merged["content-type"] = ("Content-Type", _JSON)
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
    return _template_body(template.body, _content_type(side))


def _content_type(side: Side) -> str:
    """That of a request, in lower case and without parameters."""
    named = (value for name, value in (*side.headers, *side.secret_headers) if name.lower() == "content-type")
    return next(named, _JSON).partition(";")[0].strip().lower()


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


def _template_body(template: str, content_type: str) -> _BodyBuilder:
    if "json" not in content_type:
        fill_text = _filler(template, quote_plus if content_type == _FORM else str, as_json=False)
        return lambda query, session_id, user_id: fill_text(query, session_id, user_id).encode()
    fill = _filler(template, lambda text: orjson.dumps(text)[1:-1].decode())
    try:
        orjson.loads(fill("a", "b", "c"))
    except orjson.JSONDecodeError as error:
        raise ConfigError(
            f"[target.http] body: not JSON once the placeholders are filled in: {error}",
            hint='write placeholders inside quotes: {"question": "{query}"}, or name another Content-Type',
        ) from error
    return lambda query, session_id, user_id: fill(query, session_id, user_id).encode()


def _filled_path(path: str) -> Callable[[str, str | None, str], str]:
    fill = _filler(path, lambda text: quote(text, safe=""))
    return lambda query, session_id, user_id: quote(fill(query, session_id, user_id), safe=_URL_SAFE)


def _filler(
    template: str, escape: Callable[[str], str], *, as_json: bool = True
) -> Callable[[str, str | None, str], str]:
    """Fill placeholders in one pass, so that a query with braces in it is left as it is.

    A string that is nothing but ``{session_id}`` becomes null while there is no session, where ``as_json``.
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
            "session": "null" if session_id is None and as_json else f'"{escape(session_id or "")}"',
        }
        filled = parts.copy()
        for index, name in slots:
            filled[index] = values[name]
        return "".join(filled)

    return fill
