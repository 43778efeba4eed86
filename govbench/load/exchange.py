"""What one request gave: its times, its answer, and how it failed. Sends and receives nothing."""

from __future__ import annotations

import zlib
from typing import Final

from govbench.results.answers import LARGEST_BODY, MAX_BODY_BYTES
from govbench.results.run import Outcome

# zlib's window bits: 47 finds out gzip and zlib by their head, -15 is bare deflate, as some servers send it.
_GZIP_OR_ZLIB, _BARE_DEFLATE = 47, -15
_ZLIB_HEAD_BYTES, _DEFLATE = 2, 8

_BEGINNING_BYTES: Final = 32_768  # of the body of a refusal: more than is looked at for what is shown of it
_REFUSED: Final = 400

_OK: Final = Outcome.OK  # to reach into an enumeration costs as much as a call


class RequestFailed(Exception):
    """A request ended without a usable answer; ``outcome`` says in which of the closed set of ways."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


class Exchange:
    """The times and the answer of one request, filled in while it runs.

    Instants are ``Clock`` times in ns, 0 where there was none. ``lag_ns`` is how much later than the kernel
    the program saw the last byte; None where the times are the program's own. ``headers`` are shared by
    answers with the same head. ``upload_ms`` is None where nobody looked, ``flags`` those of a sample.
    """

    __slots__ = (
        "body_parts", "connect_ms", "content_encoding", "dns_ms", "due_ns", "error", "events",
        "first_answer_ns", "first_byte_ns", "first_token_ns", "flags", "headers", "lag_ns", "last_byte_ns",
        "outcome", "request_bytes", "response_bytes", "send_ns", "set_cookies", "status", "tls_ms",
        "upload_ms",
    )  # fmt: skip

    def __init__(self, due_ns: int) -> None:
        self.due_ns = due_ns
        self.send_ns = 0
        self.first_byte_ns = 0
        self.first_token_ns = 0
        self.first_answer_ns = 0
        self.last_byte_ns = 0
        self.lag_ns: int | None = None
        self.status = 0
        self.outcome = _OK
        self.error: str | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.content_encoding: bytes | None = None
        self.set_cookies: list[bytes] = []
        self.body_parts: list[bytes] = []
        self.request_bytes = 0
        self.response_bytes = 0
        self.events = 0
        self.flags = 0
        self.upload_ms: float | None = None
        self.dns_ms: float | None = None
        self.connect_ms: float | None = None
        self.tls_ms: float | None = None

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header, its lower-case name given; None where there is none."""
        length = len(name)
        for key, value in self.headers:  # nearly every header differs in length already
            if len(key) == length and key.lower() == name:
                return value
        return None

    def body(self) -> bytes:
        """The body, unpacked when it came compressed.

        Raises:
            RequestFailed: the compressed body is damaged or beyond the limit (outcome ``bad_body``).
        """
        raw = b"".join(self.body_parts)
        if not raw or self.content_encoding is None:
            return raw
        unpacker = self.unpacker()
        return raw if unpacker is None else unpacker.feed(raw) + unpacker.end()

    def beginning(self) -> bytes:
        """How the body begins, unpacked; nothing of one that cannot be."""
        raw = b""
        for part in self.body_parts:
            raw += part[:_BEGINNING_BYTES]
            if len(raw) >= _BEGINNING_BYTES:
                break
        try:
            unpacker = self.unpacker()
            return (raw if unpacker is None else unpacker.feed(raw))[:_BEGINNING_BYTES]
        except RequestFailed:
            return b""

    def unpacker(self) -> Unpacker | None:
        """What unpacks the body of this answer; None where it did not come compressed.

        Raises:
            RequestFailed: it came in an encoding that is not known (outcome ``bad_body``).
        """
        encoding = (self.content_encoding or b"identity").lower()
        if encoding == b"identity":
            return None
        if encoding not in {b"gzip", b"deflate", b"x-gzip"}:
            name = encoding.decode("latin-1")
            raise RequestFailed(Outcome.BAD_BODY, f"content-encoding {name} is not known")
        return Unpacker(may_be_bare=encoding == b"deflate")


def told(exchange: Exchange) -> str:
    """What was wrong with a failed request; of one that was refused, also how its answer begins."""
    text = exchange.error or exchange.outcome.value
    if exchange.status < _REFUSED:
        return text
    begins = exchange.beginning().decode(errors="replace").strip()
    return f"{text}: {begins}" if begins else text


class Unpacker:
    """Unpacks gzip or deflate piece by piece.

    Raises:
        RequestFailed: from ``feed`` and ``end``, the data is damaged or beyond the limit.
    """

    def __init__(self, *, may_be_bare: bool) -> None:
        self._may_be_bare = may_be_bare
        self._head = b""
        self._bytes = 0
        self._inner = zlib.decompressobj(_GZIP_OR_ZLIB)

    def feed(self, data: bytes) -> bytes:
        """The next piece, unpacked."""
        if self._may_be_bare:
            self._head += data
            if len(self._head) < _ZLIB_HEAD_BYTES:
                return b""
            data, self._head, self._may_be_bare = self._head, b"", False
            if not _is_zlib(data):
                self._inner = zlib.decompressobj(_BARE_DEFLATE)
        try:
            unpacked = self._inner.decompress(data, MAX_BODY_BYTES - self._bytes + 1)
        except zlib.error as error:
            raise RequestFailed(Outcome.BAD_BODY, f"compressed body is damaged: {error}") from error
        self._bytes += len(unpacked)
        if self._bytes > MAX_BODY_BYTES:
            raise RequestFailed(Outcome.BAD_BODY, f"the unpacked body is larger than {LARGEST_BODY}")
        return unpacked

    def end(self) -> bytes:
        """What is left at the end of the body: nothing, where it is whole."""
        if not self._inner.eof:
            raise RequestFailed(Outcome.BAD_BODY, "compressed body is damaged: its end is missing")
        return b""


def _is_zlib(data: bytes) -> bool:
    """Whether data begins with a zlib head (RFC 1950, 2.2); some servers send bare deflate."""
    return data[0] & 0x0F == _DEFLATE and (data[0] << 8 | data[1]) % 31 == 0
