"""Answers one question: retrieval, LLM time, storage and usage. The same for every route; knows no HTTP."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from govbench.demo.faults import Faults, InjectedError
from govbench.demo.knowledge import COLLECTION_ID, Knowledge, Reply
from govbench.demo.llm import LanguageModel
from govbench.demo.settings import DemoSettings
from govbench.demo.store import Store
from govbench.demo.timing import RequestTiming
from govbench.demo.tokens import count_tokens

# A streamed answer comes in about this many pieces of whole words.
_STREAM_PIECES = 24
_WORD_WITH_SPACE = re.compile(r"\S+\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one request and its answer (see ``tokens.py`` for the rule)."""

    request_tokens: int
    response_tokens: int

    @property
    def total_tokens(self) -> int:
        """Both together."""
        return self.request_tokens + self.response_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A question with the answer that was found for it; ``session_id`` is None for a stateless request."""

    query: str
    session_id: str | None
    user_id: str | None
    reply: Reply
    usage: Usage
    fails: bool
    timing: RequestTiming


class Assistant:
    """One instance's knowledge, memory, LLM and faults."""

    def __init__(self, settings: DemoSettings) -> None:
        self.settings = settings
        self.knowledge = Knowledge()
        self.store = Store(settings.database)
        self.llm = LanguageModel(settings)
        self.faults = Faults(settings)
        self.request_tokens = 0
        self.response_tokens = 0
        self._started_s = time.monotonic()

    @property
    def uptime_s(self) -> float:
        """Time since the instance was built."""
        return time.monotonic() - self._started_s

    def begin(
        self, query: str, timing: RequestTiming, *, session_id: str | None = None, user_id: str | None = None
    ) -> Turn:
        """Find the answer within a session (a new one when ``session_id`` is None)."""
        previous = None
        if session_id is None:
            session_id = uuid.uuid4().hex
        else:
            previous = self.store.last_question(session_id)
        return self._turn(query, previous, query, timing, session_id=session_id, user_id=user_id)

    def begin_stateless(self, prompt: str, query: str, previous: str | None, timing: RequestTiming) -> Turn:
        """Find the answer without a session; the tokens of the whole ``prompt`` count as the request."""
        return self._turn(query, previous, prompt, timing, session_id=None, user_id=None)

    def _turn(
        self,
        query: str,
        previous: str | None,
        prompt: str,
        timing: RequestTiming,
        *,
        session_id: str | None,
        user_id: str | None,
    ) -> Turn:
        fails = self.faults.next_request_fails()
        reply = self.knowledge.reply(query, previous)
        return Turn(
            query=query,
            session_id=session_id,
            user_id=user_id,
            reply=reply,
            usage=Usage(request_tokens=count_tokens(prompt), response_tokens=count_tokens(reply.answer)),
            fails=fails,
            timing=timing,
        )

    async def finish(self, turn: Turn) -> None:
        """Take the LLM's time for the whole answer, then store the turn.

        Raises:
            InjectedError: the ``errors`` switch chose this request; its time has passed, nothing was stored.
        """
        await self.llm.generate(turn.query, turn.timing)
        if turn.fails:
            raise InjectedError
        self._record(turn)

    async def stream(self, turn: Turn) -> AsyncIterator[str]:
        """The answer piece by piece in the LLM's time; stored after the last piece.

        The turn must not be one that fails: a stream that has begun cannot be answered with 500 any more.
        """
        async for piece in self.llm.stream(turn.query, split_answer(turn.reply.answer), turn.timing):
            yield piece
        self._record(turn)
        await turn.timing.settle()

    def _record(self, turn: Turn) -> None:
        self.request_tokens += turn.usage.request_tokens
        self.response_tokens += turn.usage.response_tokens
        if turn.session_id is not None:
            self.store.append(
                turn.session_id,
                question=turn.query,
                answer=turn.reply.answer,
                collection_id=COLLECTION_ID,
                user_id=turn.user_id,
            )

    def close(self) -> None:
        """Release both databases."""
        self.knowledge.close()
        self.store.close()


def split_answer(answer: str) -> list[str]:
    """``answer`` in at most ``_STREAM_PIECES`` pieces of whole words; joined they are the answer again."""
    words = _WORD_WITH_SPACE.findall(answer)
    size = -(-len(words) // _STREAM_PIECES)
    return ["".join(words[i : i + size]) for i in range(0, len(words), size)]
