"""How the embedded API writes its answers: JSON through orjson, and server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi import Response
from fastapi.responses import StreamingResponse

from govbench.demo.assistant import Turn, Usage
from govbench.demo.knowledge import COLLECTION_ID, Hit, snippet

DONE_EVENT = b"data: [DONE]\n\n"


class JsonResponse(Response):
    """A JSON body; it is not validated again, the routes build it from checked values."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """The body in UTF-8."""
        return orjson.dumps(content)


def event_stream(events: AsyncIterator[bytes]) -> StreamingResponse:
    """A response that sends each event as soon as it is there."""
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


def event(content: object) -> bytes:
    """One server-sent event with a JSON body."""
    return b"data: " + orjson.dumps(content) + b"\n\n"


def answer_fields(turn: Turn) -> dict[str, Any]:
    """What every GovStack answer contains besides its text."""
    return {
        "sources": [_source(hit) for hit in turn.reply.hits],
        "session_id": turn.session_id,
        "collection_id": COLLECTION_ID,
        "confidence": turn.reply.confidence,
        "usage": usage_fields(turn.usage),
    }


def usage_fields(usage: Usage) -> dict[str, int]:
    """Token counts under GovStack's names."""
    return {
        "request_tokens": usage.request_tokens,
        "response_tokens": usage.response_tokens,
        "total_tokens": usage.total_tokens,
    }


def _source(hit: Hit) -> dict[str, Any]:
    return {
        "id": hit.document.id,
        "title": hit.document.title,
        "url": hit.document.url,
        "score": round(hit.score, 4),
        "snippet": snippet(hit.document),
    }
