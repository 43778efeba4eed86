"""How the answers of each target API are read: what was said, in which session, at how many tokens.

An answer that says of itself that it failed is a failure, whatever its status (``failures.py``). Pure
functions of bytes; which of them a side needs is up to ``wire.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

import orjson

from govbench.results.events import DONE_MARK
from govbench.results.failures import (
    ReportedFailure,
    check_event,
    check_object,
    check_unknown,
    loads,
    reported,
)
from govbench.results.plan import Api, HttpTemplate

# A larger answer, unpacked or not, is no success: a load holds as many of them in memory as it has users.
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
LARGEST_BODY: Final = f"{MAX_BODY_BYTES >> 20} MiB"

_ANSWER_KEYS: Final = ("answer", "response", "message", "text")
_DELTA_KEYS: Final = ("delta", "content", "token", "text")
_INPUT_KEYS: Final = ("prompt_tokens", "input_tokens", "request_tokens")
_OUTPUT_KEYS: Final = ("completion_tokens", "output_tokens", "response_tokens")
_CACHED_KEYS: Final = ("cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens")
_DETAILS_KEYS: Final = ("prompt_tokens_details", "input_tokens_details")
# What a delta may hold of the answer itself, and what of the reasoning before it.
_ANSWER_DELTAS: Final = ("content", "tool_calls", "function_call", "refusal")
_REASONING_DELTAS: Final = ("reasoning_content", "reasoning")
_MOST_TOKENS: Final = 0xFFFFFFFE  # the largest count that a sample record can hold


# Named tuples rather than frozen dataclasses, for the same reason as in wire.py: many per second.
class Answer(NamedTuple):
    """What was read from a whole answer; None where the answer does not say."""

    text: str | None = None
    session_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None


class StreamEvent(NamedTuple):
    """What one server-sent event carried: a piece of text, the end, usage.

    ``is_answer``: the piece is known to be of the answer itself, not of the reasoning before it.
    """

    content: bool
    done: bool
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    session_id: str | None = None
    is_answer: bool = False


class EventReader(Protocol):
    """Reads the data of one server-sent event, and its name where it has one."""

    def __call__(self, data: bytes, name: bytes = b"") -> StreamEvent:
        """What the event carries."""
        ...


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError("the body is empty" if not body.strip() else "the body is not JSON") from error
    if not isinstance(value, dict):
        raise ValueError("the body is JSON, but not an object")
    check_object(value)
    return value


def _govstack_answer(body: bytes) -> Answer:
    value = _object(body)
    text = _first_text(value, _ANSWER_KEYS)
    if text is None:
        raise ValueError(f"the answer has no text in any of {', '.join(_ANSWER_KEYS)}{reported(value)}")
    return Answer(text, _session(value.get("session_id")), *_usage(value))


def _openai_answer(body: bytes) -> Answer:
    value = _object(body)
    try:
        text = value["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"the answer has no choices[0].message.content{reported(value)}") from error
    if text is not None and not isinstance(text, str):
        raise ValueError("choices[0].message.content is not a text")
    return Answer(text, None, *_usage(value))


def http_reader(template: HttpTemplate) -> Callable[[bytes], Answer]:
    """The reader of api ``http``, which looks where the template's paths lead."""
    answer, session, tokens_in, tokens_out = _paths(template)
    if not any((answer, session, tokens_in, tokens_out)):
        return _any_answer

    def read(body: bytes) -> Answer:
        try:
            value = loads(body)
        except orjson.JSONDecodeError as error:
            raise ValueError("the body is not JSON, and JSON paths are configured") from error
        if isinstance(value, dict):
            check_object(value)
        text = _at(value, answer)
        if answer and text is None:
            raise ValueError(f"nothing at {template.answer_path!r}, where answer says it is")
        return Answer(
            text if text is None or isinstance(text, str) else orjson.dumps(text).decode(),
            _session(_at(value, session)),
            _tokens(_at(value, tokens_in)),
            _tokens(_at(value, tokens_out)),
        )

    return read


def _paths(template: HttpTemplate) -> tuple[tuple[str, ...], ...]:
    """The steps to the text, the session and the tokens read and written."""
    names = ("answer_path", "session_path", "input_tokens_path", "output_tokens_path")
    return tuple(_steps(getattr(template, name)) for name in names)


def _any_answer(body: bytes) -> Answer:
    """An answer that nothing is known about: anything will do, but an object that says it failed."""
    check_unknown(body)
    return Answer()


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


def _usage(value: dict[str, Any]) -> tuple[int | None, int | None, int | None]:
    """Tokens of the request, of the answer, and those of the request that came from a cache."""
    usage = value.get("usage")
    if not isinstance(usage, dict):
        return None, None, None
    return _first_count(usage, _INPUT_KEYS), _first_count(usage, _OUTPUT_KEYS), _cached(usage)


def _cached(usage: dict[str, Any]) -> int | None:
    for key in _DETAILS_KEYS:
        details = usage.get(key)
        if isinstance(details, dict):
            return _first_count(details, _CACHED_KEYS)
    return _first_count(usage, _CACHED_KEYS)


def _first_count(usage: dict[str, Any], keys: tuple[str, ...]) -> int | None:
    for key in keys:  # a generator expression would cost as much as parsing the answer
        value = usage.get(key)
        if type(value) is int and 0 <= value <= _MOST_TOKENS:
            return value
    return None


