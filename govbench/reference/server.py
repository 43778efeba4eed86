"""The event loop of the reference server: what is due is sent, and every instant noted. Decides no behaviour.

One thread, no framework: an answer is late by what the loop does in the meantime and by nothing else, and the
truth says by how much (``late``).
"""

from __future__ import annotations

import contextlib
import errno
import gc
import heapq
import itertools
import os
import re
import signal
import socket
import ssl
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, TextIO

from govbench.errors import MeasurementError, UsageError
from govbench.reference import answers
from govbench.reference.behaviour import BadTarget, Behaviours, Script, Step
from govbench.reference.connection import Connection, Request, open_listener
from govbench.reference.control import answer_control, event_line, is_control
from govbench.reference.exchange import Exchange
from govbench.reference.settings import ReferenceSettings
from govbench.reference.timer import WRITABLE, open_poller
from govbench.reference.truth import GONE, STUCK, Finished, Truth

BACKLOG = 16_384
BAD_REQUEST_PATH = "(bad request)"
_MOST_ACCEPTS = 32  # in one round of the loop, so that a rush of connections makes no answer late
_LINGER_NS = 2_000_000_000
_ASKS_FOR_STREAM = re.compile(rb'"stream"\s*:\s*true')


class ReferenceServer:
    """Listens once made; ``run`` serves until ``stop``.

    Raises:
        MeasurementError: the address cannot be used.
        UsageError: a default behaviour is none, or a file of the settings cannot be used.
    """

    def __init__(self, settings: ReferenceSettings) -> None:
        try:
            self._behaviours = Behaviours(
                seed=settings.seed,
                latency_ms=settings.latency_ms,
                spread=settings.spread,
                default=settings.default,
                default_stream=settings.default_stream,
            )
        except BadTarget as error:
            raise UsageError(f"reference server: default behaviour: {error}") from error
        self._tls = _tls_context(settings)
        self._log = _opened_log(settings)
        try:
            self._listener = open_listener(settings.host, settings.port, backlog=BACKLOG)
        except OSError as error:
            reason = f"reference server: cannot listen on {settings.host}:{settings.port}: {error}"
            raise MeasurementError(reason) from error
        self.port: int = self._listener.getsockname()[1]
        self._truth = Truth()
        self._connections: dict[int, Connection] = {}
        self._accepted = self._refused = self._in_flight = 0
        self._due: list[tuple[int, int, Connection, Exchange | None]] = []
        self._ticket = itertools.count()  # orders what is due at the same instant
        self._frozen_until_ns = 0
        self._clock_offset_ns = _clock_offset_ns()
        self._poller = open_poller()
        self._poller.add(self._listener.fileno())
        self._waking, self._wake = socket.socketpair()
        self._poller.add(self._waking.fileno())
        self._spare_fd = os.open(os.devnull, os.O_RDONLY)
        self._is_stopping = False

    def stop(self) -> None:
        """End ``run``; may be called from a signal handler."""
        self._is_stopping = True
        self._wake.send(b"\0")

    def run(self) -> None:
        """Serve until ``stop``."""
        connections, wait, due = self._connections, self._poller.wait, self._due
        listening = self._listener.fileno()
        while not self._is_stopping:
            for fd, ready in wait(due[0][0] if due else None):
                connection = connections.get(fd)
                if connection is not None:
                    self._serve(connection, ready)
                elif fd == listening:
                    self._accept()
            self._send_what_is_due()

    def close(self) -> None:
        """Close everything; requests that wait for their answers are dropped and noted."""
        for connection in list(self._connections.values()):
            self._drop(connection)
        self._poller.close()
        os.close(self._spare_fd)
        for sock in (self._listener, self._waking, self._wake):
            sock.close()
        if self._log is not None:
            self._log.close()

    # --- connections

    def _accept(self) -> None:
        for _ in range(_MOST_ACCEPTS):
            try:
                sock, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in {errno.EMFILE, errno.ENFILE}:
                    continue  # the client was gone already
                self._refuse()
                return
            self._accepted += 1
            with contextlib.suppress(OSError):
                connection = Connection(sock, address[1], self._tls)
                self._connections[connection.fd] = connection
                self._poller.add(connection.fd)

    def _refuse(self) -> None:
        """Close a connection for which there is no descriptor: waiting, it would wake the loop for ever."""
        os.close(self._spare_fd)
        with contextlib.suppress(OSError):
            self._listener.accept()[0].close()
            self._refused += 1
        self._spare_fd = os.open(os.devnull, os.O_RDONLY)

    def _serve(self, connection: Connection, ready: int) -> None:
        try:
            if ready & WRITABLE:
                self._flush(connection)
            if ready & ~WRITABLE:
                connection.waiting += connection.receive()
            if connection.waiting:
                self._answer_waiting(connection)
            elif connection.unsent:  # of a TLS handshake
                self._poller.watch_writing(connection.fd, wanted=True)
        except (OSError, EOFError):
            self._drop(connection)

    def _flush(self, connection: Connection) -> None:
        now_ns = time.time_ns()
        connection.flush()
        if connection.unsent:
            return
        self._poller.watch_writing(connection.fd, wanted=False)
        exchange = connection.exchange
        if exchange is not None and exchange.is_sent():
            self._finish(connection, exchange, now_ns)

    def _drop(self, connection: Connection) -> None:
        if self._connections.get(connection.fd) is not connection:
            return  # dropped before, and its descriptor is perhaps another's by now
        del self._connections[connection.fd]
        self._poller.drop(connection.fd)
        connection.close()
        if connection.exchange is not None:
            connection.exchange.flags |= GONE
            self._note(connection, connection.exchange, time.time_ns())
            connection.exchange = None
        self._give_up_waiting(connection)

    def _give_up_waiting(self, connection: Connection) -> None:
        for request in connection.waiting:
            exchange = self._begun(request)
            exchange.flags |= GONE
            self._note(connection, exchange, time.time_ns())
        connection.waiting.clear()

    # --- requests

    def _answer_waiting(self, connection: Connection) -> None:
        while connection.waiting and connection.exchange is None:
            exchange = self._begun(connection.waiting.pop(0))
            connection.exchange = exchange
            self._advance(connection, exchange)

    def _begun(self, request: Request) -> Exchange:
        target = request.target.decode("latin-1")
        if is_control(target):
            exchange = Exchange(request, self._control(request.method, target), target, is_counted=False)
        else:
            self._in_flight += 1
            exchange = self._exchange(request, target)
        if request.method == b"HEAD" or not exchange.keep_alive:
            exchange.adapt_head(with_body=request.method != b"HEAD")
        return exchange

    def _exchange(self, request: Request, target: str) -> Exchange:
        if not request.method:
            bad = Script(400, (Step(0, answers.whole_answer(400)),))
            return Exchange(request, bad, BAD_REQUEST_PATH, is_counted=True)
        wants_stream = bool(request.body) and _ASKS_FOR_STREAM.search(request.body) is not None
        behaviour = self._behaviours.find(target, stream=wants_stream, chunked=request.is_http_11)
        return Exchange(request, behaviour.draw(), behaviour.path, is_counted=True)

    def _advance(self, connection: Connection, exchange: Exchange) -> None:
        """Send what is due of an answer, and come back for the rest."""
        steps = exchange.script.steps
        while exchange.position < len(steps):
            step = steps[exchange.position]
            due_ns = exchange.arrival_ns + step.delay_ns
            if exchange.is_counted and due_ns < self._frozen_until_ns:
                due_ns = self._frozen_until_ns
            now_ns = time.time_ns()
            if due_ns > now_ns:
                heapq.heappush(self._due, (due_ns, next(self._ticket), connection, exchange))
                return
            exchange.note(step, now_ns)
            connection.send(step.data)
            if connection.unsent:
                exchange.flags |= STUCK
                self._poller.watch_writing(connection.fd, wanted=True)
        if not connection.unsent:
            self._finish(connection, exchange, now_ns)

    def _send_what_is_due(self) -> None:
        due, now_ns = self._due, time.time_ns()
        while due and due[0][0] <= now_ns:
            _, _, connection, exchange = heapq.heappop(due)
            if exchange is None:
                if connection.is_ending:
                    self._drop(connection)
            elif connection.exchange is exchange:
                self._resume(connection, exchange)

    def _resume(self, connection: Connection, exchange: Exchange) -> None:
        try:
            self._advance(connection, exchange)
            self._answer_waiting(connection)
        except OSError:
            self._drop(connection)

    def _finish(self, connection: Connection, exchange: Exchange, now_ns: int) -> None:
        connection.exchange = None
        self._note(connection, exchange, now_ns)
        if not exchange.keep_alive:
            self._give_up_waiting(connection)
            connection.end(politely=not exchange.script.is_cut)
            heapq.heappush(self._due, (now_ns + _LINGER_NS, next(self._ticket), connection, None))

    def _note(self, connection: Connection, exchange: Exchange, now_ns: int) -> None:
        if not exchange.is_counted:
            return
        self._in_flight -= 1
        script = exchange.script
        self._truth.add(
            Finished(
                exchange.arrival_ns,
                exchange.first_byte_ns,
                exchange.first_token_ns,
                exchange.last_token_ns,
                now_ns,
                script.steps[-1].delay_ns,
                exchange.sent_bytes,
                self._truth.path_id(exchange.path),
                script.status,
                exchange.events,
                connection.peer_port,
                exchange.flags,
            )
        )
        if script.is_stream and self._log is not None:
            self._log.write(
                event_line(exchange.path, connection.peer_port, exchange.arrival_ns, exchange.event_ns)
            )

    # --- control

    def _control(self, method: bytes, target: str) -> Script:
        def freeze(seconds: float) -> None:
            self._frozen_until_ns = time.time_ns() + round(seconds * 1e9)

        status, body, content_type = answer_control(method, target, self._truth, self._state, freeze)
        return Script(status, (Step(0, answers.with_head(status, body, content_type)),))

    def _state(self) -> dict[str, Any]:
        """What is true now, whatever the window."""
        return {
            "in_flight": self._in_flight,
            "connections": self._accepted,
            "open_connections": len(self._connections),
            "refused_connections": self._refused,
            # By how much the wall clock, on which all instants lie, left the monotonic one since the start.
            "clock_shift_ms": round((_clock_offset_ns() - self._clock_offset_ns) / 1e6, 3),
        }


def serve(settings: ReferenceSettings, announce: Callable[[int], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``announce`` is told the port once requests are accepted.

    Raises:
        MeasurementError: the address cannot be used.
        UsageError: the settings cannot be used.
    """
    _allow_connections()
    server = ReferenceServer(settings)
    # Nothing here makes cycles that last; a collection would make answers late.
    gc.freeze()
    gc.disable()

    def end(_number: int, _frame: FrameType | None) -> None:
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    announce(server.port)
    try:
        server.run()
    finally:
        server.close()


def _allow_connections() -> None:
    """As many descriptors as the system grants: each connection is one."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _clock_offset_ns() -> int:
    return time.time_ns() - time.monotonic_ns()


def _tls_context(settings: ReferenceSettings) -> ssl.SSLContext | None:
    if settings.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:
        raise UsageError(f"reference server: cannot use the TLS certificate: {error}") from error
    return context


def _opened_log(settings: ReferenceSettings) -> TextIO | None:
    if settings.log_events is None:
        return None
    try:
        return settings.log_events.open("w", encoding="utf-8", buffering=1)
    except OSError as error:
        raise UsageError(f"reference server: cannot write the log of events: {error}") from error
