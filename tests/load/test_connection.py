"""Connections in this process, against servers in threads of it; gevent patches nothing here."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import gevent
import pytest

from govbench.load.clock import Clock
from govbench.load.connection import MAX_HEAD_BYTES, Connection
from govbench.load.exchange import Exchange, RequestFailed
from govbench.load.transport import HAS_KERNEL_CLOCK, Address, Endpoint, resolve
from govbench.results.answers import MAX_BODY_BYTES
from govbench.results.run import Outcome
from tests.load.conftest import (
    BODY,
    Behaviour,
    Certificate,
    Serve,
    Server,
    free_port,
    http,
    replies,
    resets,
    says_nothing,
)

CLOCK = Clock()
REQUEST = b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
MS = 1_000_000
SLACK_NS = 100 * MS


def connect(server: Server | int, tls: ssl.SSLContext | None = None) -> Connection:
    port = server if isinstance(server, int) else server.port
    return Connection(resolve("127.0.0.1", port, tls=tls), connect_s=5, clock=CLOCK)


def ask(
    connection: Connection, request: bytes = REQUEST, on_data: Callable[[bytes, int], None] | None = None
) -> tuple[Exchange, bool]:
    exchange = Exchange(CLOCK.now_ns())
    return exchange, connection.exchange(request, exchange, on_data)


@pytest.fixture
def answer_to(serve: Serve) -> Callable[[Behaviour], tuple[Exchange, bool]]:
    """The answer of a server that behaves so."""

    def one(behave: Behaviour) -> tuple[Exchange, bool]:
        connection = connect(serve(behave))
        try:
            return ask(connection)
        finally:
            connection.close()

    return one


AnswerTo = Callable[[Behaviour], tuple[Exchange, bool]]


@pytest.mark.parametrize(
    ("answer", "reusable"),
    [
        (http(), True),
        (http(BODY, b"200 OK", b"Connection: close"), False),
        (CHUNKED + b"%x\r\n%b\r\n" % (len(BODY), BODY) + b"0\r\n\r\n", True),
        (
            CHUNKED
            + b"5;x=y\r\n"
            + BODY[:5]
            + b"\r\n%x\r\n" % len(BODY[5:])
            + BODY[5:]
            + b"\r\n0\r\nT: v\r\n\r\n",
            True,
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n" + BODY, False),
        (b"HTTP/1.0 200 OK\r\n\r\n" + BODY, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY, False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + http(), True),
        (b"HTTP/1.1 103 Early Hints\r\nContent-Encoding: gzip\r\n\r\n" + http(), True),
        (http() + http(b"not asked for", b"500 No"), False),
        (http() + b"garbage\r\n\r\n", False),
        (http(BODY, b"200 OK", b"Connection: close") + b"garbage", False),
        (http(gzip.compress(BODY), b"200 OK", b"Content-Encoding: gzip"), True),
        (http(zlib.compress(BODY), b"200 OK", b"content-encoding: Deflate"), True),
        (http(zlib.compress(BODY, wbits=-15), b"200 OK", b"Content-Encoding: deflate"), True),
    ],
)
@pytest.mark.parametrize("pieces", ["whole", "bytes"])
def test_whole_answers(answer_to: AnswerTo, answer: bytes, reusable: bool, pieces: str) -> None:
    cut = [answer] if pieces == "whole" else [bytes([byte]) for byte in answer]
    exchange, again = answer_to(replies(*cut))
    assert exchange.status == 200
    assert exchange.body() == BODY
    if pieces == "whole":
        assert again is reusable
    assert exchange.due_ns <= exchange.send_ns <= exchange.first_byte_ns <= exchange.last_byte_ns
    assert exchange.request_bytes == len(REQUEST)


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_answers_without_body(answer_to: AnswerTo, status: bytes) -> None:
    exchange, again = answer_to(replies(b"HTTP/1.1 " + status + b"\r\n\r\n"))
    assert (exchange.status, exchange.body(), again) == (int(status[:3]), b"", True)


@pytest.mark.parametrize(
    ("behave", "outcome"),
    [
        (replies(), Outcome.RESET),
        (resets(), Outcome.RESET),
        (resets(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"), Outcome.RESET),
        (replies(b"HTTP/1.1 2"), Outcome.TRUNCATED),
        (replies(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"), Outcome.TRUNCATED),
        (replies(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"), Outcome.TRUNCATED),
        (replies(CHUNKED + b"20\r\nhalf"), Outcome.TRUNCATED),
        (replies(CHUNKED + b"4\r\nhalf\r\n"), Outcome.TRUNCATED),
        (replies(b"HTTP/1.1 100 Continue\r\n\r\n"), Outcome.RESET),
        (replies(CHUNKED + b"no size\r\n"), Outcome.BAD_BODY),
        (replies(b"SSH-2.0-OpenSSH_9.6\r\n"), Outcome.BAD_BODY),
        (replies(b"\x00\xff" * 50), Outcome.BAD_BODY),
        (replies(b"HTTP/1.1 200 OK\r\nX: " + b"x" * (MAX_HEAD_BYTES + 10_000)), Outcome.BAD_BODY),
        (replies(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * MAX_HEAD_BYTES), Outcome.BAD_BODY),
        (replies(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000), Outcome.BAD_BODY),
        (
            replies(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
            Outcome.BAD_BODY,
        ),
    ],
)
def test_failures(answer_to: AnswerTo, behave: Behaviour, outcome: Outcome) -> None:
    with pytest.raises(RequestFailed) as failure:
        answer_to(behave)
    assert failure.value.outcome is outcome, failure.value


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (b"gzip", b"no gzip at all"),
        (b"gzip", gzip.compress(BODY)[:-9]),
        (b"gzip", gzip.compress(BODY)[:12] + b"\0\0\0\0" + gzip.compress(BODY)[16:]),
        (b"deflate", b"\xff\xff\xff"),
        (b"br", b"whatever"),
        (b"gzip", gzip.compress(bytes(MAX_BODY_BYTES + 1), 1)),
    ],
    ids=["no gzip", "cut", "damaged", "no deflate", "unknown coding", "beyond the limit"],
)
def test_broken_compression(answer_to: AnswerTo, encoding: bytes, body: bytes) -> None:
    exchange, again = answer_to(replies(http(body, b"200 OK", b"Content-Encoding: " + encoding)))
    assert again
    with pytest.raises(RequestFailed) as failure:
        exchange.body()
    assert failure.value.outcome is Outcome.BAD_BODY


def test_a_body_longer_than_announced_is_cut_and_the_connection_not_used_again(answer_to: AnswerTo) -> None:
    exchange, again = answer_to(replies(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}surplus"))
    assert (exchange.body(), again) == (b"{}", False)


def test_an_endless_body_is_refused(answer_to: AnswerTo) -> None:
    piece = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    with pytest.raises(RequestFailed, match="the body of the answer is larger than 64 MiB"):
        answer_to(replies(CHUNKED, *[piece] * (MAX_BODY_BYTES // 0x100000 + 2)))


def test_head_has_no_body(serve: Serve) -> None:
    connection = connect(serve(replies(http(b"", b"200 OK").replace(b": 0", b": 9"), keep=True)))
    exchange, _ = ask(connection, b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (exchange.status, exchange.response_bytes) == (200, 0)
    connection.close()


def test_keep_alive(serve: Serve) -> None:
    server = serve(replies(http(), keep=True))
    connection = connect(server)
    for _ in range(20):
        assert connection.is_usable()
        exchange, again = ask(connection)
        assert again
        assert exchange.body() == BODY
    connection.close()
    assert (server.connections, len(server.requests)) == (1, 20)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        gevent.sleep(0.005)


@pytest.mark.parametrize("parting", [b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"])
def test_an_idle_connection_that_the_server_has_closed_is_not_usable(serve: Serve, parting: bytes) -> None:
    leave = threading.Event()

    def behave(sock: socket.socket) -> bool:
        sock.sendall(http())
        leave.wait(10)
        sock.sendall(parting)
        return False

    connection = connect(serve(behave))
    _, again = ask(connection)
    assert again
    assert connection.is_usable()
    leave.set()
    wait_until(lambda: not connection.is_usable())
    connection.close()


def test_the_deadline_ends_a_silent_request(serve: Serve) -> None:
    connection = connect(serve(says_nothing))
    gevent.spawn_later(0.1, connection.expire)
    with pytest.raises(RequestFailed) as failure:
        ask(connection)
    assert failure.value.outcome is Outcome.TIMEOUT
    connection.close()


def test_the_deadline_ends_a_request_that_nobody_reads(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = connect(listener.getsockname()[1])
        gevent.spawn_later(0.1, connection.expire)
        with pytest.raises(RequestFailed) as failure:
            ask(connection, REQUEST + bytes(50_000_000))
        assert failure.value.outcome is Outcome.TIMEOUT
        connection.close()


def test_an_answer_given_before_the_whole_request_was_sent_counts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            sock, _ = listener.accept()
            sock.recv(1000)
            sock.sendall(http(b"{}", b"413 Too Large", b"Connection: close"))
            sock.close()  # with unread bytes: a reset follows the answer

        thread = threading.Thread(target=refuse)
        thread.start()
        connection = connect(listener.getsockname()[1])
        exchange, again = ask(connection, REQUEST + bytes(50_000_000))
        thread.join()
        assert (exchange.status, again) == (413, False)
        connection.close()


def test_connection_refused() -> None:
    with pytest.raises(RequestFailed, match="refused") as failure:
        connect(free_port())
    assert failure.value.outcome is Outcome.CONNECT


def test_a_host_that_does_not_answer_is_given_up() -> None:
    with socket.socket() as listener:  # nobody accepts, and there is room for one only
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = resolve("127.0.0.1", listener.getsockname()[1], tls=None)
        first = [Connection(address, connect_s=5, clock=CLOCK)]
        with pytest.raises(RequestFailed) as failure:
            first += [Connection(address, connect_s=0.2, clock=CLOCK) for _ in range(3)]
        assert failure.value.outcome is Outcome.TIMEOUT
        for connection in first:
            connection.close()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".invalid"])
def test_a_name_that_does_not_resolve(host: str) -> None:
    with pytest.raises(RequestFailed, match="cannot resolve") as failure:
        resolve(host, 80, tls=None)
    assert failure.value.outcome is Outcome.CONNECT


def test_every_address_of_a_name_is_tried_and_the_working_one_kept(serve: Serve) -> None:
    server = serve(replies(http()))
    dead, alive = (Endpoint(socket.AF_INET, ("127.0.0.1", port)) for port in (free_port(), server.port))
    unknown_family = Endpoint(socket.AF_APPLETALK, ("127.0.0.1", 1))
    address = Address("localhost", server.port, [unknown_family, dead, alive], None, 0.0)
    connection = Connection(address, connect_s=5, clock=CLOCK)
    assert ask(connection)[0].status == 200
    connection.close()
    assert address.endpoints == [alive, unknown_family, dead]


def test_stream_pieces_are_handed_over_with_their_arrival(serve: Serve) -> None:
    def behave(sock: socket.socket) -> bool:
        sock.sendall(CHUNKED)
        for piece in (b"one", b"two"):
            time.sleep(0.1)
            sock.sendall(b"3\r\n" + piece + b"\r\n")
        sock.sendall(b"0\r\n\r\n")
        return True

    got: list[tuple[bytes, int]] = []
    connection = connect(serve(behave))
    exchange, again = ask(connection, on_data=lambda data, at_ns: got.append((data, at_ns)))
    connection.close()
    assert again
    assert [data for data, _ in got] == [b"one", b"two"]
    assert got[1][1] - got[0][1] > 90 * MS
    assert exchange.body() == b""
    assert exchange.response_bytes == 6


def test_a_stream_reader_that_objects_fails_the_request(serve: Serve) -> None:
    def object_to(data: bytes, at_ns: int) -> None:
        raise ValueError("the event is not JSON")

    connection = connect(serve(replies(http(), keep=True)))
    with pytest.raises(RequestFailed, match="the event is not JSON") as failure:
        ask(connection, on_data=object_to)
    assert failure.value.outcome is Outcome.BAD_BODY
    connection.close()


@pytest.mark.skipif(not HAS_KERNEL_CLOCK, reason="no kernel timestamps here")
def test_a_busy_program_does_not_make_the_target_slow(serve: Serve) -> None:
    answered = threading.Event()
    instants_ns: list[int] = []

    def behave(sock: socket.socket) -> bool:
        instants_ns.append(time.time_ns())
        sock.sendall(http())
        answered.set()
        return True

    def block() -> None:  # the whole program, until the answer has been there for long
        assert answered.wait(20)
        time.sleep(0.3)
        instants_ns.append(time.time_ns())

    connection = connect(serve(behave))
    ask(connection)  # the kernel begins to stamp a little after the first socket has asked for it
    gevent.sleep(0.1)
    answered.clear()
    instants_ns.clear()
    gevent.spawn(block)
    exchange, _ = ask(connection)
    connection.close()
    answered_ns, free_ns = instants_ns
    assert answered_ns - SLACK_NS < exchange.last_byte_ns < free_ns - SLACK_NS
    assert exchange.lag_ns is not None
    assert exchange.last_byte_ns + exchange.lag_ns > free_ns - SLACK_NS


@pytest.mark.skipif(not HAS_KERNEL_CLOCK, reason="no kernel timestamps here")
def test_first_and_last_byte_are_those_of_the_segments(serve: Serve) -> None:
    instants_ns: list[int] = []

    def behave(sock: socket.socket) -> bool:
        for pause_s, piece in ((0.1, http()[:30]), (0.3, http()[30:])):
            time.sleep(pause_s)
            instants_ns.append(time.time_ns())
            sock.sendall(piece)
        return True

    connection = connect(serve(behave))
    exchange, _ = ask(connection)
    connection.close()
    first_ns, last_ns = instants_ns
    # two clocks are read one after the other, and a program can be kept waiting in between
    assert first_ns - SLACK_NS < exchange.first_byte_ns < last_ns - SLACK_NS < exchange.last_byte_ns


def test_the_first_byte_is_that_of_the_answer_not_of_a_1xx(serve: Serve) -> None:
    def behave(sock: socket.socket) -> bool:
        sock.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")
        time.sleep(0.1)
        sock.sendall(http())
        return True

    connection = connect(serve(behave))
    exchange, _ = ask(connection)
    connection.close()
    assert exchange.first_byte_ns - exchange.send_ns > 90 * MS


@pytest.mark.parametrize("pieces", [(http(),), (http(), b"HTTP/1.1 408 Too late\r\n\r\n")])
def test_what_comes_on_an_idle_connection_does_not_keep_the_loop_busy(
    serve: Serve, pieces: tuple[bytes, ...]
) -> None:
    connection = connect(serve(replies(*pieces)))  # closes it behind them
    ask(connection)
    gevent.sleep(0.1)
    loop = gevent.get_hub().loop
    before = loop.iteration
    gevent.sleep(0.5)
    assert loop.iteration - before < 20  # a busy loop turns thousands of times
    assert not connection.is_usable()
    connection.close()


def test_a_reader_that_is_ended_or_woken_by_others_is_left_alone(serve: Serve) -> None:
    def behave(sock: socket.socket) -> bool:
        time.sleep(0.3)
        sock.sendall(http())
        return True

    server = serve(behave)
    connections = [connect(server), connect(server)]
    woken, ended = [gevent.spawn(ask, each) for each in connections]
    gevent.sleep(0.1)
    gevent.get_hub().loop.run_callback(woken.switch)  # says nothing about its connection
    ended.kill()
    exchange, reusable = woken.get(timeout=10)
    gevent.sleep(0.5)  # the other answer comes, and nobody waits for it
    assert (exchange.status, reusable) == (200, True)
    assert isinstance(ended.value, gevent.GreenletExit)
    assert not connections[1].is_usable()
    for connection in connections:
        connection.close()


class FlippingTime:
    """A wall clock that is set back an hour in mid-request."""

    def __init__(self) -> None:
        self.step_ns = 0

    def clock(self) -> Clock:
        return Clock(lambda: time.time_ns() + self.step_ns)


def test_a_wall_clock_set_back_in_mid_request_corrupts_no_sample(serve: Serve) -> None:
    flipping = FlippingTime()

    def behave(sock: socket.socket) -> bool:
        flipping.step_ns = -3_600_000 * MS
        sock.sendall(http())
        return True

    server = serve(behave)
    clock = flipping.clock()
    connection = Connection(resolve("127.0.0.1", server.port, tls=None), connect_s=5, clock=clock)
    exchange = Exchange(clock.now_ns())
    connection.exchange(REQUEST, exchange)
    connection.close()
    assert exchange.due_ns <= exchange.send_ns <= exchange.first_byte_ns <= exchange.last_byte_ns
    assert exchange.last_byte_ns - exchange.due_ns < 10_000 * MS


def test_tls(serve: Serve, certificate: Certificate) -> None:
    big = b'{"answer": "' + b"x" * 300_000 + b'"}'
    server = serve(replies(http(big), keep=True), tls=certificate.server)
    connection = connect(server, ssl.create_default_context(cafile=str(certificate.file)))
    for _ in range(3):
        exchange, again = ask(connection)
        assert again
        assert exchange.body() == big
        assert (exchange.lag_ns is not None) is HAS_KERNEL_CLOCK
        assert connection.is_usable()
    connection.close()
    assert connection.tls_ms is not None
    assert server.connections == 1


def test_tls_with_a_certificate_that_nobody_trusts(serve: Serve, certificate: Certificate) -> None:
    server = serve(replies(http()), tls=certificate.server)
    with pytest.raises(RequestFailed, match="certificate verify failed") as failure:
        connect(server, ssl.create_default_context())
    assert failure.value.outcome is Outcome.TLS


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 plain HTTP\r\n\r\n"])
def test_tls_with_a_server_that_speaks_none(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak() -> None:
            sock, _ = listener.accept()
            sock.recv(10_000)
            sock.sendall(answer)
            sock.close()

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(RequestFailed) as failure:
            connect(listener.getsockname()[1], ssl.create_default_context())
        thread.join()
        assert failure.value.outcome is Outcome.TLS


def test_tls_cut_in_mid_answer(serve: Serve, certificate: Certificate) -> None:
    server = serve(replies(http()[:-3]), tls=certificate.server)
    connection = connect(server, ssl.create_default_context(cafile=str(certificate.file)))
    with pytest.raises(RequestFailed) as failure:
        ask(connection)
    assert failure.value.outcome is Outcome.TRUNCATED
    connection.close()


def test_tls_client_certificate_demanded(serve: Serve, certificate: Certificate) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.file, certificate.file.with_name("key.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    server = serve(replies(http()), tls=context)
    connection = connect(server, ssl.create_default_context(cafile=str(certificate.file)))
    with pytest.raises(RequestFailed) as failure:  # in TLS 1.3 it is refused after the handshake only
        ask(connection)
    assert failure.value.outcome is Outcome.TLS
    connection.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts files by /proc")
def test_failures_leave_no_open_file() -> None:
    port = free_port()
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        with pytest.raises(RequestFailed):
            connect(port)
    assert len(list(Path("/proc/self/fd").iterdir())) <= open_before
