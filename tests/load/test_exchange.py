"""What is told of a failed request."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest

from govbench.load.exchange import Exchange, told
from govbench.results.run import Outcome


def failed(
    status: int, *body: bytes, error: str | None = "HTTP 500", encoding: bytes | None = None
) -> Exchange:
    exchange = Exchange(0)
    exchange.status, exchange.outcome, exchange.error = status, Outcome.HTTP_5XX, error
    exchange.body_parts, exchange.content_encoding = list(body), encoding
    return exchange


def test_a_refusal_says_how_its_answer_begins() -> None:
    assert told(failed(500, b' {"detail":', b' "no disk"}\n')) == 'HTTP 500: {"detail": "no disk"}'
    assert told(failed(500)) == "HTTP 500"
    assert told(failed(500, b"\xff?")) == "HTTP 500: \ufffd?"


def test_a_failure_without_a_refusal_says_what_it_is() -> None:
    assert (
        told(failed(200, b"half of it", error="connection closed in mid-answer"))
        == "connection closed in mid-answer"
    )
    assert told(failed(0, error=None)) == "http_5xx"


@pytest.mark.parametrize(("encoding", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
def test_a_compressed_answer_is_unpacked(encoding: bytes, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(b"out of memory")
    assert told(failed(500, packed[:5], packed[5:], encoding=encoding)) == "HTTP 500: out of memory"
    assert told(failed(500, packed, encoding=b"br")) == "HTTP 500"
    assert told(failed(500, b"broken", encoding=b"gzip")) == "HTTP 500"


def test_of_a_large_answer_only_the_beginning_is_looked_at() -> None:
    assert len(told(failed(500, b"x" * 20_000_000))) < 40_000
    assert len(told(failed(500, *[b"x" * 1_000] * 20_000))) < 40_000
    assert len(told(failed(500, gzip.compress(b"x" * 20_000_000), encoding=b"gzip"))) < 40_000
