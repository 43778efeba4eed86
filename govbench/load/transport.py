"""A byte stream to a target, plain or TLS, whose arrivals are stamped by the kernel. Knows nothing of HTTP.

The arrival of every segment is taken from ``SO_TIMESTAMPNS``: a load generator shares the machine with what
it measures, and would report as the target's fault whatever it sees too late.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import SplitResult

import gevent
import gevent.monkey
import gevent.socket
from gevent.hub import get_hub

from govbench.load.clock import Clock
from govbench.load.exchange import RequestFailed
from govbench.results.run import Outcome

# The socket class of the standard library: waiting is done below with the hub's own watchers.
_PlainSocket = gevent.monkey.get_original("socket", "socket")

READ, WRITE = 1, 2
READ_BYTES = 65_536

# SO_TIMESTAMPNS is 35 on every Linux architecture that Python runs on but sparc and parisc, and is not in
# the socket module before 3.14.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size) if hasattr(socket, "CMSG_SPACE") else 0
HAS_KERNEL_CLOCK = sys.platform == "linux"

# Bytes (none: the end of the stream), their arrival, and how much later than the kernel the program saw them.
Arrival = tuple[bytes, int, int | None]
# Is given each arrival; says whether it wants more.
Take = Callable[[bytes, int, int | None], bool]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One of the socket addresses that a name stands for."""

    family: int
    sockaddr: tuple[Any, ...]


@dataclass(slots=True)
class Address:
    """Where a target listens, resolved once per run: look-ups are not part of what is measured."""

    host: str
    port: int
    endpoints: list[Endpoint]
    tls: ssl.SSLContext | None
    dns_ms: float

    def prefer(self, endpoint: Endpoint) -> None:
        """Have this endpoint tried first from now on: it took a connection."""
        self.endpoints.remove(endpoint)
        self.endpoints.insert(0, endpoint)


def resolve(host: str, port: int, *, tls: ssl.SSLContext | None, within_s: float | None = None) -> Address:
    """Look a name up.

    Raises:
        RequestFailed: the name does not resolve (outcome ``connect``), or not in time (``timeout``).
    """
    begin = time.monotonic_ns()
    too_late = RequestFailed(Outcome.TIMEOUT, f"{host} is not resolved in {within_s or 0:g} s")
    try:
        with gevent.Timeout(within_s, too_late):
            found = gevent.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RequestFailed(Outcome.CONNECT, f"cannot resolve {host}: {error}") from error
    endpoints = list(dict.fromkeys(Endpoint(family, sockaddr) for family, _, _, _, sockaddr in found))
    return Address(host, port, endpoints, tls, (time.monotonic_ns() - begin) / 1e6)


class Origin(NamedTuple):
    """Who is spoken to: scheme, host and port of a URL (RFC 6454)."""

    scheme: str
    host: str
    port: int


def origin_of(url: SplitResult) -> Origin:
    """The origin of a URL with a host.

    Raises:
        ValueError: its port is none.
    """
    return Origin(url.scheme, url.hostname or "", url.port or (443 if url.scheme == "https" else 80))


class AddressBook:
    """The addresses of all origins of a run, each looked up when it is first asked for."""

    def __init__(self) -> None:
        self._known: dict[tuple[Origin, bool], Address] = {}

    def find(self, origin: Origin, *, verify: bool, within_s: float) -> tuple[Address, float | None]:
        """Where an origin listens, and the time of the look-up in ms if this call made one.

        Raises:
            RequestFailed: its name does not resolve.
        """
        known = self._known.get((origin, verify))
        if known is not None:
            return known, None
        tls = _tls_context(verify=verify) if origin.scheme == "https" else None
        found = resolve(origin.host, origin.port, tls=tls, within_s=within_s)
        return self._known.setdefault((origin, verify), found), found.dns_ms


