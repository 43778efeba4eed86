"""The bytes of answers: heads, JSON bodies and server-sent events of each wire format. Decides nothing.

All are constant: what an answer says must not cost time that would be counted as the server's.
"""

from __future__ import annotations

import json
from enum import StrEnum
from http import HTTPStatus
from typing import Any

PROMPT_TOKENS, ANSWER_TOKENS = 5, 7
_TWO_BYTES = "ü"


class Shape(StrEnum):
    """Whose wire format an answer has."""

    GOVSTACK = "govstack"
    OPENAI = "openai"
    PLAIN = "plain"  # events that are nothing but text


def whole_answer(status: int, shape: Shape = Shape.GOVSTACK) -> bytes:
    """Head and body of an answer that is not streamed; an error says so in its body."""
    if status >= 400:
        return with_head(status, _json({"error": f"reference answer {status}"}))
    return with_head(status, _json(_openai_answer() if shape is Shape.OPENAI else _govstack_answer()))


def with_head(status: int, body: bytes, content_type: str = "application/json") -> bytes:
    """A body with its head."""
    fields = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return f"HTTP/1.1 {status} {_phrase(status)}\r\n{fields}\r\n".encode() + body


def stream_head(*, chunked: bool) -> bytes:
    """The head of a stream: in chunks, or up to the end of the connection."""
    fields = "Content-Type: text/event-stream\r\nCache-Control: no-store\r\n"
    framing = "Transfer-Encoding: chunked\r\n" if chunked else "Connection: close\r\n"
    return f"HTTP/1.1 200 OK\r\n{fields}{framing}\r\n".encode()


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def opening_event(shape: Shape) -> bytes:
    """What comes before the first token: the role alone, or a comment. Neither is content."""
    if shape is Shape.OPENAI:
        return _event(_openai_chunk({"role": "assistant", "content": ""}))
    return b": open\n\n"


def content_event(shape: Shape, text: str) -> bytes:
    """One piece of the answer."""
    if shape is Shape.OPENAI:
        return _event(_openai_chunk({"content": text}))
    if shape is Shape.GOVSTACK:
        return _event({"type": "delta", "delta": text})
    return f"data: {text}\n\n".encode()


def closing_events(shape: Shape, *, tokens: int, usage: bool) -> bytes:
    """The end of a stream, with the number of its tokens where ``usage`` is asked for."""
    if shape is Shape.OPENAI:
        end = _event(_openai_chunk({}, finish_reason="stop"))
        if usage:
            end += _event({**_OPENAI_CHUNK, "choices": [], "usage": _openai_usage(tokens)})
    elif shape is Shape.GOVSTACK:
        done: dict[str, Any] = {"type": "done", "session_id": "r"}
        end = _event({**done, "usage": _govstack_usage(tokens)} if usage else done)
    else:
        end = b""
    return end + b"data: [DONE]\n\n"


def text_of(size_bytes: int, words: int) -> str:
    """A text of so many UTF-8 bytes and, where there is room, words; one of its characters has two bytes."""
    size = max(size_bytes // words, 2)
    text = (("a" * (size - 1) + " ") * words)[:size_bytes]
    text = text.rjust(size_bytes, "a")
    at = text.find("aa", max(size_bytes // 2 - 1, 0))
    at = text.find("aa") if at < 0 else at
    return text if at < 0 else text[:at] + _TWO_BYTES + text[at + 2 :]


def awkward_cut(event: bytes) -> int:
    """Where to cut an event in two: within a character of two bytes, otherwise in the middle."""
    at = event.find(_TWO_BYTES.encode())
    return at + 1 if at >= 0 else len(event) // 2


def without_body(answer: bytes) -> bytes:
    """The answer to HEAD."""
    return answer[: answer.index(b"\r\n\r\n") + 4]


def closing(answer: bytes) -> bytes:
    """The answer with a head that announces the end of the connection."""
    return answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unassigned"


def _json(value: object) -> bytes:
    # Characters beyond ASCII stay what they are, so that there is something to cut in two.
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _event(value: object) -> bytes:
    return b"data: " + _json(value) + b"\n\n"


def _govstack_usage(tokens: int) -> dict[str, int]:
    return {
        "request_tokens": PROMPT_TOKENS,
        "response_tokens": tokens,
        "total_tokens": PROMPT_TOKENS + tokens,
    }


def _openai_usage(tokens: int) -> dict[str, int]:
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": tokens,
        "total_tokens": PROMPT_TOKENS + tokens,
    }


def _govstack_answer() -> dict[str, Any]:
    return {"answer": "ok", "session_id": "r", "usage": _govstack_usage(ANSWER_TOKENS)}


def _openai_answer() -> dict[str, Any]:
    message = {"role": "assistant", "content": "ok"}
    return {
        "id": "chatcmpl-reference",
        "object": "chat.completion",
        "created": 0,
        "model": "reference",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": _openai_usage(ANSWER_TOKENS),
    }


_OPENAI_CHUNK = {
    "id": "chatcmpl-reference",
    "object": "chat.completion.chunk",
    "created": 0,
    "model": "reference",
}


def _openai_chunk(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {**_OPENAI_CHUNK, "choices": [choice]}