def _tokens(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


def _session(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if type(value) is int else None


# --- streams

# Nearly all events are one of these; making a new one each time costs more than reading it.
_END: Final = StreamEvent(content=False, done=True)
PIECE: Final = StreamEvent(content=True, done=False, is_answer=True)
_THOUGHT: Final = StreamEvent(content=True, done=False)
_EMPTY: Final = StreamEvent(content=False, done=False)


def _event_object(data: bytes, name: bytes) -> dict[str, Any]:
    if name:
        check_event(name, data)
    try:
        value = loads(data)
    except orjson.JSONDecodeError as error:
        raise ValueError("the event is not JSON") from error
    if not isinstance(value, dict):
        raise ValueError("the event is JSON, but not an object")
    check_object(value, "event")
    return value


def _govstack_event(data: bytes, name: bytes = b"") -> StreamEvent:
    if not data.startswith(b"{") and data.strip() == DONE_MARK:
        return _END
    value = _event_object(data, name)
    done = value.get("done") is True or value.get("type") in {"done", "end"}
    session_id = _session(value.get("session_id"))
    content = bool(_first_text(value, _DELTA_KEYS))
    if not done and session_id is None and value.get("usage") is None:
        return PIECE if content else _EMPTY
    return StreamEvent(content, done, *_usage(value), session_id, is_answer=content)


def _openai_event(data: bytes, name: bytes = b"") -> StreamEvent:
    if not data.startswith(b"{") and data.strip() == DONE_MARK:
        return _END
    value = _event_object(data, name)
    choices = value.get("choices")
    piece = _EMPTY
    if isinstance(choices, list):
        for choice in choices:
            delta = choice.get("delta") if isinstance(choice, dict) else None
            if isinstance(delta, dict) and piece is not PIECE:
                piece = _piece(delta, piece)
    elif _first_text(value, _DELTA_KEYS):  # a ping or a usage without choices is none of another API
        raise ValueError("the event has a text but no choices")
    if value.get("usage") is None:
        return piece
    return StreamEvent(piece.content, False, *_usage(value), is_answer=piece.is_answer)


def _piece(delta: dict[str, Any], otherwise: StreamEvent) -> StreamEvent:
    """What a delta adds: to the answer, to the reasoning before it, or nothing."""
    for key in _ANSWER_DELTAS:
        if delta.get(key):
            return PIECE
    for key in _REASONING_DELTAS:
        if delta.get(key):
            return _THOUGHT
    return otherwise


def _any_event(data: bytes, name: bytes = b"") -> StreamEvent:
    """An event of an API that govbench knows nothing about: whatever it carries is content."""
    if name:
        check_event(name, data)
    data = data.strip()
    if data == DONE_MARK:
        return _END
    check_unknown(data)
    return StreamEvent(bool(data), done=False)


def http_event_reader(template: HttpTemplate) -> EventReader:
    """The reader of streamed events of api ``http``: of each, what lies where the template's paths lead.

    Without a path to the text, whatever an event carries is content.
    """
    answer, session, tokens_in, tokens_out = _paths(template)
    end = DONE_MARK if template.end is None else template.end.encode()
    # Of a piece others are known without parsing (load/stream.py), where none of these can be the end.
    piece = PIECE._replace() if end.startswith(b"{") else PIECE
    if not any((answer, session, tokens_in, tokens_out)):
        return lambda data, name=b"": _marked(_any_event(data, name), ends=end in (data.strip(), name))

    def read(data: bytes, name: bytes = b"") -> StreamEvent:
        data = data.strip()
        ends = end in (data, name)
        if not data or data in (DONE_MARK, end):
            check_event(name, data)
            return _END if ends or data else _EMPTY
        value = _event_value(data, name)
        text = _at(value, answer)
        content = bool(text) if answer else not ends
        found = _session(_at(value, session)), _tokens(_at(value, tokens_in)), _tokens(_at(value, tokens_out))
        if content and answer and not ends and found == (None, None, None):
            return piece
        return StreamEvent(content, ends, found[1], found[2], None, found[0], is_answer=bool(answer and text))

    return read


def _marked(event: StreamEvent, *, ends: bool) -> StreamEvent:
    return _END if ends else event


def _event_value(data: bytes, name: bytes) -> Any:
    if name:
        check_event(name, data)
    try:
        value = loads(data)
    except orjson.JSONDecodeError as error:
        raise ValueError("the event is not JSON, and JSON paths are configured") from error
    if isinstance(value, dict):
        check_object(value, "event")
    return value


def failure_of_event(data: bytes, name: bytes) -> str | None:
    """What an event of an unknown API says of its failure; None where it says of none."""
    try:
        _any_event(data, name)
    except ReportedFailure as failure:
        return str(failure)
    return None


READERS: Final[dict[Api, Callable[[bytes], Answer]]] = {
    Api.GOVSTACK: _govstack_answer,
    Api.GOVSTACK_MESSAGE: _govstack_answer,
    Api.OPENAI_CHAT: _openai_answer,
}
STREAMS: Final[dict[Api, EventReader]] = {
    Api.GOVSTACK: _govstack_event,
    Api.GOVSTACK_MESSAGE: _govstack_event,
    Api.OPENAI_CHAT: _openai_event,
    Api.HTTP: _any_event,
}
