"""The outermost ASGI layer: measures every chat request from its receipt to its last byte, and counts all.

It also pays the slowdown of the handler's own time, because only here all of that time is known.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from govbench.demo.timing import SCOPE_KEY, RequestTiming
from govbench.demo.truth import ServiceTimes

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CHAT_PATHS: Final = frozenset({"/api/v1/chat", "/chat", "/chat/", "/v1/chat/completions"})
# Recorded when the client went away before the answer was complete (nginx's code for it).
CLIENT_CLOSED = 499
MAX_BODY_BYTES = 1_000_000

_OTHER_PATHS: Final = frozenset({"/health", "/metrics", "/metrics.json", "/v1/models", "/openapi.json"})
_TOO_LARGE = b'{"detail":"the body is larger than 1000000 bytes"}'


class Traffic:
    """What the instance served so far."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.service_times = ServiceTimes()
        self.in_flight = 0


class MeasuredApp:
    """Wraps the application; see the module."""

    def __init__(self, app: ASGIApp, traffic: Traffic, *, slowdown: float) -> None:
        self._app = app
        self._traffic = traffic
        self._slowdown = slowdown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] == "POST" and scope["path"] in CHAT_PATHS:
            await self._serve_chat(scope, receive, send)
        else:
            await self._serve_counted(scope, receive, send)

    async def _serve_chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        timing = RequestTiming(self._slowdown)
        scope[SCOPE_KEY] = timing
        sender = _Sender(send, timing)
        self._traffic.in_flight += 1
        try:
            if _declared_bytes(scope) > MAX_BODY_BYTES:
                await _refuse(sender)
            else:
                await self._app(scope, receive, sender)
        finally:
            self._traffic.in_flight -= 1
            status = sender.status if sender.finished else CLIENT_CLOSED
            self._traffic.service_times.add(
                start_unix_s=timing.started_unix_s, service_time_ms=timing.elapsed_s() * 1000, status=status
            )
            self._count(scope, status)

    async def _serve_counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        sender = _Sender(send, None)
        try:
            await self._app(scope, receive, sender)
        finally:
            self._count(scope, sender.status)

    def _count(self, scope: Scope, status: int) -> None:
        self._traffic.requests[scope["method"], _path_label(scope["path"]), status] += 1


class _Sender:
    """Passes messages on, the head not before the first body; settles the slowdown before the last one."""

    __slots__ = ("_head", "_send", "_timing", "finished", "status")

    def __init__(self, send: Send, timing: RequestTiming | None) -> None:
        self._send = send
        self._timing = timing
        self._head: Message | None = None
        self.status = CLIENT_CLOSED
        self.finished = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._head = message
            return
        last = not message.get("more_body", False)
        if last and self._timing is not None:
            await self._timing.settle()
        if self._head is not None:
            await self._send(self._head)
            self._head = None
        await self._send(message)
        self.finished = last


def _declared_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return 0


async def _refuse(send: Send) -> None:
    # Without reading the body: the connection has to be closed behind the answer.
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_TOO_LARGE)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": _TOO_LARGE})


def _path_label(path: str) -> str:
    """The route of a path, so that no client can add label values."""
    if path in CHAT_PATHS or path in _OTHER_PATHS:
        return path
    return "/chat/{session_id}" if path.startswith("/chat/") else "other"
