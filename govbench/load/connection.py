"""One HTTP/1.1 connection on a plain non-blocking socket, timed by the kernel. Knows nothing of users.

Why not a ready-made client: a load generator shares the machine with what it measures, and reports as the
target's fault whatever it sees too late. Here the arrival of every answer is stamped by the kernel
(``SO_TIMESTAMPNS``), however late this program gets to read it, and parsing is left to llhttp (httptools).
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import struct
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gevent
import gevent.socket
import httptools
from gevent.hub import get_hub

from govbench.results.run import Outcome

# The socket class of the standard library: waiting is done below with the hub's own watchers.
_PlainSocket = gevent.monkey.get_original("socket", "socket")

READ, WRITE = 1, 2
READ_BYTES = 65_536
MAX_HEAD_BYTES = 65_536
MAX_BODY_BYTES = 64 * 1024 * 1024

# SO_TIMESTAMPNS is 35 on every Linux architecture that Python runs on but sparc and parisc, and is not in
# the socket module before 3.14.
SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size) if hasattr(socket, "CMSG_SPACE") else 0
HAS_KERNEL_CLOCK = sys.platform == "linux"

# A kernel stamp that lies further from the program's clock than this is the sign of a stepped wall clock.
_MAX_CLOCK_SKEW_NS = 60 * 1_000_000_000
_MAX_DRIFT_NS = 2_000_000


class RequestFailed(Exception):
    """A request ended without a usable answer; ``outcome`` says in which of the closed set of ways."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Address:
    """Where a target listens, resolved once per run: look-ups are not part of what is measured."""

    host: str
    port: int
    family: int
    sockaddr: tuple[Any, ...]
    tls: ssl.SSLContext | None
    dns_ms: float


def resolve(host: str, port: int, *, tls: ssl.SSLContext | None) -> Address:
    """Look a name up.

    Raises:
        RequestFailed: the name does not resolve (outcome ``connect``).
    """
    begin = time.monotonic_ns()
    try:
        family, _, _, _, sockaddr = gevent.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise RequestFailed(Outcome.CONNECT, f"cannot resolve {host}: {error}") from error
    return Address(host, port, family, sockaddr, tls, (time.monotonic_ns() - begin) / 1e6)


class Exchange:
    """The times and the answer of one request, filled in while it runs. Instants are Unix time in ns."""

    __slots__ = (
        "body_parts", "connect_ms", "due_ns", "error", "events", "first_byte_ns", "first_token_ns", "headers",
        "kernel_clock", "lag_ns", "last_byte_ns", "outcome", "request_bytes", "response_bytes", "send_ns",
        "sent_mono_ns", "status", "tls_ms",
    )  # fmt: skip

    def __init__(self, due_ns: int) -> None:
        self.due_ns = due_ns
        self.send_ns = 0
        self.sent_mono_ns = 0
        self.first_byte_ns = 0
        self.first_token_ns = 0
        self.last_byte_ns = 0
        self.lag_ns = 0
        self.status = 0
        self.outcome = Outcome.OK
        self.error: str | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.body_parts: list[bytes] = []
        self.request_bytes = 0
        self.response_bytes = 0
        self.events = 0
        self.connect_ms: float | None = None
        self.tls_ms: float | None = None
        self.kernel_clock = False

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header, its lower-case name given; None where there is none."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def body(self) -> bytes:
        """The body, unpacked when it came compressed.

        Raises:
            RequestFailed: the compressed body is damaged (outcome ``bad_body``).
        """
        raw = b"".join(self.body_parts)
        encoding = self.header(b"content-encoding") if raw else None
        if encoding is None or encoding.lower() == b"identity":
            return raw
        if encoding.lower() not in {b"gzip", b"deflate", b"x-gzip"}:
            raise RequestFailed(
                Outcome.BAD_BODY, f"content-encoding {encoding.decode('latin-1')} is not known"
            )
        try:
            return zlib.decompress(raw, wbits=47)
        except zlib.error:
            try:
                return zlib.decompress(
                    raw, wbits=-15
                )  # "deflate" without the zlib wrapper, as some servers send
            except zlib.error as error:
                raise RequestFailed(Outcome.BAD_BODY, f"compressed body is damaged: {error}") from error


