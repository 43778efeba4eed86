"""An answer, with the interface that Locust's clients give theirs. ``client.py`` sends and records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from locust.exception import (
    CatchResponseError,
    InterruptTaskSet,
    LocustError,
    RescheduleTask,
    RescheduleTaskImmediately,
    ResponseError,
    StopTest,
    StopUser,
)

from govbench.load.exchange import Exchange, RequestFailed
from govbench.load.incoming import Incoming
from govbench.load.judge import outcome_of
from govbench.load.lane import Lane
from govbench.results.run import Outcome

if TYPE_CHECKING:
    from types import TracebackType

    from govbench.load.client import BenchClient, Call

_CHARSET = re.compile(r"charset=\"?([^\s;\"]+)", re.IGNORECASE)
_CONTROL_FLOW = (StopUser, StopTest, RescheduleTask, RescheduleTaskImmediately, InterruptTaskSet)


def is_control_flow(error: BaseException) -> bool:
    """Whether an exception only tells Locust what to run next."""
    return isinstance(error, _CONTROL_FLOW)


class Arrived(NamedTuple):
    """A piece of a stream and the instant of its arrival, in Unix ns."""

    data: str
    at_ns: int


class Headers(Mapping[str, str]):
    """The headers of an answer, by their names in whatever case; repeated ones are joined by commas."""

    def __init__(self, pairs: list[tuple[bytes, bytes]]) -> None:
        self._found: dict[str, str] = {}
        for name, value in pairs:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self._found[key] = f"{self._found[key]}, {text}" if key in self._found else text

    def __getitem__(self, name: str) -> str:
        return self._found[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class Response:
    """An answer, or what came instead: then ``status_code`` is 0 and ``error`` says why.

    With ``catch_response=True`` it is a context manager, and recorded at the end of the block. ``success``
    makes a success of a bad status; not of an answer that never came, or came in part. A stream that was
    not read to its end is so at the end of the block, for a request must have an end to be measured.
    """

    def __init__(self, client: BenchClient, call: Call, exchange: Exchange, attempt: int) -> None:
        self.url = call.url
        self.error: Exception | None = None
        self.encoding: str | None = None
        self.js: Any = None
        self.call, self.exchange, self.attempt = call, exchange, attempt
        self.incoming: Incoming | None = None
        self.lane: Lane | None = None  # while the answer is still arriving
        self.is_recorded = False
        self.has_answer = True
        self.manual: bool | Exception | None = None
        self.is_entered = False
        self._client = client
        self._content: bytes | None = None
        self._headers: Headers | None = None
        self._meta: dict[str, Any] | None = None

    # What came.

    @property
    def status_code(self) -> int:
        """The HTTP status; 0 where no whole answer came."""
        return self.exchange.status if self.has_answer else 0

    @property
    def ok(self) -> bool:
        """Whether an answer came, with a status below 400."""
        return self.error is None

    @property
    def headers(self) -> Headers:
        """The headers, by name in whatever case."""
        if self._headers is None:
            self._headers = Headers(self.exchange.headers)
        return self._headers

    @property
    def content(self) -> bytes | None:
        """The body, unpacked; of a stream, what is still unread. None where no answer came."""
        if self.incoming is not None and self._content is None:
            self.read()
            self._content = b"".join(data for data, _ in self.incoming.chunks)
            self.incoming.chunks.clear()
        return self._content if self.has_answer else None

    @property
    def text(self) -> str | None:
        """The body as text, in the charset of its ``Content-Type`` or UTF-8; ``encoding`` overrides it."""
        if self.content is None:
            return None
        charset = self.encoding or self._charset()
        try:
            return self.content.decode(charset, "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def _charset(self) -> str:
        found = _CHARSET.search(self.headers.get("content-type", ""))
        return found[1] if found else "utf-8"

    def json(self) -> Any:
        """The body read as JSON.

        Raises:
            json.JSONDecodeError: it is none.
        """
        return json.loads(self.text or "")

    @property
    def elapsed(self) -> timedelta:
        """From the instant at which the request was due to the last byte that came."""
        return timedelta(milliseconds=self.response_time_ms)

    @property
    def response_time_ms(self) -> float:
        """The same in milliseconds; redirects that led here are part of it."""
        return (self.exchange.last_byte_ns - self.call.due_ns) / 1e6

    @property
    def request_meta(self) -> dict[str, Any]:
        """What Locust's request event is given; ``name`` and ``context`` may be changed until then."""
        if self._meta is None:
            self._meta = {
                "request_type": self.call.method,
                "name": self.call.name,
                "context": self.call.context,
                "response": self,
                "exception": self.error,
                "start_time": self.call.due_ns / 1e9,
                "url": self.call.url,
            }
        return self._meta

    def raise_for_status(self) -> None:
        """Raise ``error`` where there is one."""
        if isinstance(self.manual, Exception):
            raise self.manual
        if self.error is not None and self.manual is not True:
            raise self.error

    # A stream.

    def iter_content(self, chunk_size: int = 0, decode_content: bool = True) -> Iterator[Any]:
        """Pieces of the body as they arrive: text, or bytes where it is none or ``decode_content`` is false.

        ``chunk_size`` is there for the sake of Locust's interface: no piece is held back to fill it.
        """
        del chunk_size
        for data, _ in self._chunks():
            yield _decoded(data) if decode_content else data

    def iter_lines(self) -> Iterator[str]:
        """The lines of the body as they arrive, without their ends."""
        for line, _ in self.iter_timed_lines():
            yield line

    def iter_timed_lines(self) -> Iterator[Arrived]:
        """The lines of the body with the instants at which they were complete."""
        rest, at_ns = b"", 0
        for data, at_ns in self._chunks():
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield Arrived(line.removesuffix(b"\r").decode("utf-8", "replace"), at_ns)
        if rest:
            yield Arrived(rest.decode("utf-8", "replace"), at_ns)

    def iter_events(self) -> Iterator[Arrived]:
        """The data of server-sent events, or JSON lines, as they arrive."""
        incoming = self.incoming
        while incoming is not None:
            while incoming.events:
                data, at_ns = incoming.events.popleft()
                yield Arrived(data.decode("utf-8", "replace"), at_ns)
            incoming.chunks.clear()
            if not self._client.advance(self):
                break
        if incoming is not None:
            while incoming.events:
                data, at_ns = incoming.events.popleft()
                yield Arrived(data.decode("utf-8", "replace"), at_ns)

    def _chunks(self) -> Iterator[tuple[bytes, int]]:
        incoming = self.incoming
        if incoming is None:
            if self._content:
                yield self._content, self.exchange.last_byte_ns
            return
        is_open = True
        while is_open or incoming.chunks:
            while incoming.chunks:
                yield incoming.chunks.popleft()
            incoming.events.clear()
            is_open = self._client.advance(self)

    def read(self) -> None:
        """Wait for the rest of a stream."""
        while self._client.advance(self):
            pass

    def close(self) -> None:
        """Give a stream up: the request counts as cancelled where it is not over."""
        self._client.abandon(self)

    # How it is judged.

    def __enter__(self) -> Response:
        if not self.call.is_caught:
            raise LocustError("a with-block around a request needs catch_response=True")
        self.is_entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None and not isinstance(error, Exception):  # the user is being ended
            self._client.abandon(self)
            return False
        self.read()
        was_told = self.manual is not None
        if isinstance(error, Exception) and not was_told and not is_control_flow(error):
            self.manual = error
        self._client.record(self)
        if was_told:
            return error is None
        return isinstance(error, ResponseError | RequestFailed)

    def success(self) -> None:
        """Call it a success whatever its status, in a with-block."""
        self._needs_block()
        self.manual = True

    def failure(self, reason: object) -> None:
        """Call it a failure, in a with-block."""
        self._needs_block()
        self.manual = reason if isinstance(reason, Exception) else CatchResponseError(reason)

    def _needs_block(self) -> None:
        if not self.is_entered:
            raise LocustError("success and failure are for a with-block: pass catch_response=True")

    # For the client.

    def take_answer(self) -> None:
        """Judge a whole answer by its status, and unpack its body."""
        exchange = self.exchange
        if exchange.status >= 400:
            self.error = RequestFailed(outcome_of(exchange.status), f"HTTP {exchange.status}")
            exchange.outcome = outcome_of(exchange.status)
        if self.incoming is None:
            self._content = exchange.body()

    def fail(self, failure: RequestFailed) -> None:
        """There is no whole answer, or no usable one."""
        self.error, self.has_answer = failure, False
        self.exchange.outcome = failure.outcome

    def settle(self) -> None:
        """Make the outcome of the request final: what the block said, over what was seen."""
        exchange = self.exchange
        said = None if self.incoming is None else self.incoming.failure
        if said is not None and self.error is None:
            self.error, exchange.outcome = RequestFailed(Outcome.STREAM, said), Outcome.STREAM
        if self.manual is True and self.has_answer:
            self.error, exchange.outcome = None, Outcome.OK
        elif isinstance(self.manual, Exception):
            self.error = self.manual
            if exchange.outcome is Outcome.OK:
                exchange.outcome = Outcome.CHECK
        if self.error is not None:
            exchange.error = str(self.error) or type(self.error).__name__

    def meta_for_event(self) -> dict[str, Any]:
        """The arguments of Locust's request event."""
        size = len(self._content) if self._content is not None else self.exchange.response_bytes
        meta = {"response_time": self.response_time_ms, "response_length": size, **self.request_meta}
        meta["exception"] = self.error
        return meta


def _decoded(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
