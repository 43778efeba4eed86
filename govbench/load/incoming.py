"""The body of a streamed answer while it arrives: its pieces, its events, and when each came."""

from __future__ import annotations

from collections import deque

from govbench.load.exchange import Exchange, RequestFailed, Unpacker
from govbench.results.answers import failure_of_event
from govbench.results.events import EventStream
from govbench.results.run import Outcome

_LINES = (b"application/x-ndjson", b"application/jsonl", b"application/x-jsonlines", b"application/json-seq")


class Incoming:
    """Takes the body of one answer piece by piece, and keeps what nobody has read yet.

    Of ``text/event-stream`` every event with data counts as one, of JSON lines every line; each is noted
    with its arrival. Of any other body only the first byte is.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.chunks: deque[tuple[bytes, int]] = deque()
        self.events: deque[tuple[bytes, int]] = deque()
        self.times_ns: list[int] = []
        self.failure: str | None = None  # what the stream said of it first
        self._exchange = exchange
        self._unpacker: Unpacker | None = None
        self._events: EventStream | None = None
        self._line: bytes | None = None
        self._is_begun = False

    def feed(self, data: bytes, at_ns: int) -> None:
        """Take a piece of the body.

        Raises:
            ValueError: it cannot be unpacked, or holds an event beyond all limits.
        """
        if not self._is_begun:
            self._begin()
        if self._unpacker is not None:
            try:
                data = self._unpacker.feed(data)
            except RequestFailed as failure:
                raise ValueError(str(failure)) from failure
        if not data:
            return
        self.chunks.append((data, at_ns))
        if self._events is not None:
            self._events.feed(data, at_ns)
        elif self._line is not None:
            *lines, self._line = (self._line + data).split(b"\n")
            for line in filter(bytes.strip, lines):
                self._note(line, at_ns)
        elif not self._exchange.first_token_ns:
            self._exchange.first_token_ns = at_ns

    def end(self) -> None:
        """The answer is whole, as far as the connection can tell.

        Raises:
            RequestFailed: its last event or its compressed data is not (outcome ``truncated``).
        """
        if self._unpacker is not None:
            try:
                self._unpacker.end()
            except RequestFailed as failure:
                raise RequestFailed(Outcome.TRUNCATED, str(failure)) from failure
        if self._events is not None:
            self._events.end(self._exchange.last_byte_ns)
            if self._events.is_amid_an_event:
                raise RequestFailed(Outcome.TRUNCATED, "the stream ended in the middle of an event")
        if self._line is not None and self._line.strip():
            self._note(self._line, self._exchange.last_byte_ns)
            self._line = b""

    def _begin(self) -> None:
        self._is_begun = True
        kind = (self._exchange.header(b"content-type") or b"").partition(b";")[0].strip().lower()
        try:
            self._unpacker = self._exchange.unpacker()
        except RequestFailed as failure:
            raise ValueError(str(failure)) from failure
        if kind == b"text/event-stream":
            self._events = EventStream(self._note)
        elif kind in _LINES:
            self._line = b""

    def _note(self, data: bytes, at_ns: int, name: bytes = b"") -> None:
        exchange = self._exchange
        if self.failure is None:
            self.failure = failure_of_event(data, name)
        exchange.events += 1
        if data and not exchange.first_token_ns:
            exchange.first_token_ns = at_ns
        self.times_ns.append(at_ns)
        self.events.append((data, at_ns))
