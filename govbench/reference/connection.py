"""One client's connection: bytes in, requests with their arrival out, answers sent. Decides no answer.

Arrivals are stamped by the kernel (``SO_TIMESTAMPNS``), so that a request's age is known even where this
process gets to read it late. TLS runs on memory, for the ssl module's own sockets hide the stamps.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import sys
import time
from typing import Any, NamedTuple

import httptools

# SO_TIMESTAMPNS is 35 on every Linux architecture that Python runs on but sparc and parisc, and is not in
# the socket module before 3.14.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size) if hasattr(socket, "CMSG_SPACE") else 0
_HAS_KERNEL_CLOCK = sys.platform == "linux"

# A stamp of another age is not believed: the wall clock was stepped meanwhile.
_MAX_AGE_NS = 60_000_000_000

_READ_BYTES = 16_384
_MOST_TARGET_BYTES = 65_536
_MOST_BODY_BYTES = 4_194_304  # of a body that is looked into; what is beyond is read and dropped


class Request(NamedTuple):
    """A whole request, or (``method`` empty) what came instead of one."""

    method: bytes
    target: bytes
    body: bytes
    arrival_ns: int
    is_stamped: bool
    keep_alive: bool
    is_http_11: bool


def open_listener(host: str, port: int, *, backlog: int) -> socket.socket:
    """A listening socket whose connections inherit receive stamps.

    Raises:
        OSError: the address cannot be used.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.create_server(address[:2], family=family, backlog=backlog)
    listener.setblocking(False)
    if _HAS_KERNEL_CLOCK:
        # Set here, it also holds for what arrives before the connection is accepted.
        with contextlib.suppress(OSError):  # a sandboxed kernel may lack it; the truth then says "user"
            listener.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    return listener


