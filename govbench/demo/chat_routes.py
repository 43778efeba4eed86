"""The GovStack chat endpoints: ``/api/v1/chat`` and ``/chat/`` with its history."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from govbench.demo.access import KeyCheck
from govbench.demo.assistant import Assistant, Turn
from govbench.demo.knowledge import COLLECTION_ID
from govbench.demo.responses import DONE_EVENT, JsonResponse, answer_fields, event, event_stream
from govbench.demo.schemas import ChatMessage, ChatQuery
from govbench.demo.timing import SCOPE_KEY


def chat_router(assistant: Assistant, check_key: KeyCheck) -> APIRouter:
    """The routes of one instance."""
    router = APIRouter(dependencies=[Depends(check_key)])

    @router.post("/api/v1/chat")
    async def ask(body: ChatQuery, request: Request) -> Response:
        if body.collection_id not in (None, COLLECTION_ID):
            raise HTTPException(
                404, f"unknown collection_id {body.collection_id!r}; there is {COLLECTION_ID!r}"
            )
        turn = assistant.begin(body.query, request.scope[SCOPE_KEY], session_id=body.session_id)
        wants_stream = body.stream or "text/event-stream" in request.headers.get("accept", "")
        if wants_stream and not turn.fails:
            return event_stream(_events(assistant, turn))
        await assistant.finish(turn)
        return JsonResponse({"answer": turn.reply.answer, **answer_fields(turn)})

    @router.post("/chat", include_in_schema=False)
    @router.post("/chat/")
    async def send_message(body: ChatMessage, request: Request) -> Response:
        turn = assistant.begin(
            body.message, request.scope[SCOPE_KEY], session_id=body.session_id, user_id=body.user_id
        )
        await assistant.finish(turn)
        return JsonResponse(
            {
                "response": turn.reply.answer,
                "user_id": body.user_id,
                "created_at": time.time(),
                **answer_fields(turn),
            }
        )

    @router.get("/chat/{session_id}")
    async def history(session_id: str) -> Response:
        session = assistant.store.session(session_id)
        if session is None:
            raise HTTPException(404, f"unknown session_id {session_id!r}")
        return JsonResponse(session)

    @router.delete("/chat/{session_id}")
    async def forget(session_id: str) -> Response:
        deleted = assistant.store.delete(session_id)
        if deleted is None:
            raise HTTPException(404, f"unknown session_id {session_id!r}")
        return JsonResponse({"session_id": session_id, "deleted_messages": deleted})

    return router


async def _events(assistant: Assistant, turn: Turn) -> AsyncIterator[bytes]:
    async for piece in assistant.stream(turn):
        yield event({"type": "delta", "delta": piece})
    yield event({"type": "done", "answer": turn.reply.answer, **answer_fields(turn)})
    yield DONE_EVENT
