"""What one request gave: its times, its answer, and how it failed. Sends and receives nothing."""

from __future__ import annotations

import zlib
from typing import Final

from govbench.results.run import Outcome

MAX_BODY_BYTES: Final = 64 * 1024 * 1024

# zlib's window bits: 47 finds out gzip and zlib by their head, -15 is bare deflate, as some servers send it.
_GZIP_OR_ZLIB, _BARE_DEFLATE = 47, -15


class RequestFailed(Exception):
    """A request ended without a usable answer; ``outcome`` says in which of the closed set of ways."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


class Exchange:
    """The times and the answer of one request, filled in while it runs.

    Instants are ``Clock`` times in ns, 0 where there was none. ``lag_ns`` is how much later than the kernel
    the program saw the last byte; None where the times are the program's own.
    """

    __slots__ = (
        "body_parts", "connect_ms", "dns_ms", "due_ns", "error", "events", "first_byte_ns",
        "first_token_ns", "headers", "lag_ns", "last_byte_ns", "outcome", "request_bytes",
        "response_bytes", "send_ns", "status", "tls_ms",
    )  # fmt: skip

    def __init__(self, due_ns: int) -> None:
        self.due_ns = due_ns
        self.send_ns = 0
        self.first_byte_ns = 0
        self.first_token_ns = 0
        self.last_byte_ns = 0
        self.lag_ns: int | None = None
        self.status = 0
        self.outcome = Outcome.OK
        self.error: str | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.body_parts: list[bytes] = []
        self.request_bytes = 0
        self.response_bytes = 0
        self.events = 0
        self.dns_ms: float | None = None
        self.connect_ms: float | None = None
        self.tls_ms: float | None = None

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header, its lower-case name given; None where there is none."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def body(self) -> bytes:
        """The body, unpacked when it came compressed.

        Raises:
            RequestFailed: the compressed body is damaged or beyond the limit (outcome ``bad_body``).
        """
        raw = b"".join(self.body_parts)
        encoding = (self.header(b"content-encoding") or b"identity").lower()
        if not raw or encoding == b"identity":
            return raw
        if encoding not in {b"gzip", b"deflate", b"x-gzip"}:
            name = encoding.decode("latin-1")
            raise RequestFailed(Outcome.BAD_BODY, f"content-encoding {name} is not known")
        try:
            return _unpacked(raw, _GZIP_OR_ZLIB)
        except zlib.error as error:
            if encoding != b"deflate":
                raise RequestFailed(Outcome.BAD_BODY, f"compressed body is damaged: {error}") from error
        try:
            return _unpacked(raw, _BARE_DEFLATE)
        except zlib.error as error:
            raise RequestFailed(Outcome.BAD_BODY, f"compressed body is damaged: {error}") from error


def _unpacked(raw: bytes, window_bits: int) -> bytes:
    unpacker = zlib.decompressobj(window_bits)
    body = unpacker.decompress(raw, MAX_BODY_BYTES)
    if unpacker.unconsumed_tail:
        raise RequestFailed(Outcome.BAD_BODY, "the unpacked body is beyond the limit")
    if not unpacker.eof:
        raise zlib.error("its end is missing")
    return body