def _tls_context(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def open_transport(address: Address, *, connect_s: float, clock: Clock) -> Transport:
    """Connect to the first endpoint that takes the connection, and shake hands where TLS is asked for.

    Raises:
        RequestFailed: no endpoint took it within ``connect_s`` (``connect``, ``timeout``), or TLS failed.
        OSError: this process cannot open a socket at all.
    """
    transport = Transport(clock) if address.tls is None else TlsTransport(clock, address.tls, address.host)
    too_late = RequestFailed(Outcome.TIMEOUT, f"no connection in {connect_s:g} s")
    try:
        with gevent.Timeout(connect_s, too_late):
            begin = time.monotonic_ns()
            _connect(transport, address, connect_s)
            transport.connect_ms = (time.monotonic_ns() - begin) / 1e6
            transport.greet()
    except BaseException:
        transport.close()
        raise
    return transport


def _connect(transport: Transport, address: Address, connect_s: float) -> None:
    """Try one endpoint after the other; each but the last may use only its share of the time."""
    *others, last = address.endpoints
    for endpoint in others:
        with gevent.Timeout(connect_s / len(address.endpoints), exception=False):
            if not transport.connect(endpoint):
                address.prefer(endpoint)
                return
        transport.close()
    if error := transport.connect(last):
        reason = f"cannot connect to {address.host}:{address.port}: {os.strerror(error)}"
        raise RequestFailed(Outcome.CONNECT, reason)
    address.prefer(last)


class Transport:
    """A plain TCP connection.

    What arrives is read where its arrival is noticed, on the hub, and the greenlet that wants it is woken
    when it has all of it: a switch for every piece costs more than the reading.
    """

    def __init__(self, clock: Clock) -> None:
        self.connect_ms = 0.0
        self.tls_ms: float | None = None
        self._clock = clock
        self._hub: Any = get_hub()
        self._sock: Any = None
        self._readable: Any = None
        self._reader: Any = None  # the greenlet that waits
        self._take: Take = _wants_no_more
        self._since_ns = 0
        self._acks_at_once = False

    def connect(self, endpoint: Endpoint) -> int:
        """Connect to an endpoint; the error number, 0 for success.

        Raises:
            OSError: this process cannot open a socket at all.
        """
        try:
            self._sock = _PlainSocket(endpoint.family, socket.SOCK_STREAM)
        except OSError as error:
            if error.errno == errno.EAFNOSUPPORT:  # the name has an IPv6 address, this machine has none
                return errno.EAFNOSUPPORT
            raise
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if HAS_KERNEL_CLOCK:
            with contextlib.suppress(OSError):  # a sandboxed kernel may lack it; samples then say "user"
                self._sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._readable = self._hub.loop.io(self._sock.fileno(), READ)
        failure: int = self._sock.connect_ex(endpoint.sockaddr)
        if failure == errno.EINPROGRESS:
            self._wait_writable()
            failure = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return failure

    def greet(self) -> None:
        """What is to be done once connected: nothing here."""

    def send(self, data: bytes) -> bool:
        """Send all of ``data``; whether the kernel took it at once.

        Raises:
            OSError: the connection is gone.
        """
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        at_once: bool = sent == len(data)
        if not at_once:
            self._send_rest(memoryview(data)[sent:])
        if self._acks_at_once:
            # The kernel goes back to delaying by itself: this holds for the answer to what was just sent.
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return at_once

    def ack_at_once(self) -> None:
        """Acknowledge what arrives at once, from the next request on, where the system can (Linux).

        A server that writes head and body apart waits for an acknowledgement between the two (Nagle), and the
        kernel delays those by 40 ms on a connection that is asked again soon. Of two sides asked in pairs,
        the slow one would so keep the other one fast.
        """
        self._acks_at_once = hasattr(socket, "TCP_QUICKACK")

    def _send_rest(self, view: memoryview) -> None:
        while view:
            self._wait_writable()
            with contextlib.suppress(BlockingIOError):
                view = view[self._sock.send(view) :]

    def read(self, take: Take, since_ns: int) -> None:
        """Give ``take`` what arrives, piece by piece, until it wants no more; what it raises is raised here.

        ``take`` runs on the hub and must not wait. Where the kernel set no stamp later than ``since_ns``, the
        arrival is the program's and the lag None.

        Raises:
            OSError: the connection is gone.
        """
        self._take, self._since_ns = take, since_ns
        self._reader = gevent.getcurrent()
        if not self._readable.active:
            self._readable.start(self._on_readable)
        try:
            while self._hub.switch() is not self:  # somebody else's switch says nothing about this connection
                pass
        finally:
            self._reader = None

    def _on_readable(self) -> None:
        """Read for whoever waits. The watcher stays started from one answer to the next, which is cheaper."""
        reader = self._reader
        if reader is None:  # an end, or what nobody asked for: the next request will meet it
            self._readable.stop()
            return
        try:
            arrival = self._arrival()
            if arrival is None or self._take(*arrival):
                return
        except BaseException as error:  # it is the reader's, not the hub's
            reader.throw(error)
        else:
            reader.switch(self)

    def _arrival(self) -> Arrival | None:
        """What has arrived; None: nothing, or not enough to be read."""
        ancillary: list[Any] = []
        try:
            if HAS_KERNEL_CLOCK:
                data, ancillary, _, _ = self._sock.recvmsg(READ_BYTES, _ANCILLARY_BYTES)
            else:
                data = self._sock.recv(READ_BYTES)
        except BlockingIOError:
            return None
        now_ns = self._clock.now_ns()
        if ancillary:
            seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
            stamp_ns = seconds * 1_000_000_000 + nanoseconds
            lag_ns = self._clock.age_ns(stamp_ns, now_ns=now_ns, since_ns=self._since_ns)
            if lag_ns is not None:
                return data, now_ns - lag_ns, lag_ns
        return data, now_ns, None

    def is_quiet(self) -> bool:
        """Whether the peer has neither closed the connection nor sent anything that was not asked for."""
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def shut_down(self) -> None:
        """Wake whoever waits for this connection, with an end of the stream."""
        with contextlib.suppress(OSError):  # the peer has ended it; that wakes the reader as well
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket; safe to call twice."""
        if self._readable is not None:
            self._readable.close()
            self._readable = None
        self._take = _wants_no_more
        if self._sock is not None:
            self._sock.close()

    def _wait_writable(self) -> None:
        watcher = self._hub.loop.io(self._sock.fileno(), WRITE)
        try:
            self._hub.wait(watcher)
        finally:
            watcher.close()


def _wants_no_more(data: bytes, at_ns: int, lag_ns: int | None) -> bool:  # noqa: ARG001
    return False


class TlsTransport(Transport):
    """A TLS connection. The ssl module works on memory, for its own sockets hide the kernel's stamps."""

    def __init__(self, clock: Clock, context: ssl.SSLContext, host: str) -> None:
        super().__init__(clock)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._is_greeted = False

    def greet(self) -> None:
        """Shake hands.

        Raises:
            RequestFailed: the handshake failed (outcome ``tls``).
        """
        begin = time.monotonic_ns()
        try:
            while not self._shook_hands():
                self.read(self._take_flight, 0)
        except ssl.SSLError as error:
            raise RequestFailed(Outcome.TLS, f"TLS handshake failed: {error}") from error
        except OSError as error:
            raise RequestFailed(Outcome.TLS, f"connection lost during the TLS handshake: {error}") from error
        self._is_greeted = True
        self.tls_ms = (time.monotonic_ns() - begin) / 1e6

    def _take_flight(self, data: bytes, at_ns: int, lag_ns: int | None) -> bool:  # noqa: ARG002
        if not data:
            raise RequestFailed(Outcome.TLS, "connection closed during the TLS handshake")
        self._incoming.write(data)
        return False

    def _shook_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self._flush()
        return True

    def _flush(self) -> bool:
        data = self._outgoing.read()
        return super().send(data) if data else True

    def send(self, data: bytes) -> bool:
        """Send all of ``data``, encrypted; whether the kernel took it at once."""
        self._tls.write(data)
        return self._flush()

    def _arrival(self) -> Arrival | None:
        """What has arrived, decrypted; None where it is no whole record yet."""
        arrival = super()._arrival()
        if arrival is None or not self._is_greeted:
            return arrival
        data, at_ns, lag_ns = arrival
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        try:
            return self._decrypted(), at_ns, lag_ns
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b"", at_ns, lag_ns

    def _decrypted(self) -> bytes:
        parts = [self._tls.read(READ_BYTES)]
        while parts[-1]:
            try:
                parts.append(self._tls.read(READ_BYTES))
            except ssl.SSLError:  # nothing more in this segment; an end is met again at the next read
                break
        return b"".join(parts)
