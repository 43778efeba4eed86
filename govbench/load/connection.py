"""One HTTP/1.1 connection: sends a request, reads its whole answer, notes when. Knows nothing of users.

Parsing is left to llhttp (httptools); why not a ready-made client stands in ``transport.py``.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import httptools

from govbench.load.clock import Clock
from govbench.load.exchange import Exchange, RequestFailed
from govbench.load.heads import KnownHeads
from govbench.load.transport import Address, Take, open_transport
from govbench.results.answers import LARGEST_BODY, MAX_BODY_BYTES
from govbench.results.run import Outcome

MAX_HEAD_BYTES = 65_536
_SET_COOKIE_CHARS, _CONTENT_ENCODING_CHARS = len("set-cookie"), len("content-encoding")

OnData = Callable[[bytes, int], None]


class Connection:
    """A keep-alive connection; ``exchange`` sends one request and reads its whole answer.

    Raises:
        RequestFailed: the connection could not be made (``connect``, ``tls``, ``timeout``).
        OSError: this process cannot open a socket at all.
    """

    def __init__(
        self, address: Address, *, connect_s: float, clock: Clock, heads: KnownHeads | None = None
    ) -> None:
        self.deadline_ns: int | None = None  # of the running request, on ``clock``
        self._expired = False
        self._clock = clock
        self._heads = heads or KnownHeads()
        self._current = Exchange(0)
        self._on_data: OnData | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._head_done = self._complete = self._reusable = self._too_large = self._to_head = False
        self._is_sent = False
        self._head_bytes = 0
        self._at_ns = 0
        self._transport = open_transport(address, connect_s=connect_s, clock=clock)
        self.connect_ms, self.tls_ms = self._transport.connect_ms, self._transport.tls_ms

    def is_usable(self) -> bool:
        """Whether an idle connection can take a request: servers close those that were idle for long."""
        return self._transport.is_quiet()

    def ack_at_once(self) -> None:
        """Acknowledge answers at once; see ``Transport``."""
        self._transport.ack_at_once()

    def close(self) -> None:
        """Close the socket; safe to call twice."""
        self._transport.close()

    def expire(self) -> None:
        """End the running request because its deadline has passed."""
        self._expired = True
        self._transport.shut_down()

    # The parser calls these; their names are httptools' protocol.

    def on_message_begin(self) -> None:
        """Begin an answer; one that nobody asked for is read into nowhere."""
        if self._complete:
            self._reusable = False
            self._current, self._on_data = Exchange(0), None
        elif not self._current.first_byte_ns:  # a 1xx answer ended in this segment
            self._current.first_byte_ns = self._at_ns

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header of the answer."""
        current, length = self._current, len(name)
        current.headers.append((name, value))
        if length == _SET_COOKIE_CHARS and name.lower() == b"set-cookie":
            current.set_cookies.append(value)
        elif length == _CONTENT_ENCODING_CHARS and name.lower() == b"content-encoding":
            current.content_encoding = value if current.content_encoding is None else current.content_encoding

    def on_headers_complete(self) -> None:
        """Take the status."""
        self._head_done = True
        self._current.status = self._parser.get_status_code()
        if self._to_head and self._current.status >= 200:
            self._complete = True  # llhttp waits for the body that an answer to HEAD only announces

    def on_body(self, data: bytes) -> None:
        """Collect a piece of the body, or hand it to the stream reader."""
        current = self._current
        current.response_bytes += len(data)
        if current.response_bytes > MAX_BODY_BYTES:
            self._too_large = True
        elif self._on_data is not None and 200 <= current.status < 300:
            self._on_data(data, self._at_ns)
        else:
            current.body_parts.append(data)

    def on_message_complete(self) -> None:
        """Note the end of the answer; a 1xx answer is none yet."""
        current = self._current
        if current.status < 200:
            current.headers.clear()
            current.set_cookies.clear()
            current.content_encoding = None
            current.first_byte_ns = 0
            self._head_done = False
        elif not self._complete:
            self._complete = True
            self._reusable = bool(self._parser.should_keep_alive())  # llhttp knows it only here

    def exchange(self, request: bytes, current: Exchange, on_data: OnData | None = None) -> bool:
        """Send ``request`` and read its answer into ``current``; true when the connection can be used again.

        ``on_data`` is given each piece of a 2xx answer's body with its arrival, instead of its being kept; a
        stream is read this way. What it raises as ValueError fails the request.

        Raises:
            RequestFailed: no whole answer came; ``current`` holds the times up to then.
        """
        self.start(request, current, on_data)
        self._read(self._take)
        return self.reusable

    def start(self, request: bytes, current: Exchange, on_data: OnData | None = None) -> None:
        """Send ``request``, whose answer is then read by ``advance``; see ``exchange``.

        Raises:
            RequestFailed: the connection is gone.
        """
        self._current, self._on_data = current, on_data
        self._head_done = self._complete = self._reusable = False
        self._to_head = request.startswith(b"HEAD ")
        self._head_bytes = 0
        current.request_bytes = len(request)
        current.send_ns = self._clock.now_ns()
        try:
            self._is_sent = self._send(request, current)
        except OSError as error:
            raise self._lost(current, error) from error

    def advance(self) -> bool:
        """Wait for the next bytes of the answer and read them; false when it is whole.

        Raises:
            RequestFailed: no whole answer came.
        """
        self._read(self._take_one)
        return not self._complete

    def _read(self, take: Take) -> None:
        try:
            self._transport.read(take, self._current.send_ns)
        except OSError as error:
            raise self._lost(self._current, error) from error

    def _take_one(self, data: bytes, at_ns: int, lag_ns: int | None) -> bool:
        self._take(data, at_ns, lag_ns)
        return False

    def _take(self, data: bytes, at_ns: int, lag_ns: int | None) -> bool:
        """Take the next bytes of the answer; false when it is whole.

        Raises:
            RequestFailed: no whole answer came, or none that can be used.
        """
        current = self._current
        if not data:
            self._end_of_file(current)
            self._complete = True
            return False
        current.last_byte_ns, current.lag_ns = at_ns, lag_ns
        if not current.first_byte_ns:
            current.first_byte_ns = at_ns
        self._at_ns = at_ns
        try:
            if self._head_done:
                self._parser.feed_data(data)
            else:
                self._take_head(data, current)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._refuse(error)
        if self._too_large:
            raise RequestFailed(Outcome.BAD_BODY, f"the body of the answer is larger than {LARGEST_BODY}")
        if not self._head_done and self._head_bytes > MAX_HEAD_BYTES:
            raise RequestFailed(
                Outcome.BAD_BODY, f"the head of the answer is larger than {MAX_HEAD_BYTES >> 10} KiB"
            )
        return not self._complete

    def _take_head(self, data: bytes, current: Exchange) -> None:
        """Take bytes that begin with (a part of) the head; the parser is spared what was parsed before."""
        is_first = not self._head_bytes and self._on_data is None and not self._to_head
        if is_first and self._heads.take(data, current):
            self._head_done = self._complete = self._reusable = True
            return
        self._head_bytes += len(data)
        self._parser.feed_data(data)
        if is_first and self._complete and self._reusable:
            self._heads.learn(data, current)

    @property
    def has_head(self) -> bool:
        """Whether status and headers of the running answer are known."""
        return self._head_done

    @property
    def reusable(self) -> bool:
        """Whether the connection can take another request, once its answer is whole."""
        return self._is_sent and self._reusable and not self._expired

    def _send(self, request: bytes, current: Exchange) -> bool:
        """Send; false when the peer stopped listening before the end: it may have answered before that."""
        try:
            at_once = self._transport.send(request)
        except (BrokenPipeError, ConnectionResetError):
            return False
        current.upload_ms = 0.0 if at_once else (self._clock.now_ns() - current.send_ns) / 1e6
        return True

    def _lost(self, current: Exchange, error: OSError) -> RequestFailed:
        current.last_byte_ns, current.lag_ns = self._clock.now_ns(), None
        outcome = Outcome.TLS if isinstance(error, ssl.SSLError) else Outcome.RESET
        return self._failure(outcome, f"connection lost: {error}")

    def _refuse(self, error: Exception) -> None:
        """Say what the parser stumbled over; garbage behind a whole answer takes nothing from it."""
        if isinstance(error, httptools.HttpParserCallbackError):
            cause = error.__context__
            if isinstance(cause, RequestFailed):
                raise cause
            if not isinstance(cause, ValueError):
                raise error  # not the answer's fault but ours
            raise RequestFailed(Outcome.BAD_BODY, str(cause)) from cause
        self._reusable = False
        if not self._complete:
            raise RequestFailed(Outcome.BAD_BODY, f"not an HTTP answer: {error}") from error

    def _end_of_file(self, current: Exchange) -> None:
        """The peer closed: the end of an answer only where its body is delimited by that."""
        current.last_byte_ns, current.lag_ns = self._clock.now_ns(), None
        if self._head_done and not self._expired and _is_close_delimited(current):
            return
        if not current.first_byte_ns:
            raise self._failure(Outcome.RESET, "connection closed before an answer")
        raise self._failure(Outcome.TRUNCATED, "connection closed in mid-answer")

    def _failure(self, outcome: Outcome, reason: str) -> RequestFailed:
        if self._expired:
            return RequestFailed(Outcome.TIMEOUT, "no whole answer within the deadline")
        return RequestFailed(outcome, reason)


def _is_close_delimited(current: Exchange) -> bool:
    return current.header(b"transfer-encoding") is None and current.header(b"content-length") is None