class Connection:
    """A keep-alive connection; ``exchange`` sends one request and reads its whole answer."""

    def __init__(self, address: Address, *, connect_s: float) -> None:
        self.expired = False
        self.deadline: float | None = None  # of the running request, on the monotonic clock
        self._address = address
        self._tls: ssl.SSLObject | None = None
        self._current = Exchange(0)
        self._readable: Any = None
        self._hub: Any = get_hub()
        self._parser: Any = httptools.HttpResponseParser(self)
        self._on_data: Callable[[bytes, int], None] | None = None
        self._head_done = self._complete = self._reusable = self._too_large = False
        self._head_bytes = 0
        self._at_ns = 0
        self.connect_ms, self.tls_ms = self._open(connect_s)

    def _open(self, connect_s: float) -> tuple[float, float | None]:
        begin = time.monotonic_ns()
        sock = _PlainSocket(self._address.family, socket.SOCK_STREAM)
        self._sock = sock
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if HAS_KERNEL_CLOCK:
                sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._readable = self._hub.loop.io(sock.fileno(), READ)
            with gevent.Timeout(
                connect_s, RequestFailed(Outcome.TIMEOUT, f"no connection in {connect_s:g} s")
            ):
                self._connect(sock)
                connected = time.monotonic_ns()
                tls_ms = self._handshake() if self._address.tls else None
        except BaseException:
            self.close()
            raise
        return (connected - begin) / 1e6, tls_ms

    def _connect(self, sock: Any) -> None:
        error = sock.connect_ex(self._address.sockaddr)
        if error == errno.EINPROGRESS:
            self._wait_writable()
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            where = f"{self._address.host}:{self._address.port}"
            raise RequestFailed(Outcome.CONNECT, f"cannot connect to {where}: {os.strerror(error)}")

    def _wait_writable(self) -> None:
        watcher = self._hub.loop.io(self._sock.fileno(), WRITE)
        try:
            self._hub.wait(watcher)
        finally:
            watcher.close()

    def _handshake(self) -> float:
        begin = time.monotonic_ns()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        assert self._address.tls is not None
        tls = self._address.tls.wrap_bio(self._incoming, self._outgoing, server_hostname=self._address.host)
        try:
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    self._flush_tls()
                    data, _ = self._receive_raw()
                    if not data:
                        raise RequestFailed(
                            Outcome.TLS, "connection closed during the TLS handshake"
                        ) from None
                    self._incoming.write(data)
            self._flush_tls()
        except (ssl.SSLError, ssl.CertificateError) as error:
            raise RequestFailed(Outcome.TLS, f"TLS handshake failed: {error}") from error
        except OSError as error:
            raise RequestFailed(Outcome.TLS, f"connection lost during the TLS handshake: {error}") from error
        self._tls = tls
        return (time.monotonic_ns() - begin) / 1e6

    def _flush_tls(self) -> None:
        data = self._outgoing.read()
        if data:
            self._send_all(data)

    def close(self) -> None:
        """Close the socket; safe to call twice."""
        if self._readable is not None:
            self._readable.close()
            self._readable = None
        self._sock.close()

    def expire(self) -> None:
        """End the running request because its deadline has passed: wakes the reader with an end of file."""
        self.expired = True
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            self._sock.close()

    # The parser calls these; their names are httptools' protocol.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header of the answer."""
        self._current.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Take the status; a 1xx answer is no answer yet."""
        self._head_done = True
        self._current.status = self._parser.get_status_code()
        if self._current.status < 200:
            self._current.headers.clear()

    def on_body(self, data: bytes) -> None:
        """Collect a piece of the body, or hand it to the stream reader."""
        current = self._current
        current.response_bytes += len(data)
        if current.response_bytes > MAX_BODY_BYTES:
            self._too_large = True
        elif self._on_data is not None and current.status == 200:
            self._on_data(data, self._at_ns)
        else:
            current.body_parts.append(data)

    def on_message_complete(self) -> None:
        """Note the end of the answer, unless it was a 1xx one."""
        if self._current.status >= 200:
            self._complete = True
            self._reusable = bool(self._parser.should_keep_alive())  # llhttp knows it only here
        else:
            self._head_done = False

    def exchange(
        self, request: bytes, current: Exchange, on_data: Callable[[bytes, int], None] | None = None
    ) -> bool:
        """Send ``request`` and read its answer into ``current``; true when the connection can be used again.

        ``on_data`` is given each piece of a 200 answer's body with its arrival in Unix ns, instead of its
        being kept; a stream is read this way.

        Raises:
            RequestFailed: no whole answer came; ``current`` holds the times up to then.
        """
        self._current, self._on_data = current, on_data
        self._head_done = self._complete = self._reusable = False
        self._head_bytes = 0
        current.request_bytes = len(request)
        current.sent_mono_ns = time.monotonic_ns()
        current.send_ns = time.time_ns()
        try:
            self._send(request)
            self._read_answer(current)
        except OSError as error:
            current.last_byte_ns = time.time_ns()
            raise self._failure(Outcome.RESET, f"connection lost: {error}") from error
        except httptools.HttpParserError as error:
            raise RequestFailed(Outcome.BAD_BODY, f"not an HTTP answer: {error}") from error
        return self._reusable and not self.expired

    def _read_answer(self, current: Exchange) -> None:
        while not self._complete:
            data, at_ns = self._receive()
            if not data:
                current.last_byte_ns = time.time_ns()
                self._end_of_file(current)
                return
            if not current.first_byte_ns:
                current.first_byte_ns = at_ns
            current.last_byte_ns = self._at_ns = at_ns
            if not self._head_done:
                self._head_bytes += len(data)
            self._parser.feed_data(data)
            if self._too_large or (not self._head_done and self._head_bytes > MAX_HEAD_BYTES):
                raise RequestFailed(Outcome.BAD_BODY, "head or body of the answer is beyond the limit")
        now_ns = time.time_ns()
        current.lag_ns = now_ns - current.last_byte_ns
        self._mend_stepped_clock(current, now_ns)

    def _mend_stepped_clock(self, current: Exchange, now_ns: int) -> None:
        """Take a step of the wall clock during the request out of its times; the monotonic clock shows it."""
        step_ns = (now_ns - current.send_ns) - (time.monotonic_ns() - current.sent_mono_ns)
        if abs(step_ns) > _MAX_DRIFT_NS:
            current.first_byte_ns -= step_ns
            current.last_byte_ns -= step_ns

    def _end_of_file(self, current: Exchange) -> None:
        """The peer closed: a whole answer only where the body is delimited by that."""
        if self._head_done and self._is_close_delimited(current) and not self.expired:
            return
        if not current.first_byte_ns:
            raise self._failure(Outcome.RESET, "connection closed before an answer")
        raise self._failure(Outcome.TRUNCATED, "connection closed in mid-answer")

    def _is_close_delimited(self, current: Exchange) -> bool:
        chunked = current.header(b"transfer-encoding") is not None
        return not chunked and current.header(b"content-length") is None

    def _failure(self, outcome: Outcome, reason: str) -> RequestFailed:
        if self.expired:
            return RequestFailed(Outcome.TIMEOUT, "no whole answer within the deadline")
        return RequestFailed(outcome, reason)

    def _send(self, data: bytes) -> None:
        if self._tls is None:
            self._send_all(data)
        else:
            self._tls.write(data)
            self._flush_tls()

    def _send_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self._sock.send(view) :]
            except BlockingIOError:
                self._wait_writable()

    def _receive(self) -> tuple[bytes, int]:
        """The next bytes of the answer and their arrival; empty at the end of file."""
        if self._tls is None:
            return self._receive_raw()
        while True:
            data, at_ns = self._receive_raw()
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()
            try:
                return self._read_tls(), at_ns
            except ssl.SSLWantReadError:
                continue
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                return b"", at_ns

    def _read_tls(self) -> bytes:
        assert self._tls is not None
        parts = [self._tls.read(READ_BYTES)]
        while True:
            try:
                part = self._tls.read(READ_BYTES)
            except ssl.SSLError:  # nothing more in this segment; an end is met again at the next read
                break
            if not part:
                break
            parts.append(part)
        return b"".join(parts)

    def _receive_raw(self) -> tuple[bytes, int]:
        while True:
            self._hub.wait(self._readable)
            try:
                if not HAS_KERNEL_CLOCK:
                    return self._sock.recv(READ_BYTES), time.time_ns()
                data, ancillary, _, _ = self._sock.recvmsg(READ_BYTES, _ANCILLARY_BYTES)
            except BlockingIOError:
                continue
            now_ns = time.time_ns()
            if ancillary:
                seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
                at_ns = seconds * 1_000_000_000 + nanoseconds
                if -1_000_000 <= now_ns - at_ns < _MAX_CLOCK_SKEW_NS:
                    self._current.kernel_clock = True
                    return data, at_ns
            return data, now_ns