class Connection:
    """A connection whose requests are answered one after the other, in their order."""

    __slots__ = (
        "_arrival_ns",
        "_body",
        "_body_bytes",
        "_complete",
        "_is_over",
        "_is_stamped",
        "_parser",
        "_sock",
        "_target",
        "_tls",
        "exchange",
        "fd",
        "is_ending",
        "peer_port",
        "unsent",
        "waiting",
    )

    def __init__(self, sock: socket.socket, peer_port: int, tls: ssl.SSLContext | None) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.fd = sock.fileno()
        self.peer_port = peer_port
        self.exchange: Any = None  # the request that is being answered; the server's
        self.waiting: list[Request] = []
        self.unsent = bytearray()
        self.is_ending = False  # everything was sent; what still comes is read and dropped
        self._sock = sock
        self._tls = None if tls is None else _Tls(tls)
        self._parser: Any = httptools.HttpRequestParser(self)
        self._is_over = False  # no further request is taken
        self._complete: list[Request] = []
        self._arrival_ns, self._is_stamped = 0, False
        self._target = b""
        self._body: list[bytes] = []
        self._body_bytes = 0

    # The parser calls these; their names are httptools' protocol.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._target = b""
        self._body_bytes = 0

    def on_url(self, data: bytes) -> None:
        """Collect the target, which may come in pieces."""
        self._target += data
        if len(self._target) > _MOST_TARGET_BYTES:
            raise ValueError("the target of the request is beyond the limit")

    def on_body(self, data: bytes) -> None:
        """Collect the body."""
        self._body_bytes += len(data)
        if self._body_bytes <= _MOST_BODY_BYTES:
            self._body.append(data)

    def on_message_complete(self) -> None:
        """Hand the request out, with the arrival of the segment that ended it."""
        parser = self._parser
        is_http_11 = parser.get_http_version() == "1.1"
        keep_alive = is_http_11 and parser.should_keep_alive()
        body = b""
        if self._body:
            body = b"".join(self._body)
            self._body.clear()
        self._take(parser.get_method(), self._target, body, keep_alive=keep_alive, is_http_11=is_http_11)

    def _take(self, method: bytes, target: bytes, body: bytes, *, keep_alive: bool, is_http_11: bool) -> None:
        if self._is_over:
            return
        self._is_over = not keep_alive
        self._complete.append(
            Request(method, target, body, self._arrival_ns, self._is_stamped, keep_alive, is_http_11)
        )

    def receive(self) -> list[Request]:
        """The requests that are whole with what has come since.

        Raises:
            EOFError: the client closed the connection.
            OSError: the connection is broken.
        """
        try:
            data = self._read()
        except BlockingIOError:
            return []
        if not data:
            raise EOFError
        if self._tls is not None:
            data = self._decrypted(data)
        if self._is_over or not data:
            return []
        self._parse(data)
        complete, self._complete = self._complete, []
        return complete

    def _read(self) -> bytes:
        if not _HAS_KERNEL_CLOCK:
            data = self._sock.recv(_READ_BYTES)
            self._arrival_ns = time.time_ns()
            return data
        data, ancillary, _, _ = self._sock.recvmsg(_READ_BYTES, _ANCILLARY_BYTES)
        now_ns = time.time_ns()
        self._arrival_ns, self._is_stamped = now_ns, False
        if ancillary:
            seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
            stamp_ns = seconds * 1_000_000_000 + nanoseconds
            if 0 <= now_ns - stamp_ns <= _MAX_AGE_NS:
                self._arrival_ns, self._is_stamped = stamp_ns, True
        return data

    def _decrypted(self, data: bytes) -> bytes:
        assert self._tls is not None
        try:
            plain = self._tls.decrypt(data)
        finally:  # an alert says why a handshake failed
            self._hand_over(self._tls.outgoing())
        return plain

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The request was taken; what follows would be of another protocol.
            self._is_over = True
            self._complete[-1:] = [last._replace(keep_alive=False) for last in self._complete[-1:]]
        except httptools.HttpParserError:
            self._take(b"", b"", b"", keep_alive=False, is_http_11=True)

    def send(self, data: bytes) -> None:
        """Hand data to the kernel; what it does not take at once is kept in ``unsent``.

        Raises:
            OSError: the connection is broken.
        """
        self._hand_over(data if self._tls is None else self._tls.encrypt(data))

    def _hand_over(self, data: bytes) -> None:
        if self.unsent:
            self.unsent += data
            return
        try:
            sent = self._sock.send(data) if data else 0
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self.unsent += data[sent:]

    def flush(self) -> None:
        """Send of ``unsent`` what the kernel takes now.

        Raises:
            OSError: the connection is broken.
        """
        with contextlib.suppress(BlockingIOError):
            del self.unsent[: self._sock.send(self.unsent)]

    def end(self, *, politely: bool) -> None:
        """Say that nothing more will be sent; within TLS only if ``politely``, as after a whole answer.

        The socket stays open for reading: closed with bytes unread, it would be reset, and the client might
        lose the answer.
        """
        self.is_ending = self._is_over = True
        with contextlib.suppress(OSError):
            if politely and self._tls is not None:
                self._hand_over(self._tls.goodbye())
            self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the socket; safe to call twice."""
        self._sock.close()
        self._parser = None  # which refers to this connection; the garbage collector is off


class _Tls:
    """The server's side of TLS between two buffers."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._from_client, self._to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._from_client, self._to_client, server_side=True)
        self._shook_hands = False

    def decrypt(self, data: bytes) -> bytes:
        """The plain text that is whole with ``data``; the handshake is part of this.

        Raises:
            ssl.SSLError: this is not TLS, or the client closes it (an OSError).
        """
        self._from_client.write(data)
        plain: list[bytes] = []
        with contextlib.suppress(ssl.SSLWantReadError):
            if not self._shook_hands:
                self._tls.do_handshake()
                self._shook_hands = True
            while part := self._tls.read(_READ_BYTES):
                plain.append(part)
        return b"".join(plain)

    def encrypt(self, data: bytes) -> bytes:
        """The records that carry ``data``."""
        self._tls.write(data)
        return self._to_client.read()

    def goodbye(self) -> bytes:
        """What announces the end of the stream, so that it can be told from a cut."""
        with contextlib.suppress(ssl.SSLWantReadError):  # the client's own is not waited for
            self._tls.unwrap()
        return self._to_client.read()

    def outgoing(self) -> bytes:
        """What the protocol itself has to say."""
        return self._to_client.read()
