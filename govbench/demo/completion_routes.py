"""The OpenAI-compatible endpoints: ``/v1/chat/completions`` and ``/v1/models``."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from govbench.demo.access import KeyCheck
from govbench.demo.assistant import Assistant, Turn, Usage
from govbench.demo.responses import DONE_EVENT, JsonResponse, event, event_stream
from govbench.demo.schemas import MAX_QUERY_CHARS, CompletionQuery
from govbench.demo.timing import SCOPE_KEY

MODEL_ID = "govstack-extractive"

# A fixed date of "creation" of the model, Unix seconds.
_MODEL_CREATED = 1_735_689_600


def completion_router(assistant: Assistant, check_key: KeyCheck) -> APIRouter:
    """The routes of one instance."""
    router = APIRouter(prefix="/v1", dependencies=[Depends(check_key)])

    @router.get("/models")
    async def models() -> Response:
        model = {"id": MODEL_ID, "object": "model", "created": _MODEL_CREATED, "owned_by": "govbench"}
        return JsonResponse({"object": "list", "data": [model]})

    @router.post("/chat/completions")
    async def complete(body: CompletionQuery, request: Request) -> Response:
        query, previous = _questions(body)
        prompt = "\n".join(message.text() for message in body.messages)
        turn = assistant.begin_stateless(prompt, query, previous, request.scope[SCOPE_KEY])
        if body.stream and not turn.fails:
            include_usage = body.stream_options is not None and body.stream_options.include_usage
            return event_stream(_chunks(assistant, turn, body.model, include_usage=include_usage))
        await assistant.finish(turn)
        return JsonResponse(_completion(turn, body.model))

    return router


def _questions(body: CompletionQuery) -> tuple[str, str | None]:
    """The last question of the user and the one before it."""
    questions = [message.text().strip() for message in body.messages if message.role == "user"]
    if not questions or not questions[-1]:
        raise HTTPException(400, "messages must contain a message of role 'user' with text")
    if len(questions[-1]) > MAX_QUERY_CHARS:
        raise HTTPException(400, f"the last message is longer than {MAX_QUERY_CHARS} characters")
    return questions[-1], questions[-2] if len(questions) > 1 else None


def _completion(turn: Turn, model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": turn.reply.answer}
    return {
        **_head("chat.completion", model),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _usage(turn.usage),
    }


async def _chunks(
    assistant: Assistant, turn: Turn, model: str, *, include_usage: bool
) -> AsyncIterator[bytes]:
    """The chunks of one answer; with ``include_usage`` each carries the key, null until the last."""
    head = _head("chat.completion.chunk", model)
    if include_usage:
        head["usage"] = None
    first = True
    async for piece in assistant.stream(turn):
        if first:
            yield event({**head, "choices": [_choice({"role": "assistant", "content": ""})]})
            first = False
        yield event({**head, "choices": [_choice({"content": piece})]})
    yield event({**head, "choices": [_choice({}, finish_reason="stop")]})
    if include_usage:
        yield event({**head, "choices": [], "usage": _usage(turn.usage)})
    yield DONE_EVENT


def _head(kind: str, model: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}


def _choice(delta: dict[str, str], *, finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.request_tokens,
        "completion_tokens": usage.response_tokens,
        "total_tokens": usage.total_tokens,
    }
