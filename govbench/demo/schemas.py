"""The request bodies of the embedded API; answers are plain dictionaries built in the routes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, StringConstraints

MAX_QUERY_CHARS = 8000

Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUERY_CHARS)]
SessionId = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class ChatQuery(BaseModel):
    """Body of ``POST /api/v1/chat``."""

    query: Question
    collection_id: str | None = None
    session_id: SessionId | None = None
    stream: bool = False


class ChatMessage(BaseModel):
    """Body of ``POST /chat/``; ``metadata`` is accepted and not kept."""

    message: Question
    session_id: SessionId | None = None
    user_id: SessionId | None = None
    metadata: dict[str, Any] | None = None


class TextPart(BaseModel):
    """One part of a message that comes in parts; only text is understood."""

    type: Literal["text"]
    text: str


class CompletionMessage(BaseModel):
    """One message of a chat completion."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None

    def text(self) -> str:
        """The text of the message, whatever its form."""
        if isinstance(self.content, list):
            return " ".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """What a stream is to contain besides the answer."""

    include_usage: bool = False


class CompletionQuery(BaseModel):
    """Body of ``POST /v1/chat/completions``; parameters that steer sampling are accepted and ignored."""

    model: str = "govstack-extractive"
    messages: list[CompletionMessage]
    stream: bool = False
    stream_options: StreamOptions | None = None
