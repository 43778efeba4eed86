"""Both ways of waiting do the same."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator

import pytest

from govbench.reference.timer import READABLE, WRITABLE, Poller, SelectorPoller, open_poller


@pytest.fixture(params=[open_poller, SelectorPoller], ids=["best", "selectors"])
def poller(request: pytest.FixtureRequest) -> Iterator[Poller]:
    made: Poller = request.param()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def ready(poller: Poller, fd: int, until_ns: int | None) -> int:
    return next((mask for found, mask in poller.wait(until_ns) if found == fd), 0)


def test_waits_until_the_instant_and_not_less(poller: Poller) -> None:
    for wait_ms in (0.2, 3.3, 1.1):
        until_ns = time.time_ns() + int(wait_ms * 1e6)
        poller.wait(until_ns)
        assert time.time_ns() >= until_ns


def test_an_instant_in_the_past_does_not_block(poller: Poller) -> None:
    poller.wait(time.time_ns() - 1_000_000)
    poller.wait(1)


def test_data_comes_before_the_instant(poller: Poller, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    poller.add(ours.fileno())
    theirs.send(b"x")

    assert ready(poller, ours.fileno(), time.time_ns() + 60_000_000_000) == READABLE
    assert ready(poller, ours.fileno(), None) == READABLE


def test_writing_is_watched_where_wanted(poller: Poller, pair: tuple[socket.socket, socket.socket]) -> None:
    fd = pair[0].fileno()
    poller.add(fd)
    poller.watch_writing(fd, wanted=True)
    assert ready(poller, fd, None) == WRITABLE
    poller.watch_writing(fd, wanted=False)
    assert ready(poller, fd, time.time_ns() + 1_000_000) == 0


def test_what_was_dropped_is_not_watched(poller: Poller, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    poller.add(ours.fileno())
    theirs.send(b"x")
    poller.drop(ours.fileno())

    assert ready(poller, ours.fileno(), time.time_ns() + 1_000_000) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="timerfd is of Linux")
def test_linux_has_the_exact_one() -> None:
    poller = open_poller()
    poller.close()
    assert not isinstance(poller, SelectorPoller)
