"""Answers whose head was met before are taken as the parser would, or left to it."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable, Iterator

import pytest

from govbench.load import heads
from govbench.load.clock import Clock
from govbench.load.connection import Connection
from govbench.load.exchange import Exchange
from govbench.load.heads import MAX_HEAD_BYTES, MAX_HEADS, KnownHeads
from govbench.load.transport import resolve
from tests.load.conftest import Behaviour, Serve, http

REQUEST = b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
HEAD = b"HEAD /api HTTP/1.1\r\nHost: x\r\n\r\n"
CLOCK = Clock()


class Counted(KnownHeads):
    """Counts how often the parser was spared."""

    def __init__(self) -> None:
        super().__init__()
        self.spared = 0

    def take(self, data: bytes, current: Exchange) -> bool:
        taken = super().take(data, current)
        self.spared += taken
        return taken


def in_turn(*answers: bytes) -> Behaviour:
    left: Iterator[bytes] = iter(answers)

    def behave(sock: socket.socket) -> bool:
        sock.sendall(next(left))
        return True

    return behave


@pytest.fixture
def ask_all(serve: Serve) -> Callable[..., tuple[Counted, list[tuple[Exchange, bool]]]]:
    """What one connection makes of the answers of a server, one request for each."""

    def ask(*answers: bytes, requests: tuple[bytes, ...] = ()) -> tuple[Counted, list[tuple[Exchange, bool]]]:
        known = Counted()
        address = resolve("127.0.0.1", serve(in_turn(*answers)).port, tls=None)
        connection = Connection(address, connect_s=5, clock=CLOCK, heads=known)
        told = []
        for request in requests or (REQUEST,) * len(answers):
            exchange = Exchange(CLOCK.now_ns())
            told.append((exchange, connection.exchange(request, exchange)))
        connection.close()
        return known, told

    return ask


AskAll = Callable[..., tuple[Counted, list[tuple[Exchange, bool]]]]


def test_a_head_met_before_is_taken_as_it_was_parsed(ask_all: AskAll) -> None:
    known, told = ask_all(http(b"first"), http(b"other"), http(b"third"))
    assert known.spared == 2
    for (exchange, reusable), body in zip(told, (b"first", b"other", b"third"), strict=True):
        assert reusable
        assert (exchange.status, exchange.body(), exchange.response_bytes) == (200, body, 5)
        assert exchange.header(b"content-length") == b"5"
        assert exchange.send_ns <= exchange.first_byte_ns == exchange.last_byte_ns


def test_a_failure_is_known_again_too(ask_all: AskAll) -> None:
    known, told = ask_all(*[http(b"busy", b"503 Service Unavailable")] * 2)
    assert known.spared == 1
    assert [exchange.status for exchange, _ in told] == [503, 503]


def test_a_compressed_body_is_unpacked_behind_a_known_head(ask_all: AskAll) -> None:
    packed = http(gzip.compress(b"hello", mtime=0), b"200 OK", b"Content-Encoding: gzip")
    known, told = ask_all(packed, packed)
    assert known.spared == 1
    assert [exchange.body() for exchange, _ in told] == [b"hello", b"hello"]


def test_an_answer_without_a_body_is_known_again(ask_all: AskAll) -> None:
    known, told = ask_all(*[b"HTTP/1.1 204 No Content\r\n\r\n"] * 2)
    assert known.spared == 1
    assert [exchange.body() for exchange, _ in told] == [b"", b""]


@pytest.mark.parametrize(
    "answer",
    [
        http(b"ok", b"200 OK", b"Set-Cookie: a=1"),
        http(b"ok", b"200 OK", b"X-Long: " + b"x" * MAX_HEAD_BYTES),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + http(b"ok"),
    ],
)
def test_heads_that_are_not_remembered(answer: bytes, ask_all: AskAll) -> None:
    known, told = ask_all(answer, answer, answer)
    assert known.spared == 0
    assert [exchange.body() for exchange, _ in told] == [b"ok"] * 3


def test_cookies_come_from_every_answer(ask_all: AskAll) -> None:
    answers = [http(b"ok", b"200 OK", b"Set-Cookie: a=%d" % number) for number in (1, 1, 2)]
    _, told = ask_all(*answers)
    assert [exchange.set_cookies for exchange, _ in told] == [[b"a=1"], [b"a=1"], [b"a=2"]]


def test_garbage_behind_a_known_head_is_left_to_the_parser(ask_all: AskAll) -> None:
    known, told = ask_all(http(b"ok"), http(b"ok") + b"more")
    assert known.spared == 0
    assert [(exchange.body(), reusable) for exchange, reusable in told] == [(b"ok", True), (b"ok", False)]


def test_an_answer_to_head_has_no_body_whatever_is_known(ask_all: AskAll) -> None:
    bare = http(b"ok").removesuffix(b"ok")
    known, told = ask_all(http(b"ok"), bare, requests=(REQUEST, HEAD))
    assert known.spared == 0
    assert (told[1][0].status, told[1][0].body()) == (200, b"")


def test_heads_that_never_repeat_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "MAX_HEADS", 4)
    known = KnownHeads()
    for number in range(6):
        known.learn(*answer_of(number))
    assert not known.take(answer_of(5)[0], Exchange(0))


def test_heads_that_repeat_are_forgotten_in_time_and_learned_anew() -> None:
    known = KnownHeads()
    for number in range(MAX_HEADS):
        known.learn(*answer_of(number))
        for _ in range(2):
            assert known.take(answer_of(number)[0], Exchange(0))
    known.learn(*answer_of(MAX_HEADS))
    assert known.take(answer_of(MAX_HEADS)[0], Exchange(0))
    assert not known.take(answer_of(0)[0], Exchange(0))


def answer_of(number: int) -> tuple[bytes, Exchange]:
    exchange = Exchange(0)
    exchange.status, exchange.response_bytes = 200, 2
    return http(b"ok", b"200 OK", b"X-Request-Id: %d" % number), exchange
